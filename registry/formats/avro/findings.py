"""Why a reader cannot read a writer, told as Apache Avro's `SchemaCompatibility` tells it, and what to be warned of.

`shapes` knows whether; this module knows where and why, and runs only when there is something to say. Locations are the
reference's: a JSON pointer that follows the reader through named types, so it need not exist in the text
(`reader_path` and `writer_path` do). Two habits of the reference show in them and are kept: a pair of types that failed
before is reported where it first failed, and a pair first tried as a branch of a union is located from that branch.

An alias that claims two fields of the writer makes the reference crash; here it is the finding AMBIGUOUS_ALIAS. (An
alias equal to its own field's name crashes it too, and is harmless here.) One habit is not kept: the reference
remembers what it assumed of a recursive pair, and may then accept one that fails; here the greatest fixpoint decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from registry.formats.avro.cautions import Cautions
from registry.formats.avro.model import MISSING, Enum, Field, Fixed, Named, Record, Type, Union, logical
from registry.formats.avro.reasons import (
    Traced,
    ambiguous_alias,
    missing_branch,
    missing_symbols,
    name_mismatch,
    no_default,
    size_mismatch,
    type_mismatch,
)
from registry.formats.avro.resolution import (
    Key,
    Pair,
    Side,
    Trail,
    Walk,
    claims,
    key_of,
    parts,
    reads,
    run,
    same_name,
)
from registry.formats.avro.shapes import PROMOTIONS, Reading, candidates, reading, shape_of
from registry.formats.base import Finding, Policy, Severity


def findings(reader: Type, writer: Type, policy: Policy = Policy.STRICT) -> Sequence[Finding]:
    """Errors first, then warnings; empty if the reader reads everything and means the same by it.

    Under the policy LOGICAL another logical type is an error too.
    """
    verdict = reading(shape_of(reader), shape_of(writer))
    if verdict is Reading.CLEAN:
        return ()
    found = traced(reader, writer)
    if policy is not Policy.LOGICAL:
        return [each.finding for each in found]
    judged = [replace(each.finding, severity=Severity.ERROR) if _is_logical(each) else each.finding for each in found]
    return sorted(judged, key=lambda each: each.severity is Severity.WARNING)


def _is_logical(each: Traced) -> bool:
    """Whether a warning decides under the policy LOGICAL: all of logical types do, but for a decimal that grew."""
    if each.finding.rule != "DECIMAL_PRECISION_CHANGED":
        return each.finding.rule.startswith(("LOGICAL_TYPE", "DECIMAL"))
    new, old = logical(each.reader), logical(each.writer)
    return new is not None and old is not None and new[1] < old[1]


@lru_cache(8)
def traced(reader: Type, writer: Type) -> tuple[Traced, ...]:
    """The findings with their trails. Whoever explains a pair asks again for each of them."""
    start = Pair(Side.of(reader), Side.of(writer))
    found: list[Traced] = []
    if not reads(reader, writer):
        found = _Errors().found(start) or _Errors(certain=True).found(start)
    found += Cautions().found(start)
    out: dict[tuple[str, str, str], Traced] = {}
    for each in found:
        out.setdefault((each.finding.rule, each.finding.path, each.finding.info), each)
    return tuple(out.values())


class _Errors:
    """The reference's walk over the pairs that fail.

    Like the reference it takes a pair that is still being compared for readable, so that a union that leads back into
    itself is not blamed for what fails elsewhere. `certain` asks `shapes` instead, and never comes back empty-handed.

    `memo` keeps for each pair what failed in it: findings of its own, and the pairs inside that failed. Trails in it
    are relative to the pair; None marks a pair in progress. `open` lists the readers in progress by their writer,
    `tried` for each writer the unions tried on it and how many of their branches.
    """

    def __init__(self, *, certain: bool = False) -> None:
        self.certain = certain
        self.memo: dict[Key, list[Traced | tuple[Trail, Key]] | None] = {}
        self.tried: dict[int, list[tuple[Union, int]]] = {}
        self.positions: dict[int, dict[int, int]] = {}
        self.open: dict[int, set[int]] = {}

    def found(self, start: Pair) -> list[Traced]:
        """Every finding once, where it was first met, with the trail from the root."""
        run(self.walk, start)
        out: list[Traced] = []
        seen: set[Key] = set()
        todo: list[tuple[Trail, Traced | tuple[Trail, Key]]] = [((), ((), key_of(start)))]
        while todo:
            trail, entry = todo.pop()
            if isinstance(entry, Traced):
                out.append(replace(entry, trail=trail + entry.trail))
            elif entry[1] not in seen:
                seen.add(entry[1])
                todo.extend((trail + entry[0], inner) for inner in reversed(self.memo.get(entry[1]) or []))
        return out

    def walk(self, pair: Pair) -> Walk:
        reader, writer = pair.reader.node, pair.writer.node
        key = key_of(pair)
        if key in self.memo:
            return bool(self.memo[key])
        if reads(reader, writer):
            if isinstance(reader, Union) and not isinstance(writer, Union):
                taken = next(
                    at for at in candidates(shape_of(reader), shape_of(writer)) if reads(reader.branches[at], writer)
                )
                self.tried.setdefault(id(writer), []).append((reader, taken))
            return False
        if any(self.position(union, id(reader)) < taken for union, taken in self.tried.get(id(writer), ())):
            pair = replace(pair, location=())
        self.memo[key] = None
        self.open.setdefault(id(writer), set()).add(id(reader))
        failures: list[Traced | tuple[Trail, Key]] = []
        yield from self.compare(pair, failures)
        self.open[id(writer)].discard(id(reader))
        self.memo[key] = [
            replace(each, trail=each.trail[len(pair.trail) :]) if isinstance(each, Traced) else each
            for each in failures
        ]
        return bool(failures)

    def position(self, union: Union, branch: int) -> int:
        """Where in a union the type of this identity is; behind the end if nowhere."""
        if id(union) not in self.positions:
            self.positions[id(union)] = {id(each): index for index, each in enumerate(union.branches)}
        return self.positions[id(union)].get(branch, len(union.branches))

    def compare(self, pair: Pair, failures: list[Traced | tuple[Trail, Key]]) -> Walk:
        reader, writer = pair.reader.node, pair.writer.node
        if isinstance(writer, Union) or isinstance(reader, Union):
            walk = self.writer_union if isinstance(writer, Union) else self.reader_union
            return (yield from walk(pair, failures))
        for inner in inside(pair):
            if isinstance(inner, Traced):
                failures.append(inner)
            elif (yield inner):
                failures.append((inner.trail[len(pair.trail) :], key_of(inner)))
        return True

    def writer_union(self, pair: Pair, failures: list[Traced | tuple[Trail, Key]]) -> Walk:
        for inner in parts(pair):
            if isinstance(pair.reader.node, Union):
                at = pair.down(pair.reader, inner.writer, str(inner.trail[-1]), trail=inner.trail[-1:])
                if (yield replace(inner, location=())):
                    failures.append(missing_branch(at, inner.writer.node))
            elif (yield inner):
                failures.append((inner.trail[-1:], key_of(inner)))
        return True

    def reader_union(self, pair: Pair, failures: list[Traced | tuple[Trail, Key]]) -> Walk:
        reader, writer = pair.reader.node, pair.writer.node
        assert isinstance(reader, Union)
        in_progress = self.open.get(id(writer), ())
        if not self.certain and any(self.position(reader, each) < len(reader.branches) for each in in_progress):
            return False
        for index in candidates(shape_of(reader), shape_of(writer)):
            branch = reader.branches[index]
            if reads(branch, writer):
                return False
            # Tried from the branch as if it were the root: the reference remembers that location, so this does.
            side = pair.reader.child(branch, f"/{index}")
            if not (yield Pair(side, pair.writer, (), pair.trail)) and not self.certain:
                return False
        self.tried.setdefault(id(writer), []).append((reader, len(reader.branches)))
        failures.append(missing_branch(pair, writer))
        return True


def inside(pair: Pair) -> Iterator[Pair | Traced]:
    """What a pair without unions rests on, in the order of the reference: its own failures, and the pairs inside it."""
    reader, writer = pair.reader.node, pair.writer.node
    if reader.kind != writer.kind:
        if (writer.kind, reader.kind) not in PROMOTIONS:
            yield type_mismatch(pair)
        return
    if isinstance(reader, Named) and isinstance(writer, Named) and not same_name(reader, writer):
        yield name_mismatch(pair, reader, writer)
    if isinstance(reader, Enum) and isinstance(writer, Enum):
        missing = set(writer.symbols).difference(reader.symbols)
        if missing and reader.default not in reader.symbols:
            yield missing_symbols(pair, reader, sorted(missing))
    elif isinstance(reader, Fixed) and isinstance(writer, Fixed) and reader.size != writer.size:
        yield size_mismatch(pair, reader, writer)
    if isinstance(reader, Record) and isinstance(writer, Record):
        yield from _fields(pair, reader, writer)
    else:
        yield from parts(pair)


def _fields(pair: Pair, reader: Record, writer: Record) -> Iterator[Pair | Traced]:
    """For each field of the reader what keeps it from finding its value, or the pair that may."""
    found = {int(inner.location[-2]): inner for inner in parts(pair)}
    for index, each in enumerate(reader.fields):
        if index in found:
            yield found[index]
        elif (problem := _field_problem(pair, each, index, writer)) is not None:
            yield problem


def _field_problem(pair: Pair, each: Field, index: int, writer: Record) -> Traced | None:
    """What keeps a field from finding its value, if anything."""
    claimed = claims(each, writer)
    if len(claimed) > 1:
        return ambiguous_alias(pair, each, index, [one.name for _, one in claimed])
    if claimed or each.default is not MISSING:
        return None
    if isinstance(each.type, Enum) and each.type.default is not None:
        # The reference asks whether the enum could stand in for the whole record; it never can.
        kind = pair.reader.child(each.type, f"/fields/{index}/type")
        return type_mismatch(pair.down(kind, pair.writer, "fields", str(index), "type"))
    return no_default(pair, each, index, writer)
