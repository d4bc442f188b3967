"""Show what protects a SUBJECT and which versions its support window holds, or without one every policy."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from tenor.cli import SAFE, blast, told
from tenor.cli.connection import connect
from tenor.cli.output import Output, json_line


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("subject", nargs="?", metavar="SUBJECT", help="e.g. orders-value")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Show it."""
    with connect(arguments) as registry:
        if arguments.subject is None:
            answer = registry.send(blast.policies())
            output.result(answer, _all(answer))
        else:
            answer = registry.send(blast.policy(arguments.subject))
            output.result(answer, _one(answer))
    return SAFE


def _all(answer: blast.Document) -> Iterator[str]:
    rows = [(each["scope"] or "*", *words(each)) for each in answer["policies"]]
    yield from told.aligned([("SCOPE", "PROTECT", "READABLE FOR"), *rows]) if rows else iter(["no policies"])


def _one(answer: blast.Document) -> Iterator[str]:
    protect, readable = words(answer)
    yield f"protect: {protect}"
    yield f"readable for: {readable}"
    for each in answer["held"]:
        until = f" until {each['until']}" if each.get("until") else ""
        yield f"  version {each['version']} stays{until}: {each['why']}"


def words(policy: blast.Document) -> tuple[str, str]:
    """Both members of a policy as a person writes them."""
    readable = policy.get("readable_for")
    if isinstance(readable, dict):
        readable = json_line(readable)
    return policy.get("protect") or "nothing", readable or "not set"
