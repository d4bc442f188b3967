"""What stands at a path of an event, and copies of the event with something else there. Pure.

changed({"lines": [{"sku": "a"}]}, ["lines", "*", "sku"], None)      {"lines": [{"sku": None}]}
erased_at({"email": "ada@example.org"}, ["email"])                  {"email": "[erased]"}, {"email"}, False
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Final

from tenor.testing.watching import ITEM

PLACEHOLDER: Final = "[erased]"
"""The text that stands in for an erased one (`tenor.sealing.executor.SENTINEL`, which needs extras)."""


def of_schema(path: str, known: frozenset[str]) -> str:
    """A touched path as the schema writes it: `/prices/EUR` is `/prices/*` where prices is a map."""
    done = ""
    for step in path.split("/")[1:]:
        items = f"{done}/{ITEM}"
        is_map = items in known or any(each.startswith(f"{items}/") for each in known)
        done = items if is_map and f"{done}/{step}" not in known else f"{done}/{step}"
    return done


def leaves(event: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of an event that is no container, with its path."""
    if isinstance(event, Mapping):
        for key, value in event.items():
            yield from leaves(value, f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(event, list):
        for value in event:
            yield from leaves(value, f"{path}/{ITEM}")
    else:
        yield path, event


def found(event: Any, steps: Sequence[str]) -> Iterator[Any]:
    """The values at a path; `*` goes into each item."""
    if not steps:
        yield event
        return
    for _, value in _members(event, steps[0]):
        yield from found(value, steps[1:])


_ZEROS: Final[Sequence[tuple[type, Any]]] = (
    (str, PLACEHOLDER),
    (bool, False),
    (int, 0),
    (float, 0.0),
    (bytes, b""),
    (Decimal, Decimal(0)),
    (datetime, datetime(1970, 1, 1, tzinfo=UTC)),
    (date, date(1970, 1, 1)),
    (time, time()),
)
"""What stands in for erased values of a type, the narrower type first."""


def erased_at(event: Any, steps: Sequence[str]) -> tuple[Any, set[str], bool]:
    """A copy of the event with what is left of the erased values at a path, and at which paths they are.

    Containers are not sealed, what is inside them is: the third answer says whether that was erased. Null has nothing
    to seal, and what is erased already stays so. Paths are those of `Event.erased`: names with dots.
    """
    paths: set[str] = set()
    whole = False

    def left(value: Any, path: tuple[str, ...]) -> Any:
        nonlocal whole
        if isinstance(value, Mapping):
            whole = True
            return {key: left(each, (*path, str(key))) for key, each in value.items()}
        if isinstance(value, list):
            whole = True
            return [left(each, path) for each in value]
        zero = next((zero for kind, zero in _ZEROS if isinstance(value, kind)), None)
        if zero is None or value == PLACEHOLDER:
            return value
        paths.add(".".join(path))
        return zero.replace(tzinfo=value.tzinfo) if isinstance(value, datetime) else zero

    named = tuple(step.replace("~1", "/").replace("~0", "~") for step in steps if step != ITEM)
    return _mapped(event, steps, lambda value: left(value, named)), paths, whole


def changed(event: Any, steps: Sequence[str], value: Any, *, remove: bool = False) -> Any:
    """A copy of the event with another value at a path, everywhere it leads to, or without it."""
    return _mapped(event, steps, lambda _old: copy.deepcopy(value), remove=remove)


def _mapped(event: Any, steps: Sequence[str], change: Callable[[Any], Any], *, remove: bool = False) -> Any:
    if not steps:
        return change(event)
    step, *rest = steps
    keys = [key for key, _ in _members(event, step)]
    if isinstance(event, Mapping):
        copied: Any = dict(event)
    elif isinstance(event, list):
        copied = list(event)
    else:
        copied = copy.copy(event)
    for key in keys:
        if rest:
            _put(copied, key, _mapped(_take(event, key), rest, change, remove=remove))
        elif remove and isinstance(copied, dict):
            del copied[key]
        else:
            _put(copied, key, change(_take(event, key)))
    return copied


def json_type(value: Any) -> str | None:
    """The JSON type of a decoded value; None for null."""
    match value:
        case None:
            return None
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case Mapping():
            return "object"
        case list() | tuple():
            return "array"
    return "string"  # texts, bytes as base64, dates, decimals


def _members(event: Any, step: str) -> Iterable[tuple[Any, Any]]:
    name = step.replace("~1", "/").replace("~0", "~")
    if isinstance(event, Mapping):
        return [(key, value) for key, value in event.items() if name in (key, ITEM)]
    if isinstance(event, list):
        return list(enumerate(event)) if name == ITEM else []
    if hasattr(event, name):
        return [(name, getattr(event, name))]
    return []


def _take(event: Any, key: Any) -> Any:
    return event[key] if isinstance(event, Mapping | list) else getattr(event, key)


def _put(event: Any, key: Any, value: Any) -> None:
    if isinstance(event, dict | list):
        event[key] = value
        return
    try:
        object.__setattr__(event, key, value)  # frozen dataclasses too: it is our own copy
    except TypeError:
        import msgspec

        msgspec.structs.force_setattr(event, key, value)
