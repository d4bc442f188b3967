"""Write the whole audit log to FILE (or standard output), to be kept and checked elsewhere.

One JSON document a line: what it is, the events as they were hashed, checkpoints, and the server's public keys.
`tenor audit verify FILE` checks it without a server.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Final, TextIO

from tenor import Registry, trust
from tenor.cli import SAFE
from tenor.cli.connection import connect
from tenor.cli.output import Output
from tenor.cli.progress import Progress
from tenor.cli.running import UsageError

KIND: Final = "tenor-audit-1"
PAGE: Final = 1000


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("file", metavar="FILE", nargs="?", help="a new file; standard output if absent")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Export."""
    with connect(arguments) as registry:
        if arguments.file is None:
            with output.progress("exporting") as shown:
                written(registry, sys.stdout, shown)
            return SAFE
        try:
            with Path(arguments.file).open("x", encoding="utf-8") as file, output.progress("exporting") as shown:
                events = written(registry, file, shown)
        except OSError as error:
            raise UsageError(f"cannot write {arguments.file}: {error.strerror or error}") from error
    output.result({"file": arguments.file, "events": events}, f"{events} events in {arguments.file}")
    return SAFE


def written(registry: Registry, file: TextIO, shown: Progress) -> int:
    """Write the log of a registry, part by part; how many events it has."""
    count, after = 0, 0
    _line(file, {"kind": KIND, "registry": registry.url})
    keys: dict[str, str] = {}
    while True:
        part = registry.send(trust.export(after, PAGE))
        for event in part["events"]:
            _line(file, {"event": event})
        for checkpoint in part["checkpoints"]:
            _line(file, {"checkpoint": checkpoint})
        count += len(part["events"])
        keys |= part["keys"]
        shown.at(count, detail="events")
        if part["next"] is None:
            break
        after = part["next"]
    _line(file, {"keys": keys})
    return count


def _line(file: TextIO, document: object) -> None:
    print(json.dumps(document, ensure_ascii=False, separators=(",", ":")), file=file)
