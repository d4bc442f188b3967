"""What an impact says of erasure, compared with what recorded code does on events of erased persons.

For each sampled schema a handler is written by chance and recorded; then each of its text fields is sealed for persons,
and the handler runs on events in which that field is what the client's decode leaves of it. No handler that fails is
called safe; of those that survive at most 5 % are said to break, and no more than 15 % are unknown. A run takes 12
schemas, `--full` takes 240.
"""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest

from contracts.coverage import reach_of
from contracts.impact import Outcome, Question, impact
from contracts.judging import Judge
from contracts.needs import ERASED
from contracts.sealed import Form, Place, places, put
from registry.formats.base import Schema
from registry.objections import Candidate
from registry.rules import rule_set_from_json
from tests.conformance.consumers import STYLES, WRITTEN, Node, Writer, drawn
from tests.conformance.test_blast_radius_truth import EVENTS, GRAVEST, SUBJECT, events, fails, reader

pytestmark = pytest.mark.timeout(3600)  # with --full; seconds without

SEALING = {"encrypt.kek.name": "people", "tenor.dataSubject": "$.id"}
MORE = [
    ("if X[:1] == '[':", "    raise ValueError(X)", "out.append(X)"),
    ("if X != '[erased]':", "    out.append(X.upper())"),
] * 2
"""More ways to treat a text: one fails on the placeholder, one asks for it."""


def of_texts(node: Node) -> Node:
    """The tree with texts for its numbers and booleans."""
    kind = "string" if node.kind in ("integer", "number", "boolean") else node.kind
    fields = tuple(replace(each, node=of_texts(each.node)) for each in node.fields)
    return replace(node, kind=kind, fields=fields, inside=None if node.inside is None else of_texts(node.inside))


def sealed(schema: Schema, policy: str) -> Candidate:
    """The schema with all of its texts sealed for persons."""
    rule = {"name": "seal", "type": "SEAL", "mode": "WRITEREAD", "params": {**SEALING, "tenor.erased": policy}}
    return Candidate(schema, None, rule_set_from_json({"domainRules": [rule]}))


def left(schema: Schema, place: Place) -> list[Any]:
    """Events in which something was erased at a place."""
    path = [names[0] for names in place.names]
    found = []
    for seen in islice(reach_of(schema).events(schema, path, (True,)), EVENTS):
        if seen is not None:
            event = copy.deepcopy(seen.decoded)
            if put(event, path, place.stands):
                found.append(event)
    return found


@pytest.mark.parametrize("policy", ["null", "sentinel"])
def test_impact_says_what_code_does_with_what_is_left(
    full: bool, policy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tally = Counter[str]()
    monkeypatch.setitem(STYLES, "string", [*STYLES["string"], *MORE])
    for seed in range(1000, 1240 if full else 1012):
        random = Random(seed)
        old = of_texts(drawn(random))
        before = WRITTEN[list(WRITTEN)[seed % 3]](old)
        text = Writer(random).handler(old)
        (tmp_path / f"consumer_{seed}.py").write_text(text)
        module: dict[str, Any] = {}
        exec(compile(text, str(tmp_path / f"consumer_{seed}.py"), "exec"), module)
        handler = module["handle"]
        if fails(handler, events(before)):
            continue
        who = reader(handler, before, old, tmp_path)
        for place in places(sealed(before, policy)):
            assert place.form in (Form.NULL, Form.PLACEHOLDER)
            failure = fails(handler, iter(left(before, place)))
            rows = impact(Question(SUBJECT, 1), [who], Judge(before, places=[place])).rows
            said = [row.outcome for row in rows if row.rule == ERASED]
            worst = next((each for each in GRAVEST if each in said), Outcome.SAFE)
            tally[f"{'fails' if failure else 'survives'}, called {worst}"] += 1
            told = (seed, place, failure, worst, before.canonical, text)
            assert not failure or worst in (Outcome.BREAKS, Outcome.UNKNOWN), told
    assert tally[f"fails, called {Outcome.BREAKS}"] > 0, tally
    survived = sum(count for name, count in tally.items() if name.startswith("survives"))
    assert tally[f"survives, called {Outcome.BREAKS}"] <= 0.05 * survived, tally
    assert tally[f"survives, called {Outcome.UNKNOWN}"] <= 0.15 * survived, tally
