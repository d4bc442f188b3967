"""What a verb says: results on stdout, as text or as one document in JSON or YAML, and chatter on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TextIO

from tenor.cli import FAILED
from tenor.cli.documents import ERROR, identifier
from tenor.cli.progress import Progress
from tenor.errors import Answered, InvalidEvent, TenorError, Unauthenticated, Unreachable

_COLOURS: Final = {"red": "31", "yellow": "33", "green": "32", "dim": "2"}

_NEXT: Final[Mapping[type[TenorError], str]] = {
    Unauthenticated: "log in with tenor login, or set TENOR_TOKEN",
    Unreachable: "--registry URL, or TENOR_URL, says where the registry is; tenor-server serve starts one here",
}
"""What to do about errors that say nothing of it."""
_OTHERWISE: Final = ("login", "import confluent", "import pact-broker")
"""Verbs that are told otherwise where a registry is, and as whom they ask."""

TEXT: Final = "text"
JSON: Final = "json"
YAML: Final = "yaml"
FORMS: Final = (TEXT, JSON, YAML)


class Output:
    """Writes for people, or in JSON or YAML for programs: then stdout gets one document and nothing else, errors
    included. `verb` is whose documents these are. A `quiet` one keeps to itself what is no result and no error.
    """

    def __init__(
        self,
        form: str = TEXT,
        *,
        verb: str = "",
        quiet: bool = False,
        out: TextIO | None = None,
        err: TextIO | None = None,
    ) -> None:
        self.form, self.quiet = form, quiet
        self.out = out if out is not None else sys.stdout
        self._verb = verb
        self._err = err if err is not None else sys.stderr
        self._progress: Progress | None = None

    @property
    def json(self) -> bool:
        """Whether a program reads: stdout gets a document, in JSON or in YAML."""
        return self.form != TEXT

    def formed(self, form: str) -> Output:
        """The same output in another form."""
        return Output(form, verb=self._verb, quiet=self.quiet, out=self.out, err=self._err)

    def result(self, document: Any, text: str | Iterable[str]) -> None:
        """The result of a verb, for programs and for people."""
        if self.json:
            self.out.write(self.written(document))
        else:
            for line in [text] if isinstance(text, str) else text:
                print(line, file=self.out)
        self.out.flush()

    def part(self, document: Any, text: Iterable[str]) -> None:
        """One of many results that are told as they come: in JSON a document a line, in YAML a document behind ---."""
        if self.form == TEXT:
            self.result(None, text)
            return
        named = self._named(document)
        line = _json(named, self.out, indent=None) if self.form == JSON else "---\n" + _yaml(named, self.out)
        self.out.write(line)
        self.out.flush()

    def written(self, document: Any) -> str:
        """A document as it stands in a file."""
        named = self._named(document)
        return _yaml(named, self.out) if self.form == YAML else _json(named, self.out, indent=2)

    def say(self, text: str) -> None:
        """Something a person may like to know; never part of the result."""
        if self._progress is not None:
            self._progress.say(text)
        elif not self.quiet:
            print(text, file=self._err)

    @contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator[Progress]:
        """How far long work is: on stderr, and gone when it is done. One at a time."""
        with Progress(what, total, self._err, quiet=self.quiet) as progress:
            self._progress = progress
            try:
                yield progress
            finally:
                self._progress = None

    def error(self, error: Exception, code: int, *, unexpected: bool = False) -> None:
        """An error in one sentence, with the reasons the registry gave below it."""
        if self.json:
            Output(self.form, verb=ERROR, out=self.out).result({"error": described(error, code)}, ())
        sentence = one_line(str(error)) or type(error).__name__
        if isinstance(error, Answered) and code == FAILED and error.url not in sentence:
            sentence = f"{sentence} ({one_line(error.url)})"
        for kind, step in _NEXT.items():
            if isinstance(error, kind) and self._verb not in _OTHERWISE:
                sentence = f"{sentence.removesuffix('.')}; {step}"
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

    def _named(self, document: Any) -> Any:
        """A document that names its schema, unless it is a schema itself."""
        if not isinstance(document, Mapping) or "$schema" in document:
            return document
        return {"$schema": identifier(self._verb), **document}


def _json(document: Any, out: TextIO, indent: int | None) -> str:
    return json.dumps(document, indent=indent, ensure_ascii=_ascii_only(out), default=str) + "\n"


def _yaml(document: Any, out: TextIO) -> str:
    from tenor.cli.yaml_output import dumped  # PyYAML is in an extra; the verb is not run without it

    return dumped(json.loads(json.dumps(document, default=str)), ascii_only=_ascii_only(out))


def _ascii_only(out: TextIO) -> bool:
    """Whether the document has to escape what the stream cannot write: else it is escaped as Python does it."""
    return not (out.encoding or "utf-8").lower().startswith("utf")


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
