"""Write typed models of events: pydantic, dataclasses, TypedDict or msgspec.

  tenor gen models order.avsc                         of a file, to standard output
  tenor gen models orders-value@3 --out orders.py     of a version of a subject, in a registry
  tenor gen models --out src/shop/events              a module for each schema of this project (tenor.yaml)
  tenor gen models --out src/shop/events --check      write nothing; exit code 10 if a module would change

A model takes every event of its schema as a codec reads it, and a codec writes what it holds as it was:

  order = Order.model_validate(codec.decode(value).data)
  codec.encode(order.model_dump(by_alias=True, exclude_unset=True))

Where types take more or less than the schema, a line says so. Files need no server; Protobuf files need the engine,
tenor-server.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from keyword import iskeyword
from pathlib import Path
from typing import Any, Final

from tenor.cli import CHANGED, SAFE
from tenor.cli.connection import connect
from tenor.cli.local_schema import LocalSchema, add_reference, add_type, ask_about, read_local
from tenor.cli.output import Output, one_line
from tenor.cli.project import Project, load, reading, with_references
from tenor.cli.running import UsageError
from tenor.cli.schema_file import SUFFIXES
from tenor.cli.verbs.get import version_number
from tenor.errors import MissingExtra, UnusableSchema
from tenor.schemas import PROTOBUF, Schema

KINDS: Final = ("pydantic", "dataclass", "typeddict", "msgspec")
_DO_NOT_EDIT: Final = "Made by `tenor gen models`: change the schema, not this file."


@dataclass(frozen=True, slots=True)
class Source:
    """A schema and where it is from: a file, a version of a subject, or both."""

    schema: Schema
    references: Mapping[str, Schema]
    subject: str = ""
    version: int | None = None
    file: str = ""
    text: str = ""
    """What its fingerprint is of, where that is not what the codec is given."""

    @property
    def label(self) -> str:
        """What to call it in a sentence."""
        return self.file or f"{self.subject}@{self.version}"

    @property
    def module(self) -> str:
        """The name of its module."""
        stem = self.subject or Path(self.file).stem
        name = re.sub(r"\W+", "_", stem, flags=re.ASCII).strip("_").lower() or "events"
        return f"events_{name}" if name[0].isdigit() or iskeyword(name) else name

    @property
    def fingerprint(self) -> str:
        """A short hash of the schema's text, and of those it refers to."""
        texts = [self.text or self.schema.text, *([name, each.text] for name, each in sorted(self.references.items()))]
        return hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:16]

    def header(self, kind: str) -> list[str]:
        """The comment on top of the module; the same as long as the schema is."""
        subject = self.subject if self.version is None else f"{self.subject}, version {self.version}"
        told = [f"subject {subject}" if subject else "", f"file {self.file}" if self.file else ""]
        where = ", ".join(each for each in told if each)
        return [one_line(f"{where[0].upper()}{where[1:]}"), f"{kind}, sha256 {self.fingerprint}", _DO_NOT_EDIT]


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("sources", metavar="SOURCE", nargs="*", help="files, folders, SUBJECT or SUBJECT@VERSION")
    parser.add_argument("--kind", choices=KINDS, default=KINDS[0], help=f"what to write; default {KINDS[0]}")
    parser.add_argument("--out", metavar="PATH", help="a file ending in .py, or a folder; without, standard output")
    parser.add_argument("--check", action="store_true", help="write nothing, and say what would change")
    parser.add_argument("--message", default="", metavar="NAME", help="Protobuf: which is the event; else the first")
    add_type(parser)
    add_reference(parser)


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Generate."""
    if arguments.check and arguments.out in (None, "-"):
        raise UsageError("--check compares with what is written: say where with --out")
    sources = list(_sources(arguments))
    targets = _targets(sources, arguments.out)
    rows = []
    for source, target in zip(sources, targets, strict=True):
        text, remarks = _generated(source, arguments)
        for remark in remarks:
            output.say(f"{source.label}: {one_line(remark)}")
        row = {
            "file": None if target is None else str(target),
            "subject": source.subject or None,
            "version": source.version,
            "schema_file": source.file or None,
            "fingerprint": source.fingerprint,
            "remarks": remarks,
        }
        if target is None:
            output.result({"modules": [row | {"text": text}], "check": False}, text.rstrip("\n"))
            return SAFE
        changed = _differs(target, text)
        if changed and not arguments.check:
            _write(target, text)
        rows.append(row | {"changed": changed})
    names = [row["file"] for row in rows if row["changed"]]
    output.result({"modules": rows, "check": arguments.check}, map(str, names))
    return CHANGED if arguments.check and names else SAFE


def _generated(source: Source, arguments: argparse.Namespace) -> tuple[str, list[str]]:
    try:
        from tenor.modelling import generate
        from tenor.modelling.generator import Unsuited

        try:
            made = generate(
                source.schema,
                source.references,
                arguments.kind,
                name=source.module,
                message=arguments.message,
                header=source.header(arguments.kind),
            )
        except (UnusableSchema, Unsuited) as error:
            raise UsageError(f"{source.label}: {error}") from error
    except MissingExtra as error:
        raise UsageError(str(error)) from error
    return made.text, list(made.remarks)


# --- where schemas come from -----------------------------------------------------------------------------------


def _sources(arguments: argparse.Namespace) -> Iterator[Source]:
    files = [each for each in arguments.sources if _is_file(each)]
    if files or not arguments.sources:
        yield from _of_files(files, arguments)
    subjects = [each for each in arguments.sources if not _is_file(each)]
    if subjects:
        with connect(arguments) as registry:
            for each in subjects:
                subject, number = _subject(each)
                registered = registry.version(subject, number)
                found, references = registry.with_references(registered, subject)
                yield Source(found.schema, references, subject, registered.version, text=registered.schema.text)


def _is_file(source: str) -> bool:
    return source == "-" or Path(source).suffix in SUFFIXES or Path(source).exists()


def _subject(source: str) -> tuple[str, int]:
    subject, at, version = source.rpartition("@")
    if at and (version.isdigit() or version == "latest"):
        return subject, version_number(version)
    return source, version_number("latest")


def _of_files(paths: list[str], arguments: argparse.Namespace) -> Iterator[Source]:
    """Files of the project, and others as they are; without paths, all of the project."""
    project, others = None, paths
    if not (arguments.type or arguments.reference or "-" in paths):
        project = load(Path.cwd(), paths)
        others = [each for each in paths if project.origin and Path(each).is_file() and not _has(project, each)]
    for path in others:
        local = read_local(path, arguments.type, arguments.reference)
        yield _compiled(local, "", "standard input" if path == "-" else path, arguments.timeout)
    inside = [each for each in paths if each not in others]
    if project is not None and (inside or not paths):
        yield from _of_project(project, inside if project.origin else [], arguments.timeout)


def _of_project(project: Project, paths: list[str], seconds: float) -> Iterator[Source]:
    known = {each.file: each for each in project.entries}
    read = reading(project.root)
    for entry in project.named(paths):
        data, parts = with_references(entry, known, read)
        if data is not None:
            names = dict(zip(_chain(data), parts[1:], strict=True))
            yield _compiled(LocalSchema(entry.file, data, names), entry.subject, entry.file, seconds)


def _has(project: Project, path: str) -> bool:
    place = Path(path).resolve()
    return any((project.root / each.file).resolve() == place for each in project.entries)


def _chain(data: Mapping[str, Any]) -> list[str]:
    """The names of a chain of references, innermost first."""
    names: list[str] = []
    below = data["references"]
    while below:
        names.insert(0, below[0][0])
        below = below[0][1]["references"]
    return names


def _compiled(local: LocalSchema, subject: str, file: str, seconds: float) -> Source:
    """A file as the codec takes it: of Protobuf the engine makes descriptors."""
    format, text = local.data["format"], local.data["text"]
    if format == PROTOBUF:
        answer = ask_about({"schema": local}, seconds, do="descriptors")
        references = {name: Schema(each, format) for name, each in answer["references"].items()}
        return Source(Schema(answer["descriptor"], format), references, subject, None, file, text)
    texts: dict[str, str] = {}
    below = local.data["references"]
    while below:
        texts = {below[0][0]: below[0][1]["text"], **texts}
        below = below[0][1]["references"]
    references = {name: Schema(each, format) for name, each in texts.items()}
    return Source(Schema(text, format), references, subject, None, file)


# --- where modules go ------------------------------------------------------------------------------------------


def _targets(sources: list[Source], out: str | None) -> list[Path | None]:
    if not sources:
        raise UsageError("there is no schema here")
    if out is None or out == "-":
        if len(sources) > 1:
            raise UsageError(f"{len(sources)} modules do not fit on standard output: name a folder with --out")
        return [None]
    if out.endswith(".py"):
        if len(sources) > 1:
            raise UsageError(f"{len(sources)} modules do not fit into {out}: name a folder with --out")
        return [Path(out)]
    found: dict[str, Source] = {}
    for source in sources:
        if (other := found.setdefault(source.module, source)) is not source:
            raise UsageError(f"{other.label} and {source.label} would both be {source.module}.py")
    return [Path(out) / f"{name}.py" for name in found]


def _differs(path: Path, text: str) -> bool:
    # Compared as bytes, but for line ends: git may have changed those.
    try:
        return path.read_bytes().replace(b"\r\n", b"\n") != text.encode()
    except FileNotFoundError:
        return True
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error


def _write(path: Path, text: str) -> None:
    """Write a module where there is none, or one that was generated: nobody's own code. Raises UsageError."""
    try:
        if path.exists() and (there := path.read_bytes()).strip() and _DO_NOT_EDIT.encode() not in there:
            raise UsageError(f"{path} is there, and was not generated: move it away, or say another --out")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
