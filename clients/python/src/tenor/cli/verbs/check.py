"""Say whether schemas go with earlier ones, and show an event for every reason why not.

  tenor check --against git:main                             what this branch changed (tenor.yaml says what is a schema)
  tenor check schemas/ --against git:main --format github    the same for some files, as annotations
  tenor check --against server                               the versions that the registry has of each subject
  tenor check --against tag:prod                             the versions in use in the environment prod
  tenor check order-2.avsc --against order-1.avsc            two files; needs no server
  tenor check order-2.avsc --subject orders-value            the history of a subject, on a server

tag:NAME means the environment of that name: the versions that what is deployed or released there says it writes (tenor
produces) or reads, and the consumers there. Without such an environment it is what carries the tag, in the newest
version of each application. On a server schemas are judged as they would be registered together, by the level and
policy of their subject there, and whom a change hurts counts as well.

Each reason comes with its places (file:line:column), an event that shows it, what the reader said about that event,
and edits after which it is gone. The verdict is unsafe if Confluent's rules refuse the change or if an event exists
that breaks; where the two differ, a line says so. Exit code 0: safe, or unknown; 1: unsafe; 2: a file is no schema, or
there is no such revision or tag; 3: unknown, with --unknown=fail.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tenor.cli import SAFE, UNKNOWN, UNSAFE, USAGE, told
from tenor.cli.checking import CHANGED, SERVER, TAG, Checked, Report, against_git, summary
from tenor.cli.engine import EngineFailed
from tenor.cli.git import folder_in_repository
from tenor.cli.local_schema import LocalSchema, add_reference, add_type, ask_about, overridden, read_local
from tenor.cli.output import Output
from tenor.cli.project import FILE, load
from tenor.cli.reports.asked import add_format, tell
from tenor.cli.running import UsageError

if TYPE_CHECKING:
    from tenor.cli.reports.outcome import Outcome

LEVELS: Final = ("BACKWARD", "FORWARD", "FULL")
_GIT: Final = "git:"
_A_FEW: Final = 20
POLICIES: Final = ("STRICT", "LENIENT", "LOGICAL")


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("paths", metavar="PATH", nargs="*", help=".avsc, .json or .proto, or a folder; - is stdin")
    parser.add_argument("--against", metavar="OLD", help="a file, git:REVISION, server or tag:NAME")
    parser.add_argument("--subject", help="the earlier schemas: the versions of a subject, at its level")
    parser.add_argument("--level", type=str.upper, choices=LEVELS, help="BACKWARD (default): new code reads old events")
    parser.add_argument(
        "--policy",
        type=str.upper,
        choices=POLICIES,
        help="STRICT (default); LENIENT is for JSON Schema, LOGICAL for Avro",
    )
    add_type(parser)
    add_reference(parser, more=". With --subject: NAME=SUBJECT:VERSION")
    add_reference(parser, "--old-reference", more=". Where OLD needs another file than NEW")
    parser.add_argument(
        "--verdict",
        choices=(told.BOTH, told.CONFLUENT, told.SEMANTIC),
        default=told.BOTH,
        help="what decides: Confluent's rules, what events can break, or both (default: the worse)",
    )
    parser.add_argument("--unknown", choices=("pass", "fail"), default="pass", help="what an unknown verdict does")
    add_format(parser)


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Check files of a project against git, or one schema against a file or on a server."""
    if arguments.subject is None and _is_project(arguments.against or ""):
        report = _changes(arguments, output)
        document: Any = report.document()
        lines: Sequence[str] = summary(report, output.paint)
    else:
        report, document, lines = _one_schema(arguments, output)
    tell(arguments.format, output, document, lines, lambda: _outcome(report))
    if report.unreadable and report.verdict != told.UNSAFE:
        return USAGE
    fails = arguments.unknown == "fail"
    return {told.SAFE: SAFE, told.UNSAFE: UNSAFE, told.UNKNOWN: UNKNOWN if fails else SAFE}[report.verdict]


def _outcome(report: Report) -> Outcome:
    from tenor.cli.reports import checks  # most runs ask for no report, and are to start quickly

    return checks.outcome(report)


def _is_project(against: str) -> bool:
    """Whether many schemas are compared; a file that is called server is ./server."""
    return against == SERVER or against.startswith((_GIT, TAG))


def _changes(arguments: argparse.Namespace, output: Output) -> Report:
    given = {"--level": arguments.level, "--policy": arguments.policy, "--type": arguments.type}
    given |= {"--reference": arguments.reference, "--old-reference": arguments.old_reference}
    if names := [name for name, value in given.items() if value]:
        raise UsageError(f"{', '.join(names)}: what holds for the schemas of a project is said in {FILE}")
    kind, _, name = arguments.against.partition(":")
    if kind != SERVER and (not name or name.startswith("-")):
        raise UsageError(f"--against {arguments.against}: say git:REVISION, e.g. git:main, or tag:NAME, e.g. tag:prod")
    project = load(Path.cwd(), arguments.paths)
    for remark in project.remarks:
        output.say(remark)
    wanted = project.named(arguments.paths)
    folder = folder_in_repository(project.root)
    if kind == "git":
        # A few files are done before a bar could be drawn.
        with output.progress("checking") if len(wanted) > _A_FEW else nullcontext():
            report = against_git(project, wanted, name, arguments.verdict)
        for remark in report.remarks:
            output.say(remark)
        return replace(report, folder=folder)
    from tenor.cli.planning import connected
    from tenor.cli.registered import against_registry

    with connected(arguments, project) as registry, output.progress("checking", len(wanted)) as progress:
        report = against_registry(project, wanted, registry, arguments.verdict, name or None, progress.at)
    return replace(report, folder=folder)


def _one_schema(arguments: argparse.Namespace, output: Output) -> tuple[Report, Any, Sequence[str]]:
    if (arguments.against is None) == (arguments.subject is None):
        raise UsageError("give either --against OLD or --subject SUBJECT (see tenor check --help)")
    if len(arguments.paths) != 1:
        raise UsageError("give one schema, or --against git:REVISION, server or tag:NAME for many")
    (arguments.new,) = arguments.paths
    answer, sides = _local(arguments) if arguments.against is not None else _on_server(arguments)
    found, old = told.verdict(answer, arguments.verdict), sides.old or sides.subject
    checked = Checked(sides.new, sides.subject, "", CHANGED, found, old, sides.new_text, answer)
    lines = list(told.told(answer, sides, arguments.verdict, output.paint))
    document = {"verdict": found, "new": sides.new, "old": old, **answer}
    return Report(old, arguments.verdict, (checked,)), document, lines


def _local(arguments: argparse.Namespace) -> tuple[Any, told.Sides]:
    if arguments.new == arguments.against == "-":
        raise UsageError("standard input holds one schema: NEW and OLD cannot both be -")
    new = read_local(arguments.new, arguments.type, arguments.reference)
    old = read_local(arguments.against, arguments.type, overridden(arguments.reference, arguments.old_reference))
    settings = {"level": arguments.level or "BACKWARD", "policy": arguments.policy or "STRICT"}
    return _asked({"new": new, "old": old}, arguments.timeout, settings), told.Sides(
        new.file, new.data["text"], old.file
    )


def _asked(schemas: dict[str, LocalSchema], seconds: float, settings: dict[str, str]) -> Any:
    try:
        return ask_about(schemas, seconds, do="check", **settings)
    except EngineFailed:
        # The search ran away; the verdict by the rules needs none, and says that the rest is unknown.
        return ask_about(schemas, seconds, do="verdict", **settings)


def _on_server(arguments: argparse.Namespace) -> tuple[Any, told.Sides]:
    from tenor.calls import speaks_native, subject_check
    from tenor.cli.connection import connect
    from tenor.cli.schema_file import read_schema
    from tenor.errors import Answered, UnexpectedAnswer

    if arguments.level or arguments.policy or arguments.old_reference:
        raise UsageError("--level, --policy and --old-reference go with --against: a subject has its own")
    schema = read_schema(arguments.new, arguments.type, arguments.reference)
    with connect(arguments) as registry:
        try:
            answer = registry.send(subject_check(arguments.subject, schema.body()))
        except (Answered, UnexpectedAnswer) as error:
            if speaks_native(error):
                raise
            raise UsageError(
                f"{registry.url} has no API that explains: it is not Tenor; "
                "compare files with --against, or ask it with tenor register --dry-run"
            ) from error
    return answer, told.Sides(arguments.new, schema.text, subject=arguments.subject)
