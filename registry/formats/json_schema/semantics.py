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
from dataclasses import dataclass
from itertools import islice
from random import Random

from registry.formats.base import Finding, Policy, Semantic, Verdict, Witness
from registry.formats.json_schema import compare
from registry.formats.json_schema.building import EDGE, MINIMAL, RANDOM, Builder, Hints
from registry.formats.json_schema.disjoint import listed, values
from registry.formats.json_schema.facets import NoValue
from registry.formats.json_schema.languages import found_wherever
from registry.formats.json_schema.negation import Negation, Violation
from registry.formats.json_schema.official import official
from registry.formats.json_schema.plain import TooLarge, numeric, plain, together
from registry.formats.json_schema.sampling import as_event
from registry.formats.json_schema.schema import JsonSchema
from registry.formats.json_schema.shrinking import shrunk
from registry.formats.json_schema.text import Json, steps
from registry.formats.json_schema.validity import Undecided, Validity

MAX_COVERED = 1_000
"""Schemas with more subschemas than this, together, are not given to the canonicaliser: it can't be interrupted, and
takes a second where two hundred fields differ."""
_MAX_REASONS = 5
_WAYS = 20_000


def semantic(reader: JsonSchema, writer: JsonSchema, *, seconds: float = 0.1) -> Semantic:
    """Whether the reader accepts every event the writer accepts; see the module."""
    deadline = time.monotonic() + seconds
    found = reader.findings(writer, Policy.STRICT)
    if not found or _only_wider_patterns(reader, writer, found):
        return Semantic(Verdict.COMPATIBLE)
    try:
        search = Search(reader, writer)
        if search.exhausts(writer):
            return Semantic(Verdict.COMPATIBLE)
        # What breaks mostly breaks at once; inclusion takes long just where much differs.
        shown = search.witness(search.ways(found), deadline - seconds * 0.6, (MINIMAL,))
        if shown is None and search.covers():
            return Semantic(Verdict.COMPATIBLE)
        if shown is None:
            shown = search.witness(search.ways(found), deadline) or search.at_random(deadline)
    except TooLarge as error:
        return Semantic(Verdict.UNKNOWN, (str(error),))
    reasons = tuple(f"{each.rule} at '{each.path}'" for each in found[:_MAX_REASONS])
    if shown is None:
        return Semantic(Verdict.UNKNOWN, reasons)
    return Semantic(Verdict.BREAKS, reasons, shown)


def _only_wider_patterns(reader: JsonSchema, writer: JsonSchema, found: Sequence[Finding]) -> bool:
    """Whether patterns are all that changed, and each new one is found wherever the old one was."""
    if any(finding.rule != "PATTERN_CHANGED" for finding in found):
        return False
    return all(
        found_wherever(difference.old.value["pattern"], difference.new.value["pattern"])
        for difference in compare.differences(reader.graph, writer.graph)
        if difference.kind == "PATTERN_CHANGED"
    )


def witness(reader: JsonSchema, writer: JsonSchema, finding: Finding, *, seconds: float = 0.1) -> Witness | None:
    """The smallest event found that shows a finding: valid for the writer, refused by the reader at that place."""
    deadline = time.monotonic() + seconds
    try:
        search = Search(reader, writer)
        return search.witness(search.ways((finding,), only=True), deadline)
    except TooLarge:
        return None


@dataclass(frozen=True, slots=True)
class _Nearness:
    """How near a way to violate a schema is to the places of some findings."""

    paths: frozenset[tuple[str, ...]]
    above: frozenset[tuple[str, ...]]
    unplaced: bool

    @classmethod
    def to(cls, findings: Sequence[Finding]) -> _Nearness:
        """Nearness to findings."""
        paths = {steps(finding.reader_path) for finding in findings if finding.reader_path is not None}
        above = {path[: len(path) - cut] for path in paths for cut in (1, 2) if cut <= len(path)}
        return cls(frozenset(paths), frozenset(above), any(finding.reader_path is None for finding in findings))

    def rank(self, path: tuple[str, ...] | None, keyword: str) -> int:
        """0: this very keyword; 1: at or below the place; 2: just above it, or somewhere unknown; 3: elsewhere."""
        if path is None:
            return 2
        if (*path, keyword) in self.paths:
            return 0
        if any(path[:cut] in self.paths for cut in range(len(path) + 1)):
            return 1
        return 2 if path in self.above or self.unplaced else 3


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
        ends = [finding.path.rsplit("/", 2)[1:] for finding in findings[:20]]
        named = [end[-1] for end in ends if end[0] in ("properties", "required", "dependencies")]
        names = tuple(dict.fromkeys((*named, *self.hints.names)))
        negation = Negation(self.reader, names, tuple(self.hints.indexes))
        near = _Nearness.to(findings)
        later: list[list[Violation]] = [[], [], []]
        for way in islice(negation.ways(), _WAYS):
            rank = near.rank(self._path(way), way.keyword)
            if rank == 0:
                yield way
            elif rank < 3 or not only:
                later[rank - 1].append(way)
        for some in later:
            yield from some

    def _path(self, way: Violation) -> tuple[str, ...] | None:
        """Where a way violates the reader's own text; None for places in referenced texts."""
        place = self.reader.places.get(id(way.of))
        return place.path if place is not None and place.document is self.document else None

    def witness(
        self, ways: Iterator[Violation], deadline: float, modes: Sequence[str] = (MINIMAL, EDGE, RANDOM, RANDOM)
    ) -> Witness | None:
        """The first event that shows one of the ways, tried small first, then at the edges."""
        builder = Builder(self.both, Random(1), self.hints)  # noqa: S311 # events to try, not secrets
        kept: list[Violation] = []
        for mode in modes:
            for way in ways if mode == MINIMAL else kept:
                if mode == MINIMAL:
                    kept.append(way)
                if (found := self._tried(builder, way, mode, 120 if mode == MINIMAL else 200)) is not None:
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
        builder.mode, builder.budget = mode, budget + 2 * self.writer.size
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
