"""What decoded Protobuf events may hold at each place (`registry.formats.reach.Reach`).

    PLAIN   dicts as Tenor's client gives them: names as in the file, enums by name, numbers as numbers, what has no
            presence always there; the rest (messages, `optional`, oneof) only when set
    JSON    Protobuf's JSON mapping: defaults left out, 64-bit numbers as text, well-known types in their own form;
            names as in the file or in camel case

Numbers that an open enum does not name are not values of this schema: only a newer one writes them. Nor are, in JSON,
the numbers it has no form for.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from google.protobuf.message import Message as Event

from registry.formats.protobuf import events as building
from registry.formats.protobuf.encodings import GROUP_OF, RANGES
from registry.formats.protobuf.events import Uninhabited
from registry.formats.protobuf.fields import roots
from registry.formats.protobuf.model import Field, Message
from registry.formats.protobuf.sampling import edge_values, messages
from registry.formats.protobuf.schema import ProtobufSchema
from registry.formats.reach import EACH, NOWHERE, Member, Option, Printed, Seen, View, anything

_WELL_KNOWN = "google.protobuf."
_LONG = frozenset({"int64", "uint64", "sint64", "fixed64", "sfixed64"})
_WRAPPERS = {
    "DoubleValue": "double",
    "FloatValue": "float",
    "Int64Value": "int64",
    "UInt64Value": "uint64",
    "Int32Value": "int32",
    "UInt32Value": "uint32",
    "BoolValue": "bool",
    "StringValue": "string",
    "BytesValue": "bytes",
}
_MOST_KEYS = 12

_known: dict[View, WeakKeyDictionary[ProtobufSchema, tuple[Option, ...]]] = {view: WeakKeyDictionary() for view in View}


def options(schema: ProtobufSchema, /, view: View = View.PLAIN) -> tuple[Option, ...]:
    """What an event may be: the first message that no other holds. A file without messages has no events."""
    if (found := _known[view].get(schema)) is None:
        if not schema.model.file.messages:
            return ()
        found = _known[view][schema] = _Places(view).message(roots(schema.model)[0])
    return found


class _Places:
    """The options of each message of a schema, made once."""

    def __init__(self, view: View) -> None:
        self.json = view is View.JSON
        self._messages: dict[str, tuple[Option, ...]] = {}

    def message(self, message: Message) -> tuple[Option, ...]:
        """The options of a message where it is set."""
        if (found := self._messages.get(message.name)) is None:
            special = self._special(message) if self.json and message.name.startswith(_WELL_KNOWN) else None
            found = self._messages[message.name] = special or (self._object(message),)
        return found

    def _object(self, message: Message) -> Option:
        steps: dict[str, Field] = {}
        for each in message.fields:
            if self.json:
                steps.setdefault(each.json_name, each)
            steps[f"#{each.number}"] = each
        steps |= {each.name: each for each in message.fields}
        names = tuple(each.name for each in message.fields)

        def inside(step: str) -> Member:
            if step == EACH:
                return Member(tuple(one for each in message.fields for one in self.field(each)), absent=True)
            return NOWHERE if (each := steps.get(step)) is None else Member(self.field(each), absent=self.absent(each))

        return Option(
            "object",
            least=sum(not self.absent(each) for each in message.fields),
            most=len(names),
            encoding="message",
            inside=inside,
            named=lambda: (Option("string", values=names),) if names else (),
            declared=names,
        )

    def absent(self, each: Field) -> bool:
        """Whether the field may be missing."""
        return not each.required and (self.json or each.presence)

    def field(self, each: Field) -> tuple[Option, ...]:
        """The options of a field that is there."""
        if each.key is not None and each.value is not None:
            key, value = each.key, each.value
            return (
                Option(
                    "object",
                    encoding="map",
                    inside=lambda _step: Member(self.single(value), absent=True),
                    named=lambda: (_key(key),),
                ),
            )
        if each.repeated:
            return (Option("array", encoding="repeated", inside=lambda _step: Member(self.single(each), absent=True)),)
        return self.single(each)

    def single(self, each: Field) -> tuple[Option, ...]:
        """The options of one value of a field."""
        if each.message is not None:
            return self.message(each.message)
        if each.enum is not None:
            if self.json and each.enum.name == f"{_WELL_KNOWN}NullValue":
                return (Option("null", encoding=_group("enum")),)
            names = tuple(dict.fromkeys(name for name, _ in each.enum.values))
            values = names if self.json else tuple(each.enum.numbers.values())
            return (Option("string", values=values, encoding=_group("enum")),)
        return self._scalar(each.kind)

    def _scalar(self, kind: str) -> tuple[Option, ...]:
        encoding = _group(kind)
        if kind == "bool":
            return (Option("boolean", encoding=encoding),)
        if kind in ("string", "bytes"):
            return (Option("string", encoding=encoding, language="base64" if kind == "bytes" else ""),)
        if kind in ("float", "double"):
            return tuple(Option(each, printed=Printed.FRACTION, encoding=encoding) for each in ("integer", "fraction"))
        if self.json and kind in _LONG:
            return (Option("string", language="integer", encoding=encoding),)
        low, high = RANGES[kind]
        return (Option("integer", minimum=low, maximum=high, encoding=encoding),)

    def _special(self, message: Message) -> tuple[Option, ...] | None:
        name = message.name.removeprefix(_WELL_KNOWN)
        if name in _WRAPPERS:
            return self._scalar(_WRAPPERS[name])
        return None if (special := _SPECIAL.get(name)) is None else special()


def _of_type(*kinds: str) -> Callable[[], tuple[Option, ...]]:
    return lambda: tuple(each for each in anything() if each.type in kinds)


_SPECIAL: Mapping[str, Callable[[], tuple[Option, ...]]] = {
    "Timestamp": lambda: (Option("string", language="timestamp", encoding="message"),),
    "Duration": lambda: (Option("string", patterns=(r"^-?[0-9]+(\.[0-9]+)?s$",), encoding="message"),),
    "FieldMask": lambda: (Option("string", encoding="message"),),
    "Struct": _of_type("object"),
    "Any": _of_type("object"),
    "ListValue": _of_type("array"),
    "Value": anything,
}


def _group(kind: str) -> str:
    """The encoding: kinds of one group read each other."""
    return f"group {GROUP_OF[kind]}"


def _key(key: Field) -> Option:
    if key.kind == "bool":
        return Option("string", values=("false", "true"))
    return Option("string", language="" if key.kind == "string" else "integer")


# Events


class _Unusual(Exception):
    """The event holds what the module's head excludes."""


def events(
    schema: ProtobufSchema,
    path: Sequence[str],
    wishes: Sequence[Any],  # all edges are tried, whatever is wished
    /,
    view: View = View.PLAIN,
    *,
    seed: int = 0,
) -> Iterator[Seen | None]:
    """Events with each edge value at the path and all else unset, then random ones."""
    if not schema.model.file.messages:
        return
    root = roots(schema.model)[0]
    for event in _targeted(schema, root, path):
        yield _seen(schema, root, event, view)
    for event, _, _ in messages(schema, seed=seed):
        yield _seen(schema, root, event, view)


def _targeted(schema: ProtobufSchema, root: Message, path: Sequence[str]) -> Iterator[Event]:
    for length in range(len(path) + 1):
        for choice in range(_MOST_KEYS):
            try:
                event = building.new(schema, root)
                more = _walk(event, root, list(path[:length]), choice)
            except Uninhabited:
                break
            yield event
            if not more:
                break


def _walk(event: Event, message: Message, steps: list[str], choice: int) -> bool:
    """Set what stands at the steps to the choice-th of its values; whether there are more."""
    if not steps:
        return False
    step, *rest = steps
    listed = [each for each in message.fields if step in (each.name, each.json_name, f"#{each.number}", EACH)]
    if not listed:
        return False
    each = listed[choice % len(listed)]
    holder = each.value if each.value is not None else each
    if rest and (each.repeated or each.key is not None):
        rest = rest[1:]
    elif not rest and (each.repeated or each.key is not None):
        for _ in range(choice if each.repeated else min(choice, 1)):
            building.fill(event, each)
        return choice < 4 if each.repeated else choice < 1
    if holder.message is None:
        return _put(event, each, holder, choice)
    return _walk(building.child(event, each), holder.message, rest, choice)


def _put(event: Event, each: Field, holder: Field, choice: int) -> bool:
    edges = edge_values(holder)
    building.put(event, each, edges[choice % len(edges)])
    return choice + 1 < len(edges)


def _seen(schema: ProtobufSchema, root: Message, event: Event, view: View) -> Seen | None:
    """The event in a view; None if it holds what is not of this schema."""
    try:
        decoded = _plain(event, root, finite=view is View.JSON)
    except _Unusual:
        return None
    if view is View.JSON:
        decoded = building.shown(schema, event)
    return Seen(decoded, _shown(decoded))


def _plain(event: Event, message: Message, *, finite: bool) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for each in message.fields:
        if each.presence and not event.HasField(each.name):
            continue
        value = getattr(event, each.name)
        if each.key is not None and each.value is not None:
            out[each.name] = {_text(key): _value(value[key], each.value, finite=finite) for key in value}
        elif each.repeated:
            out[each.name] = [_value(one, each, finite=finite) for one in value]
        else:
            out[each.name] = _value(value, each, finite=finite)
    return out


def _text(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _value(value: Any, each: Field, *, finite: bool) -> Any:
    if each.message is not None:
        return _plain(value, each.message, finite=finite)
    if each.enum is not None:
        if (name := each.enum.numbers.get(value)) is None:
            raise _Unusual
        return name
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if finite and isinstance(value, float) and not math.isfinite(value):
        raise _Unusual
    return value


def _shown(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _shown(each) for key, each in value.items()}
    return [_shown(each) for each in value] if isinstance(value, list) else value
