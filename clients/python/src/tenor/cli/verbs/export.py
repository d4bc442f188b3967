"""Write what a registry holds to a file: schemas of all contexts with ids, versions and times, deleted ones too,
associations, configs, modes, KEKs and DEKs (wrapped, as they are). `tenor import dir` restores it on another server.

Two registries that hold the same give the same bytes; the last line is the hash of the others. What belongs to contract
testing, and who may do what, is in a backup (tenor-server backup).
"""

from __future__ import annotations

import argparse

from tenor.cli import SAFE
from tenor.cli.connection import connect
from tenor.cli.moving import archive, counted, reading
from tenor.cli.moving.importing import stretch
from tenor.cli.output import Output


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("archive", metavar="DIR|FILE", help="a new file (.jsonl), or a folder for one")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Export."""
    file = archive.place(arguments.archive)
    with connect(arguments) as registry, output.progress("reading") as shown:
        records = reading.read(registry, stretch(shown, "reading"))
    archive.write(records, file)
    counts = counted(records)
    said = ", ".join(f"{count} {kind}s" for kind, count in counts.items() if count)
    output.result({"export": archive.KIND, "file": str(file), "records": counts}, f"{file}: {said}")
    return SAFE
