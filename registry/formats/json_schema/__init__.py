"""JSON Schema, drafts 4, 6, 7, 2019-09 and 2020-12."""

from registry.formats.json_schema.schema import FORMAT, JsonSchema

__all__ = ["FORMAT", "JsonSchema"]
