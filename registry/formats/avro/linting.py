"""Lint: what is legal in an Avro schema and still worth a remark. Only the schema's own text is looked at."""

from __future__ import annotations

import difflib
import json
import keyword
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from registry.formats.avro import defaults, jsontext, printer
from registry.formats.avro.model import MISSING, Enum, Field, Named, Record, Type, Union, label, walk
from registry.formats.avro.sampling import Sizes
from registry.formats.avro.schema import AvroSchema
from registry.formats.base import Remark, Severity

LINT: Mapping[str, tuple[Severity, str]] = {
    "undocumented-type": (Severity.WARNING, "Every record, enum and fixed should have a doc."),
    "undocumented-field": (Severity.WARNING, "Every field should have a doc."),
    "no-namespace": (Severity.WARNING, "A named type without a namespace clashes sooner or later."),
    "ambiguous-union": (
        Severity.WARNING,
        "The branches of a union should be told apart by every decoder and language.",
    ),
    "optional-without-default": (Severity.WARNING, "A field that may be null should have the default null."),
    "null-not-first": (Severity.WARNING, "An optional field should name null first, or its default cannot be null."),
    "unsafe-default": (Severity.ERROR, "A default should be valid for its type, of a union for the first branch."),
    "enum-without-default": (
        Severity.WARNING,
        "An enum without a default cannot gain symbols that old readers survive.",
    ),
    "name-makes-bad-code": (Severity.WARNING, "Names that are keywords, or not plain ASCII, make bad names in code."),
    "names-differ-by-case": (Severity.WARNING, "Names that differ by case only clash in code."),
    "alias-is-a-name": (Severity.ERROR, "An alias that is the name of another field makes both ambiguous."),
    "unknown-logical-type": (Severity.WARNING, "A logical type that the specification does not know is ignored."),
    "misplaced-logical-type": (Severity.WARNING, "A logical type on the wrong type, or beside a type, is ignored."),
    "unknown-property": (
        Severity.WARNING,
        "A property that is almost one of Avro's is probably a slip, and is ignored.",
    ),
    "repeated-member": (Severity.ERROR, "A repeated member name counts with its last value only."),
    "no-event": (Severity.ERROR, "A type should have at least one event."),
}
"""Rule id → how much it weighs unless told otherwise, and what it asks for."""

_KEYWORDS_OF_OTHERS = """
abstract boolean byte case catch chan char const default do double enum extends final float fn func go goto impl
implements instanceof int interface let long map mut namespace native new null operator package private protected public
select short static strictfp struct super switch synchronized template this throw throws trait transient type typedef
typename union unsigned use var virtual void volatile where
"""
_KEYWORDS = frozenset((*keyword.kwlist, *_KEYWORDS_OF_OTHERS.split()))
_WORDS = (
    "type",
    "name",
    "namespace",
    "doc",
    "fields",
    "items",
    "values",
    "symbols",
    "size",
    "default",
    "aliases",
    "order",
)
_WORDS_OF_LOGIC = ("logicalType", "precision", "scale")
_ASCII = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\],:]', re.DOTALL)


def lint(schema: AvroSchema) -> Sequence[Remark]:
    """Every remark, in the order of the text."""
    out = [*_repeated(schema.source.text)]
    sizes = Sizes(schema.root)
    for node in walk(schema.root):
        if node.home == 0:
            for check in _CHECKS:
                out.extend(check(node))
            if not sizes.inhabited(node):
                out.append(Remark("no-event", node.pointer, f"No event of {label(node)} exists: it never ends."))
    return sorted(out, key=lambda each: [int(step) if step.isdigit() else -1 for step in each.path.split("/")])


def _title(node: Type) -> str:
    name = label(node)
    return name[0].upper() + name[1:]


def _documentation(node: Type) -> Iterator[Remark]:
    if isinstance(node, Named):
        if not node.doc:
            yield Remark("undocumented-type", node.pointer, f"{_title(node)} has no doc.")
        if node.space is None:
            yield Remark("no-namespace", node.pointer, f"{_title(node)} has no namespace.")
    for each in _fields(node):
        if not each.doc:
            yield Remark("undocumented-field", each.pointer, f"Field {each.name} has no doc.")


def _fields(node: Type) -> Sequence[Field]:
    return node.fields if isinstance(node, Record) else ()


def _unions(node: Type) -> Iterator[Remark]:
    if not isinstance(node, Union):
        return
    kinds = [branch.kind for branch in node.branches]
    for one, other in _CONFUSED:
        if one in kinds and other in kinds:
            sentence = f"The union holds {one} and {other}, which many languages and encoders do not tell apart."
            yield Remark("ambiguous-union", node.pointer, sentence)
    names: dict[str, str] = {}
    for branch in node.branches:
        if isinstance(branch, Named) and names.setdefault(branch.simple, branch.full) != branch.full:
            sentence = f"The union holds {names[branch.simple]} and {branch.full}, which differ by namespace only."
            yield Remark("ambiguous-union", node.pointer, sentence)


_CONFUSED = (("int", "long"), ("float", "double"), ("string", "bytes"), ("string", "enum"), ("bytes", "fixed"))


def _defaults(node: Type) -> Iterator[Remark]:
    for each in _fields(node):
        if isinstance(each.type, Union):
            kinds = [branch.kind for branch in each.type.branches]
            if "null" in kinds[1:]:
                yield Remark("null-not-first", f"{each.pointer}/type", f"Field {each.name} may be null, named last.")
            elif "null" in kinds and each.default is MISSING:
                sentence = f"Field {each.name} may be null and has no default."
                yield Remark("optional-without-default", each.pointer, sentence)
        spelled = isinstance(each.default, str) and each.type.kind in ("float", "double")
        if each.default is not MISSING and not spelled and (problem := defaults.fault(each.type, each.default)):
            yield Remark("unsafe-default", f"{each.pointer}/default", f"The default of {each.name}: {problem}.")
    if isinstance(node, Enum):
        if node.default is None:
            sentence = f"{_title(node)} has no default for symbols that readers do not know."
            yield Remark("enum-without-default", node.pointer, sentence)
        elif node.default not in node.symbols:
            yield Remark("unsafe-default", f"{node.pointer}/default", f"{node.default} is not one of the symbols.")


def _names(node: Type) -> Iterator[Remark]:
    names: list[tuple[str, str, str]] = []
    if isinstance(node, Named):
        yield from _code(node.simple, f"{node.pointer}/name")
    for each in _fields(node):
        names.append((each.name, f"{each.pointer}/name", "field"))
    if isinstance(node, Enum):
        names = [(name, f"{node.pointer}/symbols/{index}", "symbol") for index, name in enumerate(node.symbols)]
    seen: dict[str, str] = {}
    for name, pointer, what in names:
        yield from _code(name, pointer)
        if seen.setdefault(name.lower(), name) != name:
            yield Remark(
                "names-differ-by-case", pointer, f"The {what}s {seen[name.lower()]} and {name} differ by case."
            )


def _code(name: str, pointer: str) -> Iterator[Remark]:
    if not _ASCII.fullmatch(name):
        yield Remark("name-makes-bad-code", pointer, f"The name {name} is not plain ASCII.")
    elif name in _KEYWORDS:
        yield Remark("name-makes-bad-code", pointer, f"The name {name} is a keyword of a programming language.")
    elif name.startswith("__"):
        yield Remark("name-makes-bad-code", pointer, f"The name {name} begins like names that languages reserve.")


def _aliases(node: Type) -> Iterator[Remark]:
    names = {each.name for each in _fields(node)}
    for each in _fields(node):
        for alias in each.aliases:
            if alias in names and alias != each.name:
                sentence = f"The alias {alias} of field {each.name} is the name of another field."
                yield Remark("alias-is-a-name", f"{each.pointer}/aliases", sentence)


def _logical(node: Type) -> Iterator[Remark]:
    name = node.props.get("logicalType")
    if isinstance(name, str) and not printer.is_logical(node):
        if name not in printer.LOGICAL:
            sentence = f"The specification knows no logical type {name}."
            yield Remark("unknown-logical-type", f"{node.pointer}/logicalType", sentence)
        else:
            sentence = f"The logical type {name} is not valid on this {label(node)}."
            yield Remark("misplaced-logical-type", f"{node.pointer}/logicalType", sentence)
    for each in _fields(node):
        if "logicalType" in each.props:
            sentence = f"The logicalType beside the type of field {each.name} is ignored; it belongs into the type."
            yield Remark("misplaced-logical-type", f"{each.pointer}/logicalType", sentence)


def _properties(node: Type) -> Iterator[Remark]:
    yield from _slips(node.props, node.pointer)
    for each in _fields(node):
        yield from _slips(each.props, each.pointer)


def _slips(props: Mapping[str, Any], pointer: str) -> Iterator[Remark]:
    for key in props:
        if meant := _meant(key):
            at = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            yield Remark("unknown-property", at, f"The property {key} means nothing to Avro; {meant} does.")


@lru_cache(1000)
def _meant(key: str) -> str | None:
    """The word of Avro's that a property almost is."""
    words = {word.lower(): word for word in (*_WORDS, *_WORDS_OF_LOGIC)}
    if key in words.values():
        return None
    close = difflib.get_close_matches(key.lower()[:40], words, 1, 0.8)
    return words[close[0]] if close else None


_CHECKS: tuple[Callable[[Type], Iterator[Remark]], ...] = (
    _documentation,
    _unions,
    _defaults,
    _names,
    _aliases,
    _logical,
    _properties,
)


def _repeated(text: str) -> Iterator[Remark]:
    """Member names that stand twice in one object, with the pointer of the object."""
    stack: list[tuple[str, set[str] | None, list[Any]]] = []
    plain = jsontext.without_comments(text)
    pointer, last = "", ""
    for token in _TOKEN.finditer(plain):
        mark = token[0]
        if mark in "{[":
            stack.append((pointer, set() if mark == "{" else None, [0]))
            if mark == "[":
                pointer = f"{pointer}/0"
        elif mark in "}]":
            pointer = stack.pop()[0]
        elif mark == "," and stack and stack[-1][1] is None:
            stack[-1][2][0] += 1
            pointer = f"{stack[-1][0]}/{stack[-1][2][0]}"
        elif mark == ":" and stack and (names := stack[-1][1]) is not None:
            name = json.loads(last)
            pointer = f"{stack[-1][0]}/{name.replace('~', '~0').replace('/', '~1')}"
            if name in names:
                yield Remark("repeated-member", pointer, f"The member {name} stands twice; the last one counts.")
            names.add(name)
        last = mark
