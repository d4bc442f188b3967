"""The option --format, and what it asks for: a report to stdout, or to a file."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenor.cli.output import FORMS, JSON, TEXT, Output
from tenor.cli.reports import FORMATS, render
from tenor.cli.running import UsageError

if TYPE_CHECKING:
    from tenor.cli.reports.outcome import Outcome


class Word:
    """Reads FORMAT or FORMAT=FILE; `words` are the formats, for whoever completes them."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)

    def __call__(self, text: str) -> tuple[str, str | None]:
        format, equals, file = text.partition("=")
        if format not in self.words or (equals and not file):
            raise argparse.ArgumentTypeError(f"'{text}' is not FORMAT or FORMAT=FILE, of {', '.join(self.words)}")
        return format, file or None


def add_format(parser: argparse.ArgumentParser, formats: Sequence[str] = FORMATS) -> None:
    """The option, with the reports that make sense for a verb."""
    parser.add_argument(
        "--format",
        action="append",
        default=[],
        metavar="FORMAT[=FILE]",
        type=Word((TEXT, JSON, *formats)),
        help=f"{TEXT}, {JSON}, {', '.join(formats)}; may be repeated, e.g. --format text --format {formats[0]}=FILE",
    )


def tell(
    wanted: Sequence[tuple[str, str | None]],
    output: Output,
    document: Any,
    lines: Iterable[str],
    outcome: Callable[[], Outcome],
) -> None:
    """Every report that is asked for; without any, the result as --output says. Raises UsageError."""
    lines = list(lines)
    for format, file in wanted or [(output.form, None)]:
        if file is None and format in FORMS:
            output.formed(format).result(document, lines)
            continue
        if format == TEXT:
            text = "".join(f"{line}\n" for line in lines)
        else:
            text = output.formed(format).written(document) if format == JSON else render(format, outcome())
        _put(text, file, output)


def _put(text: str, file: str | None, output: Output) -> None:
    if file is None:
        output.out.write(text)
        output.out.flush()
        return
    try:
        Path(file).write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror or error}") from error
