"""The native API below `/api/v1`: what the Confluent API has no room for."""
