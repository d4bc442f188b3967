"""List who uses a subject and which fields they read; with --fields, list the fields and who reads each.

  tenor consumers orders-value
  tenor consumers orders-value --fields

An application without a contract is listed with what is known of it: it counts as unknown in an impact. Behind a field
stands what its code does once that is erased, because a person's key was destroyed, unless it copes: (erased: fails).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from tenor.cli import SAFE, blast, told
from tenor.cli.connection import connect
from tenor.cli.output import Output


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("subject", metavar="SUBJECT", help="e.g. orders-value")
    parser.add_argument("--fields", action="store_true", help="by field of the latest version, unread ones too")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """List them."""
    with connect(arguments) as registry:
        call = blast.fields if arguments.fields else blast.consumers
        answer = registry.send(call(arguments.subject))
    output.result(answer, _fields(answer) if arguments.fields else _consumers(answer))
    return SAFE


def _consumers(answer: blast.Document) -> Iterator[str]:
    if not answer["consumers"]:
        yield f"nobody is known to read {answer['subject']}"
        return
    rows = []
    for each in answer["consumers"]:
        places = ", ".join(dict.fromkeys(place["environment"] for place in each["places"])) or "not known where"
        paths = ", ".join(dict.fromkeys(map(_need, _listed(each["needs"]))))
        gaps = "; ".join([*(["recorded in part"] if each["partial"] else []), *each["gaps"]])
        reads = paths or ("seen fetching, no contract" if each["last_seen"] else "no contract")
        rows.append((each["application"], each["version"], places, reads + (f" ({gaps})" if gaps else "")))
    yield from told.aligned([("CONSUMER", "VERSION", "WHERE", "READS"), *rows])


def _listed(needs: Sequence[blast.Document]) -> Sequence[blast.Document]:
    """Of the event itself a contract mostly says only what happens without: that is no field."""
    return [need for need in needs if need["path"]] or needs


def _need(need: blast.Document) -> str:
    did = need.get("when", {}).get("erased", "handled")
    return (need["path"] or "the event") + ("" if did in ("handled", "same") else f" (erased: {did})")


def _fields(answer: blast.Document) -> Iterator[str]:
    rows = [
        (
            each["path"],
            each["type"] if each["in_schema"] else "not in the schema",
            ", ".join(f"{by['application']} {by['version']}" for by in each["readers"]) or "nobody known",
        )
        for each in answer["fields"]
    ]
    yield from told.aligned([("FIELD", "TYPE", "READERS"), *rows])
    if answer["unread"] and not answer["complete"]:
        yield "not every known consumer has told what it reads: a field without readers may be used all the same"
