"""What a reader with a Protobuf schema needs: of each of its numbers an encoding that it reads. Pure.

Fields that are not there are no fault: a reader finds them unset. Only `required` ones must be.
"""

from __future__ import annotations

from collections import deque

from contracts.needs import MOST_NEEDS, Need, Presence
from contracts.satisfaction import EACH, escaped
from registry.formats.protobuf.encodings import GROUP_OF, RANGES
from registry.formats.protobuf.fields import roots
from registry.formats.protobuf.model import Field, Message
from registry.formats.protobuf.schema import ProtobufSchema


def needs(reader: ProtobufSchema) -> tuple[list[Need], list[str]]:
    """The needs of a reader of the first message that no other holds, the outermost first."""
    if not reader.model.file.messages:
        return [], ["the file has no message"]
    found: list[Need] = [Need("", types=frozenset({"object"}))]
    todo: deque[tuple[str, Message, frozenset[str]]] = deque([("", roots(reader.model)[0], frozenset())])
    while todo and len(found) <= MOST_NEEDS:
        above, message, inside = todo.popleft()
        for each in message.fields:
            path = f"{above}/{escaped(each.name)}"
            found.extend(_needs(path, each))
            holder = each.value if each.value is not None else each
            if holder.message is not None and holder.message.name not in inside | {message.name}:
                below = f"{path}/{EACH}" if each.repeated or each.key is not None else path
                todo.append((below, holder.message, inside | {message.name}))
    return found, []


def _needs(path: str, each: Field) -> list[Need]:
    presence = Presence.REQUIRED if each.required else Presence.OPTIONAL
    numbers = (f"#{each.number}",)
    if each.key is None and not each.repeated:
        return [_single(path, each, presence, numbers)]
    kind, holder = ("map", each.value) if each.value is not None else ("repeated", each)
    types = frozenset({"object" if kind == "map" else "array"})
    assert holder is not None
    return [
        Need(path, presence, types, aliases=numbers, encodings=frozenset({kind})),
        _single(f"{path}/{EACH}", holder, Presence.REQUIRED, ()),
    ]


def _single(path: str, each: Field, presence: Presence, numbers: tuple[str, ...]) -> Need:
    if each.message is not None:
        return Need(path, presence, frozenset({"object"}), aliases=numbers, encodings=frozenset({"message"}))
    encodings = frozenset({f"group {GROUP_OF[each.kind]}"})
    if each.enum is not None:
        names = tuple(dict.fromkeys(name for name, _ in each.enum.values))
        return Need(path, presence, values=names, fallback=not each.enum.closed, aliases=numbers, encodings=encodings)
    low, high = RANGES.get(each.kind, (None, None)) if each.kind != "bool" else (None, None)
    return Need(path, presence, minimum=low, maximum=high, aliases=numbers, encodings=encodings)
