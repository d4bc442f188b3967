"""What people decided about a plan's open steps, by the path of the step.

    {"/postcode": "yes",                          the suggestion is right
     "/nickname": "no",                           it is not: derive it without
     "/tax_id":   {"from": "/vat_id"},            the source is this one
     "/source":   {"constant": "import"},
     "/level":    {"table": [["gold", 3]], "otherwise": 1},
     "/first":    {"custom": "shop.steps:first", "sha256": "…", "inputs": ["/full_name"]}}

A plan remembers what was decided (`Step.decision`), so that it can be derived again without losing anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from tenor.errors import InvalidPlan
from tenor.plans import Plan

Decision: TypeAlias = "str | Mapping[str, Any]"
Decisions: TypeAlias = Mapping[str, Decision]

YES, NO = "yes", "no"

_SHAPES = (
    ({"from"}, set[str]()),
    ({"constant"}, set[str]()),
    ({"table"}, {"from", "otherwise"}),
    ({"custom", "sha256", "inputs"}, set[str]()),
)


def checked(decisions: Decisions) -> Decisions:
    """The decisions, if each is one. Raises InvalidPlan, naming the path."""
    for path, decision in decisions.items():
        if decision in (YES, NO) if isinstance(decision, str) else _is_shaped(decision):
            continue
        raise InvalidPlan("a decision is yes, no, or an object with from, constant, table or custom", path)
    return decisions


def _is_shaped(decision: Any) -> bool:
    if not isinstance(decision, Mapping):
        return False
    names = set(decision)
    if not any(needed <= names <= needed | more for needed, more in _SHAPES):
        return False
    if "table" in decision:
        table = decision["table"]
        if not isinstance(table, list | tuple) or not all(isinstance(e, list | tuple) and len(e) == 2 for e in table):
            return False
    pointers = [decision["from"]] if "from" in decision else list(decision.get("inputs", ()))
    return all(isinstance(each, str) and each.startswith("/") for each in pointers)


def of_plan(plan: Plan) -> dict[str, Decision]:
    """The decisions a plan rests on."""
    return {step.path: step.decision for step in plan.steps if step.decision is not None}


def unused(plan: Plan, decisions: Decisions) -> tuple[str, ...]:
    """Paths that something was decided about and that the plan has no open or decided step at."""
    known = {step.path for step in plan.steps if step.decision is not None}
    return tuple(sorted(path for path in decisions if path not in known))
