"""Fixes: edits of a schema text that make a finding go away, each tried before it is offered.

Backward, the reader is the new schema and is edited. Forward, the reader is deployed and cannot change: the edits are
made to the writer, which is the new schema there. A fix is offered if the edited text parses and its check has neither
the finding nor a new error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from registry.errors import InvalidSchema
from registry.formats.avro import jsontext, printer
from registry.formats.avro.editing import Text
from registry.formats.avro.fields import type_label
from registry.formats.avro.findings import traced
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
)
from registry.formats.avro.reasons import Traced
from registry.formats.avro.resolution import claims, reads
from registry.formats.avro.schema import AvroSchema
from registry.formats.base import Edit, Finding, Fix, Severity, Source

_MOST_ALIASES = 3
_LONGEST_FIXED = 64
_LARGEST_DEFAULT = 60
"""So many values at most: a type that holds itself has no default at all."""

Offer = tuple[str, str, tuple[Edit | None, ...]]
"""A fix that may not work: its id, its sentence, its edits (None: cannot be made)."""


def fixes(reader: AvroSchema, writer: AvroSchema, finding: Finding, *, forward: bool = False) -> Sequence[Fix]:
    """Edits of the reader's text (forward: the writer's) after which the finding is gone, the best first."""
    found = next((each for each in traced(reader.root, writer.root) if _key(each.finding) == _key(finding)), None)
    if found is None:
        return ()
    bench = _Forward(reader, writer, found) if forward else _Backward(reader, writer, found)
    out: dict[tuple[str, str], Fix] = {}
    for name, sentence, edits in bench.offers():
        made = tuple(each for each in edits if each is not None)
        fix = Fix(name, sentence, made)
        if len(made) == len(edits) and (name, sentence) not in out and bench.works(fix):
            out[name, sentence] = fix
    return list(out.values())


def _key(finding: Finding) -> tuple[str, str, str]:
    return finding.rule, finding.path, finding.info


def _errors(findings: Sequence[Finding]) -> set[tuple[str, str, str]]:
    return {_key(each) for each in findings if each.severity is Severity.ERROR}


class _Bench:
    """Where offers for one finding are made and tried. `text` is what they edit, `other` the side that stays."""

    edited: AvroSchema
    makers: Mapping[str, Callable[[Any], Iterator[Offer]]]

    def __init__(self, reader: AvroSchema, writer: AvroSchema, found: Traced) -> None:
        self.reader = reader
        self.writer = writer
        self.found = found
        self.finding = found.finding
        self.before = _errors(reader.findings(writer))

    def offers(self) -> Iterator[Offer]:
        """What might help, the best first."""
        yield from self.makers.get(self.finding.rule, _restore_type)(self)

    def works(self, fix: Fix) -> bool:
        """Whether the finding is gone after the edits, and nothing new has come."""
        try:
            source = Source(fix.apply(self.text.text), self.edited.source.references)
            after = self.checked(AvroSchema(source, strict=self.edited.strict))
        except (InvalidSchema, RecursionError, jsontext.TooDeep):
            return False
        gone = _key(self.finding) not in {_key(each) for each in after}
        return gone and _errors(after) <= self.before

    def checked(self, edited: AvroSchema) -> Sequence[Finding]:
        """The findings with the edited schema in its place."""
        raise NotImplementedError

    @property
    def text(self) -> Text:
        """The text to edit."""
        return Text(self.edited.source.text)


class _Backward(_Bench):
    """Edits the reader."""

    def __init__(self, reader: AvroSchema, writer: AvroSchema, found: Traced) -> None:
        super().__init__(reader, writer, found)
        self.edited = reader
        self.pointer = self.finding.reader_path
        self.makers = {
            "READER_FIELD_MISSING_DEFAULT_VALUE": _fill_field,
            "NAME_MISMATCH": _keep_name,
            "FIXED_SIZE_MISMATCH": _restore_size,
            "MISSING_ENUM_SYMBOLS": _keep_symbols,
            "MISSING_UNION_BRANCH": _restore_branch,
            "AMBIGUOUS_ALIAS": _drop_aliases,
        }

    def checked(self, edited: AvroSchema) -> Sequence[Finding]:
        return edited.findings(self.writer)


class _Forward(_Bench):
    """Edits the writer."""

    def __init__(self, reader: AvroSchema, writer: AvroSchema, found: Traced) -> None:
        super().__init__(reader, writer, found)
        self.edited = writer
        self.pointer = self.finding.writer_path
        self.makers = {
            "READER_FIELD_MISSING_DEFAULT_VALUE": _restore_field,
            "NAME_MISMATCH": _restore_name,
            "FIXED_SIZE_MISMATCH": _restore_size,
            "MISSING_ENUM_SYMBOLS": _drop_symbols,
            "MISSING_UNION_BRANCH": _drop_branch,
            "AMBIGUOUS_ALIAS": _nothing,
        }

    def checked(self, edited: AvroSchema) -> Sequence[Finding]:
        return self.reader.findings(edited)


Bench = _Backward | _Forward


def _nothing(_bench: Bench) -> Iterator[Offer]:
    yield from ()


# Offers that edit the reader


def _fill_field(bench: _Backward) -> Iterator[Offer]:
    """A field that the writer does not have: a default, an option, or the alias of a field that is gone."""
    field = _field(bench)
    if field is None:
        return
    yield from _aliases(bench, field)
    if (zero := zero_value(field.type)) is not MISSING:
        shown = jsontext.text(zero)
        edit = bench.text.member(bench.pointer, "default", shown)
        yield "add-default", f"Give field {field.name} the default {jsontext.excerpt(shown, 40)}.", (edit,)
    kind = f"{bench.pointer}/type"
    if (optional := _optional(bench.text, field.type, kind)) is not None:
        edits = (bench.text.replaced(kind, optional), bench.text.member(bench.pointer, "default", "null"))
        yield "make-optional", f"Make field {field.name} optional, with the default null.", edits


def _aliases(bench: _Backward, field: Field) -> Iterator[Offer]:
    reader, writer = bench.found.reader, bench.found.writer
    if not isinstance(reader, Record) or not isinstance(writer, Record):
        return
    taken = {one.name for each in reader.fields for _, one in claims(each, writer)}
    free = [one for one in writer.fields if one.name not in taken and reads(field.type, one.type)]
    free.sort(key=lambda one: -SequenceMatcher(None, field.name, one.name).ratio())
    for one in free[:_MOST_ALIASES]:
        edit = _added_alias(bench.text, bench.pointer, field.aliases, one.name)
        yield "keep-old-name", f"Keep the old name {one.name} as an alias of field {field.name}.", (edit,)


def _keep_name(bench: _Backward) -> Iterator[Offer]:
    """A renamed type: the old name as an alias, or back as the name."""
    reader, writer = bench.found.reader, bench.found.writer
    if not isinstance(reader, Named) or not isinstance(writer, Named):
        return
    alias = writer.simple if reader.space == writer.space and reader.space else writer.full
    edit = _added_alias(bench.text, _definition(bench.pointer), reader.aliases, alias)
    yield "keep-old-name", f"Keep the old name {writer.full} as an alias of {label(reader)}.", (edit,)
    yield from _restore_name(bench)


def _keep_symbols(bench: _Backward) -> Iterator[Offer]:
    """An enum that lost symbols: they come back, or a default symbol stands in for them."""
    reader, writer = bench.found.reader, bench.found.writer
    if not isinstance(reader, Enum) or not isinstance(writer, Enum):
        return
    missing = [symbol for symbol in writer.symbols if symbol not in reader.symbols]
    symbols = bench.text.replaced(bench.pointer, jsontext.text([*reader.symbols, *missing]))
    if len(missing) == 1:
        symbols = bench.text.item(bench.pointer, jsontext.quoted(missing[0]))
    yield "restore-symbols", f"Put the symbols {', '.join(missing)} back.", (symbols,)
    if reader.symbols:
        default = reader.symbols[0]
        edit = bench.text.member(_definition(bench.pointer), "default", jsontext.quoted(default))
        yield "add-enum-default", f"Give {label(reader)} the default {default}, read for symbols it lacks.", (edit,)


def _restore_branch(bench: _Backward) -> Iterator[Offer]:
    """A union that lost a branch: it comes back."""
    for text in _texts(bench.writer, bench.finding.writer_path, bench.found.writer):
        edit = bench.text.item(bench.pointer, text)
        yield "restore-branch", f"Put the branch {label(bench.found.writer)} back into the union.", (edit,)


def _drop_aliases(bench: _Backward) -> Iterator[Offer]:
    """A field that answers to several: it answers by its name only."""
    field = _field(bench)
    writer = bench.found.writer
    if field is None or not isinstance(writer, Record):
        return
    left = [alias for alias in field.aliases if alias not in writer.positions]
    edit = bench.text.replaced(f"{bench.pointer}/aliases", jsontext.text(left))
    yield "drop-alias", f"Drop the aliases of field {field.name} that name other fields of the old schema.", (edit,)


# Offers that edit the writer


def _restore_field(bench: _Forward) -> Iterator[Offer]:
    """A field that the reader needs comes back."""
    for text in _texts(bench.reader, bench.finding.reader_path, None):
        edit = bench.text.item(bench.pointer, text)
        yield "restore-field", f"Put field {bench.finding.info} back: the old schema needs it.", (edit,)


def _drop_symbols(bench: _Forward) -> Iterator[Offer]:
    """New symbols that the reader does not know go."""
    reader, writer = bench.found.reader, bench.found.writer
    if isinstance(reader, Enum) and isinstance(writer, Enum):
        left = [symbol for symbol in writer.symbols if symbol in reader.symbols]
        edit = bench.text.replaced(bench.pointer, jsontext.text(left))
        yield "drop-symbols", "Leave out the symbols that the old schema does not know.", (edit,)


def _drop_branch(bench: _Forward) -> Iterator[Offer]:
    """A new branch that the reader cannot read goes."""
    edit = bench.text.without(bench.pointer)
    yield "drop-branch", f"Leave the branch {label(bench.found.writer)} out of the union.", (edit,)
    yield from _restore_type(bench)


# Offers for either side


def _restore_type(bench: Bench) -> Iterator[Offer]:
    """The type of the other side; or, for a reader, a union of both."""
    is_forward = isinstance(bench, _Forward)
    other, pointer, node = (
        (bench.reader, bench.finding.reader_path, bench.found.reader)
        if is_forward
        else (bench.writer, bench.finding.writer_path, bench.found.writer)
    )
    own = bench.text.at(bench.pointer)
    around = None if pointer is None else Text(other.source.text).at(pointer.rpartition("/")[0])
    if not is_forward and around is not None and around.startswith("["):
        yield "restore-type", f"Put the type {around} back.", (bench.text.replaced(bench.pointer, around),)
    for text in _texts(other, pointer, node):
        edit = bench.text.replaced(bench.pointer, text)
        yield "restore-type", f"Put the type {type_label(node)} back.", (edit,)
        if not is_forward and own is not None and not isinstance(bench.found.reader, Union):
            edit = bench.text.replaced(bench.pointer, f"[{own}, {text}]")
            yield "accept-both", f"Read both, {label(bench.found.reader)} and {label(node)}.", (edit,)


def _restore_name(bench: Bench) -> Iterator[Offer]:
    """The name of the other side."""
    reader, writer = bench.found.reader, bench.found.writer
    node = reader if isinstance(bench, _Forward) else writer
    if isinstance(node, Named):
        edit = bench.text.replaced(bench.pointer, jsontext.quoted(node.simple))
        yield "restore-name", f"Call it {node.simple} again.", (edit,)


def _restore_size(bench: Bench) -> Iterator[Offer]:
    """The size of the other side."""
    node = bench.found.reader if isinstance(bench, _Forward) else bench.found.writer
    if isinstance(node, Fixed):
        yield "restore-size", f"Make it {node.size} bytes again.", (bench.text.replaced(bench.pointer, str(node.size)),)


# Parts


def _field(bench: Bench) -> Field | None:
    """The reader's field that the finding is about."""
    reader, pointer = bench.found.reader, bench.finding.reader_path
    if not isinstance(reader, Record) or pointer is None:
        return None
    return reader.fields[int(pointer.rpartition("/")[2])]


def _definition(pointer: str | None) -> str | None:
    """The pointer of the definition that a pointer to its name, size or symbols is in."""
    return None if pointer is None else pointer.rpartition("/")[0]


def _added_alias(text: Text, pointer: str | None, aliases: Sequence[str], alias: str) -> Edit | None:
    if pointer is not None and aliases:
        return text.item(f"{pointer}/aliases", jsontext.quoted(alias))
    return text.member(pointer, "aliases", f"[{jsontext.quoted(alias)}]")


def _texts(schema: AvroSchema, pointer: str | None, node: Type | None) -> Iterator[str]:
    """How a schema writes a type (or a field): as it stands there, or written out."""
    standing = Text(schema.source.text).at(pointer)
    if standing is not None:
        yield standing
    if node is not None and (written := printer.canonical(node)) != standing:
        yield written


def _optional(text: Text, node: Type, pointer: str) -> str | None:
    """The text of a type made nullable, null first; None if it is that already or cannot be."""
    if not isinstance(node, Union):
        own = text.at(pointer)
        return None if node.kind == "null" or own is None else f'["null", {own}]'
    branches = [(branch.kind, text.at(f"{pointer}/{index}")) for index, branch in enumerate(node.branches)]
    if branches[:1] and branches[0][0] == "null":
        return None
    return "[" + ", ".join(['"null"', *(own for kind, own in branches if kind != "null" and own)]) + "]"


def zero_value(node: Type) -> Any:
    """The plainest default of a type, as JSON data; MISSING if there is none of reasonable size."""
    try:
        return _zero(node, [_LARGEST_DEFAULT])
    except LookupError:
        return MISSING


def _zero(node: Type, left: list[int]) -> Any:
    left[0] -= 1
    if left[0] < 0:
        raise LookupError
    if isinstance(node, Union):
        if not node.branches:
            raise LookupError
        return _zero(node.branches[0], left)
    if isinstance(node, Record):
        return {each.name: _zero(each.type, left) for each in node.fields if each.default is MISSING}
    if isinstance(node, Enum):
        if not node.symbols:
            raise LookupError
        return node.default or node.symbols[0]
    if isinstance(node, Fixed):
        if node.size > _LONGEST_FIXED:
            raise LookupError
        return "\x00" * node.size
    if isinstance(node, Array | Map):
        return [] if isinstance(node, Array) else {}
    return _ZEROS[node.kind]


_ZEROS: dict[str, Any] = {
    "null": None,
    "boolean": False,
    "int": 0,
    "long": 0,
    "float": 0.0,
    "double": 0.0,
    "bytes": "",
    "string": "",
}
