"""Checks the schemas of a project against what a registry has of their subjects, or against what is in use somewhere.

    server      every version that the subject's level looks at, by the level and policy that hold on the server
    tag:prod    the versions that are in use in the environment prod: those that what is deployed or released there says
                it writes (tenor produces) or reads; without such an environment, those of what carries the tag, as
                contracts publish --tag sets it, in the newest version of each application

A schema is judged as it would be registered with the others: what it refers to is the project's own file, else what the
registry has. Whom a change hurts counts as well, as far as the registry knows consumers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from tenor import Registry
from tenor.calls import subject_check
from tenor.cli import planning, told
from tenor.cli.checking import CHANGED, NEW, SERVER, TAG, UNCHANGED, UNCOMPARED, UNREADABLE, UNUSED, Checked, Report
from tenor.cli.planning import Document
from tenor.cli.project import Entry, Project
from tenor.errors import Forbidden, Rejected

_ASK: Final = "ask"
_COMPARED: Final = ("incompatible", "operation-not-permitted")
"""Kinds of refusals after which a check has more to say; others mean that the schema is none."""


def against_registry(
    project: Project,
    wanted: Sequence[Entry],
    registry: Registry,
    by: str,
    tag: str | None = None,
    done: Callable[[int], None] = lambda count: None,
) -> Report:
    """Check schemas as they would be registered together; `done` is told how many were.

    Raises UsageError for what cannot be planned, NotFound for a tag that nothing has.
    """
    files, schemas = planning.sendable(project, wanted)
    bare = [{name: value for name, value in each.items() if name != "settings"} for each in schemas]
    try:
        steps = planning.planned(registry, files, bare).steps
    except Forbidden:  # who may only read asks for each what one plan would tell of all
        steps = ({"action": _ASK},) * len(files)
    asking = _Asking(registry, {str(each["subject"]): each for each in bare}, by, tag)
    entries = {each.file: each for each in wanted}
    rows = []
    for file, schema, step in zip(files, bare, steps, strict=True):
        if file in entries:
            rows.append(asking.checked(entries[file], schema, step))
        done(len(rows))
    return Report(SERVER if tag is None else f"{TAG}{tag}", by, tuple(rows), numbered=True)


class _Asking:
    """Asks a registry about one schema after the other."""

    def __init__(self, registry: Registry, schemas: Mapping[str, Document], by: str, tag: str | None) -> None:
        self.registry, self.schemas, self.by, self.tag = registry, schemas, by, tag

    def checked(self, entry: Entry, schema: Document, step: Document) -> Checked:
        """What comes out for one schema; `step` is what registering it would do."""
        named = (entry.file, entry.subject, entry.owner)
        text, action, problem = str(schema["schema"]), step["action"], step.get("problem") or {}
        kind = str(problem.get("type", "")).rpartition("/")[2]
        if action == "create":
            return Checked(*named, NEW, told.SAFE, "", text)
        if action == "unchanged" and self.tag is None:
            return Checked(*named, UNCHANGED, told.SAFE, f"{entry.subject} version {step['version']}", text)
        if action == "refused" and kind not in _COMPARED:
            return Checked(*named, UNREADABLE, told.UNKNOWN, entry.subject, text, None, _error(kind, problem))
        try:
            answer = self._answer(schema)
        except Rejected as error:  # it is no schema, or what it refers to cannot be used
            wrong = {"kind": "REJECTED", "message": str(error), **error.place}
            return Checked(*named, UNREADABLE, told.UNKNOWN, entry.subject, text, None, wrong)
        if action == _ASK and self.tag is None and not answer.get("versions"):
            return Checked(*named, NEW, told.SAFE, "", text)
        return self._judged(entry, text, answer, changed=action not in (_ASK, "unchanged"))

    def _answer(self, schema: Document) -> dict[str, Any]:
        body = {name: value for name, value in schema.items() if name != "subject"}
        body["beside"] = list(self._beside(schema))
        if self.tag is not None:
            body["tag"] = self.tag
        answer = self.registry.send(subject_check(str(schema["subject"]), body))
        return {**answer}

    def _beside(self, schema: Document) -> Iterator[Document]:
        """The schemas of the project that a schema refers to, at any depth."""
        seen = {str(schema["subject"])}
        waiting = [schema]
        while waiting:
            for each in waiting.pop()["references"]:
                subject = str(each["subject"])
                if each["version"] == -1 and subject in self.schemas and subject not in seen:
                    seen.add(subject)
                    waiting.append(self.schemas[subject])
                    yield self.schemas[subject]

    def _judged(self, entry: Entry, text: str, answer: dict[str, Any], *, changed: bool) -> Checked:
        named = (entry.file, entry.subject, entry.owner)
        versions = answer.get("versions") if self.tag is not None else None
        old = f"{entry.subject} version {', '.join(map(str, versions))}" if versions else entry.subject
        if versions == [] and answer["compatible"]:
            answer["semantic"] = _nothing_known(
                answer["level"], f"nothing in {self.tag} said which version it writes or reads: tenor produces"
            )
        if self.by != told.BOTH:
            answer.pop("impact", None)
        elif self.tag is None:
            answer["impact"] = _with_said(answer.get("impact"), entry)
        status = UNCOMPARED if answer["level"] == "NONE" else CHANGED
        if versions == []:
            status = UNUSED
        elif not (changed or answer.get("changes")):
            status = UNCHANGED
        return Checked(*named, status, told.verdict(answer, self.by), old, text, answer)


def _error(kind: str, problem: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kind": kind.upper().replace("-", "_"),
        "message": problem.get("reason") or problem.get("detail") or kind,
        "line": problem.get("line"),
        "column": problem.get("column"),
    }


def _nothing_known(level: str, reason: str) -> dict[str, Any]:
    named = {"backward": ("BACKWARD", "FULL"), "forward": ("FORWARD", "FULL")}
    return {
        direction: {"verdict": told.UNKNOWN, "reasons": [reason], "witness": None}
        for direction, levels in named.items()
        if level.startswith(levels)
    }


def _with_said(impact: Mapping[str, Any] | None, entry: Entry) -> Mapping[str, Any] | None:
    """An impact with the consumers that the project names and the registry knows nothing of: they are not safe."""
    rows = list((impact or {}).get("rows", ()))
    known = {row["consumer"] for row in rows}
    unheard = [name for name in entry.consumers if name not in known]
    if impact is None or not unheard:
        return impact
    reason = "the project says that it reads this, and the registry knows nothing of what it needs"
    rows += [
        {
            "subject": entry.subject, "consumer": name, "version": "", "environments": [], "production": False,
            "path": None, "direction": "forward", "outcome": told.UNKNOWN, "rule": "no-contract", "reason": reason,
            "sentence": f"{name} may break: {reason}", "evidence": "", "age_seconds": None, "witness": None,
            "act": name, "owner": None, "waiver": None,
        }
        for name in unheard
    ]  # fmt: skip
    counts = {**impact["counts"], told.UNKNOWN: impact["counts"].get(told.UNKNOWN, 0) + len(unheard)}
    verdict = told.UNSAFE if impact["verdict"] == told.UNSAFE else told.UNKNOWN
    return {**impact, "verdict": verdict, "rows": rows, "counts": counts}
