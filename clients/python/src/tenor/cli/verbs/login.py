"""Log in to a registry, and keep a token for the verbs to come.

Asks for user and password (or takes TENOR_BASIC_AUTH), makes a token of its own with them and keeps that, never the
password. --with-token keeps a token that is read from standard input.
"""

from __future__ import annotations

import argparse
import sys
from typing import Final

from tenor import Registry, trust
from tenor.cli import SAFE
from tenor.cli.connection import address, registry_at, secret
from tenor.cli.output import Output
from tenor.cli.running import UsageError
from tenor.credentials import keep

DAY: Final = 86_400


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("--user", metavar="NAME", help="who logs in; asked for if absent")
    parser.add_argument("--days", type=int, default=30, metavar="N", help="days until the token ends; default 30")
    parser.add_argument("--with-token", action="store_true", help="keep the token on standard input")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Log in."""
    url = address(arguments)
    if arguments.with_token:
        token = sys.stdin.readline().strip()
        if not token:
            raise UsageError("there is no token on standard input")
    else:
        with registry_at(url, arguments, auth=_asked(arguments)) as registry:
            token = _made(registry, arguments.days)
    with registry_at(url, arguments, token=token) as registry:
        caller = registry.send(trust.whoami())
    try:
        place = keep(url, token)
    except OSError as error:
        raise UsageError(f"the token cannot be kept: {error}") from error
    output.result(
        {"registry": url, "name": caller["name"], "file": str(place)}, f"logged in to {url} as {caller['name']}"
    )
    return SAFE


def _made(registry: Registry, days: int) -> str:
    made = registry.send(trust.create_token("tenor login", days * DAY if days > 0 else None))
    return str(made["secret"])


def _asked(arguments: argparse.Namespace) -> tuple[str, str]:
    given = secret("TENOR_BASIC_AUTH")
    if given is not None:
        user, colon, password = given.partition(":")
        if not colon:
            raise UsageError("TENOR_BASIC_AUTH is not of the form user:password")
        return user, password
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask for a password: set TENOR_BASIC_AUTH, or use --with-token")
    from getpass import getpass

    user = arguments.user or input("User: ")
    return user, getpass("Password: ")
