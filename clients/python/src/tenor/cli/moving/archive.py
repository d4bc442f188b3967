"""A registry in a file: one record a line in a fixed order, the last line says how many and their hash.

    {"archive":"tenor-archive/1"}
    {"key":["version","orders-value",1],"record":{"id":1,"schema":"…",…}}
    {"end":{"records":1,"sha256":"…"}}

Two registries that hold the same give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from tenor.cli.moving import KINDS, Document, Key, Records
from tenor.cli.running import UsageError

KIND: Final = "tenor-archive/1"
NAME: Final = "registry.jsonl"
"""The file of an archive that is a folder."""


def place(path: str) -> Path:
    """The file behind the name of a file or folder; a name without an ending is one of a folder."""
    named = Path(path)
    return named / NAME if named.is_dir() or not named.suffix else named


def write(records: Records, path: Path) -> None:
    """Write an archive. Raises UsageError for a file that is there, or cannot be written."""
    lines = [{"archive": KIND}, *({"key": list(key), "record": records[key]} for key in sorted(records))]
    text = "".join(f"{_line(each)}\n" for each in lines)
    end = {"end": {"records": len(records), "sha256": hashlib.sha256(text.encode()).hexdigest()}}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(f"{text}{_line(end)}\n")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def read(path: Path) -> dict[Key, Document]:
    """Read an archive, and make sure that it is whole. Raises UsageError."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    body, last = raw[: raw.rstrip(b"\n").rfind(b"\n") + 1], raw.rstrip(b"\n").rpartition(b"\n")[2]
    try:
        first, *rows = map(json.loads, body.splitlines())
        if first["archive"] != KIND:
            raise UsageError(f"{path} is an archive of another kind ({first['archive']})")
        records = {tuple(row["key"]): _record(row) for row in rows}
        end = json.loads(last)["end"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UsageError(f"{path} is no archive, or not whole: tenor export writes one") from None
    if end.get("records") != len(records) or end.get("sha256") != hashlib.sha256(body).hexdigest():
        raise UsageError(f"{path} was changed since it was written, or is not whole: its hash is another")
    return records


def _record(row: Any) -> Document:
    if row["key"][0] not in KINDS or not isinstance(row["record"], dict):
        raise TypeError("record")
    record: Document = row["record"]
    return record


def _line(document: object) -> str:
    return json.dumps(document, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
