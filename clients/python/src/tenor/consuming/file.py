"""A quarantine in a file: one JSON object a line, appended and synced before the record counts as safe.

    {"id": "…", "value": "base64 or null", "key": …, "headers": [["ce_id", "base64"], …]}     a record
    {"redriven": "…"}                                                                         it was sent again

Nothing is ever rewritten, so that a consumer may append while a re-drive reads. A line that a crash cut short was
never acknowledged; it is passed over, and the next one begins on a line of its own.
"""

from __future__ import annotations

import base64
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any

from tenor.consuming.quarantine import Header, QuarantinedRecord, Verdict, verdict_of


class FileQuarantine:
    """Keeps poison in a file; call it with a QuarantinedRecord. Safe between threads and processes.

    Raises OSError when the disk says no: then the record stays unacknowledged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = Lock()

    def __call__(self, poison: QuarantinedRecord) -> str:
        """Keep a record; returns the id it has in here."""
        name = str(uuid.uuid4())
        self._append(
            {
                "id": name,
                "value": _packed(poison.value),
                "key": _packed(poison.key),
                "headers": [[header, _packed(_bytes(value))] for header, value in poison.headers],
            }
        )
        return name

    def redriven(self, name: str) -> None:
        """Note that a record was sent again."""
        self._append({"redriven": name})

    def pending(self) -> Iterator[tuple[str, QuarantinedRecord]]:
        """The records that were not sent again yet, oldest first, each with its id. A file that is not there has none.

        The file is read twice and a line at a time: only ids are kept in memory. What is added meanwhile waits for
        the next time: it may be a record of now, sent again and set aside again.
        """
        done = {str(entry["redriven"]) for entry in self._entries() if "redriven" in entry}
        for entry in self._entries():
            if "id" in entry and entry["id"] not in done:
                yield entry["id"], _record(entry)

    def _append(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        with self._lock, self.path.open("a+b", buffering=0) as file:
            if (end := file.seek(0, os.SEEK_END)) > 0:
                file.seek(end - 1)
                if file.read(1) != b"\n":  # the last writer died in the middle of its line
                    line = b"\n" + line
            written = file.write(line)
            if written != len(line):
                raise OSError(f"only {written} of {len(line)} bytes could be written to {self.path}")
            os.fsync(file.fileno())

    def _entries(self) -> Iterator[dict[str, Any]]:
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            left = os.fstat(file.fileno()).st_size
            for line in file:
                if (left := left - len(line)) < 0:
                    return
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                if isinstance(entry, dict):
                    yield entry


def _record(entry: dict[str, Any]) -> QuarantinedRecord:
    headers: list[Header] = [(str(name), _unpacked(value)) for name, value in entry.get("headers", [])]
    value, key = _unpacked(entry.get("value")), _unpacked(entry.get("key"))
    return QuarantinedRecord(value, headers, key, verdict_of(headers) or Verdict(""))


def _packed(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode("ascii")


def _unpacked(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def _bytes(value: bytes | str | None) -> bytes | None:
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
