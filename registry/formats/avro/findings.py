"""Why a reader cannot read a writer, told as Apache Avro's `SchemaCompatibility` tells it, and what to be warned of.

`shapes` knows whether; this module knows where and why, and runs only when there is something to say. Locations are the
reference's: a JSON pointer that follows the reader through named types, so it need not exist in the text
(`reader_path` and `writer_path` do). Two habits of the reference show in them and are kept: a pair of types that failed
before is reported where it first failed, and a pair first tried as a branch of a union is located from that branch.

An alias that claims two fields of the writer makes the reference crash; here it is the finding AMBIGUOUS_ALIAS.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace

from registry.formats.avro import printer
from registry.formats.avro.jsontext import excerpt
from registry.formats.avro.model import (
    MISSING,
    Array,
    Enum,
    Field,
    Fixed,
    Map,
    Named,
    Record,
    Type,
    Union,
    label,
    logical,
)
from registry.formats.avro.shapes import PROMOTIONS, Reading, candidates, reading, shape_of
from registry.formats.base import Finding, Severity

Trail = tuple[str | int, ...]
"""The way into an event of the writer: field names, `*` into items and values, branch numbers of unions."""


@dataclass(frozen=True, slots=True)
class Side:
    """A type where it is used: `at` is the JSON pointer of the use, None outside the schema's own text."""

    node: Type
    at: str | None

    @classmethod
    def of(cls, root: Type) -> Side:
        """A whole schema."""
        return cls(root, "" if root.home == 0 else None)

    def child(self, node: Type, suffix: str) -> Side:
        """A type inside this one; inside a named type the pointer goes on from its definition."""
        return Side(node, self.inside(suffix))

    def inside(self, suffix: str) -> str | None:
        """The pointer of a part of this type's definition."""
        if isinstance(self.node, Named):
            return None if self.node.home else self.node.pointer + suffix
        return None if self.at is None else self.at + suffix


@dataclass(frozen=True, slots=True)
class Pair:
    """A reader's type against a writer's, at a location and (for events) along a trail through the writer's event."""

    reader: Side
    writer: Side
    location: tuple[str, ...] = ()
    trail: Trail = ()

    def down(self, reader: Side, writer: Side, *steps: str, trail: Trail = ()) -> Pair:
        """A pair inside this one."""
        return Pair(reader, writer, self.location + steps, self.trail + trail)


@dataclass(frozen=True, slots=True)
class Traced:
    """A finding and how an event of the writer gets there."""

    finding: Finding
    trail: Trail
    reader: Type
    writer: Type


Walk = Generator[Pair, bool, bool]
"""Yields the pairs it rests on and is told of each whether it failed; returns whether its own did."""


def findings(reader: Type, writer: Type) -> Sequence[Finding]:
    """Errors first, then warnings; empty if the reader reads everything and means the same by it."""
    verdict = reading(shape_of(reader), shape_of(writer))
    if verdict is Reading.CLEAN:
        return ()
    return [each.finding for each in traced(reader, writer)]


def traced(reader: Type, writer: Type) -> list[Traced]:
    """The findings with their trails."""
    start = Pair(Side.of(reader), Side.of(writer))
    found: list[Traced] = []
    if not reads(reader, writer):
        found = _Errors().found(start) or _Errors(certain=True).found(start)
    found += _Warnings().found(start)
    out: dict[tuple[str, str, str], Traced] = {}
    for each in found:
        out.setdefault((each.finding.rule, each.finding.path, each.finding.info), each)
    return list(out.values())


def _run(walk: Callable[[Pair], Walk], start: Pair) -> None:
    """Run a walk on a stack of its own: chains of named types may be longer than Python's."""
    stack = [walk(start)]
    failed: bool | None = None
    while stack:
        try:
            request = next(stack[-1]) if failed is None else stack[-1].send(failed)
        except StopIteration as done:
            stack.pop()
            failed = done.value
        else:
            stack.append(walk(request))
            failed = None


_Key = tuple[int, int]


class _Errors:
    """The reference's walk over the pairs that fail.

    Like the reference it takes a pair that is still being compared for readable, so that a union that leads back into
    itself is not blamed for what fails elsewhere. `certain` asks `shapes` instead, and never comes back empty-handed.

    `memo` keeps for each pair what failed in it: findings of its own, and the pairs inside that failed.
    """

    def __init__(self, *, certain: bool = False) -> None:
        self.certain = certain
        self.memo: dict[_Key, list[Traced | tuple[Trail, _Key]] | None] = {}
        self.tried: dict[int, list[Sequence[Type]]] = {}

    def found(self, start: Pair) -> list[Traced]:
        """Every finding once, where it was first met, with the trail from the root."""
        _run(self.walk, start)
        out: list[Traced] = []
        seen: set[_Key] = set()
        todo: list[tuple[Trail, Traced | tuple[Trail, _Key]]] = [((), ((), _key(start)))]
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
        key = _key(pair)
        if key in self.memo:
            return bool(self.memo[key])
        if reads(reader, writer):
            return False
        if any(reader is branch for tried in self.tried.get(id(writer), ()) for branch in tried):
            pair = replace(pair, location=())
        self.memo[key] = None
        failures: list[Traced | tuple[Trail, _Key]] = []
        yield from self.compare(pair, failures)
        self.memo[key] = failures
        return bool(failures)

    def compare(self, pair: Pair, failures: list[Traced | tuple[Trail, _Key]]) -> Walk:
        reader, writer = pair.reader.node, pair.writer.node
        if isinstance(writer, Union) or isinstance(reader, Union):
            walk = self.writer_union if isinstance(writer, Union) else self.reader_union
            return (yield from walk(pair, failures))
        if reader.kind != writer.kind:
            failures.append(_type_mismatch(pair))
            return True
        if isinstance(reader, Named) and isinstance(writer, Named) and not same_name(reader, writer):
            failures.append(_name_mismatch(pair, reader, writer))
        if isinstance(reader, Enum) and isinstance(writer, Enum):
            missing = set(writer.symbols).difference(reader.symbols)
            if missing and reader.default not in reader.symbols:
                failures.append(_missing_symbols(pair, reader, sorted(missing)))
        elif isinstance(reader, Fixed) and isinstance(writer, Fixed) and reader.size != writer.size:
            failures.append(_size_mismatch(pair, reader, writer))
        for inner in _problems(pair, reader, writer) if isinstance(reader, Record) else parts(pair):
            if isinstance(inner, Traced):
                failures.append(inner)
            elif (yield inner):
                failures.append((inner.trail[len(pair.trail) :], _key(inner)))
        return True

    def writer_union(self, pair: Pair, failures: list[Traced | tuple[Trail, _Key]]) -> Walk:
        for inner in parts(pair):
            if isinstance(pair.reader.node, Union):
                at = pair.down(pair.reader, inner.writer, str(inner.trail[-1]), trail=inner.trail[-1:])
                if (yield replace(inner, location=())):
                    failures.append(replace(_missing_branch(at, inner.writer.node), trail=inner.trail[-1:]))
            elif (yield inner):
                failures.append((inner.trail[-1:], _key(inner)))
        return True

    def reader_union(self, pair: Pair, failures: list[Traced | tuple[Trail, _Key]]) -> Walk:
        reader, writer = pair.reader.node, pair.writer.node
        assert isinstance(reader, Union)
        for index in candidates(shape_of(reader), shape_of(writer)):
            branch = reader.branches[index]
            if reads(branch, writer):
                return False
            # Tried from the branch as if it were the root: the reference remembers that location, so this does.
            side = pair.reader.child(branch, f"/{index}")
            if not (yield Pair(side, pair.writer, (), pair.trail)) and not self.certain:
                return False
        self.tried.setdefault(id(writer), []).append(reader.branches)
        failures.append(replace(_missing_branch(pair, writer), trail=()))
        return True


def _key(pair: Pair) -> _Key:
    return id(pair.reader.node), id(pair.writer.node)


def _problems(pair: Pair, reader: Record, writer: Type) -> Iterator[Pair | Traced]:
    """For each field of the reader what keeps it from finding its value, or the pair that may."""
    assert isinstance(writer, Record)
    inside = {int(inner.location[-2]): inner for inner in parts(pair)}
    for index, each in enumerate(reader.fields):
        if index in inside:
            yield inside[index]
        elif (problem := _field_problem(pair, each, index, writer)) is not None:
            yield problem


def _field_problem(pair: Pair, each: Field, index: int, writer: Record) -> Traced | None:
    """What keeps a field from finding its value, if anything."""
    claimed = claims(each, writer)
    if len(claimed) > 1:
        return _ambiguous_alias(pair, each, index, [one.name for _, one in claimed])
    if claimed or each.default is not MISSING:
        return None
    if isinstance(each.type, Enum) and each.type.default is not None:
        # The reference asks whether the enum could stand in for the whole record; it never can.
        kind = pair.reader.child(each.type, f"/fields/{index}/type")
        return _type_mismatch(pair.down(kind, pair.writer, "fields", str(index), "type"))
    return _no_default(pair, each, index, writer)


def reads(reader: Type, writer: Type) -> bool:
    """Whether everything of the writer's type can be read."""
    return reading(shape_of(reader), shape_of(writer)) is not Reading.BROKEN


def same_name(reader: Named, writer: Named) -> bool:
    """Names are compared without namespaces; an alias must be the writer's full name."""
    return reader.simple == writer.simple or writer.full in reader.aliases


def claims(each: Field, writer: Record) -> list[tuple[int, Field]]:
    """The writer's fields that a reader's field answers to by its name and its aliases, with their positions."""
    names = dict.fromkeys((each.name, *each.aliases))
    found = [writer.positions[name] for name in names if name in writer.positions]
    return [(at, writer.fields[at]) for at in found]


def items(pair: Pair, reader: Array, writer: Array) -> Pair:
    """The pair of the items."""
    return pair.down(
        pair.reader.child(reader.items, "/items"), pair.writer.child(writer.items, "/items"), "items", trail=("*",)
    )


def values(pair: Pair, reader: Map, writer: Map) -> Pair:
    """The pair of the values."""
    return pair.down(
        pair.reader.child(reader.values, "/values"), pair.writer.child(writer.values, "/values"), "values", trail=("*",)
    )


# Findings


def path(location: Sequence[str]) -> str:
    """A location as the reference prints it; the root is `/`."""
    return "/" + "/".join(step.replace("~", "~0").replace("/", "~1") for step in location)


def _show(node: Type) -> str:
    return excerpt(printer.mention(node))


def _finding(
    rule: str,
    pair: Pair,
    sentence: str,
    info: str,
    *steps: str,
    suffix: str | None = None,
    writer_suffix: str | None = None,
    values: tuple[str, str] | None = None,
    severity: Severity = Severity.ERROR,
) -> Traced:
    """A finding about a pair, or (with a suffix) about a part of its two definitions."""
    reader, writer = pair.reader, pair.writer
    at = path(pair.location + steps)
    shown = values or (_show(reader.node), _show(writer.node))
    finding = Finding(
        rule,
        at,
        sentence.replace("{path}", at),
        info,
        severity,
        reader.at if suffix is None else reader.inside(suffix),
        writer.at if suffix is None and writer_suffix is None else writer.inside(writer_suffix or ""),
        *shown,
    )
    return Traced(finding, pair.trail, reader.node, writer.node)


def _type_mismatch(pair: Pair) -> Traced:
    reader, writer = pair.reader.node, pair.writer.node
    info = f"reader type: {reader.kind.upper()} not compatible with writer type: {writer.kind.upper()}"
    sentence = f"At '{{path}}' the {{new}} schema expects {label(reader)}, the {{old}} schema writes {label(writer)}."
    return _finding("TYPE_MISMATCH", pair, sentence, info)


def _missing_branch(pair: Pair, writer: Type) -> Traced:
    info = f"reader union lacking writer type: {writer.kind.upper()}"
    sentence = (
        f"No branch of the union at '{{path}}' in the {{new}} schema reads {label(writer)}, "
        "which the {old} schema writes there."
    )
    return _finding("MISSING_UNION_BRANCH", pair, sentence, info)


def _name_mismatch(pair: Pair, reader: Named, writer: Named) -> Traced:
    sentence = (
        f"The {reader.kind} at '{{path}}' is called {reader.full} in the {{new}} schema and {writer.full} in the "
        f"{{old}} schema, and the {{new}} one has no alias {writer.full}."
    )
    info = f"expected: {writer.full}"
    return _finding(
        "NAME_MISMATCH", pair, sentence, info, "name",
        suffix="/name", writer_suffix="/name", values=(reader.full, writer.full),
    )  # fmt: skip


def _size_mismatch(pair: Pair, reader: Fixed, writer: Fixed) -> Traced:
    sentence = (
        f"Fixed {reader.full} at '{{path}}' has {reader.size} bytes in the {{new}} schema "
        f"and {writer.size} in the {{old}} schema."
    )
    info = f"expected: {writer.size}, found: {reader.size}"
    return _finding(
        "FIXED_SIZE_MISMATCH", pair, sentence, info, "size",
        suffix="/size", writer_suffix="/size", values=(str(reader.size), str(writer.size)),
    )  # fmt: skip


def _missing_symbols(pair: Pair, reader: Enum, missing: list[str]) -> Traced:
    listed = ", ".join(missing)
    several = "symbols" if len(missing) > 1 else "symbol"
    sentence = (
        f"Enum {reader.full} at '{{path}}' lacks in the {{new}} schema the {several} {listed} of the {{old}} schema, "
        "and has no default symbol."
    )
    return _finding(
        "MISSING_ENUM_SYMBOLS", pair, sentence, f"[{listed}]", "symbols",
        suffix="/symbols", writer_suffix="/symbols",
    )  # fmt: skip


def _no_default(pair: Pair, each: Field, index: int, writer: Record) -> Traced:
    sentence = (
        f"Field {each.name} at '{{path}}' has no default in the {{new}} schema, "
        f"and record {writer.full} of the {{old}} schema does not have the field."
    )
    return _finding(
        "READER_FIELD_MISSING_DEFAULT_VALUE", pair, sentence, each.name, "fields", str(index),
        suffix=f"/fields/{index}", writer_suffix="/fields", values=(f"{each.name}: {_show(each.type)}", ""),
    )  # fmt: skip


def _ambiguous_alias(pair: Pair, each: Field, index: int, claimed: list[str]) -> Traced:
    sentence = (
        f"Field {each.name} at '{{path}}' in the {{new}} schema answers, by its name and aliases, "
        f"to several fields of the {{old}} schema: {', '.join(claimed)}."
    )
    return _finding(
        "AMBIGUOUS_ALIAS", pair, sentence, ", ".join(claimed), "fields", str(index),
        suffix=f"/fields/{index}", writer_suffix="/fields", values=(each.name, ", ".join(claimed)),
    )  # fmt: skip


# Warnings


class _Warnings:
    """What reads, and yet may not mean the same: changed logical types, promotions that round or can fail."""

    def __init__(self) -> None:
        self.seen: set[_Key] = set()
        self.out: list[Traced] = []

    def found(self, start: Pair) -> list[Traced]:
        """Every warning where it is first met."""
        _run(self.walk, start)
        return self.out

    def walk(self, pair: Pair) -> Walk:
        reader, writer = pair.reader.node, pair.writer.node
        if _key(pair) not in self.seen and reading(shape_of(reader), shape_of(writer)) is not Reading.CLEAN:
            self.seen.add(_key(pair))
            yield from parts(pair)
            if not isinstance(reader, Union) and not isinstance(writer, Union):
                self.out += _remarks(pair)
        return False


def parts(pair: Pair) -> Generator[Pair, bool, None]:
    """The pairs that a decoder goes on to: matching fields, items, values, and the branch it picks in a union."""
    reader, writer = pair.reader.node, pair.writer.node
    if isinstance(writer, Union):
        for index, branch in enumerate(writer.branches):
            side = pair.writer.child(branch, f"/{index}")
            steps = () if isinstance(reader, Union) else (str(index),)
            yield pair.down(pair.reader, side, *steps, trail=(index,))
    elif isinstance(reader, Union):
        if (chosen := chosen_branch(reader, writer)) is not None:
            yield pair.down(pair.reader.child(reader.branches[chosen], f"/{chosen}"), pair.writer, str(chosen))
    elif isinstance(reader, Record) and isinstance(writer, Record):
        for index, each in enumerate(reader.fields):
            if len(claimed := claims(each, writer)) == 1:
                at, one = claimed[0]
                kind = pair.reader.child(each.type, f"/fields/{index}/type")
                side = pair.writer.child(one.type, f"/fields/{at}/type")
                yield pair.down(kind, side, "fields", str(index), "type", trail=(one.name,))
    elif isinstance(reader, Array) and isinstance(writer, Array):
        yield items(pair, reader, writer)
    elif isinstance(reader, Map) and isinstance(writer, Map):
        yield values(pair, reader, writer)


def chosen_branch(reader: Union, writer: Type) -> int | None:
    """The branch of a reader's union that reads a writer's type: the same type first, else the first that can."""
    able = [each for each in candidates(shape_of(reader), shape_of(writer)) if reads(reader.branches[each], writer)]
    same = [index for index in able if _is_same(reader.branches[index], writer)]
    return next(iter((*same, *able)), None)


def _is_same(reader: Type, writer: Type) -> bool:
    if isinstance(reader, Named) and isinstance(writer, Named):
        return reader.full == writer.full
    return reader.kind == writer.kind


def _remarks(pair: Pair) -> list[Traced]:
    reader, writer = pair.reader.node, pair.writer.node
    found = []
    if rule := _logical_rule(reader, writer):
        old, new = _logical_label(writer), _logical_label(reader)
        sentence = (
            f"At '{{path}}' the {{old}} schema writes {old}, the {{new}} schema reads it as {new}: {_MEANS[rule]}"
        )
        found.append(_warning(rule, pair, sentence, f"{old} to {new}"))
    if (writer.kind, reader.kind) in PROMOTIONS and (rule := _PROMOTED.get((writer.kind, reader.kind), "")):
        sentence = (
            f"At '{{path}}' the {{old}} schema writes {writer.kind}, the {{new}} schema reads {reader.kind}: "
            f"{_MEANS[rule]}"
        )
        found.append(_warning(rule, pair, sentence, f"{writer.kind} to {reader.kind}"))
    return found


def _warning(rule: str, pair: Pair, sentence: str, info: str) -> Traced:
    return _finding(rule, pair, sentence, info, severity=Severity.WARNING)


_PROMOTED = {
    ("bytes", "string"): "BYTES_READ_AS_STRING",
    ("int", "float"): "PROMOTION_LOSES_PRECISION",
    ("long", "float"): "PROMOTION_LOSES_PRECISION",
    ("long", "double"): "PROMOTION_LOSES_PRECISION",
}
_MEANS = {
    "LOGICAL_TYPE_CHANGED": "the same bytes mean another value.",
    "LOGICAL_TYPE_ADDED": "values that were never meant so are interpreted.",
    "LOGICAL_TYPE_REMOVED": "values lose their interpretation.",
    "DECIMAL_SCALE_CHANGED": "values are misread by powers of ten.",
    "DECIMAL_PRECISION_CHANGED": "values may have more digits than expected.",
    "BYTES_READ_AS_STRING": "bytes that are no UTF-8 cannot be decoded.",
    "PROMOTION_LOSES_PRECISION": "large numbers are rounded.",
}


def _logical_rule(reader: Type, writer: Type) -> str:
    new, old = logical(reader), logical(writer)
    if new == old:
        return ""
    if new is None or old is None:
        return "LOGICAL_TYPE_REMOVED" if new is None else "LOGICAL_TYPE_ADDED"
    if new[0] != old[0]:
        return "LOGICAL_TYPE_CHANGED"
    return "DECIMAL_SCALE_CHANGED" if new[2] != old[2] else "DECIMAL_PRECISION_CHANGED"


def _logical_label(node: Type) -> str:
    name = logical(node)
    if name is None:
        return f"plain {node.kind}"
    return f"decimal({name[1]}, {name[2]})" if name[0] == "decimal" else name[0]
