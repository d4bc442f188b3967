"""Reading with a schema other than the writer's: what fastavro's own resolution leaves to do.

* A default of the reader comes back as its JSON: `{}` for a record, text for bytes, an int for a timestamp, and the
  very same list for every event. Here it becomes a value of its own, as if it had been written.
* The writer's logical types win over the reader's, and decimals of another scale pass silently. Here the reader's
  win, and such decimals do not resolve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, Final

import fastavro

from tenor.codecs.avro.model import NAMED, PRIMITIVES, Model, kind, logical, standalone
from tenor.errors import Unresolvable

Complete = Callable[[Any], None]
"""Puts real values where an event that was read holds the JSON of a default."""


def aligned(writer: Model, reader: Model) -> Any:
    """The writer's schema with the reader's logical types, parsed. Raises Unresolvable for decimals that differ."""
    root = _Aligner(writer, reader).pair(writer.root, reader.root)
    return fastavro.parse_schema(root, named_schemas={})


class _Aligner:
    def __init__(self, writer: Model, reader: Model) -> None:
        self._writer, self._reader = writer, reader
        self._written: set[str] = set()

    def pair(self, writer: Any, reader: Any) -> Any:
        """The writer's node as it is to be read by the reader's; each named type is written out once."""
        node, other = self._writer.resolved(writer), self._reader.resolved(reader)
        if kind(node) == "union":
            return [self.pair(branch, self._match(branch, other)) for branch in node]
        other = self._match(node, other)
        if other is None or kind(node) in PRIMITIVES | {"fixed"}:
            return self._leaf(node, other)
        match kind(node):
            case "record" | "error":
                return self._record(node, other)
            case "array":
                return {**node, "items": self.pair(node["items"], other["items"])}
            case "map":
                return {**node, "values": self.pair(node["values"], other["values"])}
        return standalone(node, self._writer.named, self._written)

    def _match(self, node: Any, reader: Any) -> Any:
        """The reader's node, or the first branch of its union, that is of the same kind; None if there is none."""
        node = self._writer.resolved(node)
        if reader is None:
            return None
        reader = self._reader.resolved(reader)
        candidates = [self._reader.resolved(branch) for branch in reader] if kind(reader) == "union" else [reader]
        same = [other for other in candidates if kind(other) == kind(node)]
        if kind(node) in NAMED and len(same) > 1:
            tail = _tail(node["name"])
            same = [other for other in same if tail in map(_tail, (other["name"], *other.get("aliases", ())))]
        return same[0] if same else None

    def _record(self, node: Any, other: Any) -> Any:
        if node["name"] in self._written:
            return node["name"]
        self._written.add(node["name"])
        theirs = {name: field["type"] for field in other["fields"] for name in field.get("aliases", ())}
        theirs |= {field["name"]: field["type"] for field in other["fields"]}
        fields = [{**field, "type": self.pair(field["type"], theirs.get(field["name"]))} for field in node["fields"]]
        return {**{key: value for key, value in node.items() if not key.startswith("__")}, "fields": fields}

    def _leaf(self, node: Any, other: Any) -> Any:
        if other is None or logical(node) == logical(other) != f"{kind(node)}-decimal":
            return standalone(node, self._writer.named, self._written)
        if logical(node) == logical(other) and _decimal(node) != _decimal(other):
            reason = f"decimal({_decimal(node)}) cannot be read as decimal({_decimal(other)})"
            raise Unresolvable(format="AVRO", reason=reason)
        if kind(node) == "fixed" and node["name"] in self._written:
            return node["name"]
        marks = {key: other[key] for key in ("logicalType", "precision", "scale") if key in _attributes(other)}
        plain = standalone(node, self._writer.named, self._written)
        plain = dict(plain) if isinstance(plain, dict) else {"type": plain}
        for key in ("logicalType", "precision", "scale"):
            plain.pop(key, None)
        return {**plain, **marks}


def _attributes(node: Any) -> Mapping[str, Any]:
    return node if isinstance(node, dict) else {}


def _tail(name: str) -> str:
    return name.rpartition(".")[2]


def _decimal(node: Any) -> str:
    return f"{node.get('precision')},{node.get('scale', 0)}"


# --- defaults --------------------------------------------------------------------------------------------------


def completer(reader: Model) -> Complete | None:
    """A function that completes events read with this schema; None if no default needs it."""
    return _Completer(reader).compile(reader.root)


class _Completer:
    """Finds a filled-in default by identity: fastavro hands out the very object that stands in the schema."""

    def __init__(self, reader: Model) -> None:
        self._model = reader
        self._records: dict[str, Complete | None] = {}

    def compile(self, node: Any) -> Complete | None:
        node = self._model.resolved(node)
        match kind(node):
            case "record" | "error":
                return self._record(node)
            case "union":
                return _all_of([self.compile(branch) for branch in node])
            case "array":
                complete = self.compile(node["items"])
                return None if complete is None else _each_item(complete)
            case "map":
                complete = self.compile(node["values"])
                return None if complete is None else _each_value(complete)
        return None

    def _record(self, node: Any) -> Complete | None:
        name = node["name"]
        if name in self._records:
            return lambda value: _call(self._records[name], value)
        self._records[name] = None
        fixes = []
        deep = []
        for field in node["fields"]:
            if "default" in field and (fresh := self._fresh(field["type"], field["default"])) is not None:
                fixes.append((field["name"], field["default"], fresh))
            if (complete := self.compile(field["type"])) is not None:
                deep.append((field["name"], complete))
        if fixes or deep:
            self._records[name] = _record_completer(tuple(fixes), tuple(deep))
        return self._records[name]

    def _fresh(self, node: Any, default: Any) -> Callable[[], Any] | None:
        """A function that makes the value a default stands for; None if its JSON is that value."""
        schema = fastavro.parse_schema(standalone(node, self._model.named, set()), named_schemas={})
        buffer = BytesIO()
        fastavro.schemaless_writer(buffer, schema, native(self._model, node, default))
        raw = buffer.getvalue()
        value = fastavro.schemaless_reader(BytesIO(raw), schema, None)
        if isinstance(value, dict | list):
            return lambda: fastavro.schemaless_reader(BytesIO(raw), schema, None)
        return None if type(value) is type(default) else lambda: value


def native(model: Model, node: Any, default: Any) -> Any:
    """The datum that a default's JSON stands for: bytes from text, records with their own defaults filled in."""
    node = model.resolved(node)
    match kind(node):
        case "union":
            return native(model, node[0], default)
        case "bytes" | "fixed":
            return default.encode("latin-1")
        case "record" | "error":
            return {
                field["name"]: native(model, field["type"], default.get(field["name"], field.get("default")))
                for field in node["fields"]
            }
        case "array":
            return [native(model, node["items"], item) for item in default]
        case "map":
            return {key: native(model, node["values"], item) for key, item in default.items()}
    return default


def _record_completer(
    fixes: tuple[tuple[str, Any, Callable[[], Any]], ...], deep: tuple[tuple[str, Complete], ...]
) -> Complete:
    def complete(value: Any) -> None:
        if type(value) is not dict:
            return
        for name, raw, fresh in fixes:
            if value.get(name, _NOTHING) is raw:
                value[name] = fresh()
        for name, inner in deep:
            if name in value:
                inner(value[name])

    return complete


def _each_item(complete: Complete) -> Complete:
    def each(value: Any) -> None:
        if isinstance(value, list):
            for item in value:
                complete(item)

    return each


def _each_value(complete: Complete) -> Complete:
    def each(value: Any) -> None:
        if isinstance(value, dict):
            for item in value.values():
                complete(item)

    return each


def _all_of(completes: list[Complete | None]) -> Complete | None:
    # Which branch was read is not known any more; a completer does nothing to a value of another branch.
    some = tuple(complete for complete in completes if complete is not None)
    if not some:
        return None

    def each(value: Any) -> None:
        for complete in some:
            complete(value)

    return each


def _call(complete: Complete | None, value: Any) -> None:
    if complete is not None:
        complete(value)


_NOTHING: Final = object()
