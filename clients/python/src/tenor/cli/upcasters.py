"""The native API's answers about a subject's upcasters, as calls."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from tenor.calls import Call
from tenor.cli.running import UsageError

Document = Mapping[str, Any]

REFUTED: Final = 42281
"""The registry's code for a plan that failed its proof."""

_EDGE: Final = re.compile(r"[1-9]\d{0,8}\.\.([1-9]\d{0,8}|next)")
_HEADERS: Final = {"Accept": "application/json", "Content-Type": "application/json"}


def graph(subject: str) -> Call[Document]:
    """The versions of a subject and what leads from one to another."""
    return Call("GET", _path(subject), _read("versions", list), headers=_HEADERS)


def publish(subject: str, edge: str, body: Mapping[str, Any]) -> Call[Document]:
    """Let the registry prove a plan, and keep it."""
    return Call("PUT", f"{_path(subject)}/{edge}", _read("proven", bool), dict(body), headers=_HEADERS)


def edge(text: str) -> str:
    """An edge as it is typed: `1..2`, or `1..next`. Raises ArgumentTypeError."""
    if _EDGE.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(f"'{text}' is no edge: say 1..2, or 1..next for what is to be registered")
    return text


def named_schema(data: Mapping[str, Any]) -> dict[str, Any]:
    """A local schema as the API takes one that need not be registered."""
    return {"schema": data["text"], "schemaType": data["format"], "references": _references(data["references"])}


def _references(rows: Any) -> list[dict[str, Any]]:
    return [
        {"name": name, "schema": below["text"], "references": _references(below["references"])} for name, below in rows
    ]


def decisions(yes: list[str], no: list[str]) -> dict[str, str]:
    """What was agreed to and declined, by path. Raises UsageError for a path that is in both."""
    if both := sorted({*yes} & {*no}):
        raise UsageError(f"{both[0]} cannot be agreed to and declined")
    return {**dict.fromkeys(yes, "yes"), **dict.fromkeys(no, "no")}


def _path(subject: str) -> str:
    return f"/api/v1/subjects/{quote(subject, safe='')}/upcasts"


def _read(member: str, kind: type) -> Any:
    def read(body: Any) -> Document:
        if not isinstance(body[member], kind):
            raise TypeError(member)
        found: Document = body
        return found

    return read
