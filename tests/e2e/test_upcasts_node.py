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
from tenor.errors import NotExpressible
from tenor.plans import interpret
from tenor.plans.emitters import jsonata, typescript
from tenor.plans.values import encode
from tests.conformance.test_upcasts import PAIRS, derived, old_events, repr_of
from tests.legs import NODE_PROJECT

EVENTS = 15


def as_javascript(value: Any) -> Any:
    """A value as Node prints it: numbers are floats, there is no minus zero in JSON."""
    if isinstance(value, dict):
        return {name: as_javascript(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return list(map(as_javascript, value))
    return float(value) + 0.0 if type(value) in (int, float) else value


def ran(folder: Path, *command: str | Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


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
    (tmp_path / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    modules = sorted(tmp_path.glob("*.ts"))
    tsc = NODE_PROJECT / "node_modules" / ".bin" / "tsc"
    ran(tmp_path, tsc, "--strict", "--target", "es2022", "--module", "es2022", *modules)
    compared = 0
    for line in ran(NODE_PROJECT, "node", "upcasts.mjs", tmp_path).splitlines():
        answer = json.loads(line)
        for target in ("typescript", "jsonata"):
            if target in answer:
                made = [repr_of(as_javascript(each)) for each in answer[target]]
                assert made == [repr_of(each) for each in expected[answer["name"]]], (target, answer["name"])
                compared += len(made)
    assert compared > 1500
    assert max(refused.values()) < len(cases) / 8, refused
