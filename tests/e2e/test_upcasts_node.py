"""Plans as TypeScript and as JSONata, on Node: they make what the interpreter makes, and the types hold."""

from __future__ import annotations

import json
import subprocess
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from registry.evolution.upcasts import event_types
from registry.evolution.upcasts.shapes import of_type
from tenor.errors import NotExpressible, UpcastFailed
from tenor.plans import interpret
from tenor.plans.custom import of_function
from tenor.plans.emitters import jsonata, typescript
from tenor.plans.emitters.shapes import Scalar, Shapes
from tenor.plans.nodes import Custom, Member, Plan, Record, Take
from tenor.plans.values import encode
from tests.conformance.test_upcasts import PAIRS, derived, old_events, repr_of
from tests.legs import NODE_PROJECT

EVENTS = 15


def as_javascript(value: Any) -> Any:
    """A value as Node prints it: numbers are floats, there is no minus zero in JSON."""
    if isinstance(value, dict) and [*value] == ["$int"]:
        return float(int(value["$int"]))
    if isinstance(value, dict):
        return {name: as_javascript(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return list(map(as_javascript, value))
    return float(value) + 0.0 if type(value) in (int, float) else value


def ran(folder: Path, *command: str | Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def on_node(folder: Path, cases: list[dict[str, Any]]) -> list[Any]:
    """Type-check the modules of a folder, and run them."""
    (folder / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    tsc = NODE_PROJECT / "node_modules" / ".bin" / "tsc"
    ran(folder, tsc, "--strict", "--target", "es2022", "--module", "es2022", *sorted(folder.glob("*.ts")))
    return [json.loads(line) for line in ran(NODE_PROJECT, "node", "upcasts.mjs", folder).splitlines()]


@pytest.mark.node
def test_what_runs_on_node_makes_what_the_interpreter_makes(tmp_path: Path, full: bool) -> None:
    cases: list[dict[str, Any]] = []
    expected: dict[str, list[Any]] = {}
    refused = {"typescript": 0, "jsonata": 0}
    for number, pair in enumerate(PAIRS if full else [*PAIRS[:46], *PAIRS[46::6]]):
        old, new, plan = derived(pair)
        if plan.todos:
            continue
        case: dict[str, Any] = {"name": pair.id}
        try:
            before, after = map(of_type, event_types(old, new))
            text = typescript.emit(plan, before, after, unconfirmed=True)
            (tmp_path / f"upcast_{number}.ts").write_text(text, encoding="utf-8")
            case["module"] = f"upcast_{number}.js"
        except NotExpressible:
            refused["typescript"] += 1
        try:
            case["expression"] = jsonata.emit(plan, unconfirmed=True)
        except NotExpressible:
            refused["jsonata"] += 1
        events = list(islice(old_events(old, new, 7), EVENTS))
        case["events"] = [encode(event) for event in events]
        expected[pair.id] = [as_javascript(encode(interpret(plan, event))) for event in events]
        cases.append(case)
    compared = 0
    for answer in on_node(tmp_path, cases):
        for target in ("typescript", "jsonata"):
            if target in answer:
                made = [repr_of(as_javascript(each)) for each in answer[target]]
                assert made == [repr_of(each) for each in expected[answer["name"]]], (target, answer["name"])
                compared += len(made)
    assert compared > 1500
    assert max(refused.values()) < len(cases) / 8, refused


# Steps somebody wrote by hand, and values for their two inputs: what raises in Python throws in TypeScript.


def first_name(a, b):  # type: ignore[no-untyped-def] # steps have plain parameters
    return a.split(" ", 1)[0].strip()


def initials(a, b):  # type: ignore[no-untyped-def] # the same
    words = [word[:1].upper() for word in a.split() if word]
    return ".".join(words) or None


def labelled(a, b):  # type: ignore[no-untyped-def] # the same
    if a is None or not b:
        return "none"
    kind = "many" if len(b) > 2 else "few"
    return f"{kind}-{len(b):03d}-{a}"


def counted(a, b):  # type: ignore[no-untyped-def] # the same
    return {word: len(word) for word in sorted(a.lower().split())}


def sums(a, b):  # type: ignore[no-untyped-def] # the same
    return [sum([int(x) for x in b]), max(b), min(b), round(sum(b) / len(b)), b[-1] % 7, b[0] // 2, -b[0], abs(b[-1])]


def pieces(a, b):  # type: ignore[no-untyped-def] # the same
    return [a[1:-1], a[-2:], a.find("b"), a.replace("a", "xy"), a.zfill(8), a.removeprefix("a"), a.removesuffix("b")]


def logic(a, b):  # type: ignore[no-untyped-def] # the same
    return [a and b, a or b, not a, a == b, a != b, a in b, "x" if a else "y", bool(b), all(b), any(b), bool(a) == 1]


def chosen(a, b):  # type: ignore[no-untyped-def] # the same
    found = b.get(a, "?")
    return [found, a in b, [f"{name}={value}" for name, value in b.items()], "a" <= a < "n", a.startswith("k")]


def joined(a, b):  # type: ignore[no-untyped-def] # the same
    return [a + b, a.strip("a"), a.lstrip(), a.rstrip(), a.split("a"), a.split(None, 1), str(len(a)) + "!", 2 * a]


STEPS = (first_name, initials, labelled, counted, sums, pieces, logic, chosen, joined)
ALL: list[Any] = [
    "",
    "Ada",
    " Ada  Lovelace King ",
    "aab",
    "\u2003a\u00a0b\x1f",
    "😀a😀b",
    "-7",
    "k",
    None,
    0,
    1,
    [1],
    {},
]
OTHERS: list[Any] = [[], "", "ab", [1, 2, 3], [3, -4], [7, 7, 8], {}, {"k": 1, "Ada": None}, None, 5, True]


@pytest.mark.node
def test_hand_written_steps_mean_the_same_on_node(tmp_path: Path) -> None:
    anything = Shapes(Scalar("any"))
    events: list[dict[str, Any]] = [{"a": a, "b": b} for a in ALL for b in OTHERS]
    cases: list[dict[str, Any]] = []
    plans: dict[str, tuple[Plan, Any]] = {}
    for function in STEPS:
        name = function.__name__
        step = of_function(f"ours:{name}", function)
        node = Custom(f"ours:{name}", step.sha256, (Take(("a",)), Take(("b",))))
        plan = Plan("JSON", Record((Member("made", node),)))
        plans[name] = plan, function
        text = typescript.emit(plan, anything, anything, {f"ours:{name}": step})
        (tmp_path / f"{name}.ts").write_text(text, encoding="utf-8")
        cases.append({"name": name, "module": f"{name}.js", "events": events, "mayThrow": True})
    same = declined = 0
    for answer in on_node(tmp_path, cases):
        plan, function = plans[answer["name"]]
        for event, made in zip(events, answer["typescript"], strict=True):
            try:
                expected = interpret(plan, event, {f"ours:{answer['name']}": function})
            except UpcastFailed:
                assert "thrown" in made, (answer["name"], event, made)
                continue
            if "thrown" in made:  # texts of lists and of fractions, and other types than a step is written for
                declined += 1
                continue
            assert repr_of(as_javascript(made)) == repr_of(as_javascript(encode(expected))), (answer["name"], event)
            same += 1
    assert same > 200
    assert declined < same / 4
