"""Accept a break for a while: shown in every report, and over at its date.

  tenor waive orders-value --until 2026-12-31 --reason "billing is switched off" --owner team-orders --consumer billing
  tenor waive --list
  tenor waive --withdraw ID

Without --path, --consumer and --rule the waiver speaks of every row of the subject. One without --consumer also speaks
of what the subject's compatibility level refuses; its path is then one that the finding shows. What it accepts becomes
a warning that says until when, by whom and why.
"""

from __future__ import annotations

import argparse

from tenor.cli import SAFE, blast, told
from tenor.cli.connection import connect
from tenor.cli.output import Output
from tenor.cli.running import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("subject", nargs="?", metavar="SUBJECT", help="e.g. orders-value")
    parser.add_argument("--until", metavar="DATE", help="its last day, or a time; at most a year ahead")
    parser.add_argument("--reason", metavar="TEXT", help="why it is acceptable")
    parser.add_argument("--owner", metavar="NAME", help="who answers for it")
    parser.add_argument("--consumer", metavar="NAME", default="", help="only rows of this consumer")
    parser.add_argument("--path", metavar="PATH", default="", help="only this path and what is below it")
    parser.add_argument("--rule", metavar="RULE", default="", help="only rows of this rule, e.g. no-contract")
    parser.add_argument("--list", action="store_true", help="list all waivers, expired ones too")
    parser.add_argument("--withdraw", metavar="ID", help="withdraw a waiver")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Waive, list or withdraw."""
    if (arguments.subject is not None) + arguments.list + (arguments.withdraw is not None) != 1:
        raise UsageError("give a SUBJECT to waive for, or --list, or --withdraw ID")
    with connect(arguments) as registry:
        if arguments.list:
            found = registry.send(blast.waivers())
            rows = [
                (each["id"], each["subject"], _what(each), each["until"], each["owner"], _state(each)) for each in found
            ]
            head = ("ID", "SUBJECT", "WHAT", "UNTIL", "OWNER", "")
            output.result({"waivers": found}, told.aligned([head, *rows]) if rows else "no waivers")
            return SAFE
        if arguments.withdraw is not None:
            gone = registry.send(blast.withdraw(arguments.withdraw))
            output.result(gone, f"withdrawn: {gone['subject']}, {_what(gone)}")
            return SAFE
        missing = [f"--{name}" for name in ("until", "reason", "owner") if not getattr(arguments, name)]
        if missing:
            raise UsageError(f"a waiver needs {', '.join(missing)}")
        names = ("until", "reason", "owner", "consumer", "path", "rule")
        made = registry.send(blast.waive(arguments.subject, {name: getattr(arguments, name) for name in names}))
    output.result(made, f"waived until {made['until']}: {made['subject']}, {_what(made)} (id {made['id']})")
    return SAFE


def _what(waiver: blast.Document) -> str:
    parts = [waiver["consumer"], waiver["path"], waiver["rule"]]
    return " ".join(filter(None, parts)) or "everything"


def _state(waiver: blast.Document) -> str:
    return "EXPIRED" if waiver["expired"] else ""
