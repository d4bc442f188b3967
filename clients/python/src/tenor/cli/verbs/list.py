"""List the subjects whose names begin with PREFIX; all of them without one.

A context counts as a prefix too: ':.dev:' for one context, ':*:' for all.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from tenor import Registry, calls
from tenor.cli import SAFE
from tenor.cli.connection import connect
from tenor.cli.output import Output
from tenor.errors import Answered, UnexpectedAnswer

PAGE: Final = 200
"""What the native API gives at most in one answer."""
COLUMNS: Final = ("subject", "version", "id", "format", "level", "owner")

Item = Mapping[str, Any]


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("prefix", metavar="PREFIX", nargs="?", default="", help="e.g. orders")
    parser.add_argument("--deleted", action="store_true", help="list soft-deleted subjects as well")
    parser.add_argument("--long", action="store_true", help="latest version, id, type, level and owner, too")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """List, page by page."""
    with connect(arguments) as registry:
        items = subjects(registry, arguments.prefix, deleted=arguments.deleted)
        if output.json:
            output.result({"subjects": list(items)}, "")
        elif arguments.long:
            output.result(None, table(items))
        else:
            output.result(None, (item["subject"] for item in items))
    return SAFE


def subjects(registry: Registry, prefix: str, *, deleted: bool = False) -> Iterator[Item]:
    """Subjects, fetched as they are read: with their latest versions from Tenor, names only from other registries."""
    try:
        page = registry.send(_native_page(prefix, deleted))
    except (Answered, UnexpectedAnswer) as error:
        if calls.speaks_native(error):
            raise
        yield from ({"subject": name} for name in _names(registry, prefix, deleted))
        return
    yield from page.items
    while page.cursor is not None:  # a page may be short, or empty, and the list go on
        page = registry.send(_native_page(prefix, deleted, page.cursor))
        yield from page.items


def _native_page(prefix: str, deleted: bool, cursor: str = "") -> calls.Call[Any]:
    # Without a context the native search looks into all of them, the Confluent list into the default one.
    return calls.native_subjects(
        prefix=prefix if prefix.startswith(":") else f":.:{prefix}", deleted=deleted, cursor=cursor, limit=PAGE
    )


def _names(registry: Registry, prefix: str, deleted: bool) -> Iterator[str]:
    """Names through the Confluent API.

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


def table(items: Iterable[Item]) -> Iterator[str]:
    """Rows in columns that line up; what a registry does not tell is a dash."""
    rows = [COLUMNS, *([_cell(item.get(column)) for column in COLUMNS] for item in items)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _cell(value: Any) -> str:
    return "-" if value is None else str(value)


def _begins(name: str, prefix: str) -> bool:
    if prefix.startswith(":*:"):
        name, prefix = _unqualified(name), prefix[3:]
    elif not prefix.startswith(":."):  # below /contexts/.dev the registry answers with qualified names
        name = _unqualified(name)
    return name.startswith(prefix)


def _unqualified(name: str) -> str:
    return name[name.find(":", 1) + 1 :] if name.startswith(":.") else name
