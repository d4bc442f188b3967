"""What changed between two versions of an Avro schema, as a consumer of decoded events sees it.

Fields are matched by name, then by an alias of the new one, then (within one record) by type and likeness of name or
documentation; a field that is gone in one place and has come in another, the same in name and type, has moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from registry.formats.avro import jsontext
from registry.formats.avro.fields import type_label
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
)
from registry.formats.avro.schema import AvroSchema
from registry.formats.avro.shapes import shape_of
from registry.formats.base import Change, ChangeKind

_ALIKE = 0.6


def changes(old: AvroSchema, new: AvroSchema) -> Sequence[Change]:
    """Every difference, outermost first; a pair of types is told where it is first met."""
    for schema in (old, new):
        shape_of(schema.root)  # from the root, since a chain of types may be too deep from elsewhere
    diff = _Diff()
    diff.todo.append((old.root, new.root, "", ""))
    for before, after, old_path, path in diff.todo:
        diff.types(before, after, old_path, path)
    moved = list(_moves(diff.gone, diff.come))
    left = {id(each) for pair in moved for each in pair}
    out = [_moved(gone, come) for gone, come in moved]
    out += [_removed(each) for each in diff.gone if id(each) not in left]
    out += [_added(each) for each in diff.come if id(each) not in left]
    return sorted([*diff.out, *out], key=lambda each: (each.path.count("/"), _ORDER[each.kind]))


_ORDER = {kind: index for index, kind in enumerate(ChangeKind)}


@dataclass(slots=True)
class _Place:
    """A field that is only in one version."""

    field: Field
    path: str


def _moves(gone: Iterable[_Place], come: Iterable[_Place]) -> Iterator[tuple[_Place, _Place]]:
    """Fields that are gone here and have come there; only where neither side leaves a choice."""
    old, new = _by_sameness(gone), _by_sameness(come)
    for key, places in old.items():
        if len(places) == 1 and len(new.get(key, ())) == 1:
            yield places[0], new[key][0]


def _by_sameness(places: Iterable[_Place]) -> dict[tuple[str, int], list[_Place]]:
    out: dict[tuple[str, int], list[_Place]] = {}
    for each in places:
        out.setdefault((each.field.name, shape_of(each.field.type).uid), []).append(each)
    return out


def _moved(gone: _Place, come: _Place) -> Change:
    sentence = f"Field {come.field.name} moved from {gone.path} to {come.path}."
    return Change(ChangeKind.MOVED, come.path, sentence, gone.path, gone.path, come.path)


def _removed(place: _Place) -> Change:
    kind = type_label(place.field.type)
    return Change(ChangeKind.REMOVED, place.path, f"Field {place.path} ({kind}) was removed.", place.path, kind)


def _added(place: _Place) -> Change:
    each = place.field
    kind = type_label(each.type)
    default = "without a default" if each.default is MISSING else f"with the default {_shown(each.default)}"
    return Change(ChangeKind.ADDED, place.path, f"Field {place.path} ({kind}) was added, {default}.", new=kind)


def _shown(default: object) -> str:
    return "none" if default is MISSING else jsontext.excerpt(jsontext.text(default), 60)


@dataclass(slots=True)
class _Diff:
    """Collects changes. `todo` holds the pairs of types still to be compared, with their paths on both sides."""

    out: list[Change] = field(default_factory=list)
    gone: list[_Place] = field(default_factory=list)
    come: list[_Place] = field(default_factory=list)
    todo: list[tuple[Type, Type, str, str]] = field(default_factory=list)
    seen: set[tuple[int, int]] = field(default_factory=set)

    def tell(self, kind: ChangeKind, path: str, old_path: str, sentence: str, old: str = "", new: str = "") -> None:
        """Note a change; the sentence begins with the place."""
        what = path or "The schema"
        self.out.append(Change(kind, path, f"{what} {sentence}", old_path, old, new))

    def types(self, old: Type, new: Type, old_path: str, path: str) -> None:
        """Compare two types that stand for each other."""
        if (id(old), id(new)) in self.seen:
            return
        self.seen.add((id(old), id(new)))
        if isinstance(old, Union) or isinstance(new, Union):
            self.unions(old, new, old_path, path)
        elif old.kind != new.kind:
            self.retyped(old, new, old_path, path)
        elif isinstance(old, Array | Map) and isinstance(new, Array | Map):
            inner = [each.items if isinstance(each, Array) else each.values for each in (old, new)]
            self.todo.append((inner[0], inner[1], f"{old_path}/*", f"{path}/*"))
        elif isinstance(old, Named) and isinstance(new, Named):
            self.named(old, new, old_path, path)
        elif type_label(old) != type_label(new):
            self.retyped(old, new, old_path, path)
        self.properties(old, new, old_path, path)

    def retyped(self, old: Type, new: Type, old_path: str, path: str) -> None:
        before, after = type_label(old), type_label(new)
        self.tell(ChangeKind.RETYPED, path, old_path, f"was {before} and is {after}.", before, after)

    def unions(self, old: Type, new: Type, old_path: str, path: str) -> None:
        """Pair the branches; what is left over was added or removed."""
        before = old.branches if isinstance(old, Union) else [old]
        after = list(new.branches if isinstance(new, Union) else [new])
        left = []
        for branch in before:
            match = next((each for each in after if _key(each) == _key(branch)), None)
            if match is None:
                left.append(branch)
            else:
                after = [each for each in after if each is not match]
                self.todo.append((branch, match, old_path, path))
        if len(left) == len(after) == 1:
            self.todo.append((left.pop(), after.pop(), old_path, path))
        for branch in left:
            kind = type_label(branch)
            self.tell(ChangeKind.CONSTRAINED, path, old_path, f"may no longer be {kind}.", kind)
        for branch in after:
            kind = type_label(branch)
            self.tell(ChangeKind.LOOSENED, path, old_path, f"may now also be {kind}.", "", kind)

    def named(self, old: Named, new: Named, old_path: str, path: str) -> None:
        if old.full != new.full:
            sentence = f"is of type {new.full}, which was called {old.full}."
            self.tell(ChangeKind.RENAMED, path, old_path, sentence, old.full, new.full)
        self.documentation(old, new, old_path, path, f"{new.kind} {new.full}")
        if old.aliases != new.aliases:
            self.aliases(old, new, old_path, path)
        if isinstance(old, Record) and isinstance(new, Record):
            self.records(old, new, old_path, path)
        elif isinstance(old, Enum) and isinstance(new, Enum):
            self.enums(old, new, old_path, path)
        elif isinstance(old, Fixed) and isinstance(new, Fixed) and old.size != new.size:
            sentence = f"had {old.size} bytes and has {new.size}."
            self.tell(ChangeKind.RETYPED, path, old_path, sentence, str(old.size), str(new.size))
        if type_label(old).removeprefix(old.full) != type_label(new).removeprefix(new.full):
            self.retyped(old, new, old_path, path)

    def enums(self, old: Enum, new: Enum, old_path: str, path: str) -> None:
        if gone := [symbol for symbol in old.symbols if symbol not in new.symbols]:
            listed = ", ".join(gone)
            self.tell(ChangeKind.CONSTRAINED, path, old_path, f"may no longer be {listed}.", listed)
        if come := [symbol for symbol in new.symbols if symbol not in old.symbols]:
            listed = ", ".join(come)
            self.tell(ChangeKind.LOOSENED, path, old_path, f"may now also be {listed}.", "", listed)
        if old.default != new.default:
            kind = ChangeKind.LOOSENED if old.default is None else ChangeKind.CONSTRAINED
            before, after = old.default or "none", new.default or "none"
            sentence = f"reads unknown symbols as {after} (was {before})."
            self.tell(kind, path, old_path, sentence, before, after)

    def records(self, old: Record, new: Record, old_path: str, path: str) -> None:
        pairs = _paired(old, new)
        for before, after in pairs:
            inner_old, inner = f"{old_path}/{_escaped(before.name)}", f"{path}/{_escaped(after.name)}"
            if before.name != after.name:
                sentence = f"was called {before.name}."
                if before.name not in after.aliases:
                    sentence = f"was probably called {before.name}; no alias says so."
                self.tell(ChangeKind.RENAMED, inner, inner_old, sentence, before.name, after.name)
            self.field(before, after, inner_old, inner)
            self.todo.append((before.type, after.type, inner_old, inner))
        matched = {id(each) for pair in pairs for each in pair}
        self.gone += [_Place(f, f"{old_path}/{_escaped(f.name)}") for f in old.fields if id(f) not in matched]
        self.come += [_Place(f, f"{path}/{_escaped(f.name)}") for f in new.fields if id(f) not in matched]

    def field(self, old: Field, new: Field, old_path: str, path: str) -> None:
        before, after = _shown(old.default), _shown(new.default)
        if before != after:
            gained = old.default is MISSING
            kind = ChangeKind.LOOSENED if gained else ChangeKind.CONSTRAINED
            lost = "no longer has a default" if new.default is MISSING else f"has the default {after}"
            self.tell(kind, path, old_path, f"{lost} (was {before}).", before, after)
        self.documentation(old, new, old_path, path, "")
        if old.aliases != new.aliases:
            self.aliases(old, new, old_path, path)
        if old.order != new.order:
            self.tell(ChangeKind.DOCUMENTED, path, old_path, f"sorts {new.order}.", old.order, new.order)
        self.properties(old, new, old_path, path)

    def documentation(self, old: Named | Field, new: Named | Field, old_path: str, path: str, what: str) -> None:
        if (old.doc or "") != (new.doc or ""):
            whose = f" ({what})" if what else ""
            verb = "lost its" if not new.doc else "has other" if old.doc else "has"
            sentence = f"{verb} documentation{whose}."
            self.tell(ChangeKind.DOCUMENTED, path, old_path, sentence, old.doc or "", new.doc or "")

    def aliases(self, old: Named | Field, new: Named | Field, old_path: str, path: str) -> None:
        before, after = ", ".join(old.aliases), ", ".join(new.aliases)
        kind = ChangeKind.LOOSENED if set(old.aliases) <= set(new.aliases) else ChangeKind.CONSTRAINED
        self.tell(kind, path, old_path, f"has the aliases {after or 'none'} (was {before or 'none'}).", before, after)

    def properties(self, old: Type | Field, new: Type | Field, old_path: str, path: str) -> None:
        """Custom properties; a logical type is part of the type and told there."""
        for key in dict.fromkeys([*old.props, *new.props]):
            before, after = old.props.get(key, MISSING), new.props.get(key, MISSING)
            if before != after and key not in ("logicalType", "precision", "scale"):
                sentence = f"has another property {key}: {_shown(after)} (was {_shown(before)})."
                self.tell(ChangeKind.DOCUMENTED, path, old_path, sentence, _shown(before), _shown(after))


def _key(node: Type) -> str:
    return node.full if isinstance(node, Named) else node.kind


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _paired(old: Record, new: Record) -> list[tuple[Field, Field]]:
    """Which fields stand for each other, in the order of the new record."""
    out = {each.name: old.fields[old.positions[each.name]] for each in new.fields if each.name in old.positions}
    taken = {each.name for each in out.values()}
    for each in new.fields:
        aliases = [alias for alias in each.aliases if alias in old.positions and alias not in taken]
        if each.name not in out and aliases:
            out[each.name] = old.fields[old.positions[aliases[0]]]
            taken.add(aliases[0])
    gone = [each for each in old.fields if each.name not in taken]
    come = [each for each in new.fields if each.name not in out]
    for each in come if len(gone) * len(come) <= 400 else ():
        alike = [other for other in gone if _is_alike(other, each)]
        if len(alike) == 1 and sum(_is_alike(alike[0], other) for other in come) == 1:
            out[each.name] = alike[0]
    return [(out[each.name], each) for each in new.fields if each.name in out]


def _is_alike(old: Field, new: Field) -> bool:
    if type_label(old.type) != type_label(new.type):
        return False
    return bool(old.doc and old.doc == new.doc) or SequenceMatcher(None, old.name, new.name).ratio() >= _ALIKE
