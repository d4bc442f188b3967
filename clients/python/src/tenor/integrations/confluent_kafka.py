"""Drop-in serialisers for confluent-kafka: hand them to SerializingProducer and DeserializingConsumer.

    from tenor.integrations.confluent_kafka import Deserializer, Serializer

    registry = tenor.Registry("http://localhost:8081")
    producer = SerializingProducer({"bootstrap.servers": "…", "value.serializer": Serializer(registry, schema)})
    consumer = DeserializingConsumer({…, "value.deserializer": Deserializer(registry)})

Rules of the schema run by themselves, encryption included: `tenor.Registry(url, keys=tenor.Keys(kms={…}))` says where
the keys are, in place of the stock `rule_conf`; there is no way to override or disable a rule.

The asynchronous pair, with an AsyncRegistry, is for confluent_kafka.aio. Neither imports confluent_kafka: what they
need of it is the context it hands over.
"""

from tenor._async.confluent import AsyncDeserializer, AsyncSerializer
from tenor._sync.confluent import Deserializer, Serializer

__all__ = ["AsyncDeserializer", "AsyncSerializer", "Deserializer", "Serializer"]
