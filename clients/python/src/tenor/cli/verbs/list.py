"""List the subjects whose names begin with PREFIX; all of them without one.

A context counts as a prefix too: ':.dev:' for one context, ':*:' for all.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Final

from tenor import Registry, calls
from tenor.cli import SAFE
from tenor.cli.connection import connect
from tenor.cli.output import Output

PAGE: Final = 1000


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("prefix", metavar="PREFIX", nargs="?", default="", help="e.g. orders")
    parser.add_argument("--deleted", action="store_true", help="list soft-deleted subjects as well")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """List, page by page."""
    with connect(arguments) as registry:
        names = subjects(registry, arguments.prefix, deleted=arguments.deleted)
        if output.json:
            output.result({"subjects": list(names)}, "")
        else:
            output.result(None, names)
    return SAFE


def subjects(registry: Registry, prefix: str, *, deleted: bool = False) -> Iterator[str]:
    """Names of subjects, fetched as they are read.

    Registries that know no paging send everything at once, those that know no prefix send every name.
    """
    offset, last = 0, None
    while True:
        page = registry.send(calls.subjects(prefix, deleted=deleted, offset=offset, limit=PAGE))
        if page and page[0] == last:  # the same page again: this registry ignores `offset`
            return
        last = page[0] if page else None
        yield from (name for name in page if _begins(name, prefix))
        if len(page) != PAGE:
            return
        offset += PAGE


def _begins(name: str, prefix: str) -> bool:
    if prefix.startswith(":*:"):
        name, prefix = _unqualified(name), prefix[3:]
    elif not prefix.startswith(":."):  # below /contexts/.dev the registry answers with qualified names
        name = _unqualified(name)
    return name.startswith(prefix)


def _unqualified(name: str) -> str:
    return name[name.find(":", 1) + 1 :] if name.startswith(":.") else name
