"""Restore an archive that `tenor export` wrote: the same ids, versions, texts and settings, deleted ones too.

The archive's hash is checked first; afterwards the registry is read and compared. Run again, it changes nothing.
Exit code 5: the registry has other contents there.
"""

from __future__ import annotations

import argparse

from tenor.cli.connection import connect
from tenor.cli.moving import archive
from tenor.cli.moving.importing import imported
from tenor.cli.output import Output


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("archive", metavar="DIR|FILE", help="what tenor export wrote")
    parser.add_argument("--dry-run", action="store_true", help="say what would be restored, and change nothing")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Import."""
    file = archive.place(arguments.archive)
    records = archive.read(file)
    with connect(arguments) as registry:
        return imported(registry, records, str(file), output, dry_run=arguments.dry_run)
