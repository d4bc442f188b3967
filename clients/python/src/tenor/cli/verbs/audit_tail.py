"""Show the newest events of the audit log: who did what to what, when, from where.

Oldest of them first. --follow goes on with what comes, until it is interrupted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from typing import Any, Final

from tenor import Registry, trust
from tenor.cli import SAFE
from tenor.cli.connection import connect
from tenor.cli.output import Output, json_line, one_line

CRITERIA: Final = ("actor", "action", "resource", "address", "since", "until")
PAUSE: Final = 1.0
PAGE: Final = 200

Event = Mapping[str, Any]


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("-n", "--number", type=int, default=20, metavar="N", help="how many; default 20")
    parser.add_argument("--follow", "-f", action="store_true", help="go on; with --output json a document a line")
    parser.add_argument("--actor", metavar="NAME", help="only by this one")
    parser.add_argument("--action", metavar="WORD", help="only such as register, delete, grant, refused")
    parser.add_argument("--resource", metavar="START", help="only what starts so, e.g. subject:orders-")
    parser.add_argument("--address", metavar="IP", help="only from there")
    parser.add_argument("--since", metavar="TIME", help="RFC 3339, e.g. 2025-01-31T12:00:00Z")
    parser.add_argument("--until", metavar="TIME", help="RFC 3339")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Show."""
    criteria = {name: getattr(arguments, name) for name in CRITERIA}
    with connect(arguments) as registry:
        found = newest(registry, criteria, arguments.number)
        if not arguments.follow:
            output.result({"events": found}, map(line, found))
            return SAFE
        output.part({"events": found}, map(line, found))
        last = max((each["sequence"] or 0 for each in found), default=0)
        while True:
            time.sleep(PAUSE)
            more = [each for each in newest(registry, criteria, PAGE) if (each["sequence"] or 0) > last]
            if more:
                output.part({"events": more}, map(line, more))
            last = max([last, *(each["sequence"] for each in more)])


def newest(registry: Registry, criteria: Mapping[str, object], number: int) -> list[Event]:
    """So many of the newest events, oldest first."""
    found: list[Event] = []
    cursor = None
    while len(found) < number:
        page = registry.send(trust.search(cursor, limit=min(PAGE, number - len(found)), **criteria))
        found += page["items"]
        cursor = page.get("next_cursor")
        if cursor is None:
            break
    return found[::-1]


def line(event: Event) -> str:
    """An event for people."""
    place = event.get("address") or "-"
    told = f"{event['at']} {event['actor']} {event['action']} {event['resource']} from {place}"
    return one_line(f"{event['sequence'] or '(unsealed)'} {told} {json_line(event['detail'])}")
