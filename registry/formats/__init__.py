"""The formats the registry understands, and the one way to parse with them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from importlib import import_module
from threading import Lock

from registry.errors import EmptySchema, InvalidSchema, UnknownFormat
from registry.formats.base import Format, Insight, Schema, Source

# A format is imported when first used: jsonschema, fastavro and protobuf together cost a third of a cold start.
_HOMES = {
    "AVRO": "registry.formats.avro",
    "JSON": "registry.formats.json_schema",
    "PROTOBUF": "registry.formats.protobuf",
}
_makers: dict[str, Callable[[], Format]] = {}
_formats: dict[str, Format] = {}

NAMES = tuple(_HOMES)
"""The wire names of the schema types."""


def install(name: str, make: Callable[[], Format]) -> None:
    """Plug in a format, made when first used, in place of the one under this name (the server does so for Protobuf,
    whose compiler runs in a child process there)."""
    _makers[name] = make
    _formats.pop(name, None)
    _parsed.clear()


def named(name: str) -> Format:
    """The format behind a wire name such as `AVRO`. Raises UnknownFormat."""
    if (format := _formats.get(name)) is None:
        if name in _makers:
            format = _formats[name] = _makers[name]()
        elif name in _HOMES:
            format = _formats[name] = import_module(_HOMES[name]).FORMAT
        else:
            raise UnknownFormat(name)
    return format


def insight(name: str) -> Insight:
    """What a format says beyond the parity verdict. Raises UnknownFormat."""
    if name not in _HOMES:
        raise UnknownFormat(name)
    module: Insight = import_module(f"{_HOMES[name]}.insight")
    return module


class _Memo:
    """Parsed schemas, least recently used out first, capped by characters of text (they weigh 5 to 10 times that)."""

    def __init__(self, characters: int) -> None:
        self._room = characters
        self._kept: OrderedDict[tuple[str, Source, bool], Schema] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple[str, Source, bool]) -> Schema | None:
        with self._lock:
            if (schema := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
            return schema

    def put(self, key: tuple[str, Source, bool], schema: Schema) -> None:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = schema
                self._room -= len(key[1].text)
            while self._room < 0 and len(self._kept) > 1:
                (_, source, _), _ = self._kept.popitem(last=False)
                self._room += len(source.text)

    def clear(self) -> None:
        with self._lock:
            self._room += sum(len(source.text) for _, source, _ in self._kept)
            self._kept.clear()


_parsed = _Memo(characters=2_000_000)


def remembered(format: str, source: Source) -> Schema | None:
    """The schema that `parse(…, strict=False)` would return, if it need not be parsed for that."""
    return _parsed.get((format, source, False))


def parse(format: str, source: Source, *, strict: bool = True) -> Schema:
    """Parse a schema, or return the equal one parsed before.

    Raises UnknownFormat, EmptySchema, InvalidSchema.
    """
    key = (format, source, strict)
    if (schema := _parsed.get(key)) is None:
        implementation = named(format)
        if not source.text.strip():
            raise EmptySchema
        try:
            schema = implementation.parse(source, strict=strict)
        except RecursionError:
            raise InvalidSchema(format, "the schema is nested too deeply") from None
        _parsed.put(key, schema)
        if strict:
            _parsed.put((format, source, False), schema)  # what is valid reads the same leniently
    return schema
