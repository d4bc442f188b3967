"""Lay out schema files alike: all of the project, or those that are named; - is standard input, to standard output.

  tenor fmt                 what tenor.yaml names
  tenor fmt --check         change nothing; exit code 10 if a file would change

Only white space changes: the order of members, numbers, escapes and comments stay. In Avro and JSON Schema what fits on
a line stands on one; Protobuf has a statement a line, indented by braces, and its comments where they were.
Exit code 2: a file is no JSON, or no Protobuf; the others are laid out.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from tenor.cli import CHANGED, SAFE, USAGE
from tenor.cli.layout import laid_out
from tenor.cli.output import Output, one_line
from tenor.cli.project import load
from tenor.cli.running import UsageError
from tenor.cli.schema_file import read_text
from tenor.schemas import FORMATS, JSON


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("paths", metavar="PATH", nargs="*", help="files and folders; - for standard input")
    parser.add_argument("--check", action="store_true", help="change nothing, and say what would change")
    parser.add_argument("--type", type=str.upper, choices=FORMATS, default=JSON, help="of standard input")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Lay out."""
    if arguments.paths == ["-"]:
        text = _laid_out("standard input", arguments.type, read_text("-"))
        output.result({"text": text}, text.removesuffix("\n"))
        return SAFE
    project = load(Path.cwd(), arguments.paths)
    changed, wrong = [], []
    for entry in project.named(arguments.paths if project.origin else ()):
        path = project.root / entry.file
        try:
            text = read_text(str(path))
            new = _laid_out(entry.file, entry.format, text)
        except UsageError as error:
            wrong.append(one_line(str(error)))
            continue
        # Compared as bytes: line ends and a byte order mark are layout, too.
        if new.encode() != path.read_bytes():
            changed.append(entry.file)
            if not arguments.check:
                _write(path, new)
    output.result(
        {"changed": changed, "wrong": wrong, "check": arguments.check},
        [*changed, *(f"error: {each}" for each in wrong)],
    )
    if wrong:
        return USAGE
    return CHANGED if arguments.check and changed else SAFE


def _laid_out(name: str, format: str, text: str) -> str:
    try:
        return laid_out(format, text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{name}:{error.lineno}:{error.colno}: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name}: {error}") from None


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
