"""Plans as JSON: read with every rule checked, written one way only, named by their hash.

Whatever is read here may come from anybody: what passes `check` can be interpreted and compiled safely.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any, Final

import msgspec

from tenor.errors import InvalidPlan, PlanTooLarge
from tenor.plans import limits
from tenor.plans.conversions import CONVERSIONS
from tenor.plans.nodes import (
    At,
    Choose,
    Constant,
    Convert,
    Custom,
    Node,
    Plan,
    Record,
    Split,
    Table,
    Test,
    may_be_absent,
)
from tenor.plans.values import TYPES, decode

LONGEST: Final = 4_000_000
"""Bytes of a plan's text."""

MOST_STEPS: Final = 20_000

_FUNCTION: Final = re.compile(r"[A-Za-z_]\w{0,99}(\.[A-Za-z_]\w{0,99}){0,9}:[A-Za-z_]\w{0,99}", re.ASCII)
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_POINTER: Final = re.compile(r"(/[^/]*)*")
_SCALARS: Final = (str, int, float, bool, type(None))
_decoder: Final = msgspec.json.Decoder(Plan)
_encoder: Final = msgspec.json.Encoder(order="sorted")


def loads(text: bytes | str) -> Plan:
    """Read a plan. Raises InvalidPlan, PlanTooLarge."""
    if len(text) > LONGEST:
        raise PlanTooLarge(f"its text is longer than {LONGEST} bytes")
    try:
        plan = _decoder.decode(text)
    except RecursionError:
        raise PlanTooLarge("it is nested too deeply") from None
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeError) as error:
        raise InvalidPlan(_said(error)) from None
    return check(plan)


def from_data(data: Any) -> Plan:
    """Read a plan from JSON data already parsed. Raises InvalidPlan, PlanTooLarge."""
    try:
        plan = msgspec.convert(data, Plan)
    except RecursionError:
        raise PlanTooLarge("it is nested too deeply") from None
    except msgspec.ValidationError as error:
        raise InvalidPlan(_said(error)) from None
    return check(plan)


def dumps(plan: Plan) -> bytes:
    """The canonical text: members sorted, no white space, defaults left out. Equal plans have equal texts."""
    return _encoder.encode(plan)


def to_data(plan: Plan) -> Any:
    """The plan as JSON data."""
    return msgspec.to_builtins(plan, order="sorted")


def plan_hash(plan: Plan) -> str:
    """The name of a plan: SHA-256 of its canonical text, in hex."""
    return sha256(dumps(plan)).hexdigest()


def _said(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else text[:200] + "…"


def check(plan: Plan) -> Plan:
    """The plan itself, if it keeps every rule. Raises InvalidPlan, PlanTooLarge."""
    if len(plan.steps) > MOST_STEPS:
        raise PlanTooLarge(f"it has more than {MOST_STEPS} steps", "/steps")
    for index, step in enumerate(plan.steps):
        for path in (step.path, *step.sources):
            if not _POINTER.fullmatch(path):
                raise InvalidPlan(f"'{path[:40]}' is no JSON pointer", f"/steps/{index}")
        if (step.certainty == "todo") != (step.kind == "todo"):
            raise InvalidPlan("a todo is of kind and certainty todo", f"/steps/{index}")
    try:
        for at, node in limits.nodes(plan):
            _check_node(node, at)
        limits.check_recursion(plan)
        for name, part in (("/root", plan.root), *((f"/parts/{name}", part) for name, part in plan.parts.items())):
            if may_be_absent(part):
                raise InvalidPlan("the value of a plan or of a part may not be absent", name)
        limits.check_growth(plan)
    except RecursionError:
        raise PlanTooLarge("it is nested too deeply") from None
    return plan


def _check_node(node: Node, at: str) -> None:
    match node:
        case Constant():
            decode(node.value, at)
        case Convert():
            row = CONVERSIONS.get(node.to)
            if row is None:
                raise InvalidPlan(f"there is no conversion '{node.to[:40]}'", at)
            if not row.argument(node.by):
                raise InvalidPlan(f"the argument of '{node.to}' is not one it takes", at)
        case Record():
            names = [member.name for member in node.members]
            if len(set(names)) != len(names):
                raise InvalidPlan("two members have one name", at)
        case Choose():
            for index, case in enumerate(node.cases):
                _check_test(case.test, f"{at}/cases/{index}/test")
        case Table():
            for key, value in node.entries:
                if not isinstance(key, _SCALARS):
                    raise InvalidPlan("a table's keys are texts, numbers, booleans or null", at)
                decode(value, at)
        case At():
            if not 0 <= node.index <= 10**6:
                raise InvalidPlan("an index is from 0 to 1000000", at)
        case Split():
            if not (0 <= node.at < node.parts <= 100 and 1 <= len(node.separator) <= 100):
                raise InvalidPlan("split: 0 <= at < parts <= 100, and a separator of 1 to 100 characters", at)
        case Custom():
            if not _FUNCTION.fullmatch(node.function):
                raise InvalidPlan("a custom step is named package.module:function", at)
            if not _HASH.fullmatch(node.sha256):
                raise InvalidPlan("the hash of a custom step has 64 digits", at)
        case _:
            return


def _check_test(test: Test, at: str) -> None:
    if test.type and test.type not in TYPES:
        raise InvalidPlan(f"there is no type '{test.type[:40]}'", at)
    if any(not isinstance(each.value, _SCALARS) for each in test.equals):
        raise InvalidPlan("a discriminator is a text, a number, a boolean or null", at)
