"""JSON Schema against the shared compatibility vectors, where they lie beside the project."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from registry.formats.base import Policy, Severity, Source, Verdict
from registry.formats.json_schema import FORMAT, JsonSchema
from registry.formats.json_schema.compare import Comparison
from registry.formats.json_schema.differing import WARNINGS
from registry.formats.json_schema.official import official
from registry.formats.json_schema.sampling import samples
from registry.formats.json_schema.semantics import semantic, witness
from tests.vectors import shared

pytestmark = pytest.mark.vectors

EXPLAINED_CHANGES = {
    # The reference keeps the branches of a combination in a hash set: which index a branch has in a path depends on
    # hash values. Only compatible differences lie below a branch, so no message ever shows one.
    "json-5aec5ff7dc15": "the enum beside a type is branch 1 there, 0 here",
    "json-9b84fd938709": "the anyOf beside a type is branch 1 there, 0 here",
    "json-e5ad7626f84a": "the anyOf beside a type is branch 1 there, 0 here",
}

UNSEEN = "the reference does not look at {}; parity accepts, a warning says so, the semantic verdict is: breaks"
BLIND = "the reference rejects {}; parity rejects, the semantic verdict is: compatible"
DISPUTED = {
    "json-096e0d164206": UNSEEN.format("required names that properties does not declare"),
    "json-2100fb483d25": UNSEEN.format("required names that properties does not declare"),
    "json-5f61c61a131b": UNSEEN.format("required names that properties does not declare"),
    "json-6f7e7d301e56": UNSEEN.format("draft-04 boolean exclusive bounds"),
    "json-95fc049bcf3c": UNSEEN.format("draft-04 boolean exclusive bounds"),
    "json-841b671084dd": UNSEEN.format("patternProperties"),
    "json-a1ac055da9b7": UNSEEN.format("patternProperties"),
    "json-ccfaae6a6930": UNSEEN.format("patternProperties"),
    "json-84c23b1a8866": UNSEEN.format("propertyNames"),
    "json-b044a3167798": UNSEEN.format("contains"),
    "json-e2370f302de5": "newly required with a default: parity accepts, but validators fill in nothing: breaks",
    "json-097c2f6f8332": BLIND.format("an exclusive bound replaced by an inclusive one, both added and removed"),
    "json-0b731275d602": BLIND.format("an exclusive bound replaced by an inclusive one, both added and removed"),
    "json-422065eee0aa": BLIND.format("an exclusive bound replaced by an inclusive one, both added and removed"),
    "json-6f3cd0f200c1": BLIND.format("an exclusive bound replaced by an inclusive one, both added and removed"),
    "json-1eb04cefe568": BLIND.format("a numeric exclusive bound written anew as a draft-04 boolean"),
    "json-a1a0d1ea12a0": BLIND.format("a numeric exclusive bound written anew as a draft-04 boolean"),
    "json-abcbd861b62e": BLIND.format("a draft-04 boolean exclusive bound written anew as a number"),
    "json-ef7fc1bcc615": BLIND.format("a draft-04 boolean exclusive bound written anew as a number"),
    "json-2defd0346060": BLIND.format("an open tuple over a list of the same items"),
    "json-4b4df5af6ec7": BLIND.format("false for a not that accepts nothing either"),
    "json-d7051ac166e2": BLIND.format("false for a not that accepts nothing either"),
    "json-56e748bae874": BLIND.format("a union whose branches cover the old ones only together"),
    "json-819d74ca888e": BLIND.format("any edit of a pattern, also one found in every text"),
    "json-a3e65ff45ffa": BLIND.format("any edit of a pattern, also one found in every text"),
    "json-c525d4429910": BLIND.format("any edit of a pattern, also one found in every text"),
    "json-d253166ce8ad": BLIND.format("any edit of a pattern, also one found in every text"),
}


def rows() -> Iterator[dict[str, Any]]:
    yield from shared("compat-json.json")["cases"]


def side(row: dict[str, Any], name: str) -> JsonSchema:
    references = tuple((each["name"], Source(each["schema"])) for each in row["references"] if each["side"] == name)
    return FORMAT.parse(Source(row[name], references))


def errors(reader: JsonSchema, writer: JsonSchema, policy: Policy = Policy.STRICT) -> list[str]:
    found = reader.findings(writer, policy)
    return [f"{each.rule} {each.path}" for each in found if each.severity is Severity.ERROR]


def test_parity_verdicts_under_both_policies() -> None:
    """All rows, the disputed ones included: parity is the reference's verdict, errors of judgement and all."""
    count = 0
    for row in rows():
        reader, writer = side(row, "reader"), side(row, "writer")
        assert (not errors(reader, writer)) == row["backward"], row["id"]
        if row.get("lenient") is not None:
            assert (not errors(reader, writer, Policy.LENIENT)) == row["lenient"], row["id"]
        count += 1
    assert count >= 445


def test_kinds_and_paths_of_what_breaks() -> None:
    for row in rows():
        if "confluent" in row["verdicts"]:  # elsewhere the reference could not run, and its kinds are empty
            assert set(errors(side(row, "reader"), side(row, "writer"))) == set(row["kinds"]), row["id"]


def test_every_change_the_reference_reports() -> None:
    unequal = set()
    for row in rows():
        if "confluent" not in row["verdicts"]:
            continue
        old, new = side(row, "writer").graph.root, side(row, "reader").graph.root
        comparison = Comparison()
        comparison.accepts(old, new)
        found = {f"{each.kind} {each.path}" for each in comparison.differences(old, new) if each.kind not in WARNINGS}
        if found != set(row["changes"]):
            assert {each.split()[0] for each in found} == {each.split()[0] for each in row["changes"]}, row["id"]
            unequal.add(row["id"])
    assert unequal == EXPLAINED_CHANGES.keys()


def test_every_disputed_row_is_decided() -> None:
    disputed = {row["id"]: row for row in rows() if row["status"] == "disputed"}
    assert disputed.keys() == DISPUTED.keys()
    for row in disputed.values():
        if row["backward"] and not row["spec"]:
            found = side(row, "reader").findings(side(row, "writer"))
            assert any(each.severity is Severity.WARNING for each in found), row["id"]


def test_what_the_reference_accepts_wrongly_carries_a_warning() -> None:
    for row in rows():
        found = side(row, "reader").findings(side(row, "writer"))
        if row["spec"] is False and row["backward"]:
            assert found, row["id"]


def test_semantic_verdicts_are_those_of_the_specification() -> None:
    """All rows are decided, the disputed ones as their reason says; every break is shown by an event."""
    counts: Counter[Verdict] = Counter()
    findings = shown = 0
    for row in rows():
        reader, writer = side(row, "reader"), side(row, "writer")
        found = semantic(reader, writer, seconds=2)
        counts[found.verdict] += 1
        expected = Verdict.COMPATIBLE if row["spec"] else Verdict.BREAKS
        assert found.verdict in (expected, Verdict.UNKNOWN), row["id"]
        assert (found.witness is not None) == (found.verdict is Verdict.BREAKS), row["id"]
        if found.verdict is Verdict.BREAKS:
            for finding in reader.findings(writer):
                findings += 1
                shown += witness(reader, writer, finding, seconds=2) is not None
    assert counts[Verdict.UNKNOWN] == 0  # at most 20 % is promised
    assert shown == findings  # at least 95 % is promised


def test_no_sample_breaks_a_row_that_is_compatible(full: bool) -> None:
    """Normally 30 samples a row, with `--full` 1,000."""
    for row in rows():
        if row["spec"]:
            validator = official(side(row, "reader"))
            for sample in islice(samples(side(row, "writer")), 1_000 if full else 30):
                assert validator.valid(sample.event), (row["id"], sample)
