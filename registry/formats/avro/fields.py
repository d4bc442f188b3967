"""What a consumer of decoded events sees of a schema: its fields, and the inline tags on them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from registry.formats.avro.model import Array, Field, Map, Named, Primitive, Record, Type, Union, logical, walk
from registry.formats.base import Field as SeenField
from registry.formats.base import Tagging

TAGS = "confluent:tags"

MOST_RECORDS = 10_000
"""Records that share records multiply; past so many places of records the outermost are listed and the rest are not."""


def fields(root: Type) -> Sequence[SeenField]:
    """Every field of the decoded event, outermost first, in the order of the text; a type inside itself is cut there.

    Unions are transparent (decoders hand out the bare value). `required` means: always there and never null.
    """
    out: dict[str, SeenField] = {}
    done: set[tuple[str, int]] = set()
    todo: deque[tuple[Type, str, frozenset[int]]] = deque([(root, "", frozenset())])
    while todo and len(done) < MOST_RECORDS:
        node, path, inside = todo.popleft()
        for record, at in _records(node, path):
            if id(record) in inside or (at, id(record)) in done:
                continue
            done.add((at, id(record)))
            for each in record.fields:
                where = f"{at}/{_escaped(each.name)}"
                if where not in out:
                    out[where] = _seen(each, where)
                if not isinstance(each.type, Primitive):
                    todo.append((each.type, where, inside | {id(record)}))
    return list(out.values())


def _seen(each: Field, path: str) -> SeenField:
    branches = each.type.branches if isinstance(each.type, Union) else [each.type]
    required = all(branch.kind != "null" for branch in branches)
    return SeenField(path, each.name, type_label(each.type), required, each.doc or "", tags_of(each))


def _records(node: Type, path: str) -> Iterator[tuple[Record, str]]:
    """The records a value of the type may be or hold without another record in between."""
    todo = [(node, path)]
    while todo:
        node, path = todo.pop()
        if isinstance(node, Record):
            yield node, path
        elif isinstance(node, Union):
            todo.extend((branch, path) for branch in reversed(node.branches))
        elif isinstance(node, Array | Map):
            todo.append((node.items if isinstance(node, Array) else node.values, f"{path}/*"))


_PLAIN = frozenset({"boolean", "int", "long", "float", "double", "enum", "fixed"})


def open_unions(root: Type) -> Iterator[tuple[str, frozenset[str], Sequence[str]]]:
    """Fields with a union one of whose branches is neither text nor bytes nor holds fields of its own.

    Each as (full name, inline tags, those branches): `("acme.Order.ref", {"PII"}, ["int"])`. Unions inside the arrays
    and maps of a field are its own.
    """
    for record in (each for each in walk(root) if isinstance(each, Record)):
        for each in record.fields:
            plain: list[str] = []
            todo = [each.type]
            while todo:
                node = todo.pop()
                if isinstance(node, Array | Map):
                    todo.append(node.items if isinstance(node, Array) else node.values)
                elif isinstance(node, Union):
                    plain += [type_label(branch) for branch in node.branches if branch.kind in _PLAIN]
                    todo += [branch for branch in node.branches if isinstance(branch, Array | Map)]
            if plain:
                yield f"{record.full}.{each.name}", tags_of(each), plain


def type_label(node: Type) -> str:
    """A type in one line: `string`, `long(timestamp-millis)`, `array<acme.Line>`, `null | bytes(decimal 9,2)`."""
    if isinstance(node, Union):
        return " | ".join(map(type_label, node.branches))
    if isinstance(node, Array | Map):
        return f"{node.kind}<{type_label(node.items if isinstance(node, Array) else node.values)}>"
    name = node.full if isinstance(node, Named) else node.kind
    meaning = logical(node)
    if meaning is None:
        return name
    return f"{name}(decimal {meaning[1]},{meaning[2]})" if meaning[0] == "decimal" else f"{name}({meaning[0]})"


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def tags_of(node: Type | Field) -> frozenset[str]:
    """The inline tags of a record or field."""
    return frozenset(_listed(node))


def _listed(node: Type | Field) -> list[str]:
    tags = node.props.get(TAGS)
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def tags(root: Type) -> Sequence[Tagging]:
    """The inline tags of the schema's own text, in its order."""
    out = []
    for record in walk(root):
        if isinstance(record, Record) and record.home == 0:
            out.append(Tagging(record.full, "sr_record", tuple(_listed(record))))
            out.extend(
                Tagging(f"{record.full}.{each.name}", "sr_field", tuple(_listed(each))) for each in record.fields
            )
    return [each for each in out if each.tags]


def entity(root: Type, tagging: Tagging) -> Record | Field | None:
    """The record or field of the text that a tagging names: `namespace.Record` or `namespace.Record.field`.

    A leading dot is allowed; without a namespace the first record of that name is meant, as in Confluent's registry.
    """
    name, field_name = tagging.path.removeprefix("."), ""
    if tagging.type == "sr_field":
        name, _, field_name = name.rpartition(".")
    for record in walk(root):
        if not isinstance(record, Record) or record.home != 0:
            continue
        if record.full != name and ("." in name or record.simple != name):
            continue
        if tagging.type == "sr_record":
            return record
        for each in record.fields:
            if each.name == field_name:
                return each
    return None


def retag(node: Record | Field, add: Sequence[str], remove: Sequence[str]) -> None:
    """Change the tags of an entity in place: added at the end, removed whether they were there or not."""
    dropped = set(remove)
    left = [tag for tag in dict.fromkeys([*_listed(node), *add]) if tag not in dropped]
    if left:
        node.props[TAGS] = left
    else:
        node.props.pop(TAGS, None)
