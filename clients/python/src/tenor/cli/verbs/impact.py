"""Say whom the schema in NEW would hurt: which deployed consumer, where, on which field, and how that is known.

  tenor impact orders-value order-2.avsc
  tenor impact orders-value order-2.avsc --rule-set sealed.json

Nothing is stored. Each row names a consumer's version and where it runs, what happens to it, an event that shows it,
how its need is known and since when, and who has to act. Exit code 0: safe; 1: unsafe; 3: unknown, as when nobody's
contract is known (--unknown=pass makes that 0).

The rules that travel with a schema count: where one seals a field with a person's own key, readers are asked what they
do once that key is destroyed. Without --rule-set and --metadata they are those of the latest version.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import Any

from tenor.cli import SAFE, UNKNOWN, blast
from tenor.cli.connection import connect
from tenor.cli.local_schema import add_reference, add_type
from tenor.cli.output import Output
from tenor.cli.reports.asked import add_format, tell
from tenor.cli.reports.impacts import outcome
from tenor.cli.running import UsageError
from tenor.cli.schema_file import read_schema, read_text


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("subject", metavar="SUBJECT", help="e.g. orders-value")
    parser.add_argument("new", metavar="NEW", help=".avsc, .json or .proto; - for standard input")
    add_type(parser)
    add_reference(parser, more=": NAME=SUBJECT:VERSION")
    parser.add_argument("--rule-set", metavar="FILE", help="the ruleSet to register with it, as JSON")
    parser.add_argument("--metadata", metavar="FILE", help="the metadata to register with it, as JSON")
    add_format(parser)
    parser.add_argument("--unknown", choices=("pass", "fail"), default="fail", help="what an unknown verdict does")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Ask."""
    schema = replace(
        read_schema(arguments.new, arguments.type, arguments.reference),
        rule_set=_object(arguments.rule_set),
        metadata=_object(arguments.metadata),
    )
    with connect(arguments) as registry:
        answer = registry.send(blast.impact(arguments.subject, schema))
    lines = blast.told(answer, output.paint)
    tell(arguments.format, output, answer, lines, lambda: outcome(answer, arguments.new, schema.text))
    code = blast.VERDICTS[answer["verdict"]]
    return SAFE if code == UNKNOWN and arguments.unknown == "pass" else code


def _object(file: str | None) -> dict[str, Any] | None:
    if file is None:
        return None
    try:
        found = json.loads(read_text(file))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise UsageError(f"{file} is no JSON object")
    return found
