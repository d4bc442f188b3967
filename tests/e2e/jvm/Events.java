import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.UUID;
import org.apache.avro.Conversions;
import org.apache.avro.Schema;
import org.apache.avro.data.TimeConversions;
import org.apache.avro.generic.GenericContainer;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serializer;

/** Kafka's serializer and deserializer of Avro events, by an id in front of the value or a guid in a header. */
final class Events implements Serializer<GenericContainer>, Deserializer<Object> {
    static final String HEADER = "__value_schema_id";
    static final GenericData DATA = data();

    private final Registry registry;
    private final Schema reader;
    private final boolean inHeader;

    /** @param reader the schema to read as, or null for that of the writer */
    Events(Registry registry, Schema reader, boolean inHeader) {
        this.registry = registry;
        this.reader = reader;
        this.inHeader = inHeader;
    }

    @Override
    public Object deserialize(String topic, byte[] value) {
        throw new UnsupportedOperationException("headers belong to a message");
    }

    @Override
    public Object deserialize(String topic, Headers headers, byte[] value) {
        Header header = headers.lastHeader(HEADER);
        if (header != null) {
            return read(writer(headers), value, 0);
        }
        return read(writer(ByteBuffer.wrap(value)), value, 5);
    }

    @Override
    public void configure(Map<String, ?> configs, boolean isKey) {}

    @Override
    public void close() {}

    /** The schema that a message says it was written with. */
    Schema writer(Headers headers) {
        ByteBuffer head = ByteBuffer.wrap(headers.lastHeader(HEADER).value());
        expect(head.get() == 1 && head.remaining() == 16, "a guid header is 1 and 16 bytes");
        return registry.byGuid(new UUID(head.getLong(), head.getLong()));
    }

    Schema writer(ByteBuffer value) {
        expect(value.get() == 0, "an id prefix begins with 0");
        return registry.byId(value.getInt());
    }

    private Object read(Schema writer, byte[] value, int at) {
        BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(value, at, value.length - at, null);
        try {
            Object read = new GenericDatumReader<>(writer, reader == null ? writer : reader, DATA).read(null, decoder);
            expect(decoder.isEnd(), "nothing follows the event");
            return read;
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    @Override
    public byte[] serialize(String topic, GenericContainer event) {
        throw new UnsupportedOperationException("headers belong to a message");
    }

    @Override
    public byte[] serialize(String topic, Headers headers, GenericContainer event) {
        Registry.Registered registered = registry.register(topic + "-value", event.getSchema());
        byte[] body = bytes(event.getSchema(), event);
        if (!inHeader) {
            return ByteBuffer.allocate(5 + body.length).put((byte) 0).putInt(registered.id()).put(body).array();
        }
        UUID guid = registered.guid();
        ByteBuffer head = ByteBuffer.allocate(17).put((byte) 1);
        headers.add(HEADER, head.putLong(guid.getMostSignificantBits()).putLong(guid.getLeastSignificantBits()).array());
        return body;
    }

    /** A datum in Avro's binary form. */
    static byte[] bytes(Schema schema, Object datum) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(out, null);
        try {
            new GenericDatumWriter<>(schema, DATA).write(datum, encoder);
            encoder.flush();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return out.toByteArray();
    }

    private static GenericData data() {
        GenericData data = new GenericData();
        data.addLogicalTypeConversion(new Conversions.DecimalConversion());
        data.addLogicalTypeConversion(new Conversions.UUIDConversion());
        data.addLogicalTypeConversion(new TimeConversions.DateConversion());
        data.addLogicalTypeConversion(new TimeConversions.TimeMillisConversion());
        data.addLogicalTypeConversion(new TimeConversions.TimeMicrosConversion());
        data.addLogicalTypeConversion(new TimeConversions.TimestampMillisConversion());
        data.addLogicalTypeConversion(new TimeConversions.TimestampMicrosConversion());
        data.addLogicalTypeConversion(new TimeConversions.LocalTimestampMillisConversion());
        data.addLogicalTypeConversion(new TimeConversions.LocalTimestampMicrosConversion());
        return data;
    }

    static void expect(boolean holds, String what) {
        if (!holds) {
            throw new IllegalArgumentException("not so: " + what);
        }
    }
}
