"""The Confluent Schema Registry REST API at the root path (facts: confluent-api)."""
