"""What a registry holds, as this client sees it: schemas, their versions and their references. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

AVRO: Final = "AVRO"
JSON: Final = "JSON"
PROTOBUF: Final = "PROTOBUF"
FORMATS: Final = (AVRO, JSON, PROTOBUF)
LATEST: Final = -1
PERSONS: Final = 2**20
"""Versions of data keys from here on are persons' keys; LATEST answers from below."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A schema that another one refers to. `name`: an Avro full name, a .proto import path or a `$ref` URI."""

    name: str
    subject: str
    version: int = LATEST

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read `name=subject:version`, as on the command line; without a version the latest is meant.

        A subject may hold colons (`:.dev:orders`), a version is a number or `latest`. Raises ValueError.
        """
        name, equals, target = text.partition("=")
        subject, colon, version = target.rpartition(":")
        if not (colon and (version == "latest" or (version.isascii() and version.isdigit()))):
            subject, version = target, "latest"
        if not (name and equals and subject):
            raise ValueError(f"'{text}' is not NAME=SUBJECT:VERSION")
        return cls(name, subject, LATEST if version == "latest" else int(version))


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema text and what belongs to its identity. `metadata` and `rule_set` are the registry's JSON, as is."""

    text: str
    format: str = AVRO
    references: tuple[Reference, ...] = ()
    metadata: Mapping[str, Any] | None = field(default=None, hash=False)
    rule_set: Mapping[str, Any] | None = field(default=None, hash=False)

    def body(self) -> dict[str, Any]:
        """The JSON that registers or looks up this schema; what is absent is left out."""
        body: dict[str, Any] = {"schema": self.text, "schemaType": self.format}
        if self.references:
            body["references"] = [
                {"name": reference.name, "subject": reference.subject, "version": reference.version}
                for reference in self.references
            ]
        if self.metadata is not None:
            body["metadata"] = dict(self.metadata)
        if self.rule_set is not None:
            body["ruleSet"] = dict(self.rule_set)
        return body


@dataclass(frozen=True, slots=True)
class Registered:
    """A schema as a registry knows it. Old registries give no `guid`; `subject` and `version` depend on the call."""

    schema: Schema
    id: int | None = None
    guid: str | None = None
    subject: str | None = None
    version: int | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Registration:
    """What became of a registration.

    `created` is None where the registry does not say; `changes` and `findings` are Tenor's, as JSON.
    """

    subject: str
    id: int | None
    guid: str | None = None
    version: int | None = None
    created: bool | None = None
    dry_run: bool = False
    changes: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    findings: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    raw: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)


@dataclass(frozen=True, slots=True)
class Compatibility:
    """A registry's answer whether a schema could be registered; `messages` say why not."""

    compatible: bool
    messages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Association:
    """A subject that belongs to a topic. `part` is `key` or `value`."""

    subject: str
    topic: str
    part: str = "value"


@dataclass(frozen=True, slots=True)
class Kek:
    """A key-encrypting key: where it is, never what it is. `shared`: the registry itself may use it."""

    name: str
    kms_type: str
    kms_key_id: str
    kms_props: Mapping[str, str] = field(default_factory=dict, hash=False)
    shared: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Dek:
    """A data key as a registry keeps it: `wrapped` by its KEK; `plain`, serialised, where the registry may tell it.

    `created` in milliseconds by the registry's clock. `commitment` recognises the key without knowing it; only Tenor
    keeps it.
    """

    kek: str
    subject: str
    version: int
    algorithm: str
    wrapped: bytes = field(default=b"", repr=False)
    plain: bytes = field(default=b"", repr=False)
    created: int = 0
    commitment: bytes = b""
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """Uses of a data key that a client may make; none when the sum of all clients' (`leased`) is at the limit."""

    uses: int
    leased: int


@dataclass(frozen=True, slots=True)
class Person:
    """What a registry knows of a person, by handle or version. `state` is live, erased or unknown."""

    handle: str
    state: str
    version: int = 0
    algorithm: str = ""
    wrapped: bytes = field(default=b"", repr=False)
    plain: bytes = field(default=b"", repr=False)
    commitment: bytes = b""


@dataclass(frozen=True, slots=True)
class Revocation:
    """A person's key that was destroyed."""

    kek: str
    version: int


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a list, and where it goes on (None: here it ends)."""

    items: tuple[Mapping[str, Any], ...] = field(hash=False)
    cursor: str | None = None


def without_credentials(url: str) -> str:
    """A URL as it may be shown: user and password are taken out."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
