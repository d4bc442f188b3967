"""Let the registry prove the upcaster of an edge of SUBJECT and keep it, for everybody who reads old events.

  tenor upcast publish orders-value 1..2 --yes /postcode
  tenor upcast publish orders-value 2..3 --plan plan.json --samples recorded.jsonl
  tenor upcast publish orders-value 3..next --schema orders.avsc

Without --plan the registry derives it. `next` is a schema that is not registered yet: a break that proven plans cross
may be registered within the subject's support window. Exit code 1: it is not kept, because an event refutes it, or
kept and not proven, because it has steps written by hand.
"""

from __future__ import annotations

import argparse
from typing import Any, Final

from tenor.cli import SAFE, UNSAFE, upcasters
from tenor.cli.connection import connect
from tenor.cli.local_schema import add_reference, add_type, read_local
from tenor.cli.output import Output, one_line
from tenor.cli.plan_file import read_plan, samples_of
from tenor.cli.running import UsageError
from tenor.errors import Rejected
from tenor.plans import to_data

MOST: Final = 20_000


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("subject", metavar="SUBJECT", help="e.g. orders-value")
    parser.add_argument("edge", metavar="OLD..NEW", type=upcasters.edge, help="two versions, or OLD..next")
    parser.add_argument("--plan", metavar="FILE", help="what `tenor upcast new --plan` wrote; - for standard input")
    parser.add_argument("--schema", metavar="FILE", help="the schema that is to be registered, with OLD..next")
    parser.add_argument("--yes", action="append", default=[], metavar="PATH", help="agree to what is suggested there")
    parser.add_argument("--no", action="append", default=[], metavar="PATH", help="decline it")
    parser.add_argument("--samples", metavar="FILE", help="recorded events to prove it on too, as for tenor upcast run")
    parser.add_argument("--examples", type=int, default=1000, metavar="N", help=f"at most {MOST}; default 1000")
    add_type(parser)
    add_reference(parser)


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Publish."""
    body = _body(arguments)
    with connect(arguments) as registry:
        try:
            edge = registry.send(upcasters.publish(arguments.subject, arguments.edge, body))
        except Rejected as refused:
            if refused.code != upcasters.REFUTED:
                raise
            output.error(refused, UNSAFE)
            return UNSAFE
    lines = [f"{name}  {one_line(str(result))}" for name, result in sorted(edge["attestation"]["results"].items())]
    verdict = "proven" if edge["proven"] else "kept, and not proven"
    lines.append(f"{arguments.subject} {arguments.edge}: {verdict}, plan {edge['hash'][:12]}")
    output.result(edge, lines)
    return SAFE if edge["proven"] else UNSAFE


def _body(arguments: argparse.Namespace) -> dict[str, Any]:
    if not 1 <= arguments.examples <= MOST:
        raise UsageError(f"--examples: {arguments.examples} is not between 1 and {MOST}")
    if (arguments.schema is not None) != arguments.edge.endswith("..next"):
        raise UsageError("--schema FILE says what OLD..next leads to; say both or neither")
    if [arguments.plan, arguments.schema, arguments.samples].count("-") > 1:
        raise UsageError("standard input can be read once")
    decided = upcasters.decisions(arguments.yes, arguments.no)
    if decided and arguments.plan is not None:
        raise UsageError("--yes and --no are for a plan that the registry derives; --plan has its own decisions")
    body: dict[str, Any] = {"examples": arguments.examples}
    if decided:
        body["decisions"] = decided
    if arguments.plan is not None:
        body["plan"] = to_data(read_plan(arguments.plan))
    if arguments.samples is not None:
        body["samples"] = samples_of(arguments.samples)
    if arguments.schema is not None:
        local = read_local(arguments.schema, arguments.type, arguments.reference)
        body["schema"] = upcasters.named_schema(local.data)
    return body
