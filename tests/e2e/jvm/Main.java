import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.generic.GenericContainer;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;

/** Answers one JSON document a line with one a line: java Main BASE_URL. */
public final class Main {
    private static final ObjectMapper JSON = new ObjectMapper();

    private Main() {}

    public static void main(String[] arguments) throws IOException {
        Registry registry = new Registry(arguments[0]);
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ObjectNode answer = JSON.createObjectNode();
            try {
                answer(registry, JSON.readTree(line), answer);
            } catch (RuntimeException error) {
                answer.put("error", error.toString());
            }
            out.println(answer);
        }
    }

    private static void answer(Registry registry, JsonNode asked, ObjectNode answer) {
        switch (asked.get("do").asText()) {
            case "read" -> read(registry, asked, answer);
            case "write" -> write(registry, asked, answer);
            case "verdict" -> {
                Schema reader = schema(asked.get("reader"));
                Schema writer = schema(asked.get("writer"));
                var found = SchemaCompatibility.checkReaderWriterCompatibility(reader, writer);
                answer.put("verdict", found.getType().name());
            }
            default -> throw new IllegalArgumentException("unknown question");
        }
    }

    /** A message as the writer's or a given reader's schema sees it: told, and in binary under that schema again. */
    private static void read(Registry registry, JsonNode asked, ObjectNode answer) {
        Schema reader = asked.hasNonNull("reader") ? schema(asked.get("reader")) : null;
        byte[] value = bytes(asked.get("value"));
        Headers headers = new RecordHeaders();
        if (asked.hasNonNull("header")) {
            headers.add(Events.HEADER, bytes(asked.get("header")));
        }
        Events events = new Events(registry, reader, false);
        Object event = events.deserialize("orders", headers, value);
        Schema seen = reader;
        if (seen == null) {
            seen = asked.hasNonNull("header") ? events.writer(headers) : events.writer(ByteBuffer.wrap(value));
        }
        answer.set("told", Told.of(event));
        answer.put("again", Base64.getEncoder().encodeToString(Events.bytes(seen, event)));
    }

    /** A message of Java's own making. */
    private static void write(Registry registry, JsonNode asked, ObjectNode answer) {
        Headers headers = new RecordHeaders();
        GenericRecord order = order(schema(asked.get("schema")));
        byte[] value = new Events(registry, null, asked.get("inHeader").asBoolean())
                .serialize(asked.get("topic").asText(), headers, order);
        answer.put("value", Base64.getEncoder().encodeToString(value));
        Header header = headers.lastHeader(Events.HEADER);
        answer.put("header", header == null ? null : Base64.getEncoder().encodeToString(header.value()));
        answer.set("told", Told.of(order));
    }

    private static GenericRecord order(Schema schema) {
        Schema line = schema.getField("lines").schema().getElementType();
        GenericData.Fixed mark = new GenericData.Fixed(type(schema, "mark", 1), new byte[] {0, 1, 2, (byte) 255});
        GenericContainer first = new GenericRecordBuilder(line).set("sku", "ä").set("count", 2).build();
        return new GenericRecordBuilder(schema)
                .set("id", UUID.fromString("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"))
                .set("amount", new BigDecimal("-1234567.89"))
                .set("rate", new BigDecimal("0.0001"))
                .set("at", Instant.parse("2026-11-24T23:59:59.123456Z"))
                .set("seen", Instant.parse("1969-12-31T23:59:59.999Z"))
                .set("local", LocalDateTime.parse("2026-03-29T02:30:00.5"))
                .set("day", LocalDate.parse("2024-02-29"))
                .set("time", LocalTime.parse("23:59:59.999"))
                .set("raw", ByteBuffer.wrap(new byte[] {(byte) 128, 0}))
                .set("mark", mark)
                .set("status", new GenericData.EnumSymbol(schema.getField("status").schema(), "OPEN"))
                .set("lines", List.of(first, new GenericRecordBuilder(line).set("sku", "").set("count", -1).build()))
                .set("totals", Map.of("net", 0.1, "none", Double.NEGATIVE_INFINITY))
                .set("choice", first)
                .set("ratio", 0.1f)
                .set("big", Long.MIN_VALUE)
                .build();
    }

    private static Schema type(Schema record, String field, int branch) {
        return record.getField(field).schema().getTypes().get(branch);
    }

    private static Schema schema(JsonNode text) {
        return new Schema.Parser().parse(text.asText());
    }

    private static byte[] bytes(JsonNode text) {
        return Base64.getDecoder().decode(text.asText());
    }
}
