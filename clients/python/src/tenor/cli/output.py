"""What a verb says: results on stdout, in text or as one JSON document, and chatter on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final, TextIO

from tenor.cli import FAILED
from tenor.errors import Answered, InvalidEvent, TenorError

_COLOURS: Final = {"red": "31", "yellow": "33", "green": "32", "dim": "2"}


class Output:
    """Writes for people, or with `json` for programs: then stdout gets exactly one JSON document, errors included."""

    def __init__(self, *, json: bool = False, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self.json = json
        self.out = out if out is not None else sys.stdout
        self._err = err if err is not None else sys.stderr

    def result(self, document: Any, text: str | Iterable[str]) -> None:
        """The result of a verb, for programs and for people."""
        if self.json:
            self._document(document)
            return
        for line in [text] if isinstance(text, str) else text:
            print(line, file=self.out)
        self.out.flush()

    def say(self, text: str) -> None:
        """Something a person may like to know; never part of the result."""
        print(text, file=self._err)

    def error(self, error: Exception, code: int, *, unexpected: bool = False) -> None:
        """An error in one sentence, with the reasons the registry gave below it."""
        if self.json:
            self._document({"error": described(error, code)})
        sentence = one_line(str(error)) or type(error).__name__
        if isinstance(error, Answered) and code == FAILED and error.url not in sentence:
            sentence = f"{sentence} ({one_line(error.url)})"
        if unexpected:
            sentence = f"unexpected {type(error).__name__}: {sentence} (--debug shows where)"
        print(f"{self.paint('error:', 'red', self._err)} {sentence}", file=self._err)
        for line in reasons(error):
            print(f"  {line}", file=self._err)

    def paint(self, text: str, colour: str, stream: TextIO | None = None) -> str:
        """Text in colour, on a terminal, unless NO_COLOR is set."""
        stream = self.out if stream is None else stream
        if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
            return text
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"

    def _document(self, document: Any) -> None:
        print(json.dumps(document, indent=2, ensure_ascii=False, default=str), file=self.out)
        self.out.flush()


def described(error: Exception, code: int) -> dict[str, Any]:
    """An error as JSON."""
    document: dict[str, Any] = {
        "kind": error.kind if isinstance(error, TenorError) else "USAGE" if code == 2 else "ERROR",
        "type": type(error).__name__,
        "message": str(error),
        "exit_code": code,
    }
    if isinstance(error, Answered):
        document |= {"status": error.status, "code": error.code, "url": error.url, "findings": error.findings}
    if isinstance(error, InvalidEvent):
        document["violations"] = [violation._asdict() for violation in error.violations]
    document |= getattr(error, "place", {})  # file, line and column of a schema that does not parse
    return document


def reasons(error: Exception) -> list[str]:
    """The lines below the sentence of an error."""
    if isinstance(error, InvalidEvent):
        return [str(violation) for violation in error.violations]
    return [finding_line(finding) for finding in error.findings] if isinstance(error, Answered) else []


def finding_line(finding: Mapping[str, Any]) -> str:
    """A registry's finding on one line: where, what, and the rule's name."""
    path = finding.get("path") or finding.get("reader_path") or ""
    sentence = finding.get("sentence") or finding.get("message") or json.dumps(finding, ensure_ascii=False)
    rule = finding.get("rule")
    return one_line(f"{path + ': ' if path else ''}{sentence}{f' [{rule}]' if rule else ''}")


def json_line(value: Any) -> str:
    """A value as JSON on one line that a terminal can show: what is not printable is escaped."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in text)


def one_line(text: str) -> str:
    """A text on one line, without what could command a terminal."""
    # What a server sends must not reach the terminal as control sequences.
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
