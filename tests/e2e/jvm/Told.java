import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.Base64;
import java.util.Collection;
import java.util.Map;
import java.util.UUID;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.GenericRecord;

/** A datum as JSON in which each scalar says of which type it is: "decimal:1.50", "instant:1700000000000000". */
final class Told {
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private Told() {}

    static JsonNode of(Object datum) {
        if (datum instanceof GenericRecord record) {
            ObjectNode made = NODES.objectNode();
            for (Schema.Field field : record.getSchema().getFields()) {
                made.set(field.name(), of(record.get(field.pos())));
            }
            return made;
        }
        if (datum instanceof Map<?, ?> map) {
            ObjectNode made = NODES.objectNode();
            map.forEach((key, value) -> made.set(key.toString(), of(value)));
            return made;
        }
        if (datum instanceof Collection<?> items) {
            ArrayNode made = NODES.arrayNode();
            items.forEach(item -> made.add(of(item)));
            return made;
        }
        return datum == null ? NODES.nullNode() : NODES.textNode(scalar(datum));
    }

    private static String scalar(Object datum) {
        if (datum instanceof Integer || datum instanceof Long) {
            return "int:" + datum;
        }
        if (datum instanceof Float || datum instanceof Double) {
            return "float:" + Long.toHexString(Double.doubleToLongBits(((Number) datum).doubleValue()));
        }
        if (datum instanceof Boolean) {
            return "boolean:" + datum;
        }
        if (datum instanceof GenericFixed fixed) {
            return "bytes:" + Base64.getEncoder().encodeToString(fixed.bytes());
        }
        if (datum instanceof ByteBuffer bytes) {
            byte[] copy = new byte[bytes.remaining()];
            bytes.duplicate().get(copy);
            return "bytes:" + Base64.getEncoder().encodeToString(copy);
        }
        if (datum instanceof BigDecimal decimal) {
            return "decimal:" + decimal.toPlainString();
        }
        if (datum instanceof UUID) {
            return "uuid:" + datum;
        }
        if (datum instanceof LocalDate) {
            return "date:" + datum;
        }
        if (datum instanceof LocalTime time) {
            return "time:" + time.toNanoOfDay() / 1000;
        }
        if (datum instanceof Instant instant) {
            return "instant:" + micros(instant);
        }
        if (datum instanceof LocalDateTime local) {
            return "local:" + micros(local.toInstant(ZoneOffset.UTC));
        }
        return "text:" + datum; // Utf8 and symbols of enums
    }

    /** Not ChronoUnit.MICROS.between: that counts nanoseconds, which overflow in 2262. */
    private static long micros(Instant instant) {
        return instant.getEpochSecond() * 1_000_000 + instant.getNano() / 1_000;
    }
}
