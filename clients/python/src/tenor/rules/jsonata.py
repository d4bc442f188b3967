"""JSONata: reshapes a whole message. Bounded in time, depth and length, because nothing else would end some of them.

What JSON does not have (bytes, times, decimals) goes through as a token: an expression can move such a value, not look
into it. JSONata has one kind of number: 2.0 comes back as 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from secrets import token_hex
from typing import Any, Final

from tenor.errors import MissingExtra

TIMEOUT_MS: Final = 1000
MAX_DEPTH: Final = 500
MAX_SEQUENCE: Final = 1_000_000


def compile(text: str, timeout_ms: int = TIMEOUT_MS) -> Callable[[Any], Any]:
    """A function from message to result. Raises ValueError, and MissingExtra without the engine.

    The function raises ValueError where the expression breaks or runs out of time.
    """
    try:
        import jsonatapy
    except ImportError:
        raise MissingExtra(purpose="JSONata", package="jsonatapy", extra="rules") from None
    if not text.strip():
        raise ValueError("there is no expression")
    evaluate = jsonatapy.compile(
        text, timeout=timeout_ms, max_stack_depth=MAX_DEPTH, max_sequence_length=MAX_SEQUENCE
    ).evaluate

    def run(message: Any) -> Any:
        tokens: dict[str, Any] = {}
        prefix = f"tenor:{token_hex(8)}:"
        result = evaluate(_told(message, tokens, prefix))
        return _meant(result, tokens) if tokens else result

    return run


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
