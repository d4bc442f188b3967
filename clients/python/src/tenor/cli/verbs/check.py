"""Say whether the schema in NEW goes with an earlier one, and show an event for every reason why not.

  tenor check order-2.avsc --against order-1.avsc            two files; needs no server
  tenor check order-2.avsc --subject orders-value            the history of a subject, on a server

Each reason comes with its places (file:line:column), an event that shows it, what the reader said about that event,
and edits after which it is gone. The verdict is unsafe if Confluent's rules refuse the change or if an event exists
that breaks; where the two differ, a line says so. Exit code 0: safe, or unknown; 1: unsafe; 3: unknown, with
--unknown=fail.
"""

from __future__ import annotations

import argparse
from typing import Any, Final

from tenor.cli import SAFE, UNKNOWN, UNSAFE, told
from tenor.cli.engine import EngineFailed
from tenor.cli.local_schema import LocalSchema, add_reference, add_type, ask_about, overridden, read_local
from tenor.cli.output import Output
from tenor.cli.running import UsageError

LEVELS: Final = ("BACKWARD", "FORWARD", "FULL")
POLICIES: Final = ("STRICT", "LENIENT", "LOGICAL")


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("new", metavar="NEW", help=".avsc, .json or .proto; - for standard input")
    parser.add_argument("--against", metavar="OLD", help="the earlier schema, a file")
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


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Check, against a file or on a server."""
    if (arguments.against is None) == (arguments.subject is None):
        raise UsageError("give either --against OLD or --subject SUBJECT (see tenor check --help)")
    answer, sides = _local(arguments) if arguments.against is not None else _on_server(arguments)
    verdict = told.verdict(answer, arguments.verdict)
    names = {"new": sides.new, "old": sides.old or sides.subject}
    output.result({"verdict": verdict, **names, **answer}, told.told(answer, sides, arguments.verdict, output.paint))
    fails = arguments.unknown == "fail"
    return {told.SAFE: SAFE, told.UNSAFE: UNSAFE, told.UNKNOWN: UNKNOWN if fails else SAFE}[verdict]


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
            answer = registry.send(subject_check(arguments.subject, schema))
        except (Answered, UnexpectedAnswer) as error:
            if speaks_native(error):
                raise
            raise UsageError(
                f"{registry.url} has no API that explains: it is not Tenor; "
                "compare files with --against, or ask it with tenor register --dry-run"
            ) from error
    return answer, told.Sides(arguments.new, schema.text, subject=arguments.subject)
