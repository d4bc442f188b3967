"""Register the schemas of a plan and set what it declares, all or none.

  tenor apply plan.json             what tenor plan --out plan.json said, and nothing else
  tenor apply                       plan, show it, and do it

The registry runs the code that made the plan. Exit code 5: the plan is stale, as the registry would do something else
by now; nothing was done. A plan that was carried out already changes nothing.
"""

from __future__ import annotations

import argparse

from tenor.cli import SAFE, planning
from tenor.cli.output import Output
from tenor.cli.verbs.plan import made


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("plan", metavar="PLAN", nargs="?", help="the file that tenor plan --out wrote")
    parser.set_defaults(paths=[])


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Apply."""
    plan = planning.kept(arguments.plan) if arguments.plan else made(arguments, output)
    if plan.refused:
        output.result(plan.document(), plan.lines(output.paint))
        return plan.code
    if arguments.plan and arguments.registry is None:
        arguments.registry = [plan.registry]
    with planning.patiently(arguments) as registry, output.progress("registering"):
        done = planning.planned(registry, plan.files, plan.schemas, plan.environments, plan.state)
    output.result({**done.document(), "applied": True}, [*done.lines(output.paint), _summary(done)])
    return SAFE


def _summary(done: planning.Planned) -> str:
    return f"applied to {done.registry}" if done.changing else f"no change: {done.registry} has all of it"
