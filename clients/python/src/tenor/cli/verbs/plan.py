"""What registering the schemas of this project would do on the server: nothing is changed.

  tenor plan                        every schema of tenor.yaml, with what it refers to
  tenor plan schemas/orders         some of them
  tenor plan --out plan.json        keep the plan; tenor apply plan.json does it, and nothing else

Subjects are created (+), get a version (~), or are refused (!) with the reasons. What tenor.yaml says of them besides
(owner, level, policy, protect, readable_for, consumers, waivers; and environments, where no PATH is given) is told as
changes of their own, and schemas are judged by the level it gives. What it does not say stays as it is; `level: null`
takes it back.

Exit code 0: nothing is refused (10 with --detailed-exitcode if something would change); 1: a schema is incompatible; 2:
a schema is none, or refers to what is not there; 5: the registry does not take it now.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tenor.cli import CHANGED, planning
from tenor.cli.output import Output
from tenor.cli.project import load
from tenor.cli.reports import plans
from tenor.cli.reports.asked import add_format, tell


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("paths", metavar="PATH", nargs="*", help="files and folders of the project; all without any")
    add_format(parser)
    parser.add_argument("--out", metavar="FILE", help="write the plan, for tenor apply")
    parser.add_argument("--detailed-exitcode", action="store_true", help="exit code 10 if something would change")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Plan."""
    plan = made(arguments, output)
    steps = list(zip(plan.files, plan.steps, strict=True))
    lines = plan.lines(output.paint)
    tell(arguments.format, output, plan.document(), lines, lambda: plans.outcome(steps, plan.registry))
    if plan.refused:
        if arguments.out:
            output.say(f"{arguments.out} was not written: a plan with refused schemas cannot be applied")
        return plan.code
    if arguments.out:
        planning.write(plan, arguments.out)
        output.say(f"tenor apply {arguments.out} does exactly this")
    return CHANGED if plan.changing and arguments.detailed_exitcode else plan.code


def made(arguments: argparse.Namespace, output: Output) -> planning.Planned:
    """The plan of these arguments, by the registry that they or the project name."""
    project = load(Path.cwd(), arguments.paths)
    for remark in project.remarks:
        output.say(remark)
    files, schemas = planning.sendable(project, project.named(arguments.paths))
    environments = () if arguments.paths else project.environments
    with planning.connected(arguments, project) as registry:
        return planning.planned(registry, files, schemas, environments)
