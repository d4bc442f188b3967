"""Is a bundle signed by a key you trust, and still valid? Exit code 1: no."""

from __future__ import annotations

import argparse

from tenor.bundle import Bundle, public_key
from tenor.cli import SAFE, UNSAFE
from tenor.cli.output import Output
from tenor.cli.running import UsageError
from tenor.cli.verbs.bundle_create import read_bytes
from tenor.errors import BadBundle


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("file", metavar="FILE", help="the bundle")
    parser.add_argument("--trusted", metavar="FILE", required=True, help="public key, PEM")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Verify."""
    trusted = read_bytes(arguments.trusted)
    read_bytes(arguments.file)  # a file that is not there is no verdict
    try:
        public_key(trusted)
    except BadBundle as error:
        raise UsageError(f"{arguments.trusted}: {error.data['reason']}") from error
    try:
        bundle = Bundle.read(arguments.file, trusted)
    except BadBundle as error:
        output.error(error, UNSAFE)
        return UNSAFE
    document = {
        "trusted": True,
        "schemas": len(bundle.rows),
        "upcasts": len(bundle.upcasts),
        "keys": len(bundle.keys),
        "created": bundle.created,
        "expires": bundle.expires,
    }
    output.result(document, f"trusted: {len(bundle.rows)} schemas of {bundle.registry}, made {bundle.created}")
    return SAFE
