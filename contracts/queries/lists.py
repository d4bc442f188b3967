"""Lists of values in statements. Lengths are rounded up to powers of two: statements repeat and stay prepared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Parameters = dict[str, Any]


def one_of(name: str, values: Iterable[Any]) -> tuple[str, Parameters]:
    """`(:name0, :name1, …)` for `column IN`, with its parameters; a list that holds nothing for no values."""
    listed = _padded(list(values))
    if not listed:
        return "(NULL)", {}
    names = [f"{name}{index}" for index in range(len(listed))]
    return f"({', '.join(f':{each}' for each in names)})", dict(zip(names, listed, strict=True))


def rows_of(name: str, rows: Iterable[Sequence[Any]]) -> tuple[str, Parameters]:
    """`VALUES (:name0_0, :name0_1), …` with its parameters. `rows` must not be empty."""
    texts: list[str] = []
    parameters: Parameters = {}
    for index, row in enumerate(_padded(list(rows))):
        names = [f"{name}{index}_{column}" for column in range(len(row))]
        texts.append(f"({', '.join(f':{each}' for each in names)})")
        parameters.update(zip(names, row, strict=True))
    return f"VALUES {', '.join(texts)}", parameters


def _padded(listed: list[Any]) -> list[Any]:
    """The list with its last value repeated up to the next power of two."""
    if not listed:
        return listed
    return listed + [listed[-1]] * ((1 << (len(listed) - 1).bit_length()) - len(listed))


def contains(text: str) -> str:
    """A LIKE pattern (with ESCAPE '!') for everything that contains a text."""
    escaped = text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"%{escaped}%"
