"""Who the registry takes you for, and what was granted to you."""

from __future__ import annotations

import argparse

from tenor import trust
from tenor.cli import SAFE
from tenor.cli.connection import connect
from tenor.cli.output import Output, one_line


def configure(_: argparse.ArgumentParser) -> None:
    """The verb has no arguments of its own."""


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Ask."""
    with connect(arguments) as registry:
        found = registry.send(trust.whoami())
    lines = [f"{one_line(str(found.get('name')))} ({found.get('how')})"]
    lines += [f"  {one_line(str(each))}" for each in found.get("grants") or ["nothing was granted"]]
    if found.get("scope") is not None:
        lines += ["narrowed by the token to", *(f"  {one_line(str(each))}" for each in found["scope"])]
    output.result(found, lines)
    return SAFE
