// @confluentinc/schemaregistry with its encrypting rules: node encryption.mjs BASE_URL SECRET < JSON lines.
// {"topic": …, "event": …} → {"value": hex};  {"topic": …, "value": hex} → {"event": …}. Bytes are {"hex": …}.
import { createInterface } from 'node:readline';
import confluent from '@confluentinc/schemaregistry';

const {
  SchemaRegistryClient, AvroSerializer, AvroDeserializer, JsonSerializer, JsonDeserializer, SerdeType,
  EncryptionExecutor, FieldEncryptionExecutor, LocalKmsDriver,
} = confluent;
const [base, secret] = process.argv.slice(2);
EncryptionExecutor.register();
FieldEncryptionExecutor.register();
LocalKmsDriver.register();

const fresh = () => new SchemaRegistryClient({ baseURLs: [base], cacheCapacity: 100 });
const ruleConfig = { secret };
const kinds = { AVRO: [AvroSerializer, AvroDeserializer], JSON: [JsonSerializer, JsonDeserializer] };
const told = (value) => {
  if (Buffer.isBuffer(value)) return { hex: value.toString('hex') };
  if (Array.isArray(value)) return value.map(told);
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, told(item)]));
  }
  return value;
};
const meant = (value) => {
  if (Array.isArray(value)) return value.map(meant);
  if (value && typeof value === 'object') {
    if (typeof value.hex === 'string') return Buffer.from(value.hex, 'hex');
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, meant(item)]));
  }
  return value;
};

for await (const line of createInterface({ input: process.stdin })) {
  const { topic, format, event, value } = JSON.parse(line);
  const [Serializer, Deserializer] = kinds[format ?? 'AVRO'];
  if (value === undefined) {
    const writer = new Serializer(fresh(), SerdeType.VALUE, { useLatestVersion: true, ruleConfig });
    console.log(JSON.stringify({ value: (await writer.serialize(topic, meant(event))).toString('hex') }));
  } else {
    const reader = new Deserializer(fresh(), SerdeType.VALUE, { ruleConfig });
    console.log(JSON.stringify({ event: told(await reader.deserialize(topic, Buffer.from(value, 'hex'))) }));
  }
}
