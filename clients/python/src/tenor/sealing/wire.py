"""The schema in which sealed values travel, and the one that they are of. Pure.

An Avro `int` cannot hold ciphertext. In the wire schema, which is what a subject registers, every sealed leaf that is
no text is `bytes` (in JSON: text) and says what it was:

    {"name": "age", "type": {"type": "bytes", "tenor.sealed": {"logical": "int"}}, "confluent:tags": ["PII"]}

The logical schema is read back out of it: events are validated against that one. Text stays text and bytes stay bytes.
Consumers without keys still parse the wire schema.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, Final

from tenor.codecs import Options, compile
from tenor.codecs.fields import MARK, Slot
from tenor.errors import UnusableSchema
from tenor.rules.model import WRITE, parse, tagged, tagger
from tenor.schemas import AVRO, JSON, Schema


def wired(schema: Schema, references: Mapping[str, Schema]) -> Schema:
    """The schema to register for a logical one that has SEAL rules; the same if nothing changes.

    Raises UnusableSchema where a sealed leaf has no place: a union of several such leaves, a referenced record.
    """
    rules = [rule for rule in parse(schema.rule_set, schema.metadata).domain if rule.type == "SEAL"]
    if not rules or schema.format not in (AVRO, JSON) or MARK in schema.text:
        return schema
    tags_of = tagger(schema.metadata)

    def sealed(full_name: str, inline: Any) -> bool:
        tags = frozenset(map(str, inline)) if isinstance(inline, list) else frozenset()
        found = tags_of(Slot(full_name.rpartition(".")[2], full_name, _NOBODY, tags))
        return any(tagged(rule, found) and rule.runs_in(WRITE) for rule in rules)

    document = json.loads(schema.text)
    if schema.format == AVRO:
        changed = _avro_wire(compile(schema, references, Options()), document, sealed)
    else:
        changed = _json_wire(document, "$", sealed)
    if changed == document:
        return schema
    text = json.dumps(changed, ensure_ascii=False, separators=(",", ":"))
    return Schema(text, schema.format, schema.references, schema.metadata, schema.rule_set)


# --- Avro ------------------------------------------------------------------------------------------------------

_PLACED: Final = frozenset({"string", "bytes"})


def _avro_wire(body: Any, document: Any, sealed: Callable[[str, Any], bool]) -> Any:
    """The document with every sealed leaf that is neither text nor bytes as bytes."""
    from tenor.codecs.avro.model import NAMED, RECORDS, kind, standalone

    named = body.model.named

    def visit(node: Any, is_sealed: bool) -> Any:
        if isinstance(node, list):
            branches = [visit(branch, is_sealed) for branch in node]
            if len([branch for branch in branches if kind(branch) == "bytes"]) > 1:
                raise UnusableSchema(format=AVRO, reason="a union seals more than one branch that is no text")
            return branches
        resolved = named.get(node, node) if isinstance(node, str) else node
        match kind(resolved):
            case "record" | "error":
                if isinstance(node, str):
                    return node  # written out where it is first used
                return {**node, "fields": [field(node["name"], each) for each in node["fields"]]}
            case "array":
                return {**node, "items": visit(node["items"], is_sealed)}
            case "map":
                return {**node, "values": visit(node["values"], is_sealed)}
        if not is_sealed or kind(resolved) == "null":
            return node
        if kind(resolved) in _PLACED and not (isinstance(resolved, dict) and "logicalType" in resolved):
            return node
        if kind(resolved) in NAMED - RECORDS and isinstance(node, dict) and uses[resolved["name"]] > 1:
            raise UnusableSchema(format=AVRO, reason=f"the sealed type {resolved['name']} is used elsewhere, too")
        return {"type": "bytes", MARK: {"logical": standalone(resolved, named, set())}}

    def field(record: str, one: Any) -> Any:
        is_sealed = sealed(f"{record}.{one['name']}", one.get("confluent:tags"))
        made = {**one, "type": visit(one["type"], is_sealed)}
        if made["type"] != one["type"] and made.get("default") is not None:
            del made["default"]  # it would be plaintext, and is no bytes
        return made

    root = body.model.root
    uses: dict[str, int] = {}
    _count(root, uses)
    plain = standalone(root, named, set())
    changed = visit(plain, False)
    return document if changed == plain else changed


def _count(node: Any, uses: dict[str, int]) -> None:
    match node:
        case str():
            uses[node] = uses.get(node, 0) + 1
        case list():
            for item in node:
                _count(item, uses)
        case dict():
            if "name" in node and "type" in node and isinstance(node["type"], str):
                uses[node["name"]] = uses.get(node["name"], 0) + 1
            for key in ("type", "items", "values"):
                if isinstance(node.get(key), dict | list):
                    _count(node[key], uses)
            for key in ("items", "values"):
                if isinstance(node.get(key), str):
                    _count(node[key], uses)
            for field in node.get("fields") or ():
                _count(field["type"], uses)


def avro_leaf(node: Any) -> tuple[Callable[[Any], bytes], Callable[[bytes], Any]]:
    """Writing and reading one leaf in Avro's binary form. Reading raises ValueError for anything but one value."""
    import fastavro

    schema = fastavro.parse_schema(_bare(node), named_schemas={})

    def write(value: Any) -> bytes:
        buffer = BytesIO()
        fastavro.schemaless_writer(buffer, schema, value, strict=True)
        return buffer.getvalue()

    def read(data: bytes) -> Any:
        buffer = BytesIO(data)
        value = fastavro.schemaless_reader(buffer, schema, None)
        if buffer.tell() != len(data):
            raise ValueError("bytes are left over")
        return value

    return write, read


def _bare(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: value for key, value in node.items() if not key.startswith("__")}
    return node


# --- JSON ------------------------------------------------------------------------------------------------------


def _json_wire(node: Any, path: str, sealed: Callable[[str, Any], bool], is_sealed: bool = False) -> Any:
    if not isinstance(node, dict):
        return node
    out = dict(node)
    if is_sealed and not any(key in node for key in ("properties", "items", "allOf", "anyOf", "oneOf", "$ref")):
        if "type" not in node:
            raise UnusableSchema(format=JSON, reason=f"the sealed property {path} has no type")
        if json_text(node):
            return out
        kinds = node["type"] if isinstance(node["type"], list) else [node["type"]]
        kept = {key: value for key, value in node.items() if key in _KEPT or key.startswith("tenor.")}
        told = {key: value for key, value in node.items() if key not in kept}
        return {"type": ["string", "null"] if "null" in kinds else "string", MARK: {"logical": told}, **kept}
    if isinstance(node.get("properties"), dict):
        out["properties"] = {
            name: _json_wire(
                inner,
                f"{path}.{name}",
                sealed,
                sealed(f"{path}.{name}", inner.get("confluent:tags") if isinstance(inner, dict) else None),
            )
            for name, inner in node["properties"].items()
        }
    if isinstance(node.get("items"), dict):
        out["items"] = _json_wire(node["items"], path, sealed, is_sealed)
    for keyword in ("allOf", "anyOf", "oneOf"):
        if isinstance(node.get(keyword), list):
            out[keyword] = [_json_wire(branch, path, sealed, is_sealed) for branch in node[keyword]]
    return out


def json_text(node: Mapping[str, Any]) -> bool:
    """Whether a property is text without constraints of its own, which sealed text keeps."""
    kinds = node.get("type")
    nullable = isinstance(kinds, list) and sorted(map(str, kinds)) == ["null", "string"]
    return (kinds == "string" or nullable) and all(
        key in _KEPT or key in _SAYING or key.startswith("tenor.") for key in node
    )


_KEPT: Final = frozenset({"confluent:tags", "confluent:rules"})
_SAYING: Final = frozenset({"type", "title", "description", "examples", "default", "$comment"})


def json_leaf() -> tuple[Callable[[Any], bytes], Callable[[bytes], Any]]:
    """Writing and reading one JSON value."""
    import orjson

    return orjson.dumps, orjson.loads


_NOBODY: Any = None
