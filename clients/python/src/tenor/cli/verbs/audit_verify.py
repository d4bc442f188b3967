"""Check an exported audit log, without a server: was any event changed, taken out or moved?

Exit code 0: nothing was changed. 1: something was, and which event. The signatures of checkpoints are checked with the
keys given by --key, which you must have from the server's operator; without one, with those in the export itself, which
shows less: whoever can write the export can also write its keys.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tenor import trust
from tenor.chain import Checkpoint, Sealed, ed25519, key_id, verify
from tenor.cli import SAFE, UNSAFE
from tenor.cli.output import Output, one_line
from tenor.cli.progress import Progress
from tenor.cli.running import UsageError
from tenor.cli.verbs.audit_export import KIND


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("file", metavar="FILE", help="written by `tenor audit export`")
    parser.add_argument("--key", action="append", metavar="HEX", help="a public key that is trusted; may be repeated")
    parser.add_argument("--no-signatures", action="store_true", help="check the chain only (needs no cryptography)")


@dataclass(slots=True)
class _Marks:
    """What an export holds besides events."""

    checkpoints: list[Checkpoint] = field(default_factory=list)
    keys: dict[str, bytes] = field(default_factory=dict)


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Check."""
    place = Path(arguments.file)
    marks, events = _Marks(), 0
    with output.progress("reading") as shown:
        for _ in _read(place, marks):  # the checkpoints come behind their events: they are collected first
            shown.advance()
            events += 1
    keys: dict[str, bytes] | None = _trusted(arguments.key) if arguments.key else marks.keys
    if arguments.no_signatures:
        keys = None
    try:
        with output.progress("verifying", events) as shown:
            report = verify(_counted(_read(place, _Marks()), shown), marks.checkpoints, keys, holds=ed25519)
    except ImportError as error:
        raise UsageError(
            "checking signatures needs the package cryptography (pip install 'tenor[encryption]'), or --no-signatures"
        ) from error
    lines = [f"{each.sequence}: {each.kind}: {one_line(each.sentence)}" for each in report.problems]
    if keys and not arguments.key:
        output.say(f"keys of the export itself were believed: {', '.join(key.hex() for key in keys.values())}")
    document = {**asdict(report), "sound": report.sound, "keys_given": bool(arguments.key)}
    output.result(document, [*lines, report.summary()])
    return SAFE if report.sound else UNSAFE


def _counted(events: Iterator[Sealed], shown: Progress) -> Iterator[Sealed]:
    for each in events:
        shown.advance()
        yield each


def _trusted(texts: list[str]) -> dict[str, bytes]:
    found = {}
    for text in texts:
        try:
            public = bytes.fromhex(text)
        except ValueError:
            public = b""
        if len(public) != 32:
            raise UsageError(f"'{text}' is not a public key of 64 hex digits")
        found[key_id(public)] = public
    return found


def _read(place: Path, marks: _Marks) -> Iterator[Sealed]:
    """The events of a file; its checkpoints and keys go into `marks`."""
    number = 0
    try:
        with place.open(encoding="utf-8") as file:
            for number, text in enumerate(file, 1):
                document: Any = json.loads(text)
                if number == 1:
                    if document.get("kind") != KIND:
                        raise ValueError(f"its first line does not say {KIND}")
                elif "event" in document:
                    yield trust.sealed(document["event"])
                elif "checkpoint" in document:
                    marks.checkpoints.append(trust.checkpoint(document["checkpoint"]))
                elif "keys" in document:
                    marks.keys |= {str(name): bytes.fromhex(public) for name, public in document["keys"].items()}
                else:
                    raise ValueError("it holds neither an event nor a checkpoint nor keys")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{place}:{number}: this is not an export of an audit log: {error}") from error
    except OSError as error:
        raise UsageError(f"cannot read {place}: {error.strerror or error}") from error
    if number == 0:
        raise UsageError(f"{place} is empty")
