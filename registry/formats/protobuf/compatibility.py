"""The parity checker: the difference of two schemas as Confluent's registry sees it, and warnings where it errs.

Messages are matched by name, fields by number over the whole message, inside and outside oneofs. A body that both
sides declare in the schema itself is compared once, where it is declared; a body from an import is compared through
the fields that use it, and what breaks inside adds FIELD_NAMED_TYPE_CHANGED at the field. Recursion is taken to its
greatest fixpoint: a pair of types is compatible unless something reachable breaks it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from registry.formats.base import Finding, Severity
from registry.formats.protobuf.encodings import GROUP_OF, loses_enum_value, narrows, same_group
from registry.formats.protobuf.model import Enum, Field, Message, Model
from registry.formats.protobuf.rules import INCOMPATIBLE, WARNINGS

Pair = tuple[Message, Message]


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: its kind, its path, and the dotted names and short values of both sides."""

    rule: str
    path: str
    sentence: str
    reader: str | None = None
    writer: str | None = None
    reader_value: str = ""
    writer_value: str = ""

    @property
    def breaks(self) -> bool:
        """Whether it decides the verdict."""
        return self.rule in INCOMPATIBLE

    def finding(self) -> Finding:
        """As a finding; what does not break is a warning."""
        return Finding(
            rule=self.rule,
            path=self.path,
            sentence=self.sentence,
            severity=Severity.ERROR if self.breaks else Severity.WARNING,
            reader_path=self.reader,
            writer_path=self.writer,
            reader_value=self.reader_value,
            writer_value=self.writer_value,
        )


def findings(reader: Model, writer: Model) -> Sequence[Finding]:
    """What breaks, and warnings, in the order of the paths' first appearance."""
    return [each.finding() for each in differences(reader, writer) if each.breaks or each.rule in WARNINGS]


def differences(reader: Model, writer: Model) -> list[Difference]:
    """Every difference, compatible ones and warnings included."""
    comparison = _Comparison(reader.file.path, writer.file.path)
    if reader.file.package != writer.file.package:
        comparison.note(
            "PACKAGE_CHANGED",
            "#/",
            f"the package is {reader.file.package or '(none)'} in the {{new}} schema and"
            f" {writer.file.package or '(none)'} in the {{old}} one",
            "",
            "",
            reader.file.package,
            writer.file.package,
        )
    comparison.messages(reader.file.messages, writer.file.messages, "#")
    comparison.enums(reader.file.enums, writer.file.enums, "#")
    return comparison.finished()


@dataclass(slots=True)
class _Comparison:
    reader_path: str
    writer_path: str
    found: list[Difference] = field(default_factory=list)
    through: list[tuple[Pair | None, Difference, Pair]] = field(default_factory=list)
    seen: set[Pair] = field(default_factory=set)
    waiting: list[Pair] = field(default_factory=list)
    broken: set[Pair] = field(default_factory=set)
    current: Pair | None = None

    def note(
        self,
        rule: str,
        path: str,
        sentence: str,
        reader: str | None = None,
        writer: str | None = None,
        reader_value: str = "",
        writer_value: str = "",
    ) -> None:
        self.found.append(self.difference(rule, path, sentence, reader, writer, reader_value, writer_value))
        if self.current is not None and rule in INCOMPATIBLE:
            self.broken.add(self.current)

    def difference(
        self,
        rule: str,
        path: str,
        sentence: str,
        reader: str | None,
        writer: str | None,
        reader_value: str = "",
        writer_value: str = "",
    ) -> Difference:
        if self.current is not None:  # the body of an import has no place in the text of the schema
            reader = reader if self.current[0].file == self.reader_path else None
            writer = writer if self.current[1].file == self.writer_path else None
        return Difference(rule, path, sentence, reader, writer, reader_value, writer_value)

    def finished(self) -> list[Difference]:
        """Compare the imported bodies that fields led to; blame the fields whose body breaks."""
        while self.waiting:
            self.current = pair = self.waiting.pop()
            self.message(*pair, f"#/{pair[0].local.replace('.', '/')}")
        self.current = None
        changed = True
        while changed:
            changed = False
            for owner, _, pair in self.through:
                if owner is not None and pair in self.broken and owner not in self.broken:
                    self.broken.add(owner)
                    changed = True
        return self.found + [blame for _, blame, pair in self.through if pair in self.broken]

    def messages(self, reader: Sequence[Message], writer: Sequence[Message], above: str) -> None:
        old = {each.local.rpartition(".")[2]: each for each in writer}
        new = {each.local.rpartition(".")[2]: each for each in reader}
        for name, each in old.items():
            if name not in new:
                self.note(
                    "MESSAGE_REMOVED",
                    f"{above}/{name}",
                    f"message {each.local} of the {{old}} schema is not in the {{new}} one",
                    None,
                    each.local,
                )
        for name, each in new.items():
            path = f"{above}/{name}"
            before = old.get(name)
            if before is None:
                self.note("MESSAGE_ADDED", path, f"message {each.local} is not in the {{old}} schema", each.local)
                continue
            if before.index != each.index:
                self.note(
                    "MESSAGE_MOVED",
                    path,
                    f"message {each.local} stands at index {each.index} in the {{new}} schema and at"
                    f" {before.index} in the {{old}} one",
                    each.local,
                    before.local,
                    str(each.index),
                    str(before.index),
                )
            self.message(each, before, path)

    def enums(self, reader: Iterable[Enum], writer: Iterable[Enum], above: str) -> None:
        old = {each.local.rpartition(".")[2]: each for each in writer}
        new = {each.local.rpartition(".")[2]: each for each in reader}
        for name, each in old.items():
            if name not in new:
                self.note(
                    "ENUM_REMOVED",
                    f"{above}/{name}",
                    f"enum {each.local} of the {{old}} schema is not in the {{new}} one",
                    None,
                    each.local,
                )
        for name, each in new.items():
            if name in old:
                self.enum(each, old[name], f"{above}/{name}")
            else:
                self.note(
                    "ENUM_ADDED", f"{above}/{name}", f"enum {each.local} is not in the {{old}} schema", each.local
                )

    def enum(self, reader: Enum, writer: Enum, path: str) -> None:
        if reader.values == writer.values and reader.reserved == writer.reserved:
            return
        new, old = reader.numbers, writer.numbers
        for number, name in old.items():
            at, was = f"{path}/{number}", f"{writer.local}.{name}"
            if number not in new:
                sentence = f"value {name} = {number} of enum {writer.local} is not in the {{new}} schema"
                self.note("ENUM_CONST_REMOVED", at, sentence, None, was)
            elif new[number] != name:
                sentence = (
                    f"value {number} of enum {reader.local} is {new[number]} in the {{new}} schema and {name} in the"
                    " {old} one"
                )
                self.note("ENUM_CONST_CHANGED", at, sentence, f"{reader.local}.{new[number]}", was, new[number], name)
        for number, name in new.items():
            if number not in old:
                at, here = f"{path}/{number}", f"{reader.local}.{name}"
                self.note(
                    "ENUM_CONST_ADDED", at, f"value {name} of enum {reader.local} is not in the {{old}} schema", here
                )
                if _within(number, writer.reserved):
                    sentence = f"value {name} uses the number {number}, which the {{old}} schema reserves"
                    self.note("RESERVED_NUMBER_REUSED", at, sentence, here, writer.local)
        self.reservations(reader.reserved, writer.reserved, new, path, reader.local, writer.local)

    def reservations(
        self,
        new: Sequence[tuple[int, int]],
        old: Sequence[tuple[int, int]],
        used: Iterable[int],
        path: str,
        reader: str,
        writer: str,
    ) -> None:
        if new == old:
            return
        for start, end in old:
            if not _covered(start, end, new, used):
                span = str(start) if start == end else f"{start} to {end}"
                sentence = f"the {{old}} schema reserves {span} in {writer}, the {{new}} one does not"
                self.note("RESERVATION_REMOVED", path, sentence, reader, writer, "", span)

    # Messages and fields

    def message(self, reader: Message, writer: Message, path: str) -> None:
        self.messages(reader.messages, writer.messages, path)
        self.enums(reader.enums, writer.enums, path)
        new, old = reader.by_number, writer.by_number
        for number, was in old.items():
            now = new.get(number)
            if now is None:
                self.removed(reader, writer, was, path)
            else:
                at = f"{path}/{now.oneof}/{number}" if now.oneof else f"{path}/{number}"
                if was.oneof and not now.oneof:
                    sentence = f"field {now.name} left oneof {was.oneof} of the {{old}} schema"
                    self.note(
                        "ONEOF_FIELD_MOVED_TO_TOP_LEVEL",
                        f"{path}/{was.oneof}/{number}",
                        sentence,
                        _dotted(reader, now),
                        _dotted(writer, was),
                    )
                self.field(reader, writer, now, was, at)
        for number, now in new.items():
            if number not in old:
                self.added(reader, writer, now, path)
        if reader.oneofs or writer.oneofs:
            self.oneofs(reader, writer, path)
        self.message_warnings(reader, writer, path)

    def removed(self, reader: Message, writer: Message, was: Field, path: str) -> None:
        name = _dotted(writer, was)
        if was.oneof is None:
            rule = "REQUIRED_FIELD_REMOVED" if was.label == "required" else "FIELD_REMOVED"
            sentence = f"{'required ' * (was.label == 'required')}field {name} is not in the {{new}} schema"
            self.note(rule, f"{path}/{was.number}", sentence, reader.local, name, "", was.told)
            return
        survives = any(each.oneof == was.oneof and each.number in reader.by_number for each in writer.fields)
        if was.oneof in reader.oneofs or survives:
            sentence = f"field {name} of oneof {was.oneof} is not in the {{new}} schema"
            self.note(
                "ONEOF_FIELD_REMOVED", f"{path}/{was.oneof}/{was.number}", sentence, reader.local, name, "", was.told
            )

    def added(self, reader: Message, writer: Message, now: Field, path: str) -> None:
        name = _dotted(reader, now)
        sentence = f"field {name} is not in the {{old}} schema"
        if now.oneof is not None:
            rule, at = "ONEOF_FIELD_ADDED", f"{path}/{now.oneof}/{now.number}"
        elif now.label == "required":
            rule, at, sentence = "REQUIRED_FIELD_ADDED", f"{path}/{now.number}", f"required {sentence}"
        else:
            rule, at = "FIELD_ADDED", f"{path}/{now.number}"
        self.note(rule, at, sentence, name, writer.local, now.told)
        if now.required and now.label != "required":
            sentence = f"field {name} is required, and not in the {{old}} schema"
            self.note("LEGACY_REQUIRED_ADDED", at, sentence, name, writer.local, now.told)
        if _within(now.number, writer.reserved):
            sentence = f"field {name} uses the number {now.number}, which the {{old}} schema reserves"
            self.note("RESERVED_NUMBER_REUSED", at, sentence, name, writer.local, str(now.number))

    def oneofs(self, reader: Message, writer: Message, path: str) -> None:
        for name in writer.oneofs:
            if name not in reader.oneofs:
                sentence = f"oneof {name} of message {writer.local} is not in the {{new}} schema"
                self.note("ONEOF_REMOVED", f"{path}/{name}", sentence, reader.local, f"{writer.local}.{name}")
        for name in reader.oneofs:
            at, here = f"{path}/{name}", f"{reader.local}.{name}"
            if name not in writer.oneofs:
                sentence = f"oneof {name} of message {reader.local} is not in the {{old}} schema"
                self.note("ONEOF_ADDED", at, sentence, here, writer.local)
            # Where its surviving members come from: a oneof of the writer, or each top-level field by itself.
            members = [writer.by_number.get(each.number) for each in reader.fields if each.oneof == name]
            origins = {(each.oneof or each.number): each for each in members if each is not None}
            if len(origins) > 1:
                alone = [each.name for each in origins.values() if each.oneof is None]
                rule = "MULTIPLE_FIELDS_MOVED_TO_ONEOF" if len(alone) > 1 else "FIELD_MOVED_TO_EXISTING_ONEOF"
                moved = ", ".join(sorted(each.name for each in members if each is not None))
                sentence = f"oneof {name} of the {{new}} schema holds fields that could be set together before: {moved}"
                self.note(rule, at, sentence, here, writer.local, name, moved)

    def field(self, reader: Message, writer: Message, new: Field, old: Field, path: str) -> None:
        names = _dotted(reader, new), _dotted(writer, old)
        if new.name != old.name:
            sentence = f"field {new.number} is {names[0]} in the {{new}} schema and {names[1]} in the {{old}} one"
            self.note("FIELD_NAME_CHANGED", path, sentence, *names, new.name, old.name)
        if new.label and old.label and new.label != old.label and old.kind != "message":
            text = old.kind in ("string", "bytes")
            rule = "FIELD_STRING_OR_BYTES_LABEL_CHANGED" if text else "FIELD_NUMERIC_LABEL_CHANGED"
            sentence = f"field {names[0]} is {new.label} in the {{new}} schema and {old.label} in the {{old}} one"
            self.note(rule, path, sentence, *names, new.label, old.label)
        self.type(new, old, path, names, new, old)
        self.field_warnings(new, old, path, names)

    def type(self, new: Field, old: Field, path: str, names: tuple[str, str], whole: Field, was: Field) -> None:
        """Compare types. `new` and `old` are fields, or the keys or values of maps (`whole` and `was` hold them)."""
        if new.kind == old.kind and new.message is None:
            return
        what = (
            f"field {names[0]} is {whole.told} in the {{new}} schema and {was.told} in the {{old}} one",
            *names,
            whole.told,
            was.told,
        )
        kinds = _kind(new), _kind(old)
        if kinds[0] != kinds[1]:
            self.note("FIELD_KIND_CHANGED", path, *what)
        elif kinds[0] == "scalar":
            if GROUP_OF[new.kind] != GROUP_OF[old.kind]:
                self.note("FIELD_SCALAR_KIND_CHANGED", path, *what)
        elif new.key is not None and new.value is not None and old.key is not None and old.value is not None:
            self.type(new.key, old.key, path, names, whole, was)
            self.type(new.value, old.value, path, names, whole, was)
        elif new.message is not None and old.message is not None:
            if new.message.local != old.message.local:
                self.note("FIELD_NAMED_TYPE_CHANGED", path, *what)
            elif new.message.file != self.reader_path or old.message.file != self.writer_path or new.group or old.group:
                pair = (new.message, old.message)
                sentence = f"the type {new.message.name} of field {names[0]} changed in the {{new}} schema, and breaks"
                blame = self.difference("FIELD_NAMED_TYPE_CHANGED", path, sentence, *names, whole.told, was.told)
                self.through.append((self.current, blame, pair))
                if pair not in self.seen:
                    self.seen.add(pair)
                    self.waiting.append(pair)

    # Warnings

    def message_warnings(self, reader: Message, writer: Message, path: str) -> None:
        self.reservations(reader.reserved, writer.reserved, reader.by_number, path, reader.local, writer.local)
        if writer.reserved_names:
            names = {each.name: each for each in reader.fields}
            for name in sorted(writer.reserved_names - reader.reserved_names):
                now = names.get(name)
                if now is not None:
                    at = f"{path}/{now.oneof}/{now.number}" if now.oneof else f"{path}/{now.number}"
                    sentence = f"field {_dotted(reader, now)} uses the name {name}, which the {{old}} schema reserves"
                    self.note("RESERVED_NAME_REUSED", at, sentence, _dotted(reader, now), writer.local, name)
                else:
                    sentence = f"the {{old}} schema reserves the name {name} in {writer.local}, the {{new}} one not"
                    self.note("RESERVATION_REMOVED", path, sentence, reader.local, writer.local, "", name)
        gone = {each.name: each for each in writer.fields if each.number not in reader.by_number}
        if gone:
            for now in reader.fields:
                was = gone.get(now.name)
                if was is not None and now.number not in writer.by_number:
                    at = f"{path}/{now.oneof}/{now.number}" if now.oneof else f"{path}/{now.number}"
                    sentence = (
                        f"field {_dotted(reader, now)} has the number {now.number} in the {{new}} schema and"
                        f" {was.number} in the {{old}} one"
                    )
                    names_ = _dotted(reader, now), _dotted(writer, was)
                    self.note("FIELD_RENUMBERED", at, sentence, *names_, str(now.number), str(was.number))

    def field_warnings(self, new: Field, old: Field, path: str, names: tuple[str, str]) -> None:
        for rule, holds, sentence in _FIELD_WARNINGS:
            if holds(new, old):
                self.note(rule, path, f"field {names[0]} {sentence}", *names, new.told, old.told)


def _numeric_labels_differ(new: Field, old: Field) -> bool:
    written = bool(new.label and old.label and new.label != old.label)
    return written and old.kind in GROUP_OF and GROUP_OF[old.kind] != GROUP_OF["string"]


_FIELD_WARNINGS = (
    (
        "FIELD_BECAME_REQUIRED",
        lambda new, old: new.required and not old.required and not _numeric_labels_differ(new, old),
        "is required in the {new} schema and not in the {old} one",
    ),
    (
        "CLOSED_ENUM_VALUE_REMOVED",
        loses_enum_value,
        "is required, and its closed enum in the {new} schema lacks numbers that the {old} schema may hold",
    ),
    (
        "ENUM_READS_INTEGER",
        lambda new, old: (
            new.enum is not None
            and new.enum.closed
            and not new.required
            and same_group(new, old)
            and (old.enum is None or not old.enum.closed)
        ),
        "is a closed enum in the {new} schema, and may hold any number in the {old} one",
    ),
    (
        "MESSAGE_ENCODING_CHANGED",
        lambda new, old: new.delimited != old.delimited and new.kind == old.kind == "message",
        "is encoded length-prefixed in one schema and delimited in the other ({new} and {old})",
    ),
    (
        "PACKED_FIELD_BECAME_SINGULAR",
        lambda new, old: (
            old.packed and not new.repeated and same_group(new, old) and not _numeric_labels_differ(new, old)
        ),
        "is singular in the {new} schema and packed in the {old} one",
    ),
    (
        "INTEGER_NARROWED",
        narrows,
        "has a smaller range in the {new} schema than in the {old} one",
    ),
    (
        "BYTES_READ_AS_STRING",
        lambda new, old: new.kind == "string" and old.kind == "bytes" and new.checks_utf8,
        "is a string in the {new} schema and bytes in the {old} one",
    ),
)


def _kind(each: Field) -> str:
    return each.kind if each.kind in ("message", "map") else "scalar"


def _dotted(message: Message, each: Field) -> str:
    return f"{message.local}.{each.name}"


def _within(number: int, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(start <= number <= end for start, end in ranges)


def _covered(start: int, end: int, ranges: Iterable[tuple[int, int]], used: Iterable[int]) -> bool:
    """Whether each number is still reserved, or in use (which has a warning of its own)."""
    at = start
    parts = [*ranges, *((number, number) for number in used)]
    for low, high in sorted(parts):
        if low > at:
            break
        at = max(at, high + 1)
    return at > end
