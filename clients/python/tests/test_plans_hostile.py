"""Plans from anybody: what is no plan is refused with the place, what is one ends and stays small."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from plan_maker import Maker

from tenor.errors import InvalidPlan, PlanError, PlanTooLarge, TenorError, UnsettledPlan, UpcastFailed
from tenor.plans import Plan, check, compile_plan, dumps, from_data, interpret, loads, plan_hash
from tenor.plans.compiler import source_of
from tenor.plans.fusion import fuse
from tenor.plans.nodes import (
    SCOPE,
    Array,
    At,
    Call,
    Constant,
    Convert,
    Custom,
    Items,
    Member,
    Node,
    Optional,
    Record,
    Split,
    Step,
    Table,
    Take,
    Todo,
    Within,
)

ROOT: dict[str, Any] = {"kind": "record"}


def nested(depth: int) -> Node:
    node: Node = SCOPE
    for _ in range(depth):
        node = Items((node,))
    return node


def doubling(levels: int) -> dict[str, Node]:
    parts: dict[str, Node] = {
        f"p{level}": Items((Call(f"p{level + 1}"), Call(f"p{level + 1}"))) for level in range(levels)
    }
    return {**parts, f"p{levels}": Record()}


def discarded(levels: int) -> dict[str, Node]:
    """Twice as much work with every level, and nothing to show for it."""
    parts: dict[str, Node] = {
        f"p{level}": Optional(Call(f"p{level + 1}"), Call(f"p{level + 1}")) for level in range(levels)
    }
    return {**parts, f"p{levels}": Constant(None)}


A = Take(("a",))
REFUSED: list[tuple[str, Any, type[PlanError], str]] = [
    ("no plan", [], InvalidPlan, ""),
    ("no root", {"format": "AVRO"}, InvalidPlan, "root"),
    ("another version", {"format": "AVRO", "root": ROOT, "ir": 2}, InvalidPlan, "ir"),
    ("unknown node", {"format": "AVRO", "root": {"kind": "exec"}}, InvalidPlan, "exec"),
    ("unknown field", {"format": "AVRO", "root": {"kind": "record", "code": "x"}}, InvalidPlan, "code"),
    ("path of numbers", {"format": "AVRO", "root": {"kind": "take", "path": [1]}}, InvalidPlan, "path"),
    ("conversion", Plan("AVRO", Convert(A, "eval")), InvalidPlan, "no conversion 'eval'"),
    ("argument", Plan("AVRO", Convert(A, "int", [5, 1])), InvalidPlan, "argument of 'int'"),
    ("argument of none", Plan("AVRO", Convert(A, "float", "os")), InvalidPlan, "argument of 'float'"),
    ("huge scale", Plan("AVRO", Convert(A, "decimal", 10**9)), InvalidPlan, "argument of 'decimal'"),
    ("bad constant", Plan("AVRO", Constant({"$bytes": "!"})), InvalidPlan, "is no bytes"),
    ("bad mark", Plan("AVRO", Constant({"$eval": "1"})), InvalidPlan, "marks no constant"),
    ("mixed mark", Plan("AVRO", Constant({"a": 1, "$bytes": ""})), InvalidPlan, "marks no constant"),
    ("infinite", Plan("AVRO", Constant({"$float": "1e9"})), InvalidPlan, "is no float"),
    ("two members", Plan("AVRO", Record((Member("a", A), Member("a", A)))), InvalidPlan, "one name"),
    ("table of lists", Plan("AVRO", Table(A, (([1], 2),))), InvalidPlan, "table's keys"),
    ("index", Plan("AVRO", Optional(At(A, -1), A)), InvalidPlan, "an index is"),
    ("split", Plan("AVRO", Split(A, "", 0, 2)), InvalidPlan, "split"),
    ("split parts", Plan("AVRO", Split(A, " ", 5, 2)), InvalidPlan, "split"),
    ("absent whole", Plan("AVRO", Take(("a",), True)), InvalidPlan, "may not be absent"),
    ("no part", Plan("AVRO", Call("x")), InvalidPlan, "no part 'x'"),
    ("function", Plan("AVRO", Custom("os.system", "0" * 64, ())), InvalidPlan, "package.module:function"),
    ("function code", Plan("AVRO", Custom("a:b;import os", "0" * 64, ())), InvalidPlan, "package.module:function"),
    ("hash", Plan("AVRO", Custom("a:b", "0", ())), InvalidPlan, "64 digits"),
    ("pointer", Plan("AVRO", A, steps=(Step("copy", "certain", "a", "s"),)), InvalidPlan, "no JSON pointer"),
    ("todo kind", Plan("AVRO", A, steps=(Step("todo", "certain", "/a", "s"),)), InvalidPlan, "kind and certainty"),
    ("deep", Plan("AVRO", nested(70)), PlanTooLarge, "deeper than 64"),
    ("wide", Plan("AVRO", Items((SCOPE,) * 6000)), PlanTooLarge, "more than 5000 nodes"),
    ("copies", Plan("AVRO", Items((SCOPE,) * 100)), PlanTooLarge, "grow 100 times"),
    ("copies of copies", Plan("AVRO", Within(Items((SCOPE,) * 9), Items((SCOPE,) * 9))), PlanTooLarge, "grow 81"),
    ("constant per item", Plan("AVRO", Array(A, Constant([0] * 100))), PlanTooLarge, "could grow"),
    ("many constants", Plan("AVRO", Constant(["x" * 64] * 100_000)), PlanTooLarge, "add 2"),
    ("doubling", Plan("AVRO", Call("p0"), doubling(30)), PlanTooLarge, "could"),
    ("work", Plan("AVRO", Call("p0"), discarded(30)), PlanTooLarge, "steps for one value"),
    ("for ever", Plan("AVRO", Call("p"), {"p": Call("p")}), InvalidPlan, "without going into"),
    ("in turns", Plan("AVRO", Call("p"), {"p": Call("q"), "q": Call("p")}), InvalidPlan, "without going into"),
    (
        "on its output",
        Plan("AVRO", Call("p"), {"p": Within(Record((Member("a", SCOPE),)), Call("p", A))}),
        InvalidPlan,
        "without going into",
    ),
    (
        "twice",
        Plan("AVRO", Call("p"), {"p": Items((Call("p", A), Call("p", A)))}),
        PlanTooLarge,
        "part of the event twice",
    ),
    (
        "twice in turns",
        Plan("AVRO", Call("p"), {"p": Items((Call("q", A), Call("q", A))), "q": Call("p", A)}),
        PlanTooLarge,
        "part of the event twice",
    ),
]


@pytest.mark.parametrize(("plan", "error", "said"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_breaks_the_rules_is_refused(plan: Any, error: type[PlanError], said: str) -> None:
    read: Callable[[Any], Plan] = check if isinstance(plan, Plan) else from_data
    with pytest.raises(error) as caught:
        read(plan)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 700


def test_text_that_is_no_plan_is_refused() -> None:
    for text in (
        b"",
        b"{",
        b"null",
        b"\xff\xfe",
        "\ud800",
        "[" * 100_000,
        '{"format":"AVRO","root":' + '{"kind":"items","items":[' * 50_000,
    ):
        with pytest.raises(PlanError):
            loads(text)
    with pytest.raises(PlanTooLarge):
        loads(b" " * 5_000_000)


def mutated(random: Random, data: Any) -> Any:
    """A plan's data with one place changed."""
    if isinstance(data, dict) and data and random.random() < 0.85:
        name = random.choice(list(data))
        return {**data, name: mutated(random, data[name])}
    if isinstance(data, list) and data and random.random() < 0.85:
        index = random.randrange(len(data))
        return [mutated(random, each) if at == index else each for at, each in enumerate(data)]
    strange: list[Any] = [None, True, -1, 10**30, 1e308, "", "a", "__class__", [], {}, [[]], {"kind": "take"}]
    strange += [
        {"kind": "call", "name": "p"},
        {"kind": "todo", "reason": "x"},
        {"$bytes": 1},
        "it); import os",
        "'\"\\\n{}",
    ]
    return random.choice(strange)


def test_plans_with_one_thing_changed_are_refused_or_run() -> None:
    """Whatever is done to a plan's JSON: a typed error, or a plan that compiles and means what it means."""
    random = Random(1)
    refused = ran = 0
    for seed in range(600):
        maker = Maker(seed)
        data = json.loads(dumps(maker.plan()))
        changed = mutated(random, data)
        try:
            plan = loads(json.dumps(changed))
            upcast = compile_plan(plan)
        except TenorError:
            refused += 1
            continue
        event = maker.event()
        with suppress(UpcastFailed):
            assert repr(upcast(event)) == repr(interpret(plan, event))
        ran += 1
    assert refused > 100
    assert ran > 100


def test_names_of_a_schema_are_never_code() -> None:
    names = ("');raise SystemExit(1)#", "{x}", "it", "\n", "\\", "\ud800", "a" * 1000, "\x00", '"""')
    plan = Plan("JSON", Record(tuple(Member(name, Take((name,))) for name in names)))
    event = {name: index for index, name in enumerate(names)}
    assert compile_plan(plan)(event) == event
    source = source_of(plan)
    assert source.count("\n") == 2


@pytest.mark.parametrize("depth", [10, 40, 62])
def test_a_plan_as_deep_as_allowed_runs(depth: int) -> None:
    plan = check(Plan("JSON", nested(depth)))
    found = compile_plan(plan)(1)
    for _ in range(depth):
        found = found[0]
    assert found == 1
    branches: Node = SCOPE
    for _ in range(depth):
        branches = Optional(SCOPE, Record((Member("a", SCOPE),)), branches)
    assert compile_plan(Plan("JSON", branches))(5) == 5


def test_an_event_nested_too_deeply_fails_and_says_so() -> None:
    plan = Plan(
        "JSON", Call("p"), {"p": Record((Member("a", Optional(Take(("a",), True), Constant(1), Call("p"), "absent")),))}
    )
    event: Any = {}
    for _ in range(50_000):
        event = {"a": event}
    with pytest.raises(UpcastFailed, match="nested too deeply"):
        compile_plan(plan)(event)
    while event:  # taken apart by hand: freeing it would recurse, too
        event = event.pop("a", None)


FAILS: list[tuple[Node, Any, str, str]] = [
    (Record((Member("b", A),)), {}, "/b", "the old event has no 'a'"),
    (Record((Member("b", A),)), [], "/b", "'a' is looked for in array"),
    (Record((Member("b", Convert(A, "text_to_int", [0, 9])),)), {"a": "x"}, "/b", "no whole number"),
    (Record((Member("b", Convert(A, "float")),)), {"a": "1"}, "/b", "str is no number"),
    (Record((Member("l", Array(A, Table(SCOPE, (("x", 1),)))),)), {"a": ["x", "y"]}, "/l/1", "'y' is not in the table"),
    (Record((Member("b", Array(A, SCOPE)),)), {"a": "text"}, "/b", "a list is expected, not string"),
]


@pytest.mark.parametrize(("root", "event", "path", "said"), FAILS)
def test_a_failure_names_step_and_path(root: Node, event: Any, path: str, said: str) -> None:
    steps = (Step("convert", "certain", "/b", "s"), Step("table", "certain", "/l/*", "s"))
    with pytest.raises(UpcastFailed, match=said) as caught:
        compile_plan(Plan("JSON", root, steps=steps))(event)
    assert caught.value.path == path
    assert caught.value.step == ("table" if path.startswith("/l") else "convert")


def test_an_unfinished_plan_does_not_load() -> None:
    guess = Step("rename", "suggested", "/a", "x may be a")
    todo = Step("todo", "todo", "/b", "b has no source")
    for steps, unconfirmed, ready in (
        ((guess,), False, False),
        ((guess,), True, True),
        ((Step("rename", "suggested", "/a", "x is a", confirmed=True),), False, True),
        ((guess, todo), True, False),
    ):
        plan = Plan("AVRO", A, steps=steps)
        if ready:
            assert compile_plan(plan, unconfirmed=unconfirmed)({"a": 1}) == 1
            continue
        with pytest.raises(UnsettledPlan, match="The upcaster is not finished: '/"):
            compile_plan(plan, unconfirmed=unconfirmed)
    with pytest.raises(UnsettledPlan, match="no source"):
        compile_plan(Plan("AVRO", Record((Member("a", Todo("no source")),))))
    with pytest.raises(UnsettledPlan):
        fuse([Plan("AVRO", A), Plan("AVRO", A, steps=(todo,))])


def test_chains_that_do_not_fit_are_refused() -> None:
    for plans in ([], [Plan("AVRO", A), Plan("JSON", A)], [Plan("AVRO", A, new="x"), Plan("AVRO", A, old="y")]):
        with pytest.raises(InvalidPlan):
            fuse(plans)


def test_any_change_of_a_plan_changes_its_hash() -> None:
    plan = Plan("AVRO", A, steps=(Step("copy", "certain", "/a", "s"),))
    others = [
        Plan("AVRO", Take(("b",)), steps=plan.steps),
        Plan("AVRO", A),
        Plan("AVRO", A, steps=(Step("copy", "lossy", "/a", "s"),)),
        Plan("AVRO", A, steps=plan.steps, old="x"),
    ]
    assert len({plan_hash(each) for each in [plan, *others]}) == 5
    assert plan_hash(plan) == plan_hash(loads(json.dumps(json.loads(dumps(plan)), indent=3)))
