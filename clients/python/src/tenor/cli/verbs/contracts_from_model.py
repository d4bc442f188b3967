"""Write the contract of a typed model: pydantic, msgspec, dataclass, TypedDict or attrs.

  tenor contracts from-model pkg.mod:OrderPlaced --subject orders-value

The model says what it accepts; that becomes a message in the pact file of its application, beside what else is there.
Commit the file, and publish it with `tenor contracts publish`. What the model asks for and no need can say is told, and
the contract then counts as unknown. What a decoder makes of Avro, as dates and bytes, is told right if the type of the
subject is known: from tenor.yaml, or by --type.

What becomes of a value whose person was erased the model says by taking null, or Literal["[erased]"] beside others, or
by the keyword x-tenor-erased: handled (json_schema_extra, extra_json_schema).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tenor.cli import SAFE, project
from tenor.cli.local_schema import add_type
from tenor.cli.output import Output
from tenor.cli.running import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("model", metavar="MODULE:CLASS", help="e.g. billing.events:OrderPlaced")
    parser.add_argument("--subject", required=True, metavar="SUBJECT", help="whose events it reads")
    parser.add_argument(
        "--application",
        "--pacticipant",
        metavar="NAME",
        help="who reads them; else what tenor.yaml says, else the name of the model's package",
    )
    parser.add_argument("--provider", metavar="NAME", help="who writes them; else the name of the subject")
    parser.add_argument("--description", metavar="TEXT", help="of the message; else the model's name")
    add_type(parser)
    parser.add_argument("--folder", default="contracts", metavar="DIR", help="of the pact files; default contracts")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Read the model and write the file."""
    from tenor.testing import models, pacts

    sys.path.insert(0, str(Path.cwd()))
    try:
        model = models.load(arguments.model)
        one = models.interaction(
            arguments.description or arguments.model.rpartition(":")[2],
            arguments.subject,
            models.json_schema(model),
            (arguments.type or _format(arguments.subject)).upper(),
        )
    except models.NoModel as error:
        raise UsageError(str(error)) from error
    consumer = arguments.application or _application() or arguments.model.partition(":")[0].partition(".")[0]
    provider = arguments.provider or arguments.subject
    path = Path(arguments.folder) / pacts.file_name(consumer, provider)
    try:
        pacts.write(path, consumer, provider, one)
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot write {path}: {error}") from error
    comment = one["comments"]["tenor"]
    output.result(
        {"file": str(path), "consumer": consumer, "provider": provider, **comment},
        [
            f"{path}: {consumer} needs {len(comment['needs'])} places of {arguments.subject}",
            *map(_told, comment["reasons"]),
        ],
    )
    return SAFE


def _told(reason: str) -> str:
    return f"  counts as unknown: {reason}"


def _format(subject: str) -> str:
    """The type of a subject of this project; empty if it is none."""
    if project.find(Path.cwd()) is None:
        return ""
    return next((each.format for each in project.load(Path.cwd()).entries if each.subject == subject), "")


def _application() -> str | None:
    found = project.find(Path.cwd())
    return None if found is None else project.parse(found).application
