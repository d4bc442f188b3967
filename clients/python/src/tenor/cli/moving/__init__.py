"""Moving a registry: what one holds, as records that can be read, kept in a file, restored and compared.

A record is a JSON document under a key that begins with its kind:

    ("config", scope)  ("mode", scope)                scope: "" for all, ":.dev:" for a context, or a subject
    ("version", subject, number)                      id, text, type, references, metadata, rules, deleted, ts
    ("association", subject, namespace, name, type)   resourceId, resourceType, lifecycle, frozen
    ("kek", name)  ("dek", kek, subject, algorithm, version)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

Document = Mapping[str, Any]
Key = tuple[Any, ...]
Records = Mapping[Key, Document]

CONFIG: Final = "config"
MODE: Final = "mode"
VERSION: Final = "version"
ASSOCIATION: Final = "association"
TIME: Final = "ts"
"""The member that says when a version was registered, in ms."""
KEK: Final = "kek"
DEK: Final = "dek"
KINDS: Final = (CONFIG, MODE, VERSION, ASSOCIATION, KEK, DEK)


class Difference(NamedTuple):
    """What two registries do not have alike. `what`: missing, extra, or the members that differ."""

    key: Key
    what: str

    def __str__(self) -> str:
        kind, *names = self.key
        return f"{kind} {' '.join(str(each) or '(global)' for each in names)}: {self.what}"


def differences(source: Records, target: Records) -> Iterator[Difference]:
    """Where the target is not as the source. What the target has of subjects, scopes and keys that the source does not
    know is its own."""
    for key, document in source.items():
        there = target.get(key)
        if there is None:
            yield Difference(key, "missing")
        elif members := sorted(each for each in {*document, *there} if not _alike(each, document, there)):
            yield Difference(key, ", ".join(members))
    known = scopes(source)
    for key in target:
        ours = (KEK, key[1]) in source if key[0] == DEK else key[0] != KEK and _scope(key) in known
        if ours and key not in source:
            yield Difference(key, "extra")


def _alike(member: str, document: Document, there: Document) -> bool:
    if member == TIME and member not in document:
        return True  # a source that does not say when leaves it to the target
    return bool(document.get(member) == there.get(member))


def scopes(records: Records) -> set[str]:
    """The subjects and contexts that records are about."""
    return {_scope(key) for key in records if key[0] != KEK}


def _scope(key: Key) -> str:
    return str(key[2] if key[0] == DEK else key[1])


def counted(keys: Iterable[Key], kinds: Sequence[str] = KINDS) -> dict[str, int]:
    """How many records of each kind."""
    counts = Counter(key[0] for key in keys)
    return {kind: counts[kind] for kind in kinds}
