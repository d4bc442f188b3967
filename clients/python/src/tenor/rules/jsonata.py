"""JSONata: reshapes a whole message. Bounded in time, depth and length, because nothing else would end some of them.

What JSON does not have (bytes, times, decimals) goes through as a token: an expression can move such a value, not look
into it. JSONata has one kind of number: 2.0 comes back as 2.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from secrets import token_hex
from typing import Any, Final

from tenor.errors import MissingExtra

TIMEOUT_MS: Final = 1000
MAX_DEPTH: Final = 500
MAX_SEQUENCE: Final = 1_000_000
MOST_KEPT: Final = 256
"""Compiled expressions of a thread."""

_own = threading.local()


def compile(text: str, timeout_ms: int = TIMEOUT_MS) -> Callable[[Any], Any]:
    """A function from message to result. Raises ValueError, and MissingExtra without the engine.

    The function raises ValueError where the expression breaks or runs out of time.
    """
    if not text.strip():
        raise ValueError("there is no expression")
    _own_evaluator(text, timeout_ms)  # what is no JSONata is told now

    def run(message: Any) -> Any:
        tokens: dict[str, Any] = {}
        prefix = f"tenor:{token_hex(8)}:"
        result = _own_evaluator(text, timeout_ms)(_told(message, tokens, prefix))
        return _meant(result, tokens) if tokens else result

    return run


def _own_evaluator(text: str, timeout_ms: int) -> Callable[[Any], Any]:
    """The compiled expression of this thread: the engine panics where another thread uses it, or lets go of it."""
    kept: dict[tuple[str, int], Callable[[Any], Any]] = _own.__dict__.setdefault("kept", {})
    if (found := kept.get((text, timeout_ms))) is not None:
        return found
    try:
        import jsonatapy
    except ImportError:
        raise MissingExtra(purpose="JSONata", package="jsonatapy", extra="rules") from None
    if len(kept) >= MOST_KEPT:
        kept.pop(next(iter(kept)))
    made: Callable[[Any], Any] = jsonatapy.compile(
        text, timeout=timeout_ms, max_stack_depth=MAX_DEPTH, max_sequence_length=MAX_SEQUENCE
    ).evaluate
    kept[text, timeout_ms] = made
    return made


def _told(value: Any, tokens: dict[str, Any], prefix: str) -> Any:
    match value:
        case None | bool() | str() | int() | float():
            return value
        case Mapping():
            return {key: _told(item, tokens, prefix) for key, item in value.items()}
        case tuple() if len(value) == 2 and isinstance(value[0], str):  # a named branch of an Avro union
            return _told(value[1], tokens, prefix)
        case list() | tuple():
            return [_told(item, tokens, prefix) for item in value]
    token = f"{prefix}{len(tokens)}"
    tokens[token] = value
    return token


def _meant(value: Any, tokens: Mapping[str, Any]) -> Any:
    match value:
        case str():
            return tokens.get(value, value)
        case dict():
            return {key: _meant(item, tokens) for key, item in value.items()}
        case list():
            return [_meant(item, tokens) for item in value]
    return value
