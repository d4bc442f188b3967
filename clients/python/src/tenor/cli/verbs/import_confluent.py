"""Copy a live registry, Confluent's or of that shape, into Tenor: ids, versions, deleted ones, references, settings,
associations, and when each version was registered.

  tenor import confluent https://sr.example:8081 --registry http://localhost:8081
  tenor import confluent https://sr.example:8081 --dry-run

Everything is read through the Confluent API: schemas of all contexts, associations with topics where there are any,
configs, modes, KEKs and DEKs (wrapped, as they are). Subjects are in IMPORT mode while they are copied. An import that
was cut short goes on when it is run again; one that is complete changes nothing. At the end both sides are read and
compared. Exit code 5: they differ. When something was deleted, no registry tells.

For the source: user and password in its URL, or TENOR_SOURCE_TOKEN, TENOR_SOURCE_BASIC_AUTH (with _FILE: from a file).
"""

from __future__ import annotations

import argparse

from tenor.cli.connection import connect
from tenor.cli.moving import reading
from tenor.cli.moving.importing import imported, source_at, stretch
from tenor.cli.output import Output
from tenor.cli.running import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("source", metavar="URL", help="the registry to copy")
    parser.add_argument("--dry-run", action="store_true", help="say what would be copied, and change nothing")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Import."""
    with source_at(arguments.source, arguments) as source, connect(arguments) as target:
        if source.url == target.url:
            raise UsageError(f"{source.url} is where it would be copied to: say another --registry")
        with output.progress("reading the source") as shown:
            records = reading.read(source, stretch(shown, "reading the source"))
        return imported(target, records, source.url, output, dry_run=arguments.dry_run)
