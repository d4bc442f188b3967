// Two third-party clients of Node against a registry: node clients.mjs BASE_URL. Prints one JSON line a step.
import assert from 'node:assert/strict';
import confluent from '@confluentinc/schemaregistry';
import kafkajs from '@kafkajs/confluent-schema-registry';

const base = process.argv[2];
const avro = JSON.stringify({
  type: 'record',
  name: 'Order',
  namespace: 'shop',
  fields: [{ name: 'id', type: 'string' }, { name: 'total', type: 'double', default: 0 }],
});
const json = JSON.stringify({
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Order',
  type: 'object',
  properties: { id: { type: 'string' }, total: { type: 'number' } },
  required: ['id'],
});
const order = { id: 'A1', total: 9.5 };
const said = (step, detail) => console.log(JSON.stringify({ step, ...detail }));

const {
  SchemaRegistryClient, AvroSerializer, AvroDeserializer, JsonSerializer, JsonDeserializer, SerdeType,
  ProtobufSerializer, ProtobufDeserializer,
} = confluent;

async function confluentinc() {
  const client = new SchemaRegistryClient({ baseURLs: [base], cacheCapacity: 100 });
  const kinds = [
    ['avro', 'AVRO', avro, AvroSerializer, AvroDeserializer],
    ['json', 'JSON', json, JsonSerializer, JsonDeserializer],
  ];
  for (const [kind, schemaType, schema, Serializer, Deserializer] of kinds) {
    const topic = `node-${kind}`;
    const id = await client.register(`${topic}-value`, { schemaType, schema });
    const writer = new Serializer(client, SerdeType.VALUE, { useLatestVersion: true });
    const payload = await writer.serialize(topic, order);
    assert.equal(payload.readUInt32BE(1), id);
    const reader = new Deserializer(new SchemaRegistryClient({ baseURLs: [base] }), SerdeType.VALUE, {});
    assert.deepEqual({ ...(await reader.deserialize(topic, payload)) }, order);
    said('confluentinc', { kind, id });
  }
  assert.deepEqual(await client.getAllVersions('node-avro-value'), [1]);
  const latest = await client.getLatestSchemaMetadata('node-avro-value');
  assert.equal(latest.version, 1);
  const guid = await client.getByGuid(latest.guid);
  assert.equal(guid.schema, latest.schema);
  const odd = 'node/odd subject+value';
  await client.register(odd, { schemaType: 'AVRO', schema: avro });
  assert.ok((await client.getAllSubjects()).includes(odd));
  assert.equal(await client.testSubjectCompatibility(odd, { schemaType: 'AVRO', schema: avro }), true);
  await client.updateCompatibility(odd, 'FULL');
  assert.equal(await client.getCompatibility(odd), 'FULL');
  await client.deleteSubject(odd);
  await assert.rejects(client.getLatestSchemaMetadata('node-none'), (error) => error.errorCode === 40401);
  assert.ok(ProtobufSerializer && ProtobufDeserializer);
  said('confluentinc', { kind: 'client' });
}

async function kafkaJs() {
  const registry = new kafkajs.SchemaRegistry({ host: base });
  const { id } = await registry.register({ type: 'AVRO', schema: avro }, { subject: 'kafkajs-value' });
  const payload = await registry.encode(id, order);
  assert.deepEqual({ ...(await registry.decode(payload)) }, order);
  // The second time the subject has a config of its own, which this client compares.
  assert.equal((await registry.register({ type: 'AVRO', schema: avro }, { subject: 'kafkajs-value' })).id, id);
  assert.equal(await registry.getLatestSchemaId('kafkajs-value'), id);
  const proto = 'syntax = "proto3";\npackage shop;\nmessage Order { string id = 1; double total = 2; }\n';
  const other = await registry.register({ type: 'PROTOBUF', schema: proto }, { subject: 'kafkajs-proto-value' });
  const encoded = await registry.encode(other.id, order);
  assert.deepEqual({ ...(await registry.decode(encoded)) }, order);
  const third = await registry.register({ type: 'JSON', schema: json }, { subject: 'kafkajs-json-value' });
  assert.deepEqual({ ...(await registry.decode(await registry.encode(third.id, order))) }, order);
  said('kafkajs', { id });
}

await confluentinc();
await kafkaJs();
said('done', {});
