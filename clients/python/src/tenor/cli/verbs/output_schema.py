"""Show the JSON Schema of what VERB prints with --output json or yaml; without one, list them all.

  tenor output-schema can-i-deploy
  tenor output-schema error         what every verb prints when it fails

Each document names its schema in `$schema`. Within a version members are only added.
"""

from __future__ import annotations

import argparse
import json

from tenor.cli import SAFE, VERBS
from tenor.cli.documents import ERROR, identifier
from tenor.cli.output import Output
from tenor.cli.running import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("verb", metavar="VERB", nargs="*", help="of one word or two, or error")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Show one, or list all."""
    if not arguments.verb:
        rows = [{"verb": name, "id": identifier(name)} for name in (*VERBS, ERROR)]
        output.result({"schemas": rows}, (row["id"] for row in rows))
        return SAFE
    from tenor.cli.documents.schema import schema_of

    name = " ".join(arguments.verb)
    if name not in VERBS and name != ERROR:
        raise UsageError(f"'{name}' is not a verb; tenor --help lists them")
    schema = schema_of(name)
    output.result(schema, json.dumps(schema, indent=2, ensure_ascii=False))
    return SAFE
