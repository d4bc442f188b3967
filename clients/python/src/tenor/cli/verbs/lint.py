"""Say what could be better about the schema in FILE; needs no server.

Each remark has its place and the name of its rule; tenor explain RULE says more. Exit code 1: a remark is an error.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tenor.cli import SAFE, UNSAFE
from tenor.cli.local_schema import add_reference, add_type, ask_about, place, read_local
from tenor.cli.output import Output, one_line
from tenor.cli.reports.asked import add_format, tell
from tenor.cli.reports.remarks import outcome
from tenor.cli.running import UsageError

SEVERITIES: Final = ("error", "warning", "off")
_COLOURS: Final = {"error": "red", "warning": "yellow"}


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("file", metavar="FILE", help=".avsc, .json or .proto; - for standard input")
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
    schema = read_local(arguments.file, arguments.type, arguments.reference)
    answer = ask_about({"schema": schema}, arguments.timeout, do="lint", severities=severities)
    remarks = answer["remarks"]
    document, lines = {"file": schema.file, **answer}, told(remarks, schema.file, output)
    tell(arguments.format, output, document, lines, lambda: outcome(remarks, schema.file))
    return UNSAFE if any(remark["severity"] == "error" for remark in remarks) else SAFE


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
