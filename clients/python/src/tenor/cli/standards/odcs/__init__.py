"""A schema as a data contract of the Open Data Contract Standard (ODCS v3), and back. Pure.

    members.py       custom properties, and what is left out by name
    avro.py          Avro ↔ schema object
    json_schema.py   JSON Schema ↔ schema object
    protobuf.py      Protobuf → schema object
    contract.py      the document around them: owner, tags, support window, servers

    {"name": "total", "logicalType": "number", "physicalType": "bytes (decimal 9,2)", "required": true}

Logical types are what ODCS has words for; physical types are those of the schema's own language. What ODCS has no words
for (defaults, aliases, keywords, unions) stands in customProperties under `tenor:…`, so that the same schema comes
back.
"""
