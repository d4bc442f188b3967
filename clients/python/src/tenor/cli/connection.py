"""Which registry the command talks to, and as whom: options first, then TENOR_… variables."""

from __future__ import annotations

import argparse
import os
from typing import Final

from tenor import Registry, Retry, credentials
from tenor.cli.running import UsageError

DEFAULT_URL: Final = "http://localhost:8081"


def connect(arguments: argparse.Namespace) -> Registry:
    """The registry of these arguments. Raises UsageError for an address or a secret that cannot be used."""
    urls = [url.strip() for url in addresses(arguments)]
    try:
        auth, token = credentials.found(urls)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return registry_at(urls, arguments, auth=auth, token=token)


def registry_at(
    urls: str | list[str],
    arguments: argparse.Namespace,
    *,
    auth: tuple[str, str] | None = None,
    token: str | None = None,
) -> Registry:
    """The registry at an address, or behind several, with these credentials. Raises UsageError."""
    try:
        return Registry(
            urls,
            auth=auth,
            token=token,
            timeout=arguments.timeout,
            retry=Retry(rounds=3, first=0.2, longest=2.0),
        )
    except ValueError as error:
        raise UsageError(str(error)) from error


def addresses(arguments: argparse.Namespace) -> list[str]:
    """Where the registry is."""
    return arguments.registry or setting("TENOR_URL", DEFAULT_URL).split(",")


def address(arguments: argparse.Namespace) -> str:
    """The one address of a registry. Raises UsageError when there are several."""
    first, *others = addresses(arguments)
    if others:
        raise UsageError("say which registry: one --registry URL")
    return first.strip()


def setting(name: str, default: str) -> str:
    """An environment variable; empty counts as absent."""
    return os.environ.get(name) or default


def secret(name: str) -> str | None:
    """A secret from a variable, or from the file that NAME_FILE names. Raises UsageError if it cannot be read."""
    try:
        return credentials.secret(name)
    except ValueError as error:
        raise UsageError(str(error)) from error
