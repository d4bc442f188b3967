"""Say what could be better about schemas; needs no server.

  tenor lint order.avsc             one file
  tenor lint schemas/ a.proto       files and folders; in a project (tenor.yaml) what they refer to is found
  tenor lint                        every schema of the project

Each remark has its place and the name of its rule; tenor explain RULE says more. Exit code 1: a remark is an error;
2: a file is no schema (the others are linted).
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tenor.cli import SAFE, UNSAFE, USAGE
from tenor.cli.engine import many
from tenor.cli.local_schema import LocalSchema, add_reference, add_type, ask_about, place, read_local, unreadable
from tenor.cli.output import Output, one_line
from tenor.cli.project import find, load, reading, referred, with_references
from tenor.cli.reports.asked import add_format, tell
from tenor.cli.reports.remarks import outcome
from tenor.cli.running import UsageError

_SECONDS_EACH: Final = 1.0
SEVERITIES: Final = ("error", "warning", "off")
_COLOURS: Final = {"error": "red", "warning": "yellow"}


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("files", metavar="FILE", nargs="*", help=".avsc, .json or .proto; - for standard input")
    parser.add_argument(
        "--severity",
        action="append",
        default=[],
        metavar="RULE=" + "|".join(SEVERITIES),
        help="how grave a rule is; may be repeated",
    )
    add_format(parser)
    add_type(parser)
    add_reference(parser)


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Lint."""
    severities = dict(map(_severity, arguments.severity))
    schemas = list(_schemas(arguments))
    if len(schemas) != 1:
        return _many(schemas, severities, arguments, output)
    (schema,) = schemas
    answer = ask_about({"schema": schema}, arguments.timeout, do="lint", severities=severities)
    remarks = answer["remarks"]
    document, lines = {"file": schema.file, **answer}, told(remarks, schema.file, output)
    tell(arguments.format, output, document, lines, lambda: outcome([{"file": schema.file, "remarks": remarks}]))
    return UNSAFE if _grave(remarks) else SAFE


def _schemas(arguments: argparse.Namespace) -> Iterator[LocalSchema]:
    """The schemas that are named; those of a project with what they refer to. Raises UsageError."""
    here = Path.cwd()
    by_itself = arguments.reference or arguments.type or "-" in arguments.files
    if len(arguments.files) == 1 and (by_itself or find(here) is None) and not Path(arguments.files[0]).is_dir():
        yield read_local(arguments.files[0], arguments.type, arguments.reference)
        return
    if by_itself:
        raise UsageError("--reference, --type and - go with one FILE")
    project = load(here, arguments.files)
    known = {each.file: each for each in project.entries}
    read = reading(project.root)
    for path in arguments.files or [""]:
        try:
            wanted = project.named([path] if path else [])
        except UsageError:
            if not Path(path).is_file():
                raise
            yield read_local(path, None, [])  # beside what the project names
            continue
        for entry in wanted:
            data, files = with_references(entry, known, read)
            if data is not None:
                yield LocalSchema(os.path.relpath(project.root / entry.file), data, referred(data, files))


def _many(
    schemas: Sequence[LocalSchema], severities: Mapping[str, str], arguments: argparse.Namespace, output: Output
) -> int:
    questions = [{"do": "lint", "schema": each.data, "severities": severities} for each in schemas]
    with output.progress("linting"):
        answers = many(questions, _SECONDS_EACH)
    rows: list[dict[str, Any]] = []
    lines: list[str] = []
    for schema, answer in zip(schemas, answers, strict=True):
        if "error" in answer:
            error = unreadable(schema, answer["error"])
            output.say(f"{output.paint('error:', 'red')} {error}")
            rows.append({"file": schema.file, "error": {"message": str(answer["error"].get("message")), **error.place}})
            continue
        rows.append({"file": schema.file, "remarks": answer["remarks"]})
        lines += list(told(answer["remarks"], schema.file, output))[:-1]
    found = [remark for row in rows for remark in row.get("remarks", ())]
    *_, total = told(found, "", output)
    read = sum("remarks" in row for row in rows)
    lines.append(f"{total} in {read} file{'' if read == 1 else 's'}")
    tell(arguments.format, output, {"files": rows}, lines, lambda: outcome(rows))
    return USAGE if read < len(rows) else UNSAFE if _grave(found) else SAFE


def _grave(remarks: Sequence[Mapping[str, Any]]) -> bool:
    return any(remark["severity"] == "error" for remark in remarks)


def told(remarks: Sequence[Mapping[str, Any]], file: str, output: Output) -> Iterator[str]:
    """A line for each remark, as compilers write them, and how many there are."""
    for remark in remarks:
        severity = remark["severity"]
        where = place(file, remark.get("line"), remark.get("column"))
        painted = output.paint(severity + ":", _COLOURS[severity])
        yield f"{where}: {painted} {one_line(remark['sentence'])} [{remark['rule']}]"
    counts = Counter(remark["severity"] for remark in remarks)
    parts = [f"{count} {severity}{'s' if count > 1 else ''}" for severity, count in sorted(counts.items())]
    yield ", ".join(parts) or "nothing to remark"


def _severity(text: str) -> tuple[str, str]:
    rule, equals, severity = text.partition("=")
    if not (rule and equals and severity in SEVERITIES):
        raise UsageError(f"--severity: '{text}' is not RULE={'|'.join(SEVERITIES)}")
    return rule, severity
