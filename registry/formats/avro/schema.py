"""The Avro format: a parsed schema and the plug-in that parses it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from registry.errors import InvalidSchema
from registry.formats.avro import fields, findings, parser, printer
from registry.formats.avro.jsontext import TooDeep
from registry.formats.avro.model import Named, Type
from registry.formats.base import Field, Finding, Policy, Schema, Source, Tagging

NAME = "AVRO"


class AvroSchema(Schema):
    """An Avro schema. `root` is its type, `names` every named type in reach, by full name."""

    format = NAME

    def __init__(self, source: Source, *, strict: bool = True) -> None:
        parsed = parser.parse(source, strict=strict)
        self.source = source
        self.strict = strict
        self.root: Type = parsed.root
        self.names = parsed.names
        # Only what a reference itself is counts as written elsewhere; a type it merely contains is written out here,
        # as Confluent's registry does.
        self._elsewhere = frozenset(each.full for each in parsed.reference_roots if isinstance(each, Named))
        self.canonical = printer.canonical(self.root, self._elsewhere)

    def __repr__(self) -> str:
        return f"AvroSchema({self.canonical[:60]!r})"

    def normalized(self) -> str:
        """Confluent's normal form (see `printer`)."""
        return printer.normal(self.root, self._elsewhere)

    def inlined(self) -> str:
        """The text with the types of references written out where they are first used."""
        return printer.canonical(self.root)

    def render(self, rendering: str) -> str:
        """`resolved` is the inlined text; every other rendering is the canonical one."""
        return self.inlined() if rendering.lower() == "resolved" else self.canonical

    def fields(self) -> Sequence[Field]:
        """Every field of the decoded event."""
        return fields.fields(self.root)

    def tags(self) -> Sequence[Tagging]:
        """The `confluent:tags` of records and fields."""
        return fields.tags(self.root)

    def open_unions(self) -> Iterable[tuple[str, frozenset[str], Sequence[str]]]:
        """Fields whose union may hold more than text and bytes."""
        return fields.open_unions(self.root)

    def retagged(self, add: Iterable[Tagging], remove: Iterable[Tagging]) -> str:
        """The canonical text with `confluent:tags` changed."""
        copy = parser.parse(self.source, strict=self.strict)
        for taggings, is_added in ((add, True), (remove, False)):
            for each in taggings:
                found = fields.entity(copy.root, each)
                if found is None:
                    raise InvalidSchema(NAME, f"no {each.type} '{each.path}' in the schema")
                fields.retag(found, each.tags if is_added else (), () if is_added else each.tags)
        return printer.canonical(copy.root, self._elsewhere)

    def findings(self, writer: Schema, policy: Policy = Policy.STRICT) -> Sequence[Finding]:
        """What Apache Avro's checker says, and warnings. LENIENT is STRICT; LOGICAL takes logical types for types."""
        if not isinstance(writer, AvroSchema):
            raise TypeError(f"an Avro schema cannot read {writer.format}")
        return findings.findings(self.root, writer.root, policy)


class AvroFormat:
    """The plug-in."""

    name = NAME

    def parse(self, source: Source, *, strict: bool = True) -> AvroSchema:
        """Parse and check. Raises InvalidSchema."""
        try:
            return AvroSchema(source, strict=strict)
        except RecursionError:
            raise InvalidSchema(NAME, "the schema is nested too deeply") from None
        except TooDeep as problem:
            raise InvalidSchema(NAME, str(problem)) from None
