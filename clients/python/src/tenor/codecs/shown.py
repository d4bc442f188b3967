"""Looking at events of any size and depth without being hurt: how a value is shown, how deep it nests."""

from __future__ import annotations

from collections.abc import Mapping
from reprlib import Repr
from typing import Any, Final

_repr: Final = Repr()
_repr.maxstring = _repr.maxother = 60
_repr.maxdict = _repr.maxlist = _repr.maxtuple = 4
_repr.maxlevel = 3


def shown(value: Any) -> str:
    """A value, cut to some 60 characters; never costs more than that, however large the value is.

    >>> shown("x" * 1000)
    "'xxxxxxxxxxxxxxxxxxxxxxxxxxxx...xxxxxxxxxxxxxxxxxxxxxxxxxxxxx'"
    """
    if value is None:
        return "null"
    if isinstance(value, bytes | bytearray | memoryview):
        return repr(bytes(value[:20])) + (f"… ({len(value)} bytes)" if len(value) > 20 else "")
    if isinstance(value, int) and value.bit_length() > 512:
        return f"an integer of {value.bit_length()} bits"
    return _repr.repr(value)


def nests_deeper(event: Any, limit: int) -> bool:
    """Whether containers nest deeper than `limit`. Walks without recursion; a cycle counts as too deep."""
    level = [event] if isinstance(event, Mapping | list | tuple) else []
    for _ in range(limit + 1):
        level = [
            item
            for container in level
            for item in (container.values() if isinstance(container, Mapping) else container)
            if isinstance(item, Mapping | list | tuple)
        ]
        if not level:
            return False
    return True


def pointer(*path: str | int) -> str:
    """A JSON pointer."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
