"""Say what changed from the schema in OLD to the one in NEW; needs no server.

Added, removed, moved, renamed, retyped, constrained, loosened, or documented (documentation only). Whether the change
is safe is another question: tenor check NEW --against OLD.
"""

from __future__ import annotations

import argparse

from tenor.cli import SAFE
from tenor.cli.local_schema import add_reference, add_type, ask_about, overridden, read_local
from tenor.cli.output import Output
from tenor.cli.reports import MARKDOWN
from tenor.cli.reports.asked import add_format, tell
from tenor.cli.reports.changes import outcome
from tenor.cli.running import UsageError
from tenor.cli.told import aligned


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("old", metavar="OLD", help=".avsc, .json or .proto; - for standard input")
    parser.add_argument("new", metavar="NEW", help="the same, later")
    add_format(parser, (MARKDOWN,))
    add_type(parser)
    add_reference(parser)
    add_reference(parser, "--old-reference", more=". Where OLD needs another file than NEW")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Compare."""
    if arguments.old == arguments.new == "-":
        raise UsageError("standard input holds one schema: OLD and NEW cannot both be -")
    new = read_local(arguments.new, arguments.type, arguments.reference)
    old = read_local(arguments.old, arguments.type, overridden(arguments.reference, arguments.old_reference))
    answer = ask_about({"new": new, "old": old}, arguments.timeout, do="diff")
    rows = [(change["kind"], change["path"], change["sentence"]) for change in answer["changes"]]
    lines = aligned(rows) if rows else ["no change"]
    tell(arguments.format, output, answer, lines, lambda: outcome(answer["changes"], old.file, new.file))
    return SAFE
