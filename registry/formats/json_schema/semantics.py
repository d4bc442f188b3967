"""Meaning: can an event exist that the writer accepts and the reader refuses?

    COMPATIBLE   proved: by the rules of the structural diff where it saw everything, or by jsonschema-rs' inclusion
                 of canonical forms
    BREAKS       shown: an event that the real validator accepts for the writer and refuses for the reader
    UNKNOWN      neither, in the time given; the reasons name what made it so

The inclusion of jsonschema-rs is fuzzed against sampling in the tests; only its YES is used, its NO and UNKNOWN are
not believed without an event.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from random import Random

from registry.formats.base import Finding, Policy, Semantic, Verdict, Witness
from registry.formats.json_schema.building import EDGE, MINIMAL, RANDOM, Builder, Hints
from registry.formats.json_schema.disjoint import listed, values
from registry.formats.json_schema.facets import NoValue
from registry.formats.json_schema.negation import Negation, Violation
from registry.formats.json_schema.official import official
from registry.formats.json_schema.plain import TooLarge, numeric, plain, together
from registry.formats.json_schema.sampling import as_event
from registry.formats.json_schema.schema import JsonSchema
from registry.formats.json_schema.shrinking import shrunk
from registry.formats.json_schema.text import Json, steps
from registry.formats.json_schema.validity import Undecided, Validity

MAX_COVERED = 4_000
"""Schemas with more subschemas than this, together, are not given to the canonicaliser: it can't be interrupted."""
_MAX_REASONS = 5
_WAYS = 20_000


def semantic(reader: JsonSchema, writer: JsonSchema, *, seconds: float = 0.1) -> Semantic:
    """Whether the reader accepts every event the writer accepts; see the module."""
    deadline = time.monotonic() + seconds
    found = reader.findings(writer, Policy.STRICT)
    if not found:
        return Semantic(Verdict.COMPATIBLE)
    try:
        search = Search(reader, writer)
        if search.covers() or search.exhausts(writer):
            return Semantic(Verdict.COMPATIBLE)
        shown = search.witness(search.ways(found), deadline) or search.at_random(deadline)
    except TooLarge as error:
        return Semantic(Verdict.UNKNOWN, (str(error),))
    reasons = tuple(f"{each.rule} at '{each.path}'" for each in found[:_MAX_REASONS])
    if shown is None:
        return Semantic(Verdict.UNKNOWN, reasons)
    return Semantic(Verdict.BREAKS, reasons, shown)


def witness(reader: JsonSchema, writer: JsonSchema, finding: Finding, *, seconds: float = 0.1) -> Witness | None:
    """The smallest event found that shows a finding: valid for the writer, refused by the reader at that place."""
    deadline = time.monotonic() + seconds
    try:
        search = Search(reader, writer)
        return search.witness(search.ways((finding,), only=True), deadline)
    except TooLarge:
        return None


class Search:
    """A search for events that one reader refuses and one writer accepts. Making it may raise TooLarge."""

    def __init__(self, reader: JsonSchema, writer: JsonSchema) -> None:
        self.reader, self.writer = plain(reader.graph, "r"), plain(writer.graph, "w")
        self.both = together(self.writer, self.reader)
        self.reading, self.writing = official(reader), official(writer)
        self.document = reader.document
        self.hints = Hints.of(self.reader, self.writer)
        self.validity = Validity(self.both)

    def covers(self) -> bool:
        """Whether jsonschema-rs proves that the reader covers the writer."""
        if self.both.size > MAX_COVERED:
            return False
        import jsonschema_rs

        try:
            new = jsonschema_rs.canonicalize(self.reader.document(), offline=True)
            old = jsonschema_rs.canonicalize(self.writer.document(), offline=True)
            return new.covers(old) == jsonschema_rs.canonical.Containment.YES
        except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.canonical.CanonicalizationError):
            return False

    def exhausts(self, writer: JsonSchema) -> bool:
        """Whether the writer lists all its values, and the reader accepts each that the writer does."""
        if values(writer.graph.root) is None:
            return False
        try:
            return all(
                self.validity.holds(value, self.reader.root)
                for value in listed(writer.graph.root)
                if self.validity.holds(numeric(value), self.writer.root)
            )
        except Undecided:
            return False

    def ways(self, findings: Sequence[Finding], *, only: bool = False) -> Iterator[Violation]:
        """The ways to violate the reader: those at the places of findings first, the rest unless `only` these."""
        wanted = [
            (finding, steps(finding.reader_path) if finding.reader_path is not None else None) for finding in findings
        ]
        ends = [finding.path.rsplit("/", 2)[1:] for finding in findings[:20]]
        named = [end[-1] for end in ends if end[0] in ("properties", "required", "dependencies")]
        negation = Negation(self.reader, tuple(dict.fromkeys((*named, *self.hints.names))), tuple(self.hints.indexes))
        later: list[list[Violation]] = [[], [], []]
        for count, way in enumerate(negation.ways()):
            if count > _WAYS:
                break
            rank = min((self._rank(way, finding, path) for finding, path in wanted), default=3)
            if rank == 0:
                yield way
            elif rank < 3 or not only:
                later[rank - 1].append(way)
        for some in later:
            yield from some

    def _rank(self, way: Violation, finding: Finding, path: tuple[str, ...] | None) -> int:
        """0: this very keyword; 1: at or below the place; 2: above it, or somewhere unknown; 3: elsewhere."""
        place = self.reader.places.get(id(way.of))
        if place is None or path is None or place.document is not self.document:
            return 2
        if (*place.path, way.keyword) == path[: len(place.path) + 1] and len(path) <= len(place.path) + 2:
            return 0
        if place.path[: len(path)] == path:
            return 1
        parent = path[: len(place.path)]
        return 2 if parent == place.path and len(path) - len(place.path) <= 2 else 3

    def witness(self, ways: Iterator[Violation], deadline: float) -> Witness | None:
        """The first event that shows one of the ways, tried small first, then at the edges."""
        builder = Builder(self.both, Random(1), self.hints)  # noqa: S311 # events to try, not secrets
        kept: list[Violation] = []
        for way in ways:
            kept.append(way)
            if (found := self._tried(builder, way, MINIMAL, 120)) is not None:
                return found
            if time.monotonic() > deadline:
                return None
        for mode in (EDGE, RANDOM, RANDOM):
            for way in kept:
                if (found := self._tried(builder, way, mode, 200)) is not None:
                    return found
                if time.monotonic() > deadline:
                    return None
        return None

    def at_random(self, deadline: float) -> Witness | None:
        """An event of the writer that the reader happens to refuse."""
        builder = Builder(self.both, Random(2), self.hints)  # noqa: S311 # events to try, not secrets
        mode = EDGE
        while time.monotonic() < deadline:
            if (found := self._tried(builder, None, mode, 300)) is not None:
                return found
            mode = RANDOM if mode == EDGE else EDGE
        return None

    def _tried(self, builder: Builder, way: Violation | None, mode: str, budget: int) -> Witness | None:
        builder.mode, builder.budget = mode, budget
        try:
            schemas = [self.writer.root] if way is None else [self.writer.root, way.schema]
            event = as_event(builder.value(schemas))
            if self.shows(event):
                return self.told(shrunk(event, self.shows))
        except (NoValue, Undecided):
            pass
        return None

    def shows(self, event: Json) -> bool:
        """Whether the writer accepts an event and the reader refuses it, by our judgement and by the validator's."""
        try:
            ours = self.validity.holds(event, self.writer.root) and not self.validity.holds(event, self.reader.root)
        except Undecided:
            return False
        return ours and self.writing.valid(event) and not self.reading.valid(event)

    def told(self, event: Json) -> Witness:
        """An event that shows, with what the validator says of it."""
        complaint = self.reading.complaint(event)
        assert complaint is not None
        failure, path = complaint
        return Witness(event, failure, path)
