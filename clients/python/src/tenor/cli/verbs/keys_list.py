"""List KEKs: their key systems, and how many data keys and persons' keys each wraps."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from tenor import Registry
from tenor.cli import SAFE, keys
from tenor.cli.connection import connect
from tenor.cli.output import Output, one_line


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("--deleted", action="store_true", help="soft-deleted ones as well")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """List, page by page."""
    with connect(arguments) as registry:
        items = list(_items(registry, deleted=arguments.deleted))
    output.result({"keks": items}, map(_line, items))
    return SAFE


def _items(registry: Registry, *, deleted: bool) -> Iterator[Any]:
    cursor: str | None = None
    while True:
        page = registry.send(keys.listed(deleted=deleted, cursor=cursor))
        yield from page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


def _line(kek: Any) -> str:
    marks = "".join(f", {mark}" for mark in ("shared", "deleted") if kek[mark])
    wraps = f"{kek['deks']} data keys, {kek['persons']} persons"
    return one_line(f"{kek['name']}: {kek['kms_type']} {kek['kms_key_id']}{marks}; {wraps}")
