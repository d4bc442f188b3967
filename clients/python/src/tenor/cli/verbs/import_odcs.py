"""Register the schemas of data contracts of the Open Data Contract Standard (ODCS v3), as JSON Schemas or Avro.

  tenor import odcs orders.odcs.yaml --dry-run
  tenor import odcs orders.odcs.yaml --format avro --folder schemas

Each schema object becomes a schema: of the language that `tenor export odcs` told it of (Protobuf cannot be written
back), else of --format (json). Its subject is what the document says (tenor:subject), else PHYSICALNAME-value. Tags and
classifications of fields become tags, the team the owner, a retention in days the support window. What no schema, tag
or policy says is named. All are rehearsed before the first is registered; with --dry-run that is all. Exit code 1: a
schema is incompatible.
"""

from __future__ import annotations

import argparse
import json
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from tenor import Registry
from tenor.calls import Call
from tenor.cli import SAFE, blast
from tenor.cli.connection import connect
from tenor.cli.output import Output
from tenor.cli.running import UsageError
from tenor.cli.standards import files
from tenor.cli.standards.odcs import avro, contract, json_schema
from tenor.cli.standards.odcs.members import Found, NoContract
from tenor.cli.verbs.register import summary
from tenor.errors import NotFound
from tenor.schemas import AVRO, JSON, PROTOBUF, Registration, Schema

T = TypeVar("T")
_SUFFIXES = {AVRO: ".avsc", JSON: ".json"}


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="YAML or JSON")
    parser.add_argument("--format", choices=("json", "avro"), help="of the schemas; default: as it was, else json")
    parser.add_argument("--subject", metavar="SUBJECT", help="of the one schema, if the document says none")
    parser.add_argument("--folder", metavar="DIR", help="also write the schemas there, .json or .avsc")
    parser.add_argument("--files-only", action="store_true", help="only write them: ask no registry")
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, and change nothing")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A schema to register, with what belongs to it."""

    file: str
    subject: str
    schema: Schema
    promise: contract.Promise
    left_out: list[tuple[str, str]]


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Read all, rehearse all, then write and register."""
    if arguments.files_only and not arguments.folder:
        raise UsageError("--files-only writes to a --folder")
    wanted = [each for file in arguments.files for each in _wanted(file, arguments)]
    if arguments.subject and len(wanted) > 1:
        raise UsageError(f"--subject names one schema, and there are {len(wanted)}")
    by_subject = {each.subject: each for each in wanted}
    if len(by_subject) < len(wanted):
        twice = next(each for each in wanted if by_subject[each.subject] is not each)
        raise UsageError(f"{twice.file}: the subject {twice.subject} is that of another schema too")
    results = [_described(each) for each in wanted]
    if not arguments.files_only:
        with connect(arguments) as registry:
            registrations = [_register(registry, each, dry_run=True) for each in wanted]
            if not arguments.dry_run:
                registrations = [_register(registry, each, dry_run=False) for each in wanted]
            for each, result, done in zip(wanted, results, registrations, strict=True):
                result.update(_kept(registry, each, done, dry_run=arguments.dry_run))
    if arguments.folder and not arguments.dry_run:
        for each, result in zip(wanted, results, strict=True):
            result["schema_file"] = _write(arguments.folder, each)
    output.result({"dry_run": arguments.dry_run, "contracts": results}, _lines(results, dry_run=arguments.dry_run))
    return SAFE


def _wanted(file: str, arguments: argparse.Namespace) -> Iterator[_Wanted]:
    document = files.read(file)
    asked = {"json": JSON, "avro": AVRO}.get(arguments.format or "")
    told = Found(own=_is_own(document, asked))
    for promise in _read(file, partial(contract.promises, document, told)):
        if promise.format == PROTOBUF and arguments.subject is None and asked is None:
            raise UsageError(
                f"{file} tells of {promise.subject}, which is Protobuf, and none can be written of it: say a --subject "
                "for what --format json or avro makes"
            )
        format = asked or (promise.format if promise.format in _SUFFIXES else JSON)
        found = Found(own=told.own)
        language = avro if format == AVRO else json_schema
        made = _read(file, partial(language.schema_of, promise.node, found))
        subject = arguments.subject or promise.subject
        if subject is None:
            raise UsageError(f"{file}: a schema has no name: give --subject")
        metadata = {"tags": found.tags, "properties": dict(promise.properties)}
        kept = {name: value for name, value in metadata.items() if value}
        rules = promise.rules if told.own else None
        if promise.rules and not rules:
            found.leave("contract: tenor:ruleSet", "its rules are of a schema of another language")
        schema = Schema(json.dumps(made, indent=2), format, metadata=kept or None, rule_set=rules)
        yield _Wanted(file, subject, schema, promise, [*told.left_out, *found.left_out])
        told = Found(own=told.own)  # what is said of the whole document is told once


def _read(file: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except NoContract as error:
        raise UsageError(f"{file} is no ODCS contract: {error}") from error
    except RecursionError as error:
        raise UsageError(f"{file} is nested too deeply") from error


def _is_own(document: dict[str, Any], asked: str | None) -> bool:
    told = contract.format_of(document)
    return told is not None and asked in (None, told) and told in _SUFFIXES


def _register(registry: Registry, each: _Wanted, *, dry_run: bool) -> Registration:
    return registry.register(
        each.subject, each.schema, dry_run=dry_run, idempotency_key="" if dry_run else str(uuid.uuid4())
    )


def _kept(registry: Registry, each: _Wanted, done: Registration, *, dry_run: bool) -> dict[str, Any]:
    """What became of a schema, its owner and its policy."""
    owner, policy = _owner(registry, each), _policy(registry, each)
    if owner is not None and not dry_run:
        here = f"/api/v1/subjects/{quote(each.subject, safe='')}/owner"
        registry.send(Call("PUT", here, lambda body: body, {"owner": owner}))
    if policy is not None and not dry_run:
        registry.send(blast.set_policy(each.subject, policy))
    return {
        "version": done.version,
        "id": None if dry_run and done.created else done.id,
        "created": done.created,
        "summary": summary(done),
        "owner": owner,
        "policy": policy,
    }


def _owner(registry: Registry, each: _Wanted) -> str | None:
    """The owner that is to be set; None if there is none to set."""
    wanted = each.promise.owner
    if wanted is None:
        return None
    try:
        here = f"/api/v1/subjects/{quote(each.subject, safe='')}"
        known = registry.send(Call("GET", here, lambda body: body.get("owner")))
    except NotFound:
        known = None
    return None if known == wanted else wanted


def _policy(registry: Registry, each: _Wanted) -> dict[str, Any] | None:
    """The policy that is to be set: the subject's own with what the contract says otherwise than what holds."""
    said = {"protect": each.promise.protect, "readable_for": each.promise.window}
    said = {name: value for name, value in said.items() if value is not None}
    if not said:
        return None
    effective = registry.send(blast.policy(each.subject))
    changed = {name: value for name, value in said.items() if effective.get(name) != value}
    if not changed:
        return None
    scopes = registry.send(blast.policies())["policies"]
    own = [row for row in scopes if row["scope"] == each.subject]
    kept = {name: row[name] for row in own for name in ("protect", "readable_for") if row.get(name) is not None}
    return kept | changed


def _write(folder: str, each: _Wanted) -> str:
    named = re.sub(r"[^A-Za-z0-9._-]+", "_", each.subject).strip("_.") or "schema"
    place = Path(folder) / f"{named}{_SUFFIXES[each.schema.format]}"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(each.schema.text + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {place}: {error.strerror or error}") from error
    return str(place)


def _described(each: _Wanted) -> dict[str, Any]:
    return {
        "file": each.file,
        "subject": each.subject,
        "format": each.schema.format,
        "tags": dict((each.schema.metadata or {}).get("tags", {})),
        "left_out": [{"what": what, "why": why} for what, why in each.left_out],
        **dict.fromkeys(("summary", "version", "id", "created", "owner", "policy", "schema_file")),
    }


def _lines(results: list[dict[str, Any]], *, dry_run: bool) -> Iterator[str]:
    would = "would set" if dry_run else "set"
    for each in results:
        if each["summary"]:
            yield f"{each['file']}: {each['summary']}, {each['format']}"
        if each["schema_file"]:
            yield f"{each['file']}: wrote {each['schema_file']}"
        if each["owner"]:
            yield f"  {would} the owner: {each['owner']}"
        if each["policy"]:
            yield f"  {would} the policy: {json.dumps(each['policy'])}"
        for name, tags in each["tags"].items():
            yield f"  tagged {name}: {', '.join(tags)}"
        for left in each["left_out"]:
            yield f"  left out: {left['what']}: {left['why']}"
