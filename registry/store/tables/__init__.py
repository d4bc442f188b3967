"""Rows of the registry, by noun. Importing this package makes the metadata complete."""

from registry.store.tables import identities, keys, schemas, upcasts
from registry.store.tables.columns import Row

__all__ = ["Row", "identities", "keys", "schemas", "upcasts"]
