"""JSON Schema by trial: random pairs of schemas, sampled events, three validators that must agree.

The validators: jsonschema-rs (shown to people), our own of the plain form (used while searching), and Python's
jsonschema (here only). Normally 120 pairs, with `--full` 2,000. No disagreement is known; none is excused.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import lru_cache
from itertools import islice
from typing import Any

import jsonschema
import pytest
from referencing import Registry

from registry.errors import InvalidSchema
from registry.formats.base import Policy, Severity, Source, Verdict
from registry.formats.json_schema import FORMAT, JsonSchema
from registry.formats.json_schema.official import official
from registry.formats.json_schema.plain import TooLarge, plain
from registry.formats.json_schema.sampling import samples
from registry.formats.json_schema.semantics import Search, semantic, witness
from registry.formats.json_schema.validity import Undecided, Validity
from tests.conformance.json_pairs import pair

pytestmark = pytest.mark.timeout(1_800)  # for `--full`

UNKNOWN_SHARE = 0.05


def parse(value: Any) -> JsonSchema:
    return FORMAT.parse(Source(json.dumps(value)))


@lru_cache(maxsize=8)
def _python(text: str) -> Any:
    value = json.loads(text)
    kind = jsonschema.validators.validator_for(value, default=jsonschema.Draft7Validator)
    return kind(value, registry=Registry())


def python_says(schema: JsonSchema, event: Any) -> bool:
    return bool(_python(schema.source.text).is_valid(event))


class Trial:
    """One random pair with sampled events, and what each judge says."""

    def __init__(self, seed: int, count: int) -> None:
        writer, reader = pair(seed)
        self.writer, self.reader = parse(writer), parse(reader)
        self.events = [sample.event for sample in islice(samples(self.writer, seed=seed), count)]
        self.reading = official(self.reader)
        self.shown = f"seed {seed}\nwriter {json.dumps(writer)}\nreader {json.dumps(reader)}"

    def refused(self) -> list[Any]:
        return [event for event in self.events if not self.reading.valid(event)]


@pytest.fixture(scope="module")
def trials(full: bool) -> list[Trial]:
    """The pairs of a run, sampled once for all tests."""
    found = []
    for seed in range(2_000 if full else 120):
        try:
            found.append(Trial(seed, 100 if full else 40))
        except (InvalidSchema, TooLarge):
            continue  # a change can make a schema its draft does not allow, or one that applies itself for ever
    return found


def test_the_three_validators_agree(trials: list[Trial]) -> None:
    judged = 0
    for trial in trials:
        ours = {id(schema): Validity(plain(schema.graph)) for schema in (trial.writer, trial.reader)}
        for event in trial.events[:25]:
            for schema, expected in ((trial.writer, True), (trial.reader, trial.reading.valid(event))):
                try:
                    assert ours[id(schema)].holds(event) == expected, f"{trial.shown}\nevent {json.dumps(event)}"
                except Undecided:
                    continue
                assert python_says(schema, event) == expected, f"{trial.shown}\nevent {json.dumps(event)}\n{expected}"
                judged += 1
    assert judged > 20 * len(trials)


def test_no_event_survives_a_verdict_of_compatible(trials: list[Trial]) -> None:
    """Neither one by rule, where nothing is found, nor one by inclusion; and parity never stays silent."""
    counts: Counter[bool] = Counter()
    for trial in trials:
        found = trial.reader.findings(trial.writer)
        counts[any(each.severity is Severity.ERROR for each in found)] += 1
        if (refused := trial.refused()) and found:
            assert not Search(trial.reader, trial.writer).covers(), trial.shown
            assert semantic(trial.reader, trial.writer, seconds=1).verdict is not Verdict.COMPATIBLE, trial.shown
        assert found or not refused, f"{trial.shown}\nevent {json.dumps(refused[0])}"
        assert bool(trial.reader.findings(trial.writer, Policy.LENIENT)) == bool(found), trial.shown
    assert min(counts[True], counts[False]) > len(trials) / 4


def test_every_verdict_of_breaks_is_shown_by_an_event(trials: list[Trial]) -> None:
    counts: Counter[Verdict] = Counter()
    findings = shown = 0
    for trial in trials:
        verdict = semantic(trial.reader, trial.writer, seconds=0.5)
        counts[verdict.verdict] += 1
        if verdict.verdict is not Verdict.BREAKS:
            assert verdict.witness is None
            continue
        assert verdict.witness is not None
        assert verdict.witness.failure
        event = json.loads(json.dumps(verdict.witness.event))
        assert python_says(trial.writer, event), f"{trial.shown}\nevent {event}"
        assert not python_says(trial.reader, event), f"{trial.shown}\nevent {event}"
        for finding in trial.reader.findings(trial.writer):
            if finding.severity is Severity.ERROR:
                findings += 1
                shown += witness(trial.reader, trial.writer, finding, seconds=0.5) is not None
    assert counts[Verdict.BREAKS] > len(trials) / 8
    assert counts[Verdict.UNKNOWN] <= UNKNOWN_SHARE * len(trials)
    # A finding of a pair that breaks elsewhere may be harmless itself.
    assert shown >= 0.7 * findings


@pytest.mark.parametrize("seed", [0, 1])
def test_samples_are_the_same_for_the_same_seed(seed: int) -> None:
    for number in range(20):
        schema = parse(pair(number)[0])
        first = [sample.event for sample in islice(samples(schema, seed=seed), 10)]
        assert first == [sample.event for sample in islice(samples(schema, seed=seed), 10)]
