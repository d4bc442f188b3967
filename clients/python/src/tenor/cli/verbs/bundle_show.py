"""List what a bundle holds. Shows also who signed it; `tenor bundle verify` says whether that is who you trust."""

from __future__ import annotations

import argparse
import base64
import binascii
from collections.abc import Iterator
from typing import Any

from tenor.bundle import Bundle, signer
from tenor.cli import SAFE
from tenor.cli.output import Output
from tenor.cli.running import UsageError
from tenor.cli.told import aligned
from tenor.cli.verbs.bundle_create import read_bytes


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("file", metavar="FILE", help="the bundle")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Show."""
    data = read_bytes(arguments.file)
    public = signer(data)
    try:
        key = base64.b64decode(public or b"", validate=True)
    except binascii.Error:
        key = b""
    if public is None or len(key) != 32:
        raise UsageError(f"{arguments.file} is no bundle")
    bundle = Bundle.parse(data, key)
    rows = [{name: row.get(name) for name in ("subject", "version", "id", "guid", "schemaType")} for row in bundle.rows]
    document = {
        "key": public.decode("ascii", "replace"),
        "registry": bundle.registry,
        "created": bundle.created,
        "expires": bundle.expires,
        "schemas": rows,
        "upcasts": [{"subject": name, "old": old, "new": new} for name, old, new in sorted(bundle.upcasts)],
        "keys": bundle.keys.shown(),
        "topics": {f"{topic}-{part}": subject for (topic, part), subject in bundle.associations.items()},
    }
    output.result(document, _lines(document))
    return SAFE


def _lines(document: dict[str, Any]) -> Iterator[str]:
    until = f", valid until {document['expires']}" if document["expires"] else ""
    yield f"of {document['registry']}, made {document['created']}{until}, signed by {document['key']}"
    yield from aligned(
        [
            ["SUBJECT", "VERSION", "ID", "TYPE"],
            *([row["subject"], str(row["version"]), str(row["id"]), row["schemaType"]] for row in document["schemas"]),
        ]
    )
    for row in document["upcasts"]:
        yield f"{row['subject']}: events of version {row['old']} are read as version {row['new']}"
    for row in document["keys"]:
        versions = ", ".join(map(str, row["versions"]))
        yield f"{row['subject']}: {row['algorithm']} keys {versions}, wrapped by {row['kek']}"
