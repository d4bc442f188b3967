"""Values and sentences as Python writes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from tenor.plans.emitters.code import Lines, indented


def quoted(text: str) -> str:
    made = repr(text)
    plain = made.startswith("'") and '"' not in made and "\\" not in made
    return f'"{made[1:-1]}"' if plain else made


def path_tuple(path: Sequence[str]) -> str:
    return f"({', '.join(map(quoted, path))}{',' if len(path) == 1 else ''})"


def in_words(sentence: str) -> str:
    """A sentence fit for a comment or docstring."""
    return " ".join(sentence.replace("\\", "/").replace('"', "'").split())


def literal(value: Any) -> str:
    """A value of an event as Python writes it."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{literal(name)}: {literal(each)}' for name, each in value.items())}}}"
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, datetime | date | time):
        return f'{type(value).__name__}.fromisoformat("{value.isoformat()}")'
    if isinstance(value, bytes) and b'"' not in value and b"'" not in value:
        return f'b"{repr(value)[2:-1]}"'
    if isinstance(value, Decimal | UUID):
        return f'{type(value).__name__}("{value}")'
    return repr(value)


def spread(head: str, value: Any, tail: str = "") -> Lines:
    """A literal on one line, or with an entry a line where it is long."""
    whole = f"{head}{literal(value)}{tail}"
    if len(whole) <= 120 or not value or not isinstance(value, list | dict):
        return [whole]
    if isinstance(value, dict):
        entries = [line for key, each in value.items() for line in spread(f"{literal(key)}: ", each, ",")]
        return [head + "{", *indented(entries, "    "), "}" + tail]
    entries = [line for each in value for line in spread("", each, ",")]
    return [head + "[", *indented(entries, "    "), "]" + tail]
