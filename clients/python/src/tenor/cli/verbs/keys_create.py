"""Create a KEK: the name of a key of a key system, under which data keys are wrapped.

With --shared the registry makes and wraps data keys itself, and hands them out to whoever may have them; without it
clients do, and the registry never sees a key.
"""

from __future__ import annotations

import argparse

from tenor.cli import SAFE, keys
from tenor.cli.connection import connect
from tenor.cli.output import Output
from tenor.cli.running import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("name", metavar="NAME", help="letters, digits, _ and -")
    parser.add_argument("--kms-type", required=True, metavar="TYPE", help="e.g. aws-kms, gcp-kms, azure-kms, hcvault")
    parser.add_argument("--kms-key-id", required=True, metavar="ID", help="the key in that system")
    parser.add_argument("--prop", action="append", default=[], metavar="NAME=VALUE", help="kept with it; not secret")
    parser.add_argument("--shared", action="store_true", help="the registry wraps")
    parser.add_argument("--test", action="store_true", help="of a shared one: only if the registry can wrap with it")
    parser.add_argument("--doc", metavar="TEXT", help="what it is for")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Create it."""
    props = dict(_pair(each) for each in arguments.prop)
    body = {
        "name": arguments.name,
        "kmsType": arguments.kms_type,
        "kmsKeyId": arguments.kms_key_id,
        "kmsProps": props,
        "shared": arguments.shared,
        "doc": arguments.doc,
    }
    with connect(arguments) as registry:
        made = registry.send(keys.create(body, test=arguments.test))
    output.result(made, f"created KEK {made['name']} ({made['kmsType']} {made['kmsKeyId']})")
    return SAFE


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"--prop {text} is not NAME=VALUE")
    return name, value
