"""Write a signed bundle of schemas, plans and wrapped keys, with which clients start while no registry answers.

The key is an Ed25519 private key: openssl genpkey -algorithm ed25519 -out key.pem
Its public half is what readers trust: openssl pkey -in key.pem -pubout -out key.pub.pem
What the schemas refer to is taken along; with --topic, which subjects belong to a topic as well.
The proven plans that lead from older of its versions to newer ones are in it, so that old events are read, too.

Of the keys that its rules seal with it holds the wrapped ones, as far as your token releases them: who uses it asks the
key system to unwrap them, with credentials of their own. No key is in it that only the registry unwraps, and no
person's, so that nobody who was erased comes back. --without-keys leaves all of them out.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from tenor import Registry, calls
from tenor._sync.registry import _qualified
from tenor.bundle import row_of, signed
from tenor.calls import Call
from tenor.cli import SAFE
from tenor.cli.connection import connect
from tenor.cli.output import Output
from tenor.cli.progress import Progress
from tenor.cli.running import UsageError
from tenor.errors import Answered, Forbidden, NotFound, UnexpectedAnswer, UnusableRule
from tenor.keys.bundled import dek_row, kek_row
from tenor.rules.model import SEALING, parse
from tenor.schemas import LATEST, PERSONS, PROTOBUF, Kek, Registered
from tenor.sealing.sources import context_of, source

T = TypeVar("T")


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("subjects", metavar="SUBJECT", nargs="*", help="may be repeated")
    parser.add_argument("--prefix", metavar="TEXT", help="all subjects whose names begin so; '' means all")
    parser.add_argument("--topic", action="append", default=[], metavar="TOPIC", help="its subjects; may be repeated")
    parser.add_argument(
        "--versions", choices=("all", "latest"), default="all", help="default all: consumers meet old ones"
    )
    parser.add_argument("--key", metavar="FILE", required=True, help="private key, PEM")
    parser.add_argument("--days", type=float, metavar="N", help="how long it is valid; without, for ever")
    parser.add_argument("--without-keys", action="store_true", help="schemas and plans only")
    parser.add_argument("--out", metavar="FILE", required=True, help="the bundle")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Collect, sign, write."""
    if arguments.days is not None and not 0 < arguments.days <= 36500:
        raise UsageError(f"--days: {arguments.days:g} is not between 0 and 36500")
    key = read_bytes(arguments.key)
    with connect(arguments) as registry:
        associations = {
            (topic, part): registry.subject_for(topic, part) for topic in arguments.topic for part in ("value", "key")
        }
        known = set(registry.subjects(arguments.prefix or "")) if arguments.prefix is not None else set[str]()
        if arguments.topic:  # a topic without keys of its own has no subject for them
            everything = set(registry.subjects())
            associations = {place: subject for place, subject in associations.items() if subject in everything}
        wanted = sorted({*arguments.subjects, *known, *associations.values()})
        if not wanted:
            raise UsageError("no subject: name some, or give --prefix or --topic")
        with output.progress("collecting") as shown:
            rows = list(_counted(collected(registry, wanted, arguments.versions), shown, "schemas"))
            plans = list(_counted(upcasts(registry, rows), shown, "plans"))
            keks, deks = ([], []) if arguments.without_keys else wrapped_keys(registry, rows)
    now = datetime.now(UTC)
    expires = None if arguments.days is None else now + timedelta(days=arguments.days)
    content = {"upcasts": plans, "keks": keks, "deks": deks}
    data = signed(rows, associations, key, registry=registry.url, created=now, expires=expires, **content)
    replace(Path(arguments.out), data)
    document = {
        "file": arguments.out,
        "subjects": wanted,
        "schemas": len(rows),
        "upcasts": len(plans),
        "keys": len(deks),
        "bytes": len(data),
        "expires": None if expires is None else expires.isoformat(),
    }
    parts = [f"{len(rows)} schemas"]
    parts += [f"{len(found)} {what}" for found, what in ((plans, "plans"), (deks, "wrapped keys")) if found]
    held = " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    output.result(document, f"{arguments.out}: {held} of {len(wanted)} subjects, {len(data)} bytes")
    return SAFE


def _counted(found: Iterator[dict[str, Any]], shown: Progress, what: str) -> Iterator[dict[str, Any]]:
    for count, each in enumerate(found, 1):
        shown.at(count, what="collecting", detail=what)
        yield each


def collected(registry: Registry, subjects: list[str], versions: str) -> Iterator[dict[str, Any]]:
    """The rows of these subjects and of all they refer to, each version once. Raises RegistryError, UsageError."""
    done: set[tuple[str, int]] = set()
    for subject in subjects:
        numbers = registry.versions(subject) if versions == "all" else (LATEST,)
        if not numbers:
            raise UsageError(f"subject {subject} has no versions")
        for number in numbers:
            yield from _row(registry, subject, number, done, current=True)


def upcasts(registry: Registry, rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The proven plans between versions that the bundle holds. A registry without Tenor's own API has none."""
    held: dict[str, set[int]] = {}
    for row in rows:
        if row.get("current", True):
            held.setdefault(row["subject"], set()).add(row["version"])
    for subject, versions in sorted(held.items()):
        if len(versions) < 2:
            continue
        try:
            edges = registry.send(calls.upcasters(subject))
        except (Answered, UnexpectedAnswer) as error:
            if calls.speaks_native(error) and not isinstance(error, Forbidden):
                raise
            return
        for old in sorted(versions):
            for new in sorted(_reached(edges, old) & versions):
                answer = registry.send(calls.upcast(subject, old=old, to=new))
                if answer.get("proven") is True:
                    yield {"subject": subject, "old": old, "new": new, "plan": answer["plan"]}


def wrapped_keys(
    registry: Registry, rows: Iterable[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The KEKs that the rules of these schemas name, and their wrapped DEKs, all versions. Raises RegistryError.

    A KEK that nobody made yet is left out, and so are keys of a shared one, which the registry alone can unwrap.
    """
    keks: dict[tuple[str, str], Kek | None] = {}
    deks: list[dict[str, Any]] = []
    for kek, domain, algorithm in sorted(set(_sources(rows))):
        context = context_of(domain)
        if (context, kek) not in keks:
            keks[context, kek] = _if_there(registry, calls.kek(kek, deleted=True, context=context))
        known = keks[context, kek]
        if known is None or known.shared:
            continue
        numbers = calls.dek_versions(kek, domain, algorithm, deleted=True, context=context)
        for number in _if_there(registry, numbers) or ():
            call = calls.dek(kek, domain, number, algorithm, deleted=True, context=context)
            if number < PERSONS and (dek := _if_there(registry, call)) is not None:
                deks.append(dek_row(dek))
    return [kek_row(kek, context) for (context, _), kek in keks.items() if kek is not None], deks


def _sources(rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """KEK, domain and algorithm of every key that rules seal with."""
    for row in rows:
        if not row.get("current", True):
            continue  # only its types are used
        try:
            rules = parse(row.get("ruleSet"), row.get("metadata"))
            named = [source(rule, row["subject"]) for rule in (*rules.domain, *rules.encoding) if rule.type in SEALING]
        except UnusableRule:
            continue  # no client seals by it
        yield from ((each.kek, each.domain, each.algorithm) for each in named)


def _if_there(registry: Registry, call: Call[T]) -> T | None:
    """The answer, or None where the registry has no such key, or keeps no keys at all."""
    try:
        return registry.send(call)
    except NotFound:
        return None
    except UnexpectedAnswer as error:
        if calls.speaks_native(error):
            raise
        return None


def _reached(edges: Iterable[tuple[int, int]], start: int) -> set[int]:
    """The versions that edges lead to; edges only go up."""
    reached = {start}
    for old, new in sorted(edges):
        if old in reached:
            reached.add(new)
    return reached - {start}


def _row(
    registry: Registry, subject: str, number: int, done: set[tuple[str, int]], *, current: bool
) -> Iterator[dict[str, Any]]:
    found: Registered = registry.send(calls.version(subject, number, deleted=not current))
    if (place := (subject, found.version or number)) in done:
        return
    done.add(place)
    for reference in found.schema.references:
        yield from _row(registry, _qualified(reference, subject), reference.version, done, current=False)
    serialized = ""
    if found.schema.format == PROTOBUF:
        call = calls.version(subject, place[1], rendering="serialized", deleted=not current)
        serialized = registry.send(call).schema.text
    yield row_of(found, subject, serialized=serialized, current=current)


def read_bytes(path: str) -> bytes:
    """A file as it is. Raises UsageError."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error


def replace(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: whoever reads it meanwhile gets the old one. Raises UsageError."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
