"""Set the whole policy of a scope: a subject, a prefix (orders-*) or * for all; with neither option it is removed.

  tenor policy set 'orders-*' --protect used --readable-for days=30
  tenor policy set orders-value --readable-for versions=3
  tenor policy set --map orders 'an order*' orders-value

--protect used refuses what breaks a known consumer, used_or_unknown also what is not known to be safe, everything every
change of a field. --readable-for is versions=N, days=N, while_retained=TOPIC or forever. --map says which subject
messages of a provider belong to whose description matches.
"""

from __future__ import annotations

import argparse
from typing import Any

from tenor.cli import SAFE, blast
from tenor.cli.connection import connect
from tenor.cli.output import Output
from tenor.cli.running import UsageError
from tenor.cli.verbs.policy_get import words


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("scope", nargs="?", metavar="SCOPE", help="a subject, a prefix with * at its end, or *")
    parser.add_argument("--protect", choices=("used", "used_or_unknown", "everything"), help="how much is protected")
    parser.add_argument("--readable-for", metavar="WINDOW", help="versions=N, days=N, while_retained=TOPIC or forever")
    parser.add_argument("--map", nargs=3, metavar=("PROVIDER", "DESCRIPTION", "SUBJECT"), help="messages to a subject")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Set it."""
    if (arguments.scope is None) == (arguments.map is None):
        raise UsageError("give a SCOPE, or --map PROVIDER DESCRIPTION SUBJECT")
    with connect(arguments) as registry:
        if arguments.map is not None:
            done = registry.send(blast.map_messages(*arguments.map))
            output.result(done, "messages '{description}' of {provider} belong to {subject}".format(**done))
            return SAFE
        body: dict[str, Any] = {}
        if arguments.protect is not None:
            body["protect"] = arguments.protect
        if arguments.readable_for is not None:
            body["readable_for"] = _window(arguments.readable_for)
        done = registry.send(blast.set_policy(arguments.scope, body))
    protect, readable = words(done)
    output.result(done, f"{done['scope'] or '*'}: protects {protect}, readable for: {readable}")
    return SAFE


def _window(text: str) -> Any:
    name, equals, value = text.partition("=")
    if not equals:
        return text
    if name in ("versions", "days"):
        if not (value.isascii() and value.isdigit()):
            raise UsageError(f"--readable-for {text}: {name} is a number")
        return {name: int(value)}
    return {name: value}
