"""Plans as Python modules: they make what the interpreter makes, are typed, and keep what was written into them."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from registry import formats
from registry.evolution.upcasts import derive, event_types
from registry.evolution.upcasts.shapes import of_type
from registry.formats.base import Source
from tenor.errors import InvalidPlan, UnsettledPlan
from tenor.plans import Plan, interpret
from tenor.plans.emitters import python, python_kept
from tenor.plans.emitters.shapes import Field, Named, Scalar, Shapes
from tenor.plans.nodes import Take
from tests.conformance.test_upcasts import PAIRS, old_events, repr_of
from tests.conformance.upcast_pairs import Pair

EVENTS = 20


def shapes(old: Any, new: Any) -> tuple[Shapes, Shapes]:
    before, after = event_types(old, new)
    return of_type(before), of_type(after)


def loaded(text: str) -> dict[str, Any]:
    """The module's names."""
    names: dict[str, Any] = {}
    exec(compile(text, "<generated>", "exec"), names)
    return names


def agreed(pair: Pair) -> tuple[Any, Any, Plan]:
    """Both schemas and their plan, with every suggestion agreed to."""
    old, new = (formats.parse(pair.format, Source(text)) for text in (pair.old, pair.new))
    said = {step.path: "yes" for step in derive(old, new).unsettled if step.certainty == "suggested"}
    return old, new, derive(old, new, said)


def test_the_module_means_what_the_plan_means(full: bool) -> None:
    compared = unfinished = 0
    for pair in PAIRS if full else [*PAIRS[:46], *PAIRS[46::6]]:
        old, new, plan = agreed(pair)
        text = python.emit(plan, *shapes(old, new))
        if plan.unsettled:
            with pytest.raises(UnsettledPlan):
                loaded(text)
            unfinished += 1
            continue
        upcast = loaded(text)["upcast"]
        for event in islice(old_events(old, new, 7), EVENTS):
            before = repr_of(event)
            assert repr_of(upcast(event)) == repr_of(interpret(plan, event)), (pair.id, event, text)
            assert repr_of(event) == before, pair.id
            compared += 1
    assert compared > 1000
    assert unfinished > 3


def test_modules_are_typed_and_formatted(tmp_path: Path, full: bool) -> None:
    """As strict as this repository is with itself; mypy takes longer than all else here, and waits for --full."""
    for number, pair in enumerate(PAIRS if full else PAIRS[::10]):
        old, new, plan = agreed(pair)
        (tmp_path / f"upcast_{number}.py").write_text(python.emit(plan, *shapes(old, new)), encoding="utf-8")
    tools = Path(sys.executable).parent
    commands: list[list[str | Path]] = [
        [tools / "ruff", "format", "--check", "--isolated", "--line-length", "120", "."],
        [
            tools / "ruff",
            "check",
            "--isolated",
            "--line-length",
            "120",
            "--select",
            "E,F,I,UP,B",
            "--ignore",
            "E741",
            ".",
        ],
    ]
    for command in commands:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stdout
    if full:
        mypy: list[str | Path] = [tools / "mypy", "--strict", "--cache-dir", tmp_path / ".mypy", "."]
        done = subprocess.run(mypy, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
        # Alternatives that are told apart by a key or a type of number are not narrowed for mypy: one in a hundred.
        assert done.stdout.count(": error:") <= len(PAIRS) // 100, done.stdout


def record(*names: str) -> str:
    fields = [{"name": name, "type": "string"} for name in names]
    return json.dumps({"type": "record", "name": "Order", "fields": fields})


OLD, NEW = record("id", "zip"), record("id", "postcode", "vat_id")


def stub(decisions: dict[str, Any] | None = None, before: str = "") -> str:
    old, new = (formats.parse("AVRO", Source(text)) for text in (OLD, NEW))
    kept = python_kept.kept_of(before) if before else python_kept.NOTHING
    return python.emit(derive(old, new, {**kept.decisions, **(decisions or {})}), *shapes(old, new), kept)


def test_a_stub_does_not_load_until_it_is_finished_and_keeps_what_was_written() -> None:
    text = stub()
    with pytest.raises(UnsettledPlan, match="/postcode"):
        loaded(text)
    text = text.replace('"/postcode": "",', '"/postcode": "yes",')
    with pytest.raises(UnsettledPlan, match="required field 'vat_id'"):
        loaded(text)
    start = text.index("@todo(")
    written = 'def vat_id(id: str) -> str:\n    """Our own."""\n    return "DE" + id  # as agreed\n'
    text = text[:start] + written
    event = {"id": "7", "zip": "10115"}
    with pytest.raises(TypeError, match="zip"):  # its parameter is another than the one it was called with
        loaded(text)["upcast"](event)
    again = stub(before=text)
    assert written in again
    assert '"/postcode": "yes"' in again
    assert loaded(again)["upcast"](event) == {"id": "7", "postcode": "10115", "vat_id": "DE7"}
    assert stub(before=again) == again
    more = again + '\n\nPREFIX = "DE"  # theirs\n'
    assert stub(before=more).endswith('PREFIX = "DE"  # theirs\n')
    declined = again.replace('"/postcode": "yes",', '"/postcode": "no",')
    with pytest.raises(UnsettledPlan, match="generate again"):  # it was made with a yes
        loaded(declined)


def test_a_module_that_is_none_is_not_generated_again() -> None:
    with pytest.raises(InvalidPlan, match="is no Python"):
        python_kept.kept_of("def (")
    with pytest.raises(InvalidPlan, match="line 1: DECISIONS is a dict of literals"):
        python_kept.kept_of("DECISIONS: dict[str, str] = {'/a': print()}")


def test_names_that_are_none_in_python_are_no_danger() -> None:
    old = formats.parse(
        "JSON",
        Source('{"title": "class", "type": "object", "properties": {"def": {}, "a\\"b\\\\": {}, "x\\ny": {}}}'),
    )
    new = formats.parse(
        "JSON",
        Source(
            '{"title": "import os", "type": "object", "required": ["import", "a\'\'\'b"], "properties":'
            ' {"import": {"type": "string"}, "a\'\'\'b": {"type": "string", "default": "\\"\\"\\""}, "def": {}}}'
        ),
    )
    text = python.emit(derive(old, new), *shapes(old, new))
    with pytest.raises(UnsettledPlan):
        loaded(text)


def test_names_of_types_are_no_code() -> None:
    named = Shapes(Named('x""" + nothing'), {'x""" + nothing': (Field("id", Scalar("any")),)})
    copied = Plan("JSON", Take(), old='"""\n1/0', new='"""\n1/0')
    assert loaded(python.emit(copied, named, named))["upcast"]({"id": 1}) == {"id": 1}
