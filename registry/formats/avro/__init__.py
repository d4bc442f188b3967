"""Avro schemas: parsing, canonical text, fields, tags and compatibility, by rules of our own.

`FORMAT` is the plug-in. fastavro is not used to judge a schema: it accepts duplicate fields, bad names, nested unions,
wrong defaults and more; it decodes events where a verdict has to be shown.
"""

from registry.formats.avro.schema import AvroFormat, AvroSchema

FORMAT = AvroFormat()

__all__ = ["FORMAT", "AvroFormat", "AvroSchema"]
