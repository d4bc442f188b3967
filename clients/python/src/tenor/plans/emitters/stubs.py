"""What upcasters written as Python call, and what keeps an unfinished one from being imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

from tenor.errors import UnsettledPlan
from tenor.plans.interpreter import dig
from tenor.plans.values import ABSENT, decode, key, same

__all__ = ["ABSENT", "agreed", "at", "attempt", "dig", "fail", "look", "piece", "same", "todo"]

Function = TypeVar("Function", bound=Callable[..., Any])


def todo(path: str, reason: str) -> Callable[[Function], Function]:
    """Marks a step to be written: raises UnsettledPlan, at import, until the mark is taken off."""
    raise UnsettledPlan([(path, reason)])


def agreed(decisions: Mapping[str, Any], made_with: Mapping[str, Any]) -> None:
    """Raises UnsettledPlan, at import, where DECISIONS do not say what the module was made with.

    A suggestion nobody answered was made as if it said yes.
    """
    if others := [path for path, made in made_with.items() if decisions.get(path) != made]:
        raise UnsettledPlan([(path, "say yes to what is suggested, or decide and generate again") for path in others])


def fail(reason: str) -> NoReturn:
    """An event that the plan has no way for. Raises ValueError."""
    raise ValueError(reason)


def attempt(conversion: Callable[..., Any], value: Any, by: Any = None) -> Any:
    """A conversion's result, or ABSENT where it refuses the value."""
    try:
        return conversion(value, by)
    except ValueError:
        return ABSENT


def at(values: list[Any], index: int) -> Any:
    """An item of a list, or ABSENT."""
    return values[index] if index < len(values) else ABSENT


def piece(text: str, separator: str, index: int, parts: int) -> str:
    """A piece of a text cut into at most so many parts; empty where there are fewer."""
    pieces = text.split(separator, parts - 1)
    return pieces[index] if index < len(pieces) else ""


def look(entries: tuple[tuple[Any, Any], ...], value: Any) -> Any:
    """A value looked up as value tables do (true is not 1), made fresh; or ABSENT."""
    wanted = key(value)
    return next((decode(found) for entry, found in entries if wanted is not None and key(entry) == wanted), ABSENT)
