import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.Schema;

/** A registry over HTTP, as small as a client can be: schemas by id and by guid, and registering. */
final class Registry {
    /** What registering answers. */
    record Registered(int id, UUID guid) {}

    private static final ObjectMapper JSON = new ObjectMapper();
    private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final Map<String, Schema> known = new ConcurrentHashMap<>();
    private final String url;

    Registry(String url) {
        this.url = url;
    }

    Schema byId(int id) {
        return known.computeIfAbsent("/schemas/ids/" + id + "?format=resolved", this::read);
    }

    Schema byGuid(UUID guid) {
        return known.computeIfAbsent("/schemas/guids/" + guid + "?format=resolved", this::read);
    }

    Registered register(String subject, Schema schema) {
        String path = "/subjects/" + URLEncoder.encode(subject, StandardCharsets.UTF_8) + "/versions";
        String body = JSON.createObjectNode().put("schema", schema.toString()).toString();
        JsonNode answer = send(HttpRequest.newBuilder(URI.create(url + path))
                .header("Content-Type", "application/vnd.schemaregistry.v1+json")
                .POST(HttpRequest.BodyPublishers.ofString(body)));
        return new Registered(answer.get("id").asInt(), UUID.fromString(answer.get("guid").asText()));
    }

    private Schema read(String path) {
        JsonNode answer = send(HttpRequest.newBuilder(URI.create(url + path)).GET());
        return new Schema.Parser().parse(answer.get("schema").asText());
    }

    private JsonNode send(HttpRequest.Builder request) {
        try {
            HttpResponse<String> answer = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() != 200) {
                throw new IllegalStateException(answer.statusCode() + ": " + answer.body());
            }
            return JSON.readTree(answer.body());
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        } catch (InterruptedException error) {
            throw new IllegalStateException(error);
        }
    }
}
