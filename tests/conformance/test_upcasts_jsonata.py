"""Plans as JSONata make what the interpreter makes: on the corpus, on a sample by default, whole with --full.

The engine is jsonata-python, the one of confluent-kafka. It has one type of number, so that values are compared as
numbers: 1 is 1.0, and whole numbers past 2**53 are as exact as floats.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Any

import jsonata  # type: ignore[import-untyped] # it has no types
import pytest

from tenor.errors import NotExpressible
from tenor.plans import interpret
from tenor.plans.emitters.jsonata import emit
from tenor.plans.nodes import Convert, Member, Plan, Record, Take
from tests.conformance.test_upcasts import PAIRS, derived, old_events, repr_of

EVENTS = 20


def as_numbers(value: Any) -> Any:
    """A value with its numbers as JavaScript has them."""
    if isinstance(value, dict):
        return {name: as_numbers(each) for name, each in value.items()}
    if isinstance(value, list):
        return list(map(as_numbers, value))
    return float(value) if type(value) is int else value


def evaluated(expression: str, event: Any) -> Any:
    """What jsonata-python makes of an event."""
    program = jsonata.Jsonata(expression)
    program.set_validate_input(False)  # it refuses bytes and dates as input; copied they must come out as they are
    return program.evaluate(event)


def test_the_expression_means_what_the_plan_means(full: bool) -> None:
    refused, compared, whole = Counter[str](), 0, 0
    for pair in PAIRS if full else [*PAIRS[:46], *PAIRS[46::5]]:
        old, new, plan = derived(pair)
        if plan.todos:
            continue
        whole += 1
        try:
            expression = emit(plan, unconfirmed=True)
        except NotExpressible as error:
            refused[error.data["reason"] if error.data["path"] else ""] += 1
            continue
        for event in islice(old_events(old, new, 7), EVENTS):
            expected = repr_of(as_numbers(interpret(plan, event)))
            assert repr_of(as_numbers(evaluated(expression, event))) == expected, (pair.id, event, expression)
            compared += 1
    assert compared > 1000
    assert refused.total() < whole / 8, refused
    assert "" not in refused  # each names its path


@pytest.mark.parametrize(
    ("conversion", "by", "reason"),
    [
        ("int", [-(2**63), 2**63 - 1], r"a computed whole number could be larger than 2\*\*53"),
        ("text", None, "the text of a number differs between int and float"),
        ("datetime", "millis", "dates, times, decimals, UUIDs and bytes are copied, not computed"),
        ("bytes_to_text", None, "dates, times, decimals, UUIDs and bytes are copied, not computed"),
        ("text_to_bytes", None, "dates, times, decimals, UUIDs and bytes are copied, not computed"),
        ("float32", None, "there are no numbers of single precision"),
    ],
)
def test_what_javascript_cannot_hold_is_refused_by_name(conversion: str, by: Any, reason: str) -> None:
    plan = Plan("AVRO", Record((Member("total", Convert(Take(("total",)), conversion, by)),)))
    with pytest.raises(NotExpressible, match=f"cannot be written as JSONata: /total: {reason}"):
        emit(plan)
