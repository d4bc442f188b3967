"""Checks the schemas of a project against what they were, and holds what came out for every way to report it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from tenor.cli import told
from tenor.cli.engine import many
from tenor.cli.git import Baseline
from tenor.cli.local_schema import place
from tenor.cli.output import one_line
from tenor.cli.project import Entry, Project, entries, reading, referred, with_references
from tenor.cli.waived import accepted

SERVER: Final = "server"
TAG: Final = "tag:"
"""What `--against` names besides git: and files."""

CHANGED: Final = "changed"
NEW: Final = "new"
UNCHANGED: Final = "unchanged"
REMOVED: Final = "removed"
UNREADABLE: Final = "unreadable"
UNCOMPARED: Final = "uncompared"
"""A schema whose level is NONE."""
UNUSED: Final = "unused"
"""A schema of which nothing is known to be in use where it was asked about."""

_STATUSES: Final = (CHANGED, NEW, REMOVED, UNREADABLE, UNCOMPARED, UNUSED, UNCHANGED)
_DIRECTIONS: Final = ("BACKWARD", "FORWARD", "FULL")
_SECONDS_EACH: Final = 1.0


@dataclass(frozen=True, slots=True)
class Checked:
    """What came out for one schema.

    `answer`  the engine's, or empty when nothing was asked; `old` what it was compared with, `text` the new one
    `error`   why it cannot be read: message, line and column
    """

    file: str
    subject: str
    owner: str
    status: str
    verdict: str
    old: str = ""
    text: str = ""
    answer: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None

    @property
    def errors(self) -> list[Mapping[str, Any]]:
        """The findings that decide."""
        findings = (self.answer or {}).get("findings", ())
        return [each for each in findings if each["severity"] == "error"]


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a check of many schemas. `by` is whose verdict counts (`tenor.cli.told`); `numbered`: findings
    name versions of the subject, as a registry was asked; `folder` leads from the top of the repository to the project,
    for programs that read places from there."""

    against: str
    by: str
    checked: tuple[Checked, ...]
    numbered: bool = False
    folder: str = ""
    remarks: tuple[str, ...] = ()
    """What a person may like to know besides."""

    @property
    def verdict(self) -> str:
        """The worst of all."""
        found = {each.verdict for each in self.checked}
        return next((each for each in (told.UNSAFE, told.UNKNOWN) if each in found), told.SAFE)

    @property
    def without_evidence(self) -> int:
        """How many consumers there are of which it is not known what a change does to them."""
        impacts = [(each.answer or {}).get("impact") or {} for each in self.checked]
        rows = [row for impact in impacts for row in impact.get("rows", ()) if row["waiver"] is None]
        return len({row["consumer"] for row in rows if row["outcome"] == told.UNKNOWN and row["consumer"]})

    @property
    def unreadable(self) -> bool:
        """Whether a schema does not parse: then the verdict is about the others only."""
        return any(each.status == UNREADABLE for each in self.checked)

    def document(self) -> dict[str, Any]:
        """The report as JSON."""
        rows = [
            {
                "file": each.file,
                "subject": each.subject or None,
                "owner": each.owner or None,
                "status": each.status,
                "verdict": each.verdict,
                "old": each.old or None,
                **({"error": dict(each.error)} if each.error else {}),
                **(each.answer or {}),
            }
            for each in self.checked
        ]
        return {"verdict": self.verdict, "against": self.against, "schemas": rows}


def summary(report: Report, paint: told.Paint) -> list[str]:
    """The report for a person: what is wrong, then a line a schema that changed, then the verdict."""
    lines: list[str] = []
    for each in report.checked:
        if each.status == UNREADABLE:
            error = each.error or {}
            where = place(each.file, error.get("line"), error.get("column"))
            lines.append(f"{where}: {paint('error:', 'red')} {one_line(str(error.get('message')))}")
        elif each.answer is not None and each.verdict != told.SAFE:
            sides = told.Sides(each.file, each.text, each.old, each.subject if report.numbered else "")
            *block, last = told.told(each.answer, sides, report.by, paint)
            lines += [*block, last if each.answer.get("findings") else f"{each.file}: {last}", ""]
    lines += [f"{each.verdict}: {each.file} ({each.status})" for each in report.checked if _quiet(each)]
    counts = Counter(each.status for each in report.checked)
    said = ", ".join(f"{counts[status]} {status}" for status in _STATUSES if counts[status]) or "no schemas"
    unsafe = sum(each.verdict == told.UNSAFE for each in report.checked)
    unknown = sum(each.verdict == told.UNKNOWN for each in report.checked)
    unheard = report.without_evidence
    wrong = f"{unsafe} of {len(report.checked)} schemas, " if unsafe else _schemas(unknown) if unknown else ""
    if unheard and not unsafe:
        wrong = f"{unheard} consumer{'s' if unheard > 1 else ''} without evidence, "
    colour = {told.SAFE: "green", told.UNSAFE: "red", told.UNKNOWN: "yellow"}[report.verdict]
    return [*lines, f"{paint(report.verdict + ':', colour)} {wrong}against {report.against} ({said})"]


def _schemas(count: int) -> str:
    return f"{count} schema{'' if count == 1 else 's'}, "


def _quiet(checked: Checked) -> bool:
    """Whether a line is enough for a schema that is not simply as it was."""
    return checked.verdict == told.SAFE and checked.status != UNCHANGED


def against_git(project: Project, wanted: Sequence[Entry], revision: str, by: str) -> Report:
    """Check the schemas that changed since this branch left a revision. Raises UsageError."""
    base = Baseline(project.root, revision)
    files = {each.file: each for each in project.entries}
    before = base.files()
    base.fetch(each for each in before if each in files or each in set(base.renamed.values()))
    former = {base.former(file): entry for file, entry in files.items()}
    read = reading(project.root)
    label = f"git:{revision}"
    rows: list[Checked | None] = []
    questions: list[dict[str, Any]] = []
    asked: list[tuple[int, Entry, str, Mapping[str, str], Any]] = []
    for entry in wanted:
        new, parts = with_references(entry, files, read)
        old_file = base.former(entry.file)
        old, old_parts = with_references(_moved(entry, old_file), former, base.read)
        text = "" if new is None else new["text"]
        if new is None:
            continue
        shown = f"{label}:{old_file}"
        if old is not None and [read(each) for each in parts] == [base.read(each) for each in old_parts]:
            rows.append(Checked(entry.file, entry.subject, entry.owner, UNCHANGED, told.SAFE, shown, text))
        elif entry.level == "NONE" and old is not None:
            rows.append(Checked(entry.file, entry.subject, entry.owner, UNCOMPARED, told.SAFE, shown, text))
        else:
            asked.append((len(rows), entry, "" if old is None else shown, referred(new, parts), new))
            questions.append(_question(entry, new, old))
            rows.append(None)
    for (row, entry, shown, names, new), answer in zip(asked, many(questions, _SECONDS_EACH), strict=True):
        rows[row] = _checked(entry, shown, new["text"], _blamed(answer, names), by)
    gone = [] if len(wanted) < len(project.entries) else _removed(project, base, before, files, label)
    checked = (*(each for each in rows if each is not None), *gone)
    return Report(label, by, checked, remarks=tuple(_renamed(project, wanted, base)))


def _renamed(project: Project, wanted: Sequence[Entry], base: Baseline) -> Iterator[str]:
    """Files whose subject is another since they were moved."""
    for entry in wanted:
        old_file = base.former(entry.file)
        before = next(entries(project.file, [old_file], project.origin), None) if project.origin else None
        if before is not None and before.subject != entry.subject:
            yield (
                f"{old_file} is now {entry.file}, and so subject {before.subject} is now {entry.subject}: a registry "
                f"takes that for a new one without a past; to keep it, say the subject of this file in {project.origin}"
            )


def _removed(
    project: Project, base: Baseline, before: Sequence[str], files: Mapping[str, Entry], label: str
) -> list[Checked]:
    kept = {base.former(file) for file in files}
    lost = [file for file in before if file not in kept and not (project.root / file).exists()]
    return [
        Checked(each.file, each.subject, each.owner, REMOVED, told.SAFE, f"{label}:{each.file}")
        for each in (entries(project.file, lost, project.origin) if project.origin else ())
    ]


def _question(entry: Entry, new: Any, old: Any) -> dict[str, Any]:
    if old is None:
        return {"do": "lint", "schema": new}
    level = next(name for name in _DIRECTIONS if entry.level.startswith(name))
    return {"do": "check", "new": new, "old": old, "level": level, "policy": entry.policy, "seconds": _SECONDS_EACH}


def _blamed(answer: Mapping[str, Any], names: Mapping[str, str]) -> Mapping[str, Any]:
    """An answer whose error is in a file that is referred to told as that: its place is none of the schema's."""
    error = answer.get("error") or {}
    if (file := names.get(str(error.get("reference")))) is None:
        return answer
    told_as = f"it refers to {error['reference']}: {place(file, error.get('line'), error.get('column'))}: "
    return {"error": {**error, "message": f"{told_as}{error.get('message')}", "line": None, "column": None}}


def _checked(entry: Entry, old: str, text: str, answer: Mapping[str, Any], by: str) -> Checked:
    named = (entry.file, entry.subject, entry.owner)
    if (error := answer.get("error")) and error.get("schema") == "old":
        return Checked(*named, NEW, told.SAFE, "", text)  # what was there was no schema that anybody could use
    if error:
        return Checked(*named, UNREADABLE, told.UNKNOWN, old, text, None, error)
    if not old:
        return Checked(*named, NEW, told.SAFE, "", text)
    answer = accepted(answer, entry.settings.get("waivers", ()), datetime.now(UTC))
    return Checked(*named, CHANGED, told.verdict(answer, by), old, text, answer)


def _moved(entry: Entry, file: str) -> Entry:
    return replace(entry, file=file)
