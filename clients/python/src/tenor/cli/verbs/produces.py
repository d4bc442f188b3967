"""Say which subjects a version of an application writes, in which schema versions (the latest one if none is given).

  tenor produces --application orders --version 2.0 orders-value:3 refunds-value

can-i-deploy then judges consumers' message contracts by these schemas, without running the application. With
--reads, say instead which schema the version was generated from: then it counts as a reader that needs all of it.
"""

from __future__ import annotations

import argparse

from tenor.cli import SAFE, blast
from tenor.cli.connection import connect
from tenor.cli.output import Output
from tenor.cli.running import UsageError

_LATEST = -1


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("subjects", nargs="+", metavar="SUBJECT[:VERSION]", help="e.g. orders-value:3")
    parser.add_argument("--application", "--pacticipant", required=True, metavar="NAME", help="the application")
    parser.add_argument("--version", required=True, metavar="V", help="its version")
    parser.add_argument("--reads", action="store_true", help="it was generated from these, and reads them")
    parser.add_argument(
        "--self-verified", choices=("true", "false"), help="what it found when it checked its events itself"
    )


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Record it."""
    subjects = [_subject(text) for text in arguments.subjects]
    who = f"{arguments.application} {arguments.version}"
    verified = None if arguments.self_verified is None else arguments.self_verified == "true"
    with connect(arguments) as registry:
        if arguments.reads:
            kept = [
                registry.send(blast.reads(arguments.application, arguments.version, subject, number))
                for subject, number in subjects
            ]
            lines = [
                f"{who} reads {each['subject']} version {each['schema_version']}: {each['needs']} needs"
                for each in kept
            ]
            output.result({"reads": kept}, lines)
            return SAFE
        done = registry.send(blast.produces(arguments.application, arguments.version, subjects, verified))
    output.result(done, [f"{who} writes {each['subject']} version {each['version']}" for each in done["subjects"]])
    return SAFE


def _subject(text: str) -> tuple[str, int]:
    subject, colon, number = text.rpartition(":")
    # Subjects hold colons themselves (:.dev:orders-value): only a number behind the last one is a version.
    if colon and subject and number.isascii() and number.isdigit():
        if int(number) == 0:
            raise UsageError(f"{text}: versions count from 1")
        return subject, int(number)
    return text, _LATEST
