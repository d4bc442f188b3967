"""Is this version of an application safe beside what an environment runs now?

Every contract that the version has with what is deployed or released there must have a successful verification.
Exit code 0: yes. 1: no. 3: don't know, because a verification result is missing.
"""

from __future__ import annotations

import argparse
from typing import Final

from tenor.cli import SAFE, UNKNOWN, UNSAFE, broker
from tenor.cli.connection import connect
from tenor.cli.output import Output

CODES: Final = {True: SAFE, False: UNSAFE, None: UNKNOWN}
WORDS: Final = {
    True: ("yes", "green", "can be deployed"),
    False: ("no", "red", "cannot be deployed"),
    None: ("don't know", "yellow", "may or may not be safe to deploy"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("--application", required=True, metavar="NAME", help="the application (pacticipant)")
    parser.add_argument("--version", required=True, metavar="V", help="its version, as it was published")
    parser.add_argument("--to-environment", required=True, metavar="E", help="e.g. production")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Ask, and tell the answer with its reasons."""
    with connect(arguments) as registry:
        found = registry.send(broker.can_i_deploy(arguments.application, arguments.version, arguments.to_environment))
    deployable = found["summary"]["deployable"]
    word, colour, rest = WORDS[deployable]
    sentence = f"{arguments.application} version {arguments.version} {rest} to {arguments.to_environment}"
    reasons = [f"  {text}" for _, text in broker.notices(found)]
    document = {"answer": word, "deployable": deployable, "exit_code": CODES[deployable], **found}
    output.result(document, [f"{output.paint(word, colour)}: {sentence}", *reasons])
    return CODES[deployable]
