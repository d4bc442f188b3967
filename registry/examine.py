"""Two schemas, or one, examined: plain data in, plain data out, so that it runs in a worker process or a command.

    {"format": "AVRO", "text": "…", "references": [["name", {"text": "…", "references": []}], …]}    a schema
    {…, "references": [["name", 0], …], "sources": [{"text": "…", "references": []}, …]}    the same, as a graph

What the findings of a check lack, this adds: where in both texts, an event that shows each, edits that remove it, and
what the formats' own meaning says beside Confluent's verdict.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import islice
from typing import Any

from registry import formats
from registry.errors import InvalidRequest
from registry.evolution.levels import LEVELS, Conflict, Earlier, conflicts
from registry.formats.base import Change, Fix, Policy, Schema, Semantic, Severity, Source, Verdict, Witness

Data = Mapping[str, Any]
MOST_SAMPLES = 1000
_WITNESS_SECONDS = 0.1


def source_of(data: Data) -> Source:
    """A source from plain data: a reference's text is nested, or the index of one in `sources`.

    Raises InvalidRequest for an index that is not before its own.
    """
    known: list[Source] = []
    for each in data.get("sources", ()):
        known.append(Source(each["text"], _referred(each, known)))
    return Source(data["text"], _referred(data, known))


def _referred(data: Data, known: list[Source]) -> tuple[tuple[str, Source], ...]:
    found = []
    for name, below in data.get("references", ()):
        if not isinstance(below, int):
            found.append((name, source_of(below)))
        elif 0 <= below < len(known):
            found.append((name, known[below]))
        else:
            raise InvalidRequest(f"reference '{name}' names source {below}, which is not there yet")
    return tuple(found)


def plain(source: Source) -> dict[str, Any]:
    """A source as plain data, each text once: what refers to the same in many ways stays as small as it is."""
    index: dict[bytes, int] = {}
    sources: list[dict[str, Any]] = []

    def references(of: Source) -> list[list[Any]]:
        return [[name, index[below.digest]] for name, below in of.references]

    waiting = [below for _, below in source.references]
    while waiting:
        each = waiting[-1]
        missing = [below for _, below in each.references if below.digest not in index]
        if missing:
            waiting += missing
            continue
        waiting.pop()
        if each.digest not in index:
            index[each.digest] = len(sources)
            sources.append({"text": each.text, "references": references(each)})
    return {"text": source.text, "references": references(source), "sources": sources}


def _schema(data: Data) -> Schema:
    return formats.parse(data["format"], source_of(data))


def check(new: Data, old: Data, level: str, policy: str = "STRICT", seconds: float = 2.0) -> dict[str, Any]:
    """A candidate against one earlier schema: the parity verdict with its findings, and the semantic one.

    `seconds` bounds the search for witnesses and fixes; what was not reached says so. Raises InvalidSchema.
    """
    wanted = LEVELS[level]
    deadline = time.monotonic() + seconds
    candidate = _schema(new)
    earlier_text, earlier_format = old["text"], old["format"]
    earlier = Earlier(
        1, earlier_format, earlier_text, lambda: formats.parse(earlier_format, source_of(old), strict=False)
    )
    found = conflicts(wanted, candidate, [earlier], Policy(policy))
    answer: dict[str, Any] = {
        "level": wanted.name,
        "policy": policy,
        "compatible": not any(conflict.breaks for conflict in found),
        "semantic": {},
    }
    if earlier_format != candidate.format:
        return {**answer, "findings": [finding(conflict) for conflict in found], "changes": []}
    before = earlier.schema()
    for name, applies, reader, writer in (
        ("backward", wanted.backward, candidate, before),
        ("forward", wanted.forward, before, candidate),
    ):
        if applies:
            answer["semantic"][name] = _semantic(formats.insight(candidate.format).semantic(reader, writer))
    answer["findings"] = [_explained(conflict, candidate, before, deadline) for conflict in found]
    answer["differs"] = _differs(answer)
    answer["changes"] = [_change(change) for change in formats.insight(candidate.format).changes(before, candidate)]
    return answer


def verdict(new: Data, old: Data, level: str, policy: str = "STRICT") -> dict[str, Any]:
    """The parity verdict alone, for when the search ran out of time: what it would have said is unknown."""
    wanted, candidate = LEVELS[level], _schema(new)
    earlier = Earlier(1, old["format"], old["text"], lambda: formats.parse(old["format"], source_of(old), strict=False))
    found = conflicts(wanted, candidate, [earlier], Policy(policy))
    unknown = {"verdict": Verdict.UNKNOWN.value, "reasons": ["not decided in time"]}
    directions = {"backward": wanted.backward, "forward": wanted.forward}
    return {
        "level": level,
        "policy": policy,
        "compatible": not any(conflict.breaks for conflict in found),
        "semantic": {name: unknown for name, applies in directions.items() if applies},
        "findings": [finding(conflict) | {"shown": "not looked for in time"} for conflict in found],
    }


def diff(new: Data, old: Data) -> list[dict[str, Any]]:
    """What changed between two schemas of one format, in data and in words. Raises InvalidRequest across formats."""
    after, before = _schema(new), formats.parse(old["format"], source_of(old), strict=False)
    if after.format != before.format:
        raise InvalidRequest(f"A schema of type {after.format} cannot be compared with one of type {before.format}")
    return [_change(change) for change in formats.insight(after.format).changes(before, after)]


def sample(schema: Data, count: int, seed: int) -> list[dict[str, Any]]:
    """Valid events of a schema: minimal, maximal, edges, then random ones of this seed."""
    count = max(0, min(count, MOST_SAMPLES))
    return [
        {"event": each.event, "kind": each.kind, "note": each.note}
        for each in islice(formats.insight(schema["format"]).samples(_schema(schema), seed=seed), count)
    ]


def lint(schema: Data) -> list[dict[str, Any]]:
    """What could be better about one schema, with places in its text."""
    parsed, insight = _schema(schema), formats.insight(schema["format"])
    remarks = []
    for remark in insight.lint(parsed):
        place = insight.locate(parsed, remark.path)
        remarks.append(
            {
                "rule": remark.rule,
                "path": remark.path,
                "severity": insight.LINT[remark.rule][0].value,
                "sentence": remark.sentence,
                **_place("", place),
            }
        )
    return remarks


def rules(format: str) -> dict[str, str]:
    """Every rule of a format with what it means (`tenor explain RULE`)."""
    insight = formats.insight(format)
    return {**insight.RULES, **{rule: purpose for rule, (_, purpose) in insight.LINT.items()}}


IMPACT: Mapping[str, str] = {
    "parent": "A place above the path, of which the contract says nothing itself, may be missing or is no container.",
    "absent": "The path may be missing from an event.",
    "null": "The path may hold null.",
    "type": "The path may hold a value of a type that the consumer does not handle.",
    "other": "The path may hold another value than those that the consumer knows.",
    "range": "The path may hold a number outside the range that the consumer handles.",
    "pattern": "The path may hold a text that does not match the consumer's pattern.",
    "length": "The path may hold a text, list or map of another size than the consumer handles.",
    "matcher": "The path may hold a value that a matcher of the consumer's pact refuses.",
    "erased": "The path is sealed with a person's own key (tenor.dataSubject). Once that key is destroyed, readers get "
    "null there, a placeholder ([erased], no bytes, zero) with the path in event.erased, or no event at all, as the "
    "rule's tenor.erased says. The consumer's code fails then, takes the placeholder for data, or its contract is "
    'silent. Let the code ask ("email" in event.erased) and record it again (pytest --tenor-record), or state in '
    'comments.tenor of the pact, version 1, a need {"path": "/email", "when": {"erased": "handled"}}; for events that '
    'are left out {"path": "", "when": {"absent": "same"}}.',
    "no-contract": "The consumer reads the subject, and this version has published no contract.",
    "partial-contract": "Parts of the consumer's code that touch the event were never run when it was recorded.",
    "contract-gap": "The consumer's contract says less than it should, for the reason that is given.",
    "not-deployed": "Where the consumer runs was never recorded.",
    "unmapped": "A contract with a producer of the subject belongs to no subject: it may be about this one.",
    "not-readable": "The new schema does not read a version that must stay readable.",
    "reference": "A schema that refers to this one no longer parses.",
}
"""What an impact may find, by `Row.rule`."""


def _differs(answer: Data) -> str:
    """One sentence where the parity verdict and the meaning disagree, else nothing."""
    verdicts = [each["verdict"] for each in answer["semantic"].values()]
    if answer["compatible"] and Verdict.BREAKS in verdicts:
        return "Confluent's rules accept this change, yet an event exists that it breaks"
    if not answer["compatible"] and verdicts and all(verdict == Verdict.COMPATIBLE for verdict in verdicts):
        return "Confluent's rules refuse this change, although no event can break"
    return ""


def _semantic(found: Semantic) -> dict[str, Any]:
    return {
        "verdict": found.verdict.value,
        "reasons": list(found.reasons),
        "witness": None if found.witness is None else _witness(found.witness),
    }


def _witness(found: Witness) -> dict[str, Any]:
    return {"event": found.event, "failure": found.failure, "path": found.path}


def finding(conflict: Conflict) -> dict[str, Any]:
    """A finding as plain data."""
    found = conflict.finding
    return {
        "rule": found.rule,
        "severity": found.severity.value,
        "direction": "forward" if conflict.forward else "backward",
        "version": conflict.version,
        "sentence": found.told(forward=conflict.forward),
        "path": found.path,
        "new": found.writer_value if conflict.forward else found.reader_value,
        "old": found.reader_value if conflict.forward else found.writer_value,
    }


def _explained(conflict: Conflict, candidate: Schema, before: Schema, deadline: float) -> dict[str, Any]:
    """A finding with its places; an error also with a witness and fixes, while there is time."""
    found, insight = conflict.finding, formats.insight(candidate.format)
    reader, writer = (before, candidate) if conflict.forward else (candidate, before)
    new_path, old_path = (
        (found.writer_path, found.reader_path) if conflict.forward else (found.reader_path, found.writer_path)
    )
    data = finding(conflict) | {"new_path": new_path, "old_path": old_path}
    # What lies in a reference has no path in the text itself; the printed one, the reader's, leads towards it.
    data |= _place("new_", _located(candidate, found.path if new_path is None and not conflict.forward else new_path))
    data |= _place("old_", _located(before, found.path if old_path is None and conflict.forward else old_path))
    if found.severity is Severity.WARNING:
        return data
    left = deadline - time.monotonic()
    if left <= 0:
        return data | {"witness": None, "shown": "not looked for in time", "fixes": []}
    witness = insight.witness(reader, writer, found, seconds=min(left, _WITNESS_SECONDS))
    data["witness"] = None if witness is None else _witness(witness)
    data["shown"] = "by an event" if witness is not None else "by rule only"
    data["fixes"] = [_fix(fix, candidate) for fix in insight.fixes(reader, writer, found, forward=conflict.forward)]
    return data


def _fix(fix: Fix, candidate: Schema) -> dict[str, Any]:
    return {
        "id": fix.id,
        "sentence": fix.sentence,
        "edits": [{"start": edit.start, "end": edit.end, "replacement": edit.replacement} for edit in fix.edits],
        "text": fix.apply(candidate.source.text),
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind.value,
        "path": change.path,
        "old_path": change.old_path,
        "old": change.old,
        "new": change.new,
        "sentence": change.sentence,
    }


def _located(schema: Schema, path: str | None) -> tuple[int, int] | None:
    """Where a path of a finding is in a text; of one that leads into a reference, where the text refers to it."""
    insight = formats.insight(schema.format)
    while path is not None:
        if (found := insight.locate(schema, path)) is not None or not path:
            return found
        path = path.rpartition("/")[0]
    return None


def _place(prefix: str, place: tuple[int, int] | None) -> dict[str, int | None]:
    line, column = place or (None, None)
    return {f"{prefix}line": line, f"{prefix}column": column}
