"""Which file a schema refers to, read from the texts themselves. Pure but for the reading function it is given."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote

from tenor.schemas import AVRO, JSON, PROTOBUF

if TYPE_CHECKING:
    from tenor.cli.project import Entry

Reading = Callable[[str], str | None]

REGISTERED: Final = "registry:"
"""How a project names a subject that none of its files is: registry:SUBJECT, or registry:SUBJECT:VERSION."""

_PRIMITIVE: Final = frozenset(("null", "boolean", "int", "long", "float", "double", "bytes", "string"))
_NAMED: Final = ("record", "error", "enum", "fixed")
_STRING: Final = r"""\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'"""
_COMMENT: Final = re.compile(rf"(?P<string>{_STRING})|//[^\n]*|/\*.*?\*/", re.DOTALL)
_IMPORT: Final = re.compile(
    rf"(?<![\w.])import\b\s*(?:(?:public|weak|option)\b\s*)?(?P<file>{_STRING})\s*;|{_STRING}", re.DOTALL
)
"""An import, wherever it stands in its line; or another string, which may read like one."""
_BUILT_IN: Final = ("google/protobuf/", "google/type/", "confluent/")


class NamedFile(NamedTuple):
    """A file under the name that a text has for it."""

    name: str
    file: str


def registered(target: str) -> tuple[str, int]:
    """The subject and version of `registry:SUBJECT[:VERSION]`; -1 is the latest."""
    name = target.removeprefix(REGISTERED)
    subject, colon, version = name.rpartition(":")
    return (subject, int(version)) if colon and version.isascii() and version.isdigit() else (name, -1)


def mentioned(format: str, text: str) -> list[str]:
    """The names of other schemas that a text uses, each once, in its order; none for a text that cannot be read."""
    return list(dict.fromkeys({AVRO: _avro_uses, JSON: _json_uses, PROTOBUF: _protobuf_uses}[format](text)))


def provided(name: str, file: str, format: str, files: Mapping[str, Entry], read: Reading) -> str | None:
    """The file of a project that a name stands for, or None."""
    if format == AVRO:
        return next(
            (other for other, entry in files.items() if entry.format == AVRO and name in _defines(read(other) or "")),
            None,
        )
    beside = posixpath.normpath(posixpath.join(posixpath.dirname(file), name))
    if format == JSON:
        encoded = (beside, unquote(beside))  # a $ref is a URI
        return next((each for each in encoded if each in files or read(each) is not None), None)
    # protoc looks below roots that only its caller knows: the shortest path with this ending is the one.
    ending = sorted((other for other in files if other == name or other.endswith(f"/{name}")), key=len)
    return ending[0] if ending else None


@lru_cache(10_000)
def _defines(text: str) -> frozenset[str]:
    return frozenset(name for name, defined in _avro_names(text) if defined)


def _avro_uses(text: str) -> Iterator[str]:
    names = list(_avro_names(text))
    defined = {name for name, here in names if here}
    return (name for name, here in names if not here and name not in defined)


def _avro_names(text: str) -> Iterator[tuple[str, bool]]:
    """Full names in a text, and whether they are defined there."""
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError):
        return
    waiting: list[tuple[Any, str]] = [(schema, "")]
    while waiting:
        node, space = waiting.pop()
        if isinstance(node, str):
            if node not in _PRIMITIVE:
                yield _full(node, space), False
        elif isinstance(node, list):
            waiting += [(each, space) for each in reversed(node)]
        elif isinstance(node, dict):
            kind = node.get("type")
            if kind in _NAMED and isinstance(node.get("name"), str):
                name = _full(node["name"], str(node.get("namespace", space)))
                yield name, True
                inner = name.rpartition(".")[0]
                fields = node.get("fields")
                for each in reversed(fields if isinstance(fields, list) else []):
                    if isinstance(each, dict) and "type" in each:
                        waiting.append((each["type"], inner))
            else:
                waiting += [(node[key], space) for key in ("values", "items") if key in node]
                if kind not in ("array", "map") and kind is not None:
                    waiting.append((kind, space))


def _full(name: str, space: str) -> str:
    return name if "." in name or not space else f"{space}.{name}"


def _json_uses(text: str) -> Iterator[str]:
    try:
        waiting: list[Any] = [json.loads(text)]
    except (ValueError, RecursionError):
        return
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += reversed(node)
        elif isinstance(node, dict):
            target = node.get("$ref")
            if isinstance(target, str) and (name := target.partition("#")[0]) and "://" not in name:
                yield name
            waiting += [each for each in reversed(node.values()) if isinstance(each, dict | list)]


def _protobuf_uses(text: str) -> Iterator[str]:
    code = _COMMENT.sub(lambda found: found["string"] or " ", text)
    names = (found["file"][1:-1] for found in _IMPORT.finditer(code) if found["file"])
    return (name for name in names if name and not name.startswith(_BUILT_IN))
