"""What a plan becomes in another language makes what the plan makes: P8."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from registry.proving.events import as_text
from tenor.errors import MissingExtra, NotExpressible
from tenor.plans import Plan
from tenor.plans.emitters import jsonata
from tenor.rules.jsonata import compile as evaluator

_EXACT: Final = 2**53
_MOST: Final = 200
"""Events: JSONata costs a hundred times what the compiled plan does."""


def as_jsonata(plan: Plan) -> Callable[[Any, Any], str] | str:
    """What the plan's JSONata makes else of an event than the plan does, empty if nothing; or why it is not tried.

    JSONata has one kind of number, so that 1 is 1.0 and 0 is -0.0; events with whole numbers that it cannot hold are
    not compared.
    """
    try:
        run = evaluator(jsonata.emit(plan, unconfirmed=True))
    except (NotExpressible, MissingExtra) as error:
        return str(error)
    tried = 0

    def check(event: Any, made: Any) -> str:
        nonlocal tried
        if tried >= _MOST or _is_past(event) or _is_past(made):
            return ""
        tried += 1
        try:
            other = run(event)
        except ValueError as error:
            return f"its JSONata fails: {error}"
        return "" if as_text(_numbers(other)) == as_text(_numbers(made)) else "its JSONata makes something else"

    return check


def _is_past(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_is_past, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_is_past, value))
    return type(value) is int and abs(value) > _EXACT


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _numbers(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return list(map(_numbers, value))
    return float(value) + 0.0 if type(value) in (int, float) else value
