"""The semantic verdict: is there an event that the writer writes and the reader refuses or misreads?

The types say where one could be; an event is then built that goes there, encoded, and decoded by fastavro with both
schemas. BREAKS is never said without such an event. Logical types are compared by their meaning, since decoders differ
in whose they apply: an instant in milliseconds read as one in microseconds is another instant.

What the types cannot settle is UNKNOWN: an ambiguous alias, a logical type newly put on plain values, or a union in
which decoders may pick different branches.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from registry.formats.avro import events
from registry.formats.avro.cautions import remarks
from registry.formats.avro.events import Tree
from registry.formats.avro.findings import inside, traced
from registry.formats.avro.jsontext import excerpt
from registry.formats.avro.model import Array, Enum, Fixed, Map, Record, Type, Union, label, logical
from registry.formats.avro.printer import is_logical
from registry.formats.avro.reasons import Traced, missing_branch
from registry.formats.avro.resolution import Key, Pair, Side, Trail, chosen_branch, key_of, parts, reads
from registry.formats.avro.sampling import Builder, Sizes, scalars
from registry.formats.avro.schema import AvroSchema
from registry.formats.avro.shapes import Reading, candidates, reading, shape_of
from registry.formats.base import Finding, Semantic, Severity, Verdict, Witness

_SHOWN = 20
"""How many reasons are listed."""

_HARMLESS = frozenset(("PROMOTION_LOSES_PRECISION", "LOGICAL_TYPE_REMOVED", "DECIMAL_PRECISION_CHANGED"))
"""Warnings behind which every event is read as the resolution rules say, without another meaning."""


@dataclass(frozen=True, slots=True)
class Break:
    """A place where an event may fail. `sure`: every decoder goes there; else only some do."""

    traced: Traced
    sure: bool

    @property
    def finding(self) -> Finding:
        """What is wrong there."""
        return self.traced.finding


def semantic(reader: AvroSchema, writer: AvroSchema, *, seconds: float = 0.1) -> Semantic:
    """COMPATIBLE, BREAKS with a witness, or UNKNOWN with what could not be settled (in time)."""
    deadline = time.monotonic() + seconds
    if reading(shape_of(reader.root), shape_of(writer.root)) is Reading.CLEAN:
        return Semantic(Verdict.COMPATIBLE)
    show = _Show(reader.root, writer.root)
    if not show.sizes.inhabited(writer.root):
        return Semantic(Verdict.COMPATIBLE, (f"no event of the old schema exists: {label(writer.root)} never ends",))
    found = []
    for each in breaks(Pair(Side.of(reader.root), Side.of(writer.root)), show.sizes):
        found.append(each)
        if time.monotonic() > deadline - seconds / 2:
            break
    if not found:
        return Semantic(Verdict.COMPATIBLE)
    for each in sorted(found, key=lambda each: each.finding.severity is not Severity.ERROR):
        if (witness := show.witness(each)) is not None:
            return Semantic(Verdict.BREAKS, _told(found), witness)
        if time.monotonic() > deadline:
            break
    return Semantic(Verdict.UNKNOWN, tuple(f"by rule only: {sentence}" for sentence in _told(found)))


def witness(reader: AvroSchema, writer: AvroSchema, finding: Finding, *, seconds: float = 0.1) -> Witness | None:
    """An event that shows a finding; None where it holds by rule only, or none was found in time."""
    deadline = time.monotonic() + seconds
    told = (finding.rule, finding.path, finding.info)
    start = next(
        (t for t in traced(reader.root, writer.root) if (t.finding.rule, t.finding.path, t.finding.info) == told), None
    )
    if start is None:
        return None
    show = _Show(reader.root, writer.root)
    for each in _behind(start, show, Side.of(reader.root), Side.of(writer.root)):
        if (found := show.witness(each)) is not None:
            return found
        if time.monotonic() > deadline:
            return None
    return None


def _behind(start: Traced, show: _Show, reader: Side, writer: Side) -> Iterator[Break]:
    """The breaks that a finding stands for: at its own pair if an event gets there, and wherever that pair recurs."""
    pair = Pair(Side(start.reader, None), Side(start.writer, None), (), start.trail)
    through_union = start.finding.rule in ("MISSING_UNION_BRANCH", "AMBIGUOUS_UNION_BRANCH")
    if start.finding.severity is Severity.ERROR and not through_union:
        yield Break(start, sure=True)
    for each in breaks(pair, show.sizes):
        if through_union or each.finding.rule == start.finding.rule:
            yield each
    for each in breaks(Pair(reader, writer), show.sizes):
        same = each.traced.reader is start.reader and each.traced.writer is start.writer
        if same and each.finding.rule == start.finding.rule and each.finding.info == start.finding.info:
            yield each


def _told(found: Sequence[Break]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.finding.told() for each in found))[:_SHOWN]


def breaks(start: Pair, sizes: Sizes) -> Iterator[Break]:
    """Every place that an event can reach and where it fails or means something else, nearest first."""
    seen = set()
    todo = [(start, True)]
    for pair, sure in todo:
        if (key_of(pair), sure) in seen or not sizes.inhabited(pair.writer.node):
            continue
        seen.add((key_of(pair), sure))
        reader, writer = pair.reader.node, pair.writer.node
        if isinstance(writer, Union):
            todo += [(inner, sure) for inner in parts(pair)]
        elif isinstance(reader, Union):
            inner, is_sure = _branches(pair, reader, writer)
            if not inner:
                yield Break(missing_branch(pair, writer), sure)
            todo += [(each, sure and is_sure) for each in inner]
        else:
            for part in inside(pair):
                if isinstance(part, Pair):
                    todo.append((part, sure))
                    yield from _empty(pair, part, sizes)
                else:
                    yield Break(part, sure and part.finding.rule != "AMBIGUOUS_ALIAS")
            for remark in remarks(pair):
                if remark.finding.rule not in _HARMLESS:
                    yield Break(remark, sure and remark.finding.rule != "SHARED_FIELD")


def _empty(pair: Pair, part: Pair, sizes: Sizes) -> Iterator[Break]:
    """Items that cannot be read and of which no event exists: some decoders refuse even the empty list or map."""
    reader, writer = part.reader.node, part.writer.node
    if isinstance(pair.writer.node, Array | Map) and not sizes.inhabited(writer) and not reads(reader, writer):
        first = traced(reader, writer)[0]
        yield Break(Traced(first.finding, pair.trail, pair.reader.node, pair.writer.node), sure=False)


def _branches(pair: Pair, reader: Union, writer: Type) -> tuple[list[Pair], bool]:
    """The branches of a reader's union that decoders may go on with, and whether they all go the same way.

    A decoder takes the first that matches (as the specification says), or the same type first (as Apache Avro does).
    """
    found = list(candidates(shape_of(reader), shape_of(writer)))
    able = [index for index in found if reads(reader.branches[index], writer)]
    chosen = chosen_branch(reader, writer)
    taken = dict.fromkeys([*found[:1], *([] if chosen is None else [chosen])]) if able else found
    inner = [
        pair.down(pair.reader.child(reader.branches[index], f"/{index}"), pair.writer, str(index)) for index in taken
    ]
    return inner, not able or len(taken) == 1


class _Show:
    """Builds events of the writer and lets fastavro read them."""

    def __init__(self, reader: Type, writer: Type) -> None:
        self.reader = reader
        self.writer = writer
        self.sizes = Sizes(writer)
        self.builder = Builder(self.sizes)
        self._decoders: dict[Key, events.Decoder | None] = {}

    def decoder(self, reader: Type, writer: Type) -> events.Decoder | None:
        """fastavro with two types; None if it does not take them (an import may hold what no parser should)."""
        key = (id(reader), id(writer))
        if key not in self._decoders:
            try:
                self._decoders[key] = events.Decoder(writer, reader)
            except Exception:  # also RecursionError: seen from its end, a chain of types is deeper than from its start
                self._decoders[key] = None
        return self._decoders[key]

    def witness(self, each: Break) -> Witness | None:
        """An event that fails or is misread at this place; None if none does.

        The whole event is refused or misread, and so is what stands at the place on its own, which says why.
        """
        here = each.traced
        for leaf, misreading in self.leaves(here):
            try:
                tree = self.builder.along(self.writer, here.trail, leaf)
            except LookupError:
                return None
            failure = misreading
            if failure is None and self.failure(self.reader, self.writer, tree):
                failure = self.failure(here.reader, here.writer, leaf)
            if failure:
                event = events.shown(events.plain(self.writer, tree))
                return Witness(event, failure, event_path(self.writer, here.trail))
        return None

    def failure(self, reader: Type, writer: Type, tree: Tree) -> str | None:
        """What fastavro says to an event, or what it makes of it if that is no value of the reader's type."""
        decoder = self.decoder(reader, writer)
        if decoder is None:
            return None
        data = events.encode(writer, tree)
        try:
            event = decoder.decode(data)
        except Exception as problem:  # whatever it raises is its way to refuse
            name, text = type(problem).__name__, str(problem).replace(events.PREFIX, "")
            if text.lower().startswith("schema mismatch"):
                # It goes on with both schemas in full.
                text = f"{_sized(writer)} does not resolve to {_sized(reader)}"
            return f"{name}: {excerpt(text, 200)}"
        if events.fits(reader, event):
            return None
        return f"read as {excerpt(str(events.shown(event)), 120)}, which is no {label(reader)}"

    def leaves(self, traced: Traced) -> Iterator[tuple[Tree, str | None]]:
        """Values to put at the place, each with what it is misread as although it decodes."""
        writer, rule = traced.writer, traced.finding.rule
        if not self.sizes.handy(writer):
            return
        if isinstance(writer, Enum) and rule == "MISSING_ENUM_SYMBOLS":
            assert isinstance(traced.reader, Enum)
            yield from ((symbol, None) for symbol in writer.symbols if symbol not in traced.reader.symbols)
        elif rule == "BYTES_READ_AS_STRING":
            yield b"\xff", None
        elif rule.startswith(("LOGICAL_TYPE", "DECIMAL")):
            yield from ((value, misread(value, writer, traced.reader)) for value in scalars(writer)[1:3])
        else:
            yield self.builder.minimal(writer), None


def _sized(node: Type) -> str:
    return f"{label(node)} of {node.size} bytes" if isinstance(node, Fixed) else label(node)


def event_path(root: Type, trail: Trail) -> str:
    """The JSON pointer into a built event at the end of a trail."""
    out = []
    node = root
    for step in trail:
        if isinstance(node, Union):
            assert isinstance(step, int)
            node = node.branches[step]
        elif isinstance(node, Record):
            out.append(str(step).replace("~", "~0").replace("/", "~1"))
            node = node.fields[node.positions[str(step)]].type
        elif isinstance(node, Array):
            out.append("0")
            node = node.items
        elif isinstance(node, Map):
            out.append("key")
            node = node.values
    return "".join(f"/{step}" for step in out)


# Meaning

_UNITS = {"millis": 1000, "micros": 10**6, "nanos": 10**9}


def misread(value: Any, writer: Type, reader: Type) -> str | None:
    """How a value is misread through another logical type; None if it means the same, or the meaning is not known."""
    old, new = meaning(value, writer), meaning(value, reader)
    return None if old is None or new is None or old == new else f"{old[0]} {old[1]} read as {new[0]} {new[1]}"


def meaning(value: Any, node: Type) -> tuple[str, Any] | None:
    """What a raw value stands for under its type's logical type: a kind of thing, and which one."""
    name = logical(node)
    if name is None or not is_logical(node):
        return None
    if name[0] == "date":
        return "day", value
    if name[0] == "decimal":
        value = value.encode() if isinstance(value, str) else value
        return "number", Fraction(int.from_bytes(value, "big", signed=True), 10 ** name[2])
    word, _, unit = name[0].rpartition("-")
    kinds = {"time": "second of the day", "timestamp": "instant", "local-timestamp": "local time"}
    if word in kinds and unit in _UNITS:
        return kinds[word], f"{Fraction(value, _UNITS[unit])} s"
    return None
