"""Destroy a person's key: whatever it sealed is unreadable from then on, wherever it lies. There is no way back.

The person is named by the handle that clients made of the id, or by --id, of which the handle is made here with the
secret in TENOR_PEPPER. The answer is the certificate of the erasure.
"""

from __future__ import annotations

import argparse

from tenor.cli import SAFE, keys
from tenor.cli.connection import connect, secret
from tenor.cli.output import Output
from tenor.cli.running import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("kek", metavar="KEK")
    parser.add_argument("handle", metavar="HANDLE", nargs="?", help="32 hexadecimal digits; or --id")
    parser.add_argument("--id", metavar="ID", help="the person's id, which stays here")
    parser.add_argument("--kind", default="person", metavar="KIND", help="what the id counts; default person")
    parser.add_argument("--legal-basis", required=True, metavar="TEXT", help='e.g. "GDPR 17(1)(b)"')
    parser.add_argument("--request-id", metavar="ID", help="the request that it goes back to")
    parser.add_argument("--yes", action="store_true", help="yes, for good")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Erase."""
    handle = _handle(arguments)
    if not arguments.yes:
        raise UsageError("a key is destroyed for good: say --yes")
    with connect(arguments) as registry:
        stone = registry.send(keys.erase(arguments.kek, handle, arguments.legal_basis, arguments.request_id))
    output.result(stone, f"erased {handle} under {arguments.kek}: version {stone['version']} at {stone['erased_at']}")
    return SAFE


def _handle(arguments: argparse.Namespace) -> str:
    if (arguments.handle is None) == (arguments.id is None):
        raise UsageError("say who: a HANDLE, or --id")
    if arguments.handle is not None:
        return str(arguments.handle)
    from tenor.sealing.persons import handle

    pepper = secret("TENOR_PEPPER")
    if pepper is None:
        raise UsageError("--id needs the pepper of the clients in TENOR_PEPPER (or TENOR_PEPPER_FILE)")
    try:
        return handle(pepper.encode(), arguments.kind, arguments.id).hex()
    except ValueError as error:
        raise UsageError(f"TENOR_PEPPER: {error}") from None
