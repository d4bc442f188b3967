"""Whether an event keeps its Protobuf message: a quick look for the common yes, a slow walk for the exact no.

The protobuf library is strict about most values and names no path; and it lets through what reads back otherwise:
bytes as string, 1 as bool, a string as a list of its letters, 1e300 as the float infinity, two members of a oneof.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from tenor.codecs.shown import pointer, shown
from tenor.errors import Violation

Check = Callable[[Any], bool]

MAX_DEPTH: Final = 99
"""Deeper messages are written by this library and read by none: parsers stop at 100 levels."""
MAX_VIOLATIONS: Final = 100
MAX_FLOAT: Final = 3.4028235677973366e38

_F: Final = FieldDescriptor
_INTEGERS: Final[Mapping[int, tuple[int, int]]] = {
    _F.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    _F.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    _F.CPPTYPE_UINT32: (0, 2**32 - 1),
    _F.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_TIMES: Final[Mapping[str, type]] = {"google.protobuf.Timestamp": datetime, "google.protobuf.Duration": timedelta}
"""Well-known messages that the library also takes as Python values."""


def message_of(field: FieldDescriptor) -> Descriptor:
    """The type of a message field."""
    assert field.message_type is not None
    return field.message_type


def enum_of(field: FieldDescriptor) -> EnumDescriptor:
    """The type of an enum field."""
    assert field.enum_type is not None
    return field.enum_type


def is_map(field: FieldDescriptor) -> bool:
    """Whether a repeated field is written `map<…>`."""
    return bool(field.is_repeated and field.message_type is not None and field.message_type.GetOptions().map_entry)


def oneofs(message: Descriptor) -> list[tuple[str, ...]]:
    """The members of each oneof that was written as one; `optional` makes others, which hold one field each."""
    return [tuple(field.name for field in oneof.fields) for oneof in message.oneofs if len(oneof.fields) > 1]


def is_recursive(message: Descriptor) -> bool:
    """Whether a message can contain itself, so that events nest without bound."""
    done: set[str] = set()

    def visit(node: Descriptor, inside: frozenset[str]) -> bool:
        if node.full_name in inside:
            return True
        if node.full_name in done:
            return False
        kinds = {field.message_type.full_name: field.message_type for field in node.fields if field.message_type}
        found = any(visit(kind, inside | {node.full_name}) for kind in kinds.values())
        done.add(node.full_name)
        return found

    return visit(message, frozenset())


# --- the quick yes ---------------------------------------------------------------------------------------------


def checker(message: Descriptor, known: dict[str, Check] | None = None) -> Check:
    """A function that says yes to valid events of plain types and never to one that would be written wrongly.

    Only what the library would let through is looked at; it refuses the rest itself while it builds the message.
    None is how it spells "not set".
    """
    known = {} if known is None else known
    if (found := known.get(message.full_name)) is not None:
        return found

    plain = tuple(
        (field.name, wanted, _fits(field) if wanted is float else None)
        for field in message.fields
        if (wanted := _plain(field)) is not None
    )
    settles = _plain_check(plain)
    exclusive = oneofs(message)

    def check(event: Any) -> bool:
        if not settles(event):
            return False
        for name, inner in deep:
            value = event.get(name)
            if value is not None and not inner(value):
                return False
        for names in exclusive:  # noqa: SIM110 # all() with a generator costs more than the rest
            if sum(map(event.__contains__, names)) > 1:
                return False
        return True

    known[message.full_name] = check  # before its fields: a message may contain itself
    deep = tuple((field.name, inner) for field in message.fields if (inner := _deep(field, known)) is not None)
    if not deep and not exclusive:
        known[message.full_name] = settles
    return known[message.full_name]


def _plain_check(plain: tuple[tuple[str, type, Check | None], ...]) -> Check:
    """A check of the fields whose plain type settles them: in one go where all are there, as they mostly are."""
    types = [wanted for _, wanted, _ in plain]
    values_of = _values_of([name for name, _, _ in plain])

    def settles(event: Any) -> bool:
        try:
            if [*map(type, values_of(event))] == types:
                return type(event) is dict
        except (KeyError, TypeError, IndexError):
            pass
        if type(event) is not dict:
            return False
        for name, wanted, passes in plain:
            value = event.get(name)
            if type(value) is not wanted and value is not None and (passes is None or not passes(value)):
                return False
        return True

    return settles


def _values_of(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """A function that picks the values of these names out of a dict. It may raise KeyError."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda event: tuple([event[name] for name in names])


def _plain(field: FieldDescriptor) -> type | None:
    """The plain type that settles a value of this field; None where the library is strict or more is to be seen."""
    if is_map(field):
        return None
    if field.is_repeated:
        looked_into = field.cpp_type in (_F.CPPTYPE_MESSAGE, _F.CPPTYPE_FLOAT)
        return None if looked_into or _strictly(field) is not None else list
    return _strictly(field)


def _strictly(field: FieldDescriptor) -> type | None:
    """The type of a scalar for which the library takes more than that: bytes for a string, 1 for a bool."""
    if field.cpp_type == _F.CPPTYPE_STRING and field.type != _F.TYPE_BYTES:
        return str
    return {_F.CPPTYPE_BOOL: bool, _F.CPPTYPE_DOUBLE: float}.get(field.cpp_type)


def _deep(field: FieldDescriptor, known: dict[str, Check]) -> Check | None:
    """A check of what a value holds, or of a number that may not fit."""
    if is_map(field):
        entry = message_of(field).fields_by_name
        keys, values = _items(entry["key"], known), _items(entry["value"], known)
        return lambda value: (
            type(value) is dict and (keys is None or keys(value)) and (values is None or values(value.values()))
        )
    if field.is_repeated:
        items = _items(field, known)
        return None if items is None else lambda value: type(value) is list and items(value)
    if field.cpp_type == _F.CPPTYPE_MESSAGE:
        return checker(message_of(field), known)
    if field.cpp_type == _F.CPPTYPE_FLOAT:
        return _fits(field)
    return None


def _items(field: FieldDescriptor, known: dict[str, Check]) -> Check | None:
    """A check of many values of a field: keys, values or items. None where the library's own checks suffice."""
    if field.cpp_type == _F.CPPTYPE_MESSAGE:
        check = checker(message_of(field), known)
        return lambda values: all(map(check, values))
    if field.cpp_type in (_F.CPPTYPE_FLOAT, _F.CPPTYPE_DOUBLE):
        fits = _fits(field)
        return lambda values: all(map(fits, values))
    if (wanted := _strictly(field)) is not None:
        only = {wanted}
        return lambda values: only.issuperset(map(type, values))
    return None


def _fits(field: FieldDescriptor) -> Check:
    """A float as it is; anything else that the library would turn into one has to keep its value."""
    if field.cpp_type == _F.CPPTYPE_DOUBLE:
        return lambda value: type(value) is float or _problem(field, value) is None
    return lambda value: (type(value) is float and -MAX_FLOAT < value < MAX_FLOAT) or _problem(field, value) is None


# --- the exact no ----------------------------------------------------------------------------------------------


def violations(message: Descriptor, event: Any) -> list[Violation]:
    """Everything that is wrong with an event, at most a hundred of it; empty if it keeps the message."""
    found: list[Violation] = []
    try:
        _walk(message, event, "", found, 1)
    except RecursionError:
        found.append(Violation("", "depth", "…", "the event is nested too deeply"))
    return found


def _walk(message: Descriptor, event: Any, path: str, found: list[Violation], depth: int) -> None:
    if len(found) >= MAX_VIOLATIONS:
        return
    if depth > MAX_DEPTH:
        found.append(Violation(path[:100] + "…", "depth", "…", f"messages are nested deeper than {MAX_DEPTH} levels"))
        return
    if isinstance(event, Message):
        if event.DESCRIPTOR.full_name != message.full_name:
            sentence = f"a {event.DESCRIPTOR.full_name} is not a {message.full_name}"
            found.append(Violation(path, "type", event.DESCRIPTOR.full_name, sentence))
        return
    if (plain := _TIMES.get(message.full_name)) is not None and isinstance(event, plain):
        return
    if not isinstance(event, Mapping):
        found.append(_wrong_type(path, event, f"a message {message.full_name}"))
        return
    for name, value in event.items():
        field = message.fields_by_name.get(name) if isinstance(name, str) and _is_utf8(name) else None
        where = path + pointer(str(name))
        if field is None:
            found.append(
                Violation(where, "additional", shown(value), f"{message.full_name} has no field {shown(name)}")
            )
        elif value is not None:  # None is how the library spells "not set"
            _walk_field(field, value, where, found, depth)
    for field in message.fields:
        if field.is_required and event.get(field.name) is None:
            sentence = f"the field '{field.name}' is missing"
            found.append(Violation(path + pointer(field.name), "required", "", sentence))
    for names in oneofs(message):
        present = [name for name in names if event.get(name) is not None]
        if len(present) > 1:
            sentence = f"only one of {', '.join(present)} can be set, they are a oneof"
            found.append(Violation(path + pointer(present[1]), "oneof", shown(event[present[1]]), sentence))


def _walk_field(field: FieldDescriptor, value: Any, path: str, found: list[Violation], depth: int) -> None:
    if is_map(field):
        if not isinstance(value, Mapping):
            found.append(_wrong_type(path, value, "a map (give a dict)"))
            return
        entry = message_of(field).fields_by_name
        for key, item in value.items():
            if (problem := _problem(entry["key"], key)) is not None:
                found.append(Violation(path, "key", shown(key), f"the key {problem[1]}"))
            else:
                _walk_single(entry["value"], item, path + pointer(str(key)), found, depth)
    elif field.is_repeated:
        if not isinstance(value, list | tuple):
            found.append(_wrong_type(path, value, "a repeated field (give a list)"))
            return
        for index, item in enumerate(value):
            _walk_single(field, item, f"{path}/{index}", found, depth)
    else:
        _walk_single(field, value, path, found, depth)


def _walk_single(field: FieldDescriptor, value: Any, path: str, found: list[Violation], depth: int) -> None:
    if field.cpp_type == _F.CPPTYPE_MESSAGE:
        _walk(message_of(field), value, path, found, depth + 1)
    elif (problem := _problem(field, value)) is not None:
        found.append(Violation(path, problem[0], shown(value), problem[1]))


def _problem(field: FieldDescriptor, value: Any) -> tuple[str, str] | None:
    """What is wrong with a single scalar: rule and sentence."""
    kind = field.cpp_type
    if kind in _INTEGERS:
        low, high = _INTEGERS[kind]
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            return "type", f"{_typed(value)} is not an integer"
        if not low <= value.__index__() <= high:
            return "range", f"{shown(value)} does not fit, the field goes from {low} to {high}"
        return None
    if kind in (_F.CPPTYPE_DOUBLE, _F.CPPTYPE_FLOAT):
        return _number_problem(value, single=kind == _F.CPPTYPE_FLOAT)
    if kind == _F.CPPTYPE_BOOL:
        return None if isinstance(value, bool) else ("type", f"{_typed(value)} is not a bool")
    if kind == _F.CPPTYPE_ENUM:
        return _enum_problem(field, value)
    if field.type == _F.TYPE_BYTES:
        return None if isinstance(value, bytes) else ("type", f"{_typed(value)} is not bytes")
    if not isinstance(value, str):
        return "type", f"{_typed(value)} is not a string"
    if not _is_utf8(value):
        return "encoding", "the string holds half of a surrogate pair, which UTF-8 cannot express"
    return None


def _is_utf8(text: str) -> bool:
    """Whether UTF-8 can express a text; the library looks up no other."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _number_problem(value: Any, *, single: bool) -> tuple[str, str] | None:
    if isinstance(value, bool) or not hasattr(value, "__float__") or isinstance(value, str):
        return "type", f"{_typed(value)} is not a number"
    try:
        number = float(value)
    except OverflowError:
        return "range", f"{shown(value)} does not fit a 64-bit float"
    if single and math.isfinite(number) and abs(number) >= MAX_FLOAT:
        return "range", f"{shown(value)} does not fit a 32-bit float"
    if isinstance(value, int) and number != value:
        return "precision", f"{shown(value)} would be rounded to {number!r}"
    return None


def _enum_problem(field: FieldDescriptor, value: Any) -> tuple[str, str] | None:
    enum = enum_of(field)
    if isinstance(value, str):
        if _is_utf8(value) and value in enum.values_by_name:
            return None
        names = ", ".join(list(enum.values_by_name)[:12]) + (", …" if len(enum.values) > 12 else "")
        return "enum", f"{shown(value)} is not a value of {enum.full_name} ({names})"
    if isinstance(value, bool) or not isinstance(value, int):
        return "type", f"{_typed(value)} is not a value of {enum.full_name}"
    if value not in enum.values_by_number and enum.is_closed:
        return "enum", f"{value} is not a value of the closed enum {enum.full_name}"
    low, high = _INTEGERS[_F.CPPTYPE_INT32]
    return None if low <= value <= high else ("range", f"{value} does not fit an enum")


def _wrong_type(path: str, value: Any, wanted: str) -> Violation:
    return Violation(path, "type", shown(value), f"{_typed(value)} is not {wanted}")


def _typed(value: Any) -> str:
    return "null" if value is None else f"{shown(value)} ({type(value).__name__})"
