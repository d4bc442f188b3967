"""What every schema format answers. Formats do not know each other, the store or HTTP.

A format turns a `Source` (a text and the sources it refers to) into a `Schema`, a frozen value that
knows its canonical text, its fields and how to compare itself with another schema of its own format.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any, ClassVar, Protocol


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference as clients write it: `name` is an Avro full name, a .proto import path or a `$ref` URI."""

    name: str
    subject: str
    version: int


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A schema text with everything it refers to, directly (the references of references hang below).

    `references` pairs the name the text uses with the source behind it, in the order the client gave. Sources are
    compared and hashed by `digest`: a diamond of references is a small graph but an exponential tree, so whoever
    walks it visits each digest once.
    """

    text: str
    references: tuple[tuple[str, Source], ...] = ()
    digest: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        digest = sha256(self.text.encode("utf-8", "surrogatepass"))
        for name, source in self.references:
            digest.update(b"\0" + name.encode("utf-8", "surrogatepass") + b"\0" + source.digest)
        object.__setattr__(self, "digest", digest.digest())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Source) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a schema, as a consumer of the decoded event sees it.

    `path` is a JSON pointer through the event: `/order/lines/*/sku` (`*` = each item or map value).
    """

    path: str
    name: str
    type: str
    required: bool
    doc: str = ""
    tags: frozenset[str] = frozenset()


class Severity(StrEnum):
    """ERROR decides the verdict; WARNING is shown and never flips it."""

    ERROR = "error"
    WARNING = "warning"


class Policy(StrEnum):
    """`compatibilityPolicy` of the Confluent API. LENIENT loosens JSON Schema objects only."""

    STRICT = "STRICT"
    LENIENT = "LENIENT"
    LOGICAL = "LOGICAL"


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason why the reader cannot read what the writer wrote (or a warning about it).

    `rule`      the stable kind, the reference's own name where it has one: READER_FIELD_MISSING_DEFAULT_VALUE
    `path`      where, exactly as the reference prints it (facts: compatibility, 3 to 5)
    `sentence`  one plain sentence of ours with the literal slots `{new}` and `{old}` for the reader's and the
                writer's schema; `told()` fills them for a direction
    `info`      additionalInfo of Avro messages
    `reader_path`, `writer_path`   JSON pointers into the two source texts (Protobuf: dotted names), if there
    `reader_value`, `writer_value` short excerpts of what stands there
    `accepted`  until when, by whom and why it does not count, of an error that a waiver made a warning
    """

    rule: str
    path: str
    sentence: str
    info: str = ""
    severity: Severity = Severity.ERROR
    reader_path: str | None = None
    writer_path: str | None = None
    reader_value: str = ""
    writer_value: str = ""
    accepted: str = ""

    def told(self, *, forward: bool = False) -> str:
        """The sentence with its slots filled: backward reads new/old, forward (old code, new events) old/new."""
        new, old = ("old", "new") if forward else ("new", "old")
        said = self.sentence.replace("{new}", new).replace("{old}", old)
        return f"{said} {self.accepted}" if self.accepted else said


@dataclass(frozen=True, slots=True)
class Tagging:
    """Inline tags to add to or remove from one entity of the text (`schemaTagsToAdd`, `schemaTagsToRemove`)."""

    path: str
    type: str  # sr_record or sr_field
    tags: tuple[str, ...]


class Schema(ABC):
    """A parsed schema. Equal canonical text and references mean the same schema; instances are immutable."""

    format: ClassVar[str]
    source: Source
    canonical: str
    """The text that is stored and served: printed the way Confluent's registry prints it."""

    @abstractmethod
    def normalized(self) -> str:
        """The normal form: what `normalize=true` stores. Idempotent."""

    @abstractmethod
    def inlined(self) -> str:
        """Canonical text with all references written out, so that it stands alone."""

    @abstractmethod
    def render(self, rendering: str) -> str:
        """The text under `format=`: `resolved`, `serialized`, `ignore_extensions`; anything else is canonical."""

    @abstractmethod
    def fields(self) -> Sequence[Field]:
        """Every field, outermost first; recursion is cut where a type repeats on its own path."""

    @abstractmethod
    def tags(self) -> Sequence[Tagging]:
        """The inline tags of the text."""

    def open_unions(self) -> Iterable[tuple[str, frozenset[str], Sequence[str]]]:
        """Fields whose union may hold more than text and bytes, as (full name, inline tags, those branches).

        None, in formats that have no unions.
        """
        return ()

    def unsealable(self) -> Iterable[tuple[str, frozenset[str], str]]:
        """Fields that have no place for what SEAL makes of them, as (full name, inline tags, type).

        None, in formats where a wire schema gives them one.
        """
        return ()

    @abstractmethod
    def retagged(self, add: Iterable[Tagging], remove: Iterable[Tagging]) -> str:
        """The text with inline tags changed. Raises InvalidSchema for a path that is not there."""

    @abstractmethod
    def findings(self, writer: Schema, policy: Policy = Policy.STRICT) -> Sequence[Finding]:
        """What keeps this schema (the reader) from reading what `writer` wrote; empty = compatible.

        The verdict is Confluent's (parity): errors of judgement included, warnings beside it.
        """


class Format(Protocol):
    """A plug-in: one schema language."""

    name: str

    def parse(self, source: Source, *, strict: bool = True) -> Schema:
        """Parse and check. `strict=False` (imports) accepts what older registries let through.

        Raises InvalidSchema, with a path or a line where one is known. Never recurses without bound,
        never fetches anything.
        """
        ...


@dataclass(frozen=True, slots=True)
class Sample:
    """One valid event of a schema, and how it was chosen: minimal, maximal, edge or random."""

    event: Any
    kind: str
    note: str = field(default="", compare=False)


class Verdict(StrEnum):
    """An answer about meaning. UNKNOWN is an answer too: never dressed up as one of the others."""

    COMPATIBLE = "compatible"
    BREAKS = "breaks"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Witness:
    """An event the writer accepts and the reader refuses or misreads, checked by the format's real decoder.

    `event` is the event as JSON data (bytes as base64 text); `failure` what the reader's decoder or validator
    said, or `read as …` when it decodes to something else; `path` a JSON pointer to the place in the event.
    """

    event: Any
    failure: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Semantic:
    """Can an event exist that the writer's side writes and the reader's side refuses or misreads?

    `reasons`: for BREAKS what breaks, for UNKNOWN the keyword or construct that made it undecidable.
    """

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    witness: Witness | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace `text[start:end]` of a source text (offsets in characters)."""

    start: int
    end: int
    replacement: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A machine-applicable change of the reader's text, offered only after the check passed with it applied."""

    id: str
    sentence: str
    edits: tuple[Edit, ...]

    def apply(self, text: str) -> str:
        """The text with all edits made; edits do not overlap."""
        for edit in sorted(self.edits, key=lambda e: e.start, reverse=True):
            text = text[: edit.start] + edit.replacement + text[edit.end :]
        return text


class ChangeKind(StrEnum):
    """What kind of change a semantic diff shows."""

    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"
    RENAMED = "renamed"
    RETYPED = "retyped"
    CONSTRAINED = "constrained"
    LOOSENED = "loosened"
    DOCUMENTED = "documented"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two versions, in data and in words. Paths as in `Field.path`."""

    kind: ChangeKind
    path: str
    sentence: str
    old_path: str | None = None
    old: str = ""
    new: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """What lint says about a single schema. `path` is a JSON pointer into the text (Protobuf: dotted name)."""

    rule: str
    path: str
    sentence: str


class Insight(Protocol):
    """What a format says beyond the parity verdict: the module `insight` of its package.

    `reader`, `writer`, `old` and `new` are schemas of that format. `seconds` bounds a search; what it did not reach is
    unknown, never safe.
    """

    RULES: Mapping[str, str]
    """Rule ids of findings, each with a sentence or two for whoever met it."""
    LINT: Mapping[str, tuple[Severity, str]]
    """Rule ids of remarks on a single schema: how grave, and what each is for."""

    def locate(self, schema: Any, pointer: str, /) -> tuple[int, int] | None:
        """Line and column, from 1, of a place in the source text."""
        ...

    def samples(self, schema: Any, /, *, seed: int = 0) -> Iterator[Sample]:
        """Valid events: minimal, maximal, edges, then random ones without end."""
        ...

    def semantic(self, reader: Any, writer: Any, /, *, seconds: float = 0.1) -> Semantic:
        """Can an event exist that the writer's side writes and the reader's side refuses or misreads?"""
        ...

    def witness(self, reader: Any, writer: Any, finding: Finding, /, *, seconds: float = 0.1) -> Witness | None:
        """An event that shows a finding, checked by the real decoder or validator."""
        ...

    def fixes(self, reader: Any, writer: Any, finding: Finding, /, *, forward: bool = False) -> Sequence[Fix]:
        """Edits of the new schema's text that remove a finding, each checked again."""
        ...

    def changes(self, old: Any, new: Any, /) -> Sequence[Change]:
        """The semantic diff of two versions."""
        ...

    def lint(self, schema: Any, /) -> Sequence[Remark]:
        """What could be better about one schema."""
        ...
