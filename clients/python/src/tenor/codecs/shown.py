"""How an offending value is shown: short, on one line."""

from __future__ import annotations

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
