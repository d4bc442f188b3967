"""What makes two schemas the same: canonical text, references, metadata and rule set. Pure.

The type of a schema is not part of it, nor are subject and version. Two names for the same content:
`fingerprint` (SHA-256, what the store keys on) and `guid` (MD5 printed as a UUID, what Confluent's
clients put on the wire, equal in every context and cluster).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from uuid import UUID

import msgspec

from registry.formats.base import Reference
from registry.rules import VERSION_PROPERTY, Metadata, Rule, RuleSet

_ENCODER = msgspec.json.Encoder(order="deterministic")


@dataclass(frozen=True)
class Content:
    """Everything that has an id of its own."""

    format: str
    text: str
    references: tuple[Reference, ...] = ()
    metadata: Metadata | None = None
    rule_set: RuleSet | None = None

    @cached_property
    def guid(self) -> str:
        """MD5 over the parts in the order the reference uses (facts: confluent-api §7.1), as a UUID."""
        digest = hashlib.md5(usedforsecurity=False)
        for part in _parts(self):
            digest.update(part)
        return str(UUID(bytes=digest.digest()))

    @cached_property
    def fingerprint(self) -> bytes:
        """SHA-256 over an unambiguous rendering, format included: MD5 parts can be made to collide, these cannot."""
        metadata = self.metadata and {
            "tags": {path: sorted(tags) for path, tags in self.metadata.tags.items()},
            "properties": self.metadata.properties,
            "sensitive": sorted(self.metadata.sensitive),
        }
        rules = self.rule_set and {
            "lists": [
                [replace(rule, tags=tuple(sorted(rule.tags))) for rule in each] for _, each in self.rule_set.lists()
            ],
            "enableAt": self.rule_set.enable_at,
        }
        rendering = _ENCODER.encode([self.format, self.text, self.references, metadata, rules])
        return hashlib.sha256(rendering).digest()

    def without_version(self) -> Content:
        """The same content with the property `confluent:version` taken out."""
        if self.metadata is None:
            return self
        return replace(self, metadata=self.metadata.without(VERSION_PROPERTY))


def _parts(content: Content) -> Iterator[bytes]:
    yield content.text.encode()
    for reference in content.references:
        yield reference.name.encode()
        yield reference.subject.encode()
        yield reference.version.to_bytes(4, "big", signed=True)
    if content.metadata is not None:
        yield b"\x01"
        for path, tags in sorted(content.metadata.tags.items()):
            yield path.encode()
            yield from (tag.encode() for tag in sorted(tags))
        for name, value in sorted(content.metadata.properties.items()):
            yield name.encode()
            yield value.encode()
        yield from (name.encode() for name in sorted(content.metadata.sensitive))
    if content.rule_set is not None:
        yield b"\x01"
        for _, rules in content.rule_set.lists():
            for rule in rules:
                yield from _rule_parts(rule)
        if content.rule_set.enable_at:
            yield content.rule_set.enable_at.encode()


def _rule_parts(rule: Rule) -> Iterator[bytes]:
    for text in (rule.name, rule.doc, rule.kind, rule.mode, rule.type):
        if text:
            yield text.encode()
    yield from (tag.encode() for tag in sorted(rule.tags))
    for name, value in sorted(rule.params.items()):
        yield name.encode()
        yield value.encode()
    for text in (rule.expr, rule.on_success, rule.on_failure):
        if text:
            yield text.encode()
    if rule.disabled:
        yield b"\x01"


def same(request: Content, stored: Content, stored_version: int) -> bool:
    """Whether a request means a stored content, `confluent:version` aside (facts: confluent-api §7.2).

    A request without the property ignores the stored one; a request that has it while the stored content
    has not must name the stored version's number; when both or neither have it, plain comparison.
    """
    asked = (request.metadata.properties if request.metadata else {}).get(VERSION_PROPERTY)
    has = VERSION_PROPERTY in (stored.metadata.properties if stored.metadata else {})
    if asked is None and has:
        empty_counts = request if request.metadata is not None else replace(request, metadata=Metadata())
        return _equal(empty_counts, stored.without_version())
    if asked is not None and not has:
        if asked != str(stored_version):
            return False
        bare = request.without_version()
        if stored.metadata is None and bare.metadata == Metadata():
            bare = replace(bare, metadata=None)
        return _equal(bare, stored)
    return _equal(request, stored)


def _equal(one: Content, other: Content) -> bool:
    return (one.text, one.references, one.metadata, one.rule_set) == (
        other.text,
        other.references,
        other.metadata,
        other.rule_set,
    )
