"""What a reader can read and may yet misread. Warnings never change a verdict."""

from __future__ import annotations

from registry.formats.avro.model import Named, Record, Type, Union, label, logical
from registry.formats.avro.reasons import Traced, finding
from registry.formats.avro.resolution import Key, Pair, Walk, claims, key_of, parts, reads, run
from registry.formats.avro.shapes import PROMOTIONS, Reading, candidates, reading, shape_of
from registry.formats.base import Severity


class Cautions:
    """What reads, and yet may not mean the same: changed logical types, promotions that round or can fail."""

    def __init__(self) -> None:
        self.seen: set[Key] = set()
        self.out: list[Traced] = []

    def found(self, start: Pair) -> list[Traced]:
        """Every warning where it is first met."""
        run(self.walk, start)
        return self.out

    def walk(self, pair: Pair) -> Walk:
        reader, writer = pair.reader.node, pair.writer.node
        if key_of(pair) not in self.seen and reading(shape_of(reader), shape_of(writer)) is not Reading.CLEAN:
            self.seen.add(key_of(pair))
            yield from parts(pair)
            self.out += remarks(pair)
        return False


def remarks(pair: Pair) -> list[Traced]:
    """What to be warned of about a pair itself, if it reads."""
    reader, writer = pair.reader.node, pair.writer.node
    if isinstance(writer, Union):
        return []
    if isinstance(reader, Union):
        return _branches(pair, reader, writer)
    if reader.kind != writer.kind and (writer.kind, reader.kind) not in PROMOTIONS:
        return []
    found = _shared(pair, reader, writer) if isinstance(reader, Record) and isinstance(writer, Record) else []
    if rule := _logical_rule(reader, writer):
        old, new = _logical_label(writer), _logical_label(reader)
        sentence = (
            f"At '{{path}}' the {{old}} schema writes {old}, the {{new}} schema reads it as {new}: {_MEANS[rule]}"
        )
        found.append(_warning(rule, pair, sentence, f"{old} to {new}"))
    if rule := _PROMOTED.get((writer.kind, reader.kind), ""):
        sentence = (
            f"At '{{path}}' the {{old}} schema writes {writer.kind}, the {{new}} schema reads {reader.kind}: "
            f"{_MEANS[rule]}"
        )
        found.append(_warning(rule, pair, sentence, f"{writer.kind} to {reader.kind}"))
    return found


def _branches(pair: Pair, reader: Union, writer: Type) -> list[Traced]:
    """A warning if a decoder may take a branch that cannot read the writer's type, or not as well as another."""
    found = candidates(shape_of(reader), shape_of(writer))
    able = [index for index in found if reads(reader.branches[index], writer)]
    risky = (
        isinstance(writer, Named) or _PROMOTED.get((writer.kind, reader.branches[found[0]].kind)) if found else False
    )
    if not able or len(found) == 1 or not risky or (isinstance(writer, Named) and len(able) == len(found)):
        return []
    names = ", ".join(label(reader.branches[index]) for index in found)
    rule = "AMBIGUOUS_UNION_BRANCH"
    sentence = f"At '{{path}}' {label(writer)} of the {{old}} schema matches {names} of the {{new}} one: {_MEANS[rule]}"
    return [_warning(rule, pair, sentence, names)]


def _shared(pair: Pair, reader: Record, writer: Record) -> list[Traced]:
    """A warning for each field of the writer that two fields of the reader answer to."""
    claimed: dict[str, list[str]] = {}
    for each in reader.fields:
        if len(found := claims(each, writer)) == 1:
            claimed.setdefault(found[0][1].name, []).append(each.name)
    out = []
    for name, names in claimed.items():
        if len(names) > 1:
            sentence = (
                f"Fields {', '.join(names)} of {label(reader)} at '{{path}}' in the {{new}} schema all answer to field "
                f"{name} of the {{old}} schema: {_MEANS['SHARED_FIELD']}"
            )
            out.append(_warning("SHARED_FIELD", pair, sentence, f"{name}: {', '.join(names)}"))
    return out


def _warning(rule: str, pair: Pair, sentence: str, info: str) -> Traced:
    return finding(rule, pair, sentence, info, severity=Severity.WARNING)


_PROMOTED = {
    ("bytes", "string"): "BYTES_READ_AS_STRING",
    ("int", "float"): "PROMOTION_LOSES_PRECISION",
    ("long", "float"): "PROMOTION_LOSES_PRECISION",
    ("long", "double"): "PROMOTION_LOSES_PRECISION",
}
_MEANS = {
    "AMBIGUOUS_UNION_BRANCH": "some decoders take the first that matches, though another reads it better.",
    "SHARED_FIELD": "a decoder fills only one of them.",
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
