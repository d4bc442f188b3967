"""Change an environment; what is not said stays as it is."""

from __future__ import annotations

import argparse
from typing import Any

from tenor.cli import SAFE, broker, environments
from tenor.cli.connection import connect
from tenor.cli.output import Output
from tenor.cli.running import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("name", metavar="NAME", help="its name now")
    parser.add_argument("--name", dest="new_name", metavar="NEW", help="without spaces, e.g. staging")
    parser.add_argument("--display-name", metavar="TEXT", help="what people read")
    parser.add_argument(
        "--production", action=argparse.BooleanOptionalAction, default=None, help="whether it serves real users"
    )
    parser.add_argument(
        "--contact", action="append", metavar="NAME=EMAIL", help="who to ask; may be repeated; replaces all contacts"
    )


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Change it."""
    changes: dict[str, Any] = {
        "name": arguments.new_name,
        "display_name": arguments.display_name,
        "production": arguments.production,
        "contacts": None if arguments.contact is None else [contact(text) for text in arguments.contact],
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    if not changes:
        raise UsageError("say what to change: --name, --display-name, --production, --no-production, --contact")
    with connect(arguments) as registry:
        place = environments.named(registry, arguments.name)
        changed = registry.send(broker.update_environment({**place, **changes}))
    output.result(changed, f"changed environment {changes.get('name', arguments.name)}")
    return SAFE


def contact(text: str) -> dict[str, Any]:
    """A contact as typed. Raises UsageError."""
    name, equals, email = text.partition("=")
    if not (name and equals and email):
        raise UsageError(f"--contact {text} is not of the form NAME=EMAIL")
    return {"name": name, "details": {"emailAddress": email}}
