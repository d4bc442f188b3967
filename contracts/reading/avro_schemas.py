"""What a reader with an Avro schema needs: every field it has no default for, of a type that resolves. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from contracts.needs import MOST_NEEDS, Need, Presence
from contracts.satisfaction import EACH, escaped
from registry.formats.avro.model import MISSING, Array, Enum, Field, Fixed, Map, Named, Record, Type, Union
from registry.formats.avro.reach import encoding_of
from registry.formats.avro.schema import AvroSchema

_JSON = {
    "null": "null",
    "boolean": "boolean",
    "int": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
    "bytes": "string",
    "string": "string",
    "enum": "string",
    "fixed": "string",
    "array": "array",
    "map": "object",
    "record": "object",
}
_PROMOTED = {
    # what else a reader of a type resolves
    "long": ("int",),
    "float": ("int", "long"),
    "double": ("int", "long", "float"),
    "bytes": ("string",),
    "string": ("bytes?",),  # bytes that are no UTF-8 cannot be decoded
}


def needs(reader: AvroSchema) -> tuple[list[Need], list[str]]:
    """The needs of a reader, the outermost first, and what they cannot say. A type inside itself is cut there."""
    return _Walk().of(reader.root)


@dataclass(slots=True)
class _Place:
    path: str
    node: Type
    presence: Presence = Presence.REQUIRED
    aliases: tuple[str, ...] = ()
    inside: frozenset[int] = frozenset()


@dataclass(slots=True)
class _Walk:
    needs: list[Need] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def of(self, root: Type) -> tuple[list[Need], list[str]]:
        todo = deque([_Place("", root)])
        while todo and len(self.needs) <= MOST_NEEDS:
            todo.extend(self._place(todo.popleft()))
        return self.needs, self.reasons

    def _place(self, place: _Place) -> list[_Place]:
        branches = place.node.branches if isinstance(place.node, Union) else [place.node]
        if not branches:
            self.reasons.append(f"at '{place.path}' the reader accepts no value")
            return []
        self.needs.append(_need(place, branches))
        holders = [branch for branch in branches if isinstance(branch, Record | Array | Map)]
        if len(holders) > 1:
            self.reasons.append(f"at '{place.path}' a union holds several records, arrays or maps, which needs mix up")
            return []
        for holder in holders:
            if isinstance(holder, Record) and any(_claimed(each, holder) for each in holder.fields):
                self.reasons.append(f"at '{place.path}' a field has another field's name as an alias")
        return [inner for holder in holders for inner in _inside(place, holder)]


def _claimed(each: Field, holder: Record) -> bool:
    return any(alias in holder.positions and alias != each.name for alias in each.aliases)


def _inside(place: _Place, holder: Record | Array | Map) -> list[_Place]:
    if isinstance(holder, Array | Map):
        inner = holder.items if isinstance(holder, Array) else holder.values
        return [_Place(f"{place.path}/{EACH}", inner, inside=place.inside)]
    if id(holder) in place.inside:
        return []
    return [
        _Place(
            f"{place.path}/{escaped(each.name)}",
            each.type,
            Presence.REQUIRED if each.default is MISSING else Presence.OPTIONAL,
            tuple(alias for alias in each.aliases if alias not in holder.positions),
            place.inside | {id(holder)},
        )
        for each in holder.fields
    ]


def _need(place: _Place, branches: Sequence[Type]) -> Need:
    enums = [branch for branch in branches if isinstance(branch, Enum)]
    only_enum = len(enums) == 1 and all(branch in enums or branch.kind == "null" for branch in branches)
    symbols = enums[0].symbols if only_enum else ()
    kinds = [branch.kind for branch in branches]
    encodings = {each for branch in branches for each in _encodings(branch)}
    if "bytes" in kinds and "string" in kinds[: kinds.index("bytes")]:
        encodings -= {"bytes", "bytes:*"}  # decoders take the first branch that resolves: the string
    nullable: tuple[None, ...] = (None,) if symbols and len(branches) > 1 else ()
    return Need(
        place.path,
        place.presence,
        types=frozenset(_JSON[kind] for kind in kinds),
        values=(*symbols, *nullable),
        fallback=not symbols or enums[0].default is not None,
        aliases=place.aliases,
        encodings=frozenset(encodings),
    )


def _encodings(node: Type) -> list[str]:
    """What a reader of the type resolves; named types by their simple names and the full ones of aliases."""
    if isinstance(node, Named):
        names = [node.simple, *(f"={alias}" for alias in node.aliases)]
        size = f":{node.size}" if isinstance(node, Fixed) else ""
        return [f"{node.kind}:{name}{size}" for name in names]
    own = encoding_of(node)
    if own != node.kind:
        return [own, node.kind, *_PROMOTED.get(node.kind, ())]  # what has another meaning is misread
    kinds = (node.kind, *_PROMOTED.get(node.kind, ()))
    return [*kinds, *(f"{kind}:*" for kind in kinds if not kind.endswith("?"))]
