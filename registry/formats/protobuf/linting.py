"""Lint: what is legal in a .proto file and still worth a remark."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from registry.formats.base import Remark, Severity
from registry.formats.protobuf.model import Enum, File, Message
from registry.formats.protobuf.schema import ProtobufSchema
from registry.formats.protobuf.spans import Spans

LINT: Mapping[str, tuple[Severity, str]] = {
    "missing-package": (Severity.WARNING, "A file should have a package: full names without one clash."),
    "undocumented-message": (Severity.WARNING, "Every message should have a comment."),
    "undocumented-field": (Severity.WARNING, "Every field should have a comment."),
    "undocumented-enum": (Severity.WARNING, "Every enum should have a comment."),
    "required-field": (Severity.WARNING, "A required field can be neither added nor removed safely, ever."),
    "enum-without-default": (Severity.WARNING, "The first value of an enum should be 0 and say that nothing is known."),
    "closed-enum": (Severity.WARNING, "A closed enum drops the values that a later version adds."),
    "enum-alias": (Severity.WARNING, "Two names of one enum value read back as the first of them."),
    "number-gap": (
        Severity.WARNING,
        "Numbers between those in use should be reserved: they may have been used before.",
    ),
    "unsafe-default": (Severity.WARNING, "A default lives in the reader's schema: other versions read another value."),
    "not-packed": (Severity.WARNING, "Repeated numbers should be packed."),
    "group": (Severity.WARNING, "Groups are deprecated; a nested message does the same."),
    "any": (Severity.WARNING, "What an Any holds is hidden from every check."),
    "oneof-of-one": (Severity.WARNING, "A oneof with one member is an optional field in disguise."),
    "unused-import": (Severity.WARNING, "An import that nothing uses can go."),
    "name-style": (Severity.WARNING, "Messages and enums are written LikeThis, fields like_this, values LIKE_THIS."),
    "name-makes-bad-code": (Severity.WARNING, "A name that is a keyword in a common language is renamed in its code."),
    "names-clash-in-code": (Severity.ERROR, "Names that differ by case or underscores only become one name in code."),
}
"""Rule id → severity and purpose."""

_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_PASCAL = re.compile(r"[A-Z][A-Za-z0-9]*")
_UPPER = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_NOTHING_KNOWN = ("UNSPECIFIED", "UNKNOWN", "NONE", "UNDEFINED", "DEFAULT", "INVALID")
# Python, Java, Go, TypeScript, C#, C++: those that can be written as a name in .proto
_KEYWORDS = frozenset(
    re.findall(
        r"\w+",
        """and as assert async await break case catch chan class const continue debugger def default defer del delete do
        elif else except export extends fallthrough finally for from func function global go goto if implements import
        in instanceof interface internal is lambda let namespace new nonlocal not null operator or package pass private
        protected public raise range return select static struct super switch synchronized template this throw throws
        transient try type typeof using var virtual void volatile while with yield None True False self object""",
    )
)


def lint(schema: ProtobufSchema) -> Sequence[Remark]:
    """Remarks on a schema, declaration by declaration; imports are looked at on their own. Paths are dotted names."""
    spans, file = schema.spans, schema.model.file
    found = [*_whole(schema, file)]
    for message in file.everything():
        for check in _OF_MESSAGES:
            found += check(message, spans)
    for enum in (*file.enums, *(enum for message in file.everything() for enum in message.enums)):
        found += _enum(enum, spans)
    if not schema.has_text:  # a descriptor carries no comments, wherever it comes from
        found = [each for each in found if not each.rule.startswith("undocumented")]
    return tuple(found)


def _whole(schema: ProtobufSchema, file: File) -> Iterator[Remark]:
    if not file.package:
        yield Remark("missing-package", "", "the file has no package")
    used = {home for name in _named(schema) if (home := _home(schema, name)) is not None}
    extending = {each.name for each in schema.files if each.extension}  # an option of theirs may be in use
    for number, path in enumerate(schema.file.dependency):
        if number not in schema.file.public_dependency and path not in extending and not _provided(schema, path) & used:
            yield Remark("unused-import", "", f"nothing of {path} is used")


def _named(schema: ProtobufSchema) -> Iterator[str]:
    """The full names of all types that the file itself mentions."""
    for message in schema.model.messages.values():
        if message.file == schema.model.file.path:
            for each in message.fields:
                yield each.type_name
                yield each.value.type_name if each.value is not None else ""
    for service in schema.file.service:
        for method in service.method:
            yield method.input_type.lstrip(".")
            yield method.output_type.lstrip(".")
    for extension in schema.file.extension:
        yield extension.extendee.lstrip(".")
        yield extension.type_name.lstrip(".")


def _home(schema: ProtobufSchema, name: str) -> str | None:
    declared = schema.model.messages.get(name) or schema.model.enums.get(name)
    return declared.file if declared is not None else None


def _provided(schema: ProtobufSchema, path: str) -> set[str]:
    """A file and all that it imports publicly."""
    files = {each.name: each for each in schema.files}
    found, waiting = set(), [path]
    while waiting:
        at = waiting.pop()
        if at not in found and at in files:
            found.add(at)
            waiting += [files[at].dependency[number] for number in files[at].public_dependency]
    return found


def _documentation(message: Message, spans: Spans) -> Iterator[Remark]:
    if not spans.comments(message.place):
        yield Remark("undocumented-message", message.local, f"message {message.local} has no comment")
    for each in message.fields:
        if not spans.comments(each.place):
            name = f"{message.local}.{each.name}"
            yield Remark("undocumented-field", name, f"field {name} has no comment")


def _evolution(message: Message, spans: Spans) -> Iterator[Remark]:
    for each in message.fields:
        name = f"{message.local}.{each.name}"
        if each.required:
            yield Remark("required-field", name, f"field {name} is required")
        if each.default is not None:
            yield Remark("unsafe-default", name, f"field {name} has the default {each.default}")
        if each.repeated and each.packable and not each.packed:
            yield Remark("not-packed", name, f"field {name} is not packed")
        if each.group:
            yield Remark("group", name, f"field {name} is a group")
        if each.type_name == "google.protobuf.Any":
            yield Remark("any", name, f"field {name} is an Any")


def _numbers(message: Message, spans: Spans) -> Iterator[Remark]:
    used = sorted(message.by_number)
    taken = [*message.reserved, *((number, number) for number in used)]
    gaps, expected = [], 1
    for low, high in sorted(taken):
        if low > expected:
            gaps.append(str(expected) if low == expected + 1 else f"{expected} to {low - 1}")
        expected = max(expected, high + 1)
        if used and expected > used[-1]:
            break
    if gaps:
        told = f"{', '.join(gaps)} of message {message.local} {'are' if len(gaps) > 1 or ' ' in gaps[0] else 'is'}"
        yield Remark("number-gap", message.local, f"{told} neither used nor reserved")


def _oneofs(message: Message, spans: Spans) -> Iterator[Remark]:
    members = Counter(each.oneof for each in message.fields if each.oneof is not None)
    for name in message.oneofs:
        if members[name] == 1:
            yield Remark("oneof-of-one", f"{message.local}.{name}", f"oneof {name} has one member")


def _naming(message: Message, spans: Spans) -> Iterator[Remark]:
    name = message.local.rpartition(".")[2]
    if not _PASCAL.fullmatch(name):
        yield Remark("name-style", message.local, f"message {name} is not written LikeThis")
    for owner in (*(each.name for each in message.fields), *message.oneofs):
        path = f"{message.local}.{owner}"
        if not _SNAKE.fullmatch(owner):
            yield Remark("name-style", path, f"{owner} is not written like_this")
        if owner in _KEYWORDS:
            yield Remark("name-makes-bad-code", path, f"{owner} is a keyword in some languages")
    yield from _clashes(message)


def _clashes(message: Message) -> Iterator[Remark]:
    seen: dict[str, str] = {}
    for each in message.fields:
        key = each.name.replace("_", "").lower()
        if key in seen:
            told = f"{seen[key]} and {each.name} become one name in code"
            yield Remark("names-clash-in-code", f"{message.local}.{each.name}", told)
        seen.setdefault(key, each.name)


_OF_MESSAGES: Sequence[Callable[[Message, Spans], Iterator[Remark]]] = (
    _documentation,
    _evolution,
    _numbers,
    _oneofs,
    _naming,
)


def _enum(enum: Enum, spans: Spans) -> Iterator[Remark]:
    if not spans.comments(enum.place):
        yield Remark("undocumented-enum", enum.local, f"enum {enum.local} has no comment")
    if not _PASCAL.fullmatch(enum.local.rpartition(".")[2]):
        yield Remark("name-style", enum.local, f"enum {enum.local} is not written LikeThis")
    first, number = enum.values[0]
    if number != 0 or not first.endswith(_NOTHING_KNOWN):
        told = f"the first value of {enum.local} is {first} = {number}, not one for what is not known"
        yield Remark("enum-without-default", enum.local, told)
    if enum.closed:
        yield Remark("closed-enum", enum.local, f"enum {enum.local} is closed")
    for name, times in enum.values:
        if not _UPPER.fullmatch(name):
            yield Remark("name-style", f"{enum.local}.{name}", f"{name} is not written LIKE_THIS")
        if enum.numbers[times] != name:
            yield Remark("enum-alias", f"{enum.local}.{name}", f"{name} is another name of {enum.numbers[times]}")
