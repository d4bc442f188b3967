"""Is a version of an application safe beside what runs where it goes?

Every contract that the version has with what is deployed or released there must have a successful verification.
Exit code 0: yes. 1: no. 3: don't know, because a verification result is missing; --wait asks again until it is there.
"""

from __future__ import annotations

import argparse
import time
from typing import Final

from tenor import Registry
from tenor.calls import Call
from tenor.cli import SAFE, UNKNOWN, UNSAFE, broker
from tenor.cli.connection import connect
from tenor.cli.output import Output
from tenor.cli.reports import MARKDOWN
from tenor.cli.reports.asked import add_format, tell
from tenor.cli.reports.matrix import outcome
from tenor.cli.running import UsageError

CODES: Final = {True: SAFE, False: UNSAFE, None: UNKNOWN}
WORDS: Final = {
    True: ("yes", "green", "can be deployed"),
    False: ("no", "red", "cannot be deployed"),
    None: ("don't know", "yellow", "may or may not be safe to deploy"),
}
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 5.0


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument(
        "--application", "--pacticipant", required=True, metavar="NAME", help="the application (pacticipant)"
    )
    which = parser.add_argument_group("which of its versions, one of").add_mutually_exclusive_group(required=True)
    which.add_argument("--version", metavar="V", help="this one, as it was published")
    which.add_argument("--branch", metavar="B", help="the head of a branch")
    which.add_argument("--main-branch", action="store_true", help="the head of its main branch")
    which.add_argument("--latest", metavar="TAG", nargs="?", const="", help="the newest, or the newest with a tag")
    where = parser.add_argument_group("where to, one of").add_mutually_exclusive_group(required=True)
    where.add_argument("--to-environment", "--environment", metavar="E", help="e.g. production")
    where.add_argument("--to", metavar="TAG", help="beside the newest versions with a tag")
    where.add_argument("--to-main-branch", action="store_true", help="beside the heads of main branches: can I merge?")
    parser.add_argument(
        "--ignore", action="append", default=[], metavar="NAME[:V]", help="leave out an application or its version"
    )
    add_format(parser, ("junit", MARKDOWN))
    parser.add_argument("--wait", type=float, default=0.0, metavar="SECONDS", help="for missing results, at most")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Ask, and tell the answer with its reasons."""
    if not 0 <= arguments.wait < 1e6:
        raise UsageError(f"--wait {arguments.wait} is no number of seconds")
    chosen, selector = version(arguments)
    place, destination = destination_of(arguments)
    ignored = [ignore(text) for text in arguments.ignore]
    with connect(arguments) as registry:
        found = _answer(registry, broker.can_i_deploy(selector, destination, ignored), arguments.wait, output)
    deployable = found["summary"]["deployable"]
    word, colour, rest = WORDS[deployable]
    reasons = [text for _, text in broker.notices(found)]
    document = {"answer": word, "deployable": deployable, "exit_code": CODES[deployable], **found}
    lines = [f"{output.paint(word, colour)}: {chosen} {rest} {place}", *(f"  {text}" for text in reasons)]
    tell(arguments.format, output, document, lines, lambda: outcome(found, f"{chosen} {rest} {place}", reasons))
    return CODES[deployable]


def _answer(registry: Registry, call: Call[broker.Document], seconds: float, output: Output) -> broker.Document:
    """The answer, asked for again while it is "don't know" and there is time."""
    until, pause = time.monotonic() + seconds, FIRST_PAUSE
    found = registry.send(call)
    if found["summary"]["deployable"] is not None or seconds <= 0:
        return found
    output.say(f"waiting up to {seconds:g} s for verification results")
    with output.progress("waiting"):
        while found["summary"]["deployable"] is None and (left := until - time.monotonic()) > 0:
            time.sleep(min(pause, left))
            pause = min(pause * 2, LONGEST_PAUSE)
            found = registry.send(call)
    return found


def version(arguments: argparse.Namespace) -> tuple[str, dict[str, str]]:
    """The version that is asked about: in words, and as the broker's selector."""
    name = arguments.application
    base = {"pacticipant": name}
    if arguments.version is not None:
        return f"{name} version {arguments.version}", {**base, "version": arguments.version}
    if arguments.branch is not None:
        head = f"{name} (head of branch {arguments.branch})"
        return head, {**base, "branch": arguments.branch, "latest": "true"}
    if arguments.main_branch:
        return f"{name} (head of its main branch)", {**base, "mainBranch": "true", "latest": "true"}
    if arguments.latest:
        return f"{name} (newest with tag {arguments.latest})", {**base, "tag": arguments.latest, "latest": "true"}
    return f"{name} (newest version)", {**base, "latest": "true"}


def destination_of(arguments: argparse.Namespace) -> tuple[str, dict[str, str]]:
    """Where it is to go: in words, and as the broker's destination."""
    if arguments.to_environment is not None:
        return f"to {arguments.to_environment}", {"environment": arguments.to_environment}
    if arguments.to is not None:
        return f"beside the newest versions with tag {arguments.to}", {"tag": arguments.to, "latest": "true"}
    return "beside the heads of main branches", {"latest": "true", "mainBranch": "true"}


def ignore(text: str) -> tuple[str, str | None]:
    """An application, or one version of it behind a colon; a name that holds a colon ends with one."""
    name, colon, number = text.rpartition(":")
    if not colon:
        return text, None
    if not name:
        raise UsageError(f"--ignore {text} does not name an application")
    return name, number or None
