"""What the impact of a change says, compared with what recorded code does on events of the changed schema.

For each sampled schema a handler is written by chance, recorded by running it, printed into a pact, read back and
judged as the server does it. Then every field is removed, retyped, narrowed, widened or made optional, and a field is
added; the handler runs on events of the new schema. No handler that fails is called safe; of those that survive at
least 80 % are called safe, at most 5 % breaking, 15 % unknown. A run takes 9 schemas, `--full` takes 240.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest

from contracts.coverage import reach_of
from contracts.derivation import by_subject
from contracts.impact import Outcome, Place, Question, Reader, impact
from contracts.judging import Judge
from registry.clock import now_ms
from registry.formats.base import Schema
from tenor.testing import pacts
from tenor.testing.experiments import Recorder
from tests.conformance.consumers import CHANGES, WRITTEN, Node, Writer, changed, drawn, places, with_another

pytestmark = pytest.mark.timeout(3600)  # with --full; seconds without

SUBJECT = "orders-value"
PER_FIELD, EVENTS = 6, 40
GRAVEST = (Outcome.BREAKS, Outcome.UNKNOWN, Outcome.DEGRADES)
Handler = Callable[[Any], Any]


def written(root: Node, random: Random, file: Path) -> Handler:
    """A handler by chance, as a module in a file."""
    text = Writer(random).handler(root)
    file.write_text(text)
    module: dict[str, Any] = {}
    exec(compile(text, str(file), "exec"), module)
    handler: Handler = module["handle"]
    return handler


WISHES = (False, {"type": "null"}, {"enum": ["NEW"]}, True)


def events(schema: Schema, path: str = "", count: int = EVENTS, wishes: tuple[Any, ...] = WISHES) -> Iterator[Any]:
    """Decoded events that differ at a path."""
    steps = tuple(path[1:].split("/")) if path else ()
    for seen in islice(reach_of(schema).events(schema, steps, wishes), count):
        if seen is not None:
            yield seen.decoded


def fails(handler: Handler, given: Iterator[Any]) -> str:
    """What the handler raises on one of the events; empty if it survives all."""
    for event in given:
        try:
            handler(copy.deepcopy(event))
        except Exception as error:
            return f"{type(error).__name__}: {error} of {event!r:.300}"
    return ""


def examples(schema: Schema, tree: Node) -> list[Any]:
    """Events for a recording: they differ at every field."""
    wanted = [""]
    for path, field in places(tree):
        wanted += [path] if field.node.inside is None else [path, f"{path}/*"]
    found = [event for path in wanted for event in events(schema, path, PER_FIELD, (True,))]
    return list({repr(event): event for event in found}.values())


def reader(handler: Handler, old: Schema, tree: Node, root: Path) -> Reader:
    """billing 1.4 in prod, with the contract of its handler: recorded, printed, published, derived."""
    samples = examples(old, tree)
    recorded = Recorder(handler).record(samples, [field.path for field in old.fields()])
    one = pacts.interaction("an order", SUBJECT, recorded, samples[0], root)
    found = by_subject(json.dumps(pacts.merged(None, "billing", "orders", one)), "orders", ())
    assert found.keys() == {SUBJECT}
    return Reader("billing", "1.4", (Place("prod", 0, production=True),), (found[SUBJECT],))


def mutated(old: Node) -> Iterator[tuple[str, str, Node]]:
    """Every change of every field: what it is, where, and what comes of it."""
    for path, _ in places(old):
        for name, change in CHANGES.items():
            new = changed(old, path, change)
            if new != old and all(each.fields for each in _records(new)):
                yield name, path, new
    yield "add a required field", "/added", with_another(old)


def _records(node: Node) -> Iterator[Node]:
    if node.kind == "record":
        yield node
        for each in node.fields:
            yield from _records(each.node)
    elif node.inside is not None:
        yield from _records(node.inside)


def answered(schema: Schema, who: Reader) -> Outcome:
    """The worst that is said of the reader, and by what."""
    outcomes = {row.outcome for row in impact(Question(SUBJECT, now_ms()), [who], Judge(schema)).rows}
    return next((each for each in GRAVEST if each in outcomes), Outcome.SAFE)


def test_impact_is_what_recorded_code_does(full: bool, tmp_path: Path) -> None:
    tally = Counter[str]()
    for seed in range(240 if full else 9):
        format = list(WRITTEN)[seed % 3]
        random = Random(seed)
        old = drawn(random)
        handler = written(old, random, tmp_path / f"consumer_{seed}.py")
        before = WRITTEN[format](old)
        if fails(handler, events(before)):
            tally["fails already"] += 1
            continue
        who = reader(handler, before, old, tmp_path)
        for change, path, new in mutated(old):
            schema = WRITTEN[format](new)
            failure = fails(handler, events(schema, path))
            said = answered(schema, who)
            tally[f"{'fails' if failure else 'survives'}, called {said}"] += 1
            tally["fails" if failure else "survives"] += 1
            if failure:
                told = (seed, format, change, path, failure, schema.canonical)
                assert said in (Outcome.BREAKS, Outcome.UNKNOWN), told
    survived = tally["survives"]
    assert tally["fails"] > 0.1 * survived, tally
    assert tally["fails already"] * 20 < seed, tally
    assert tally[f"survives, called {Outcome.SAFE}"] >= 0.8 * survived, tally
    assert tally[f"survives, called {Outcome.BREAKS}"] <= 0.05 * survived, tally
    assert tally[f"survives, called {Outcome.UNKNOWN}"] <= 0.15 * survived, tally
