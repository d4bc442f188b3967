"""Print a schema: VERSION of SUBJECT (a number or latest, the default), or the schema with an id.

The text goes to stdout as the registry keeps it; what it is goes to stderr.
"""

from __future__ import annotations

import argparse
from typing import Any

from tenor.cli import SAFE
from tenor.cli.connection import connect
from tenor.cli.output import Output
from tenor.cli.running import UsageError
from tenor.schemas import LATEST, Registered


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("subject", metavar="SUBJECT", nargs="?", help="e.g. orders-value")
    parser.add_argument("version", metavar="VERSION", nargs="?", default="latest", help="a number, or latest")
    parser.add_argument("--id", type=int, metavar="N", help="the schema with this id instead")
    parser.add_argument("--format", default="", dest="rendering", help="e.g. resolved (Avro), serialized (Protobuf)")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Fetch and print."""
    if (arguments.subject is None) == (arguments.id is None):
        raise UsageError("give either SUBJECT [VERSION] or --id N (see tenor get --help)")
    with connect(arguments) as registry:
        if arguments.id is not None:
            found = registry.schema(arguments.id, rendering=arguments.rendering)
        else:
            number = version_number(arguments.version)
            found = registry.version(arguments.subject, number, rendering=arguments.rendering)
    if not output.json:
        output.say(heading(found))
    output.result(_document(found), found.schema.text)
    return SAFE


def version_number(text: str) -> int:
    """A version as typed. Raises UsageError."""
    if text.lower() in ("latest", "-1"):
        return LATEST
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:11]) < 2**31):
        raise UsageError(f"'{text}' is not a version: a number from 1, or latest")
    return int(text)


def heading(found: Registered) -> str:
    """What a schema is, in one line."""
    parts = [found.subject or "schema"]
    if found.version is not None:
        parts.append(f"version {found.version}")
    parts += [part for part in (f"id {found.id}" if found.id is not None else "", found.schema.format) if part]
    parts += [f"refers to {reference.subject}:{reference.version}" for reference in found.schema.references]
    return ", ".join(parts)


def _document(found: Registered) -> dict[str, Any]:
    return {
        "subject": found.subject,
        "version": found.version,
        "id": found.id,
        "guid": found.guid,
        **found.schema.body(),
    }
