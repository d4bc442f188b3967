"""A recording as an interaction of a V4 message pact, in a file that is small, sorted and worth committing.

Any Pact tool can publish it. What matching rules cannot say travels in `comments.tenor`: absence, fallbacks, the
symbols that are handled, what the code did without them, and what it does once a person's key is destroyed.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tenor.testing.experiments import ERASED, FAILS, SAME, TYPES, Finding, Recorded, data_of, worst
from tenor.testing.places import changed, found

_EVERYTHING: Final = frozenset((*TYPES, "null"))
_PATIENCE: Final = 30.0
_MOST_MISSED: Final = 20


class StillLocked(Exception):
    """Another process keeps a pact file to itself."""


def interaction(
    description: str,
    subject: str,
    recorded: Recorded,
    sample: Any,
    root: Path,
    *,
    today: str = "",
    may_miss: bool = False,
) -> dict[str, Any]:
    """The interaction of one handler. `today` is an ISO date, now if not given.

    `may_miss` is stated, as no run can show it: the code can do without an event that is left out.
    """
    needs = [need(path, finding) for path, finding in sorted(recorded.findings.items())]
    if recorded.without:
        stated = {"absent": SAME} if may_miss else {}
        needs.insert(0, {"path": "", "presence": "required", "when": {**stated, ERASED: worst(recorded.without)}})
    missed = [f"{_relative(file, root)}:{line}" for file, line in recorded.lines.missed()]
    reasons = [f"{place} touches the event and was never reached" for place in missed[:_MOST_MISSED]]
    if len(missed) > _MOST_MISSED:
        reasons.append(f"{len(missed) - _MOST_MISSED} more lines that touch the event were never reached")
    reasons += [f"a sample could not be handled: {error}" for error in sorted(set(recorded.failed))[:5]]
    if recorded.cut:
        reasons.append(f"not all was tried: the recording ended after {recorded.runs} runs; give it fewer samples")
    comment = {
        "version": 1,
        "subject": subject,
        "evidence": "recorded",
        "partial": bool(missed),
        "reasons": reasons,
        "recorded": today or datetime.now(UTC).date().isoformat(),
        "needs": needs,
    }
    return message(description, subject, comment, _json(needed(data_of(sample), recorded)))


def message(description: str, subject: str, comment: Mapping[str, Any], content: Any) -> dict[str, Any]:
    """A message of a subject whose needs stand in its comment, by the order of names that every Pact tool keeps."""
    return {
        "type": "Asynchronous/Messages",
        "description": description,
        "pending": False,
        "comments": {
            "references": {"SchemaRegistry": {"subject": subject}},
            "tenor": json.loads(json.dumps(comment, sort_keys=True)),
        },
        "contents": {"content": content, "contentType": "application/json", "encoded": False},
        "metadata": {"contentType": "application/json"},
        "matchingRules": {"body": {"$": {"combine": "AND", "matchers": [{"match": "type"}]}}},
    }


def need(path: str, finding: Finding) -> dict[str, Any]:
    """What is relied on at one path."""
    when = {situation: what for situation, what in sorted(finding.when.items()) if situation != "type"}
    types = finding.types | ({"null"} if when.get("null", FAILS) != FAILS else set())
    out: dict[str, Any] = {
        "path": path,
        "presence": "required" if when.get("absent") == FAILS else "optional",
    }
    if finding.unhandled and when.get("other") != FAILS:
        when.pop("other", None)  # some that it knows fail, others do not: which ones was not tried
        out["values"], out["fallback"] = _sorted(finding.values), False
    elif when.get("other", SAME) != SAME and finding.values:
        out["values"], out["fallback"] = _sorted(finding.values), False
    # Beside listed values, types say whether null is handled.
    if types and (types != _EVERYTHING or "values" in out):
        out["types"] = sorted(types)
    if when:
        out["when"] = when
    return out


def _sorted(values: Iterable[Any]) -> list[Any]:
    return sorted(values, key=lambda value: (str(type(value)), value))


def needed(sample: Any, recorded: Recorded) -> Any:
    """The sample without what the handler never touched, and without what it can do without."""
    touched = [path.split("/")[1:] for path in recorded.findings]
    optional = [
        path.split("/")[1:] for path, finding in recorded.findings.items() if finding.when.get("absent", FAILS) != FAILS
    ]
    kept = _kept(sample, touched)
    for steps in sorted(optional, key=len, reverse=True):
        if steps[-1] != "*" and list(found(kept, steps)):
            kept = changed(kept, steps, None, remove=True)
    return kept


def _kept(value: Any, touched: list[list[str]]) -> Any:
    if [] in touched and not any(touched):
        return value
    if isinstance(value, Mapping):
        kept = {}
        for key, member in value.items():
            step = str(key).replace("~", "~0").replace("/", "~1")
            below = [steps[1:] for steps in touched if steps and steps[0] in (step, "*")]
            if below:
                kept[key] = _kept(member, below)
        return kept
    if isinstance(value, list):
        below = [steps[1:] for steps in touched if steps and steps[0] == "*"]
        return [_kept(each, below) for each in value[:1]] if below else value
    return value


def merged(pact: Mapping[str, Any] | None, consumer: str, provider: str, one: dict[str, Any]) -> dict[str, Any]:
    """The pact with an interaction added, or put in the place of the one of its description."""
    others = (
        [] if pact is None else [each for each in pact["interactions"] if each["description"] != one["description"]]
    )
    before = next(
        (each for each in (pact or {}).get("interactions", ()) if each["description"] == one["description"]), None
    )
    if before is not None and same(before, one):
        one = before  # the date of a recording that says nothing new is no news
    return {
        "consumer": {"name": consumer},
        "provider": {"name": provider},
        "interactions": sorted([*others, one], key=lambda each: each["description"]),
        "metadata": {"pactSpecification": {"version": "4.0"}},
    }


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two interactions say the same, whenever they were recorded."""
    return _undated(one) == _undated(other)


def _undated(one: Mapping[str, Any]) -> str:
    text: dict[str, Any] = json.loads(json.dumps(one))
    text.get("comments", {}).get("tenor", {}).pop("recorded", None)
    return json.dumps(text, sort_keys=True)


def file_name(consumer: str, provider: str) -> str:
    """The name of the file of a pact."""
    named = (
        "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)
        for name in (consumer, provider)
    )
    return "-".join(named) + ".json"


def read(path: Path) -> dict[str, Any] | None:
    """The pact in a file, or None. Raises ValueError for a file that is none."""
    if not path.exists():
        return None
    pact: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(pact.get("interactions"), list):
        raise ValueError(f"{path} is no V4 pact: it has no interactions")
    return pact


def write(path: Path, consumer: str, provider: str, one: dict[str, Any]) -> None:
    """Put an interaction into the file of its pact; other processes of the run wait meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path):
        pact = merged(read(path), consumer, provider, one)
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.write_text(json.dumps(pact, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(fresh, path)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    lock = path.with_name(f"{path.name}.lock")
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
            break
        except FileExistsError:
            if time.monotonic() > deadline:
                raise StillLocked(f"{lock} is held by another process: delete it if none is running") from None
            time.sleep(0.02)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _relative(file: str, root: Path) -> str:
    path = Path(file)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _json(value: Any) -> Any:
    """A decoded event as JSON data."""
    match value:
        case Mapping():
            return {str(key): _json(each) for key, each in value.items()}
        case list() | tuple():
            return [_json(each) for each in value]
        case bytes():
            return base64.b64encode(value).decode()
        case None | bool() | int() | float() | str():
            return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
