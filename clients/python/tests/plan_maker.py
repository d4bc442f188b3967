"""Random plans and random events, small enough that paths meet: the same seed gives the same pair."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from tenor.errors import PlanError
from tenor.plans import Plan, check
from tenor.plans.nodes import (
    Absent,
    Array,
    At,
    Call,
    Case,
    Choose,
    Constant,
    Convert,
    Equal,
    Items,
    Map,
    Member,
    Merge,
    Node,
    Optional,
    Record,
    Rest,
    Split,
    Table,
    Take,
    Test,
    Within,
)

KEYS = ("a", "b", "c", "it", "x-y", "'\"\\")
SCALARS: list[Any] = [None, True, False, 0, 1, -7, 2**63, 1.0, 1.5, "", "a", "a b c", "2026-01-02", b"\xff", b"a"]
SCALARS += [datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), date(2026, 1, 2), Decimal("1.50"), UUID(int=1)]
_CONSTANTS: list[Any] = [None, True, 0, 1, 1.5, "a", [], {}, [1, {"a": "b"}], {"$bytes": "AQI="}]
_CONVERSIONS: list[tuple[str, Any]] = [
    *(("float", None), ("float32", None), ("int", [-100, 100]), ("clamp", [0, 5]), ("scale", [1, 100])),
    *(("boolean_to_int", None), ("int_to_boolean", None), ("text", None), ("text_to_int", [-9, 9])),
    *(("text_to_bytes", None), ("bytes_to_text", None), ("truncate", 1), ("datetime", "millis")),
    *(("from_datetime", "micros"), ("text_to_date", None), ("text_to_datetime", None), ("decimal_scale", 1)),
    *(("decimal_to_float", None), ("datetime_to_date", None), ("date_to_datetime", None), ("decimal", 2)),
]
_TYPES = ("", "null", "string", "int", "number", "boolean", "array", "object", "datetime")


class Maker:
    """Makes plans and events of one seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.parts = False

    def plan(self) -> Plan:
        """A plan that passes the check; it fails on many events, each in its own way."""
        while True:
            self.parts = self.random.random() < 0.3
            parts = {"p": self.node(3), "q": self.node(2)} if self.parts else {}
            plan = Plan("JSON", self.node(self.random.choice((2, 3, 4))), parts)
            try:
                return check(plan)
            except PlanError:
                continue

    def event(self) -> Any:
        return {key: self.value(3) for key in KEYS if self.random.random() < 0.8}

    def value(self, depth: int) -> Any:
        draw = self.random.random()
        if depth == 0 or draw < 0.5:
            return self.random.choice(SCALARS)
        if draw < 0.7:
            return [self.value(depth - 1) for _ in range(self.random.randrange(4))]
        return {key: self.value(depth - 1) for key in KEYS if self.random.random() < 0.6}

    def path(self) -> tuple[str, ...]:
        return tuple(self.random.choice(KEYS) for _ in range(self.random.choice((0, 1, 1, 1, 2))))

    def some(self, make: Callable[[], Any], most: int) -> tuple[Any, ...]:
        return tuple(make() for _ in range(self.random.randint(0, most)))

    def key(self) -> str:
        return self.random.choice(KEYS)

    def node(self, depth: int) -> Node:
        if depth == 0 or self.random.random() < 0.25:
            return self.leaf()
        inner = depth - 1
        kind = self.random.randrange(14 if self.parts else 13)
        if kind <= 1:
            rest = Rest(self.some(self.key, 2), self.random.choice((Take(), self.node(inner)))) if kind else None
            names = self.random.sample(KEYS, self.random.randint(0, 4))
            return Record(tuple(Member(name, self.node(inner)) for name in names), rest)
        if kind == 2:
            otherwise = self.node(inner) if self.random.random() < 0.3 else None
            return Convert(self.node(inner), *self.random.choice(_CONVERSIONS), otherwise)
        if kind == 3:
            when: Any = self.random.choice(("null", "absent", "nothing"))
            return Optional(self.node(inner), self.node(inner), self.random.choice((Take(), self.node(inner))), when)
        if kind == 4:
            cases = self.some(lambda: Case(self.test(), self.node(inner)), 2)
            return Choose(self.node(inner), cases, self.random.choice((None, self.node(inner))))
        if kind == 5:
            keys = self.random.sample(["a", "", 1, True, None, "a b c"], self.random.randint(0, 3))
            keys = [each for each in keys if isinstance(each, str)] if self.random.random() < 0.5 else keys
            entries = tuple((key, self.random.choice(_CONSTANTS)) for key in keys)
            return Table(self.node(inner), entries, self.random.choice((None, Take(), self.node(inner))))
        if kind == 6:
            return Array(self.node(inner), self.node(inner))
        if kind == 7:
            return Map(self.node(inner), self.node(inner))
        if kind == 8:
            return Items(self.some(lambda: self.node(inner), 3))
        if kind == 9:
            return At(self.node(inner), self.random.randrange(3))
        if kind == 10:
            return Split(self.node(inner), self.random.choice((" ", "-")), self.random.randrange(2), 2)
        if kind == 11:
            return Merge(self.some(lambda: self.node(inner), 3), " ")
        if kind == 12:
            return Within(self.node(inner), self.node(inner))
        return Call(self.random.choice(("p", "q")), self.node(inner))

    def leaf(self) -> Node:
        draw = self.random.random()
        if draw < 0.7:
            return Take(self.path(), self.random.random() < 0.4)
        return Constant(self.random.choice(_CONSTANTS)) if draw < 0.95 else Absent()

    def test(self) -> Test:
        return Test(
            self.random.choice(_TYPES),
            self.some(self.key, 1),
            self.some(self.key, 1),
            self.some(lambda: Equal(self.path(), self.random.choice(("a", 1, True, None))), 1),
        )
