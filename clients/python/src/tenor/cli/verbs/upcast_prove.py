"""Prove a plan: is it right for every event of OLD? Needs no server.

Runs it on events of the old schema, the edges first: total, valid under NEW, pure, equal to Avro's own resolution where
that is defined, and back again where nothing is lost. Prints the attestation, or the smallest event that it fails on.
Exit code 1: it fails, or is not finished.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any, Final

from tenor.cli import SAFE, UNSAFE
from tenor.cli.local_schema import add_reference, add_type, ask_about, overridden, read_local
from tenor.cli.output import Output, json_line, one_line
from tenor.cli.plan_file import read_plan, samples_of
from tenor.cli.running import UsageError
from tenor.plans import to_data

MOST: Final = 100_000


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("plan", metavar="PLAN", help="what `tenor upcast new --plan` wrote; - for standard input")
    parser.add_argument("--old", required=True, metavar="FILE", help="the schema that events were written with")
    parser.add_argument("--new", required=True, metavar="FILE", help="the schema that they become events of")
    parser.add_argument("--examples", type=int, default=1000, metavar="N", help=f"at most {MOST}; default 1000")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the random ones; default 0")
    parser.add_argument("--samples", metavar="FILE", help="recorded events to prove it on too, as for tenor upcast run")
    add_type(parser)
    add_reference(parser)
    add_reference(parser, "--old-reference", more=". Where OLD needs another file than NEW")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Prove."""
    if not 1 <= arguments.examples <= MOST:
        raise UsageError(f"--examples: {arguments.examples} is not between 1 and {MOST}")
    if not 0 <= arguments.seed < 2**31:
        raise UsageError(f"--seed: {arguments.seed} is not between 0 and 2^31-1")
    if [arguments.plan, arguments.old, arguments.new].count("-") > 1:
        raise UsageError("standard input can be read once")
    plan = read_plan(arguments.plan)
    new = read_local(arguments.new, arguments.type, arguments.reference)
    old = read_local(arguments.old, arguments.type, overridden(arguments.reference, arguments.old_reference))
    seconds = max(20.0, arguments.timeout)
    question = {
        "plan": to_data(plan),
        "examples": arguments.examples,
        "seed": arguments.seed,
        "limit": seconds,
        "samples": [] if arguments.samples is None else samples_of(arguments.samples),
    }
    with output.progress("proving"):
        answer = ask_about({"new": new, "old": old}, seconds + 10, do="prove", **question)
    output.result(answer, _told(answer))
    return SAFE if answer["proven"] else UNSAFE


def _told(answer: Any) -> Iterator[str]:
    for name, result in sorted(answer["results"].items()):
        yield f"{name}  {one_line(result)}"
    if samples := answer.get("samples"):
        yield f"{samples['admitted']} of {samples['given']} samples are events of the old schema, and were tried"
    if found := answer.get("counterexample"):
        yield f"fails {found['property']} on {json_line(found['event'])}: {one_line(found['reason'])}"
    verdict = "proven" if answer["proven"] else "not proven"
    yield f"{verdict} on {answer['examples']} events (seed {answer['seed']}), plan {answer['plan'][:12]}"
