"""Prints a FileDescriptorProto as .proto text, in the shape that Confluent's registry stores.

    syntax = "proto3";
    package shop;

    import "google/protobuf/timestamp.proto";

    option java_package = "com.shop";

    message Order {
      reserved 4 to 6;

      string id = 1;
      .google.protobuf.Timestamp at = 2;

      oneof payment {
        string card = 3;
      }

      enum State {
        OPEN = 0;
      }
    }

Sections come in this order: reserved, options, fields, oneofs, groups, extension ranges, messages, enums, extensions;
a blank line between sections, none between two messages; comments are not kept. With the spans of the text that the
descriptor was compiled from, names, options and reserved statements are printed as they were written; without them,
or in normal form, from the descriptor, names in full.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    MethodDescriptorProto,
    OneofDescriptorProto,
    ServiceDescriptorProto,
)
from google.protobuf.message import Message

from registry.formats.protobuf import options as opts
from registry.formats.protobuf.language import SCALARS, json_name_of, label_of, syntax_of
from registry.formats.protobuf.options import NotReadable, Option
from registry.formats.protobuf.spans import Place, Spans

_VISIBILITY = {0: "", 1: "local ", 2: "export "}
_MAX_FIELD = 536870911
_MAX_ENUM = 2**31 - 1
_MESSAGE_SET_END = 2**31 - 1
_NAME = re.compile(r"\.?[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*\Z")
_ESCAPED = re.compile(r'([^"\\\n]|\\.)*\Z')

Decode = Callable[[Message], Message]
"""Options as descriptor.proto's own class knows them → with the extensions that the file's imports define."""


class NotPrintable(Exception):
    """A descriptor that no text can mean: a name that is none."""


@dataclass(slots=True)
class Printer:
    """`spans`: of the text, or None. `normal`: sorted, names in full. `extensions`: print custom options.

    `overrides`: options to print in place of what the descriptor carries, by the place of the options.
    """

    file: FileDescriptorProto
    spans: Spans | None = None
    decode: Decode = lambda options: options
    option_name: Callable[[str], str] = str
    normal: bool = False
    extensions: bool = True
    overrides: Mapping[Place, Sequence[Option]] = field(default_factory=dict)
    syntax: str = field(init=False)

    def __post_init__(self) -> None:
        self.syntax = syntax_of(self.file)
        if self.normal:
            self.spans = None

    def text(self) -> str:
        """The whole file. Raises NotPrintable."""
        file = self.file
        groups = frozenset(
            each.name for each, _ in self._groups(file.extension, file.message_type, file.package).values()
        )
        blocks = [
            self._imports(),
            _statements(self.options((8,), file.options)),
            self._types((), file.message_type, file.enum_type, (4, 5), file.package, groups),
            self._extended((7,), file.extension, (), file.message_type, file.package),
            [line for number, service in enumerate(file.service) for line in self._service(service, (6, number))],
        ]
        parts = ["\n".join(block) + "\n" for block in [self._head(), *blocks] if block]
        return "\n".join(parts)

    # Parts of the file

    def _head(self) -> list[str]:
        lines = []
        if self.syntax == "editions":
            lines.append(f'edition = "{_edition(self.file.edition)}";')
        elif self.spans is None or (12,) in self.spans:
            lines.append(f'syntax = "{self.syntax}";')
        if self.file.package:
            lines.append(f"package {_name(self.file.package)};")
        return lines

    def _imports(self) -> list[str]:
        file = self.file
        public, weak = set(file.public_dependency), set(file.weak_dependency)
        ordinary, published = [], []
        for number, path in enumerate(file.dependency):
            if number in public:
                published.append(f"import public {opts.quoted(path)};")
            else:
                ordinary.append(f"import {'weak ' if number in weak else ''}{opts.quoted(path)};")
        for_options = [f"import option {opts.quoted(path)};" for path in file.option_dependency]
        if self.normal:
            return sorted(ordinary) + sorted(published) + sorted(for_options)
        return ordinary + published + for_options

    def _types(
        self,
        place: Place,
        messages: Iterable[DescriptorProto],
        enums: Iterable[EnumDescriptorProto],
        numbers: tuple[int, int],
        scope: str,
        skip: frozenset[str] = frozenset(),
    ) -> list[str]:
        lines: list[str] = []
        for number, message in enumerate(messages):
            if message.name not in skip:
                lines += self._message(message, (*place, numbers[0], number), _inner(scope, message.name))
        for number, enum in enumerate(enums):
            lines += self._enum(enum, (*place, numbers[1], number))
        return lines

    def _message(self, message: DescriptorProto, place: Place, full: str) -> list[str]:
        head = f"{_VISIBILITY.get(message.visibility, '')}message {_name(message.name)}"
        return _braced(head, self._body(message, place, full))

    def _body(self, message: DescriptorProto, place: Place, full: str) -> list[str]:
        """The sections between a message's braces, indented; the closing brace is not part of it."""
        entries = {
            key: each
            for each in message.nested_type
            if each.HasField("options") and each.options.map_entry
            for key in (f".{full}.{each.name}", each.name)
        }
        groups = self._groups((*message.field, *message.extension), message.nested_type, full)
        fields: list[str] = []
        oneofs: list[list[str]] = [[] for _ in message.oneof_decl]
        synthetic: set[int] = set()
        grouped: list[str] = []
        for number, each in enumerate(message.field):
            lines = self._field(each, (*place, 2, number), entries, groups, place, full)
            if each.proto3_optional:
                synthetic.add(each.oneof_index)
                fields += lines
            elif each.HasField("oneof_index"):
                oneofs[each.oneof_index] += lines
            else:
                (grouped if each.type_name in groups else fields).extend(lines)
        in_oneofs = [
            line
            for number, oneof in enumerate(message.oneof_decl)
            if number not in synthetic
            for line in self._oneof(oneof, (*place, 8, number), oneofs[number])
        ]
        own = _statements(self.options((*place, 7), message.options)) if self._has_options(message, place, 7) else []
        skip = frozenset(entries) | {each.name for each, _ in groups.values()}
        return _sections(
            [
                self._reserved(message, place, (9, 10), _MAX_FIELD, 1),
                own,
                fields,
                in_oneofs,
                grouped,
                list(self._ranges(message, place)) if message.extension_range else [],
                self._types(place, message.nested_type, message.enum_type, (3, 4), full, skip),
                self._extended((*place, 6), message.extension, place, message.nested_type, full)
                if message.extension
                else [],
            ]
        )

    def _has_options(self, declaration: Any, place: Place, number: int) -> bool:
        return declaration.HasField("options") or (*place, number) in self.overrides

    def _groups(
        self, fields: Iterable[FieldDescriptorProto], types: Sequence[DescriptorProto], scope: str
    ) -> dict[str, tuple[DescriptorProto, int]]:
        """The types of groups, by full name: they are printed where their field is."""
        if self.syntax != "proto2":
            return {}
        names = {each.type_name for each in fields if each.type == FieldDescriptorProto.TYPE_GROUP}
        if not names:
            return {}
        by_name = {
            key: (each, number)
            for number, each in enumerate(types)
            for key in (f".{scope}.{each.name}" if scope else f".{each.name}", each.name)
        }
        return {name: by_name[name] for name in names if name in by_name}

    def _field(
        self,
        each: FieldDescriptorProto,
        place: Place,
        entries: dict[str, DescriptorProto],
        groups: dict[str, tuple[DescriptorProto, int]],
        scope: Place,
        full: str,
    ) -> list[str]:
        """A field. `scope`, `full`: place and full name of the message around it."""
        entry = entries.get(each.type_name) if entries else None
        label = "" if entry is not None else label_of(each, self.syntax)
        group = groups.get(each.type_name)
        if group is not None:
            kind, name = "group", group[0].name
        else:
            kind, name = self._type(each, place, entry), each.name
        head = f"{label} {kind} {_name(name)} = {each.number}".lstrip()
        lines = _with_options(head, self._field_options(each, place))
        if group is not None:
            numbers = (3,) if scope else (4,)
            *before, last = lines
            return [
                *before,
                *_braced(last, self._body(group[0], (*scope, *numbers, group[1]), _inner(full, group[0].name))),
            ]
        lines[-1] += ";"
        return lines

    def _type(self, each: FieldDescriptorProto, place: Place, entry: DescriptorProto | None) -> str:
        word = self.spans.word((*place, 6)) if self.spans is not None and (*place, 6) in self.spans else None
        if entry is not None:
            key, value = entry.field
            if word is not None:
                return f"map<{SCALARS[key.type]}, {_name(word[:-1].partition(',')[2])}>"
            return f"map<{SCALARS[key.type]}, {SCALARS.get(value.type) or _name(value.type_name)}>"
        if each.type in SCALARS:
            return SCALARS[each.type]
        return _name(word or each.type_name)

    def _field_options(self, each: FieldDescriptorProto, place: Place) -> Iterator[Option]:
        if self._has_options(each, place, 8):
            yield from self.options((*place, 8), each.options)
        if each.HasField("default_value"):
            written = self._written((*place, 7), lambda word: f"default = {word}")
            yield written or Option("default", _default(each))
        written = self._written((*place, 10), lambda word: word if "=" in word else f"json_name = {word}")
        if written is not None:
            yield written
        elif each.json_name and each.json_name != json_name_of(each.name) and not each.extendee:
            yield Option("json_name", opts.quoted(each.json_name))

    def _written(self, place: Place, whole: Callable[[str], str]) -> Option | None:
        text = self.spans.slice(place) if self.spans is not None else None
        if text is None:
            return None
        try:
            return opts.written(whole(text))
        except NotReadable:
            return None

    def _oneof(self, oneof: OneofDescriptorProto, place: Place, fields: list[str]) -> list[str]:
        own = _statements(self.options((*place, 2), oneof.options))
        return _braced(f"oneof {_name(oneof.name)}", _sections([own, fields]))

    def _ranges(self, message: DescriptorProto, place: Place) -> Iterator[str]:
        def text(start: int, end: int) -> str:
            last = "max" if end in (_MAX_FIELD + 1, _MESSAGE_SET_END) else str(end - 1)
            return str(start) if end - start == 1 else f"{start} to {last}"

        ranges = list(enumerate(message.extension_range))
        if self.normal:
            ranges.sort(key=lambda entry: entry[1].start)
        statements = self.spans.all((*place, 5)) if self.spans is not None else []

        def statement(entry: tuple[int, Any]) -> object:
            number, each = entry
            found = self.spans.range((*place, 5, number)) if self.spans is not None else None
            inside = [at for at in statements if found is not None and at[0] <= found[0] < at[1]]
            return inside, each.options.SerializeToString(deterministic=True)

        for _, several in groupby(ranges, statement):
            group = [each for _, each in several]
            line = "extensions " + ", ".join(text(each.start, each.end) for each in group)
            lines = _with_options(line, self._described(group[0].options))
            lines[-1] += ";"
            yield from lines

    def _extended(
        self,
        place: Place,
        fields: Sequence[FieldDescriptorProto],
        scope: Place,
        types: Sequence[DescriptorProto],
        full: str,
    ) -> list[str]:
        """`extend X { … }`, one block for neighbours that extend the same message."""
        if not self.extensions:
            return []
        lines: list[str] = []
        groups = self._groups(fields, types, full)

        def extended(entry: tuple[int, FieldDescriptorProto]) -> str:
            number, each = entry
            word = self.spans.word((*place, number, 2)) if self.spans is not None else None
            return word or each.extendee

        for extendee, several in groupby(enumerate(fields), extended):
            lines.append(f"extend {_name(extendee)} {{")
            for number, each in several:
                lines += [f"  {line}" for line in self._field(each, (*place, number), {}, groups, scope, full)]
            lines.append("}")
        return lines

    def _enum(self, enum: EnumDescriptorProto, place: Place) -> list[str]:
        lines = [f"{_VISIBILITY.get(enum.visibility, '')}enum {_name(enum.name)} {{"]
        lines += [f"  {line}" for line in self._reserved(enum, place, (4, 5), _MAX_ENUM, 0)]
        lines += [f"  {line}" for line in _statements(self.options((*place, 3), enum.options))]
        for number, value in enumerate(enum.value):
            head = f"{_name(value.name)} = {value.number}"
            block = _with_options(
                head, self.options((*place, 2, number, 3), value.options) if value.HasField("options") else ()
            )
            block[-1] += ";"
            lines += [f"  {line}" for line in block]
        return [*lines, "}"]

    def _reserved(self, owner: Any, place: Place, numbers: tuple[int, int], top: int, past: int) -> list[str]:
        """Reserved statements. `past`: 1 where a range ends before its `end`, 0 where with it."""

        def text(start: int, end: int) -> str:
            last = end - past
            return str(start) if start == last else f"{start} to {'max' if last == top else last}"

        if not owner.reserved_range and not owner.reserved_name:
            return []
        ranges = [text(each.start, each.end) for each in owner.reserved_range]
        quote = _name if self.syntax == "editions" else opts.quoted
        names = [quote(each) for each in owner.reserved_name]
        if self.normal:
            ranges = [text(each.start, each.end) for each in sorted(owner.reserved_range, key=lambda each: each.start)]
            names.sort()
        if self.spans is None:
            return [f"reserved {', '.join(words)};" for words in (ranges, names) if words]
        found: dict[tuple[int, int], list[str]] = {}
        for kind, words in ((numbers[0], ranges), (numbers[1], names)):
            statements = self.spans.all((*place, kind))
            for number, word in enumerate(words):
                at = self.spans.range((*place, kind, number)) or (0, 0)
                home = next((each for each in statements if each[0] <= at[0] < each[1]), (kind, kind))
                found.setdefault(home, []).append(word)
        return [f"reserved {', '.join(words)};" for _, words in sorted(found.items())]

    def _service(self, service: ServiceDescriptorProto, place: Place) -> list[str]:
        own = _statements(self.options((*place, 3), service.options))
        calls = [line for number, each in enumerate(service.method) for line in self._call(each, (*place, 2, number))]
        return _braced(f"service {_name(service.name)}", _sections([own, calls]))

    def _call(self, method: MethodDescriptorProto, place: Place) -> list[str]:
        def side(number: int, name: str, streams: bool) -> str:
            word = self.spans.word((*place, number)) if self.spans is not None else None
            return ("stream " if streams else "") + _name(word or name)

        request = side(2, method.input_type, method.client_streaming)
        answer = side(3, method.output_type, method.server_streaming)
        head = f"rpc {_name(method.name)} ({request}) returns ({answer})"
        own = [f"  {line}" for line in _statements(self.options((*place, 4), method.options))]
        return [head + " {", *own, "};"] if own else [head + ";"]

    # Options

    def options(self, place: Place, options: Message) -> list[Option]:
        """The options of a declaration, as they will be printed."""
        if place in self.overrides:
            return list(self.overrides[place])
        if not options.ByteSize():
            return []
        found = self._written_options(place) if self.spans is not None else None
        return [each for each in found or self._described(options) if self.extensions or not each.custom]

    def _written_options(self, place: Place) -> list[Option] | None:
        assert self.spans is not None
        found, end = [], -1
        for _, start, stop in self.spans.below(place):
            if start >= end:  # what lies inside an option is part of it
                try:
                    found.append(opts.written(self.spans.text[start:stop]))
                except NotReadable:
                    return None
                end = stop
        return found

    def _described(self, options: Message) -> list[Option]:
        if not options.ByteSize():
            return []
        found = [
            each
            for each in opts.described(self.decode(options), self.option_name)
            if each.name != "map_entry" and (self.extensions or not each.custom)
        ]
        return sorted(found, key=lambda option: option.name) if self.normal else found


def _inner(scope: str, name: str) -> str:
    return f"{scope}.{name}" if scope else name


def _sections(sections: Iterable[Sequence[str]]) -> list[str]:
    lines: list[str] = []
    for section in sections:
        if section:
            if lines:
                lines.append("")
            lines += [f"  {line}" if line else "" for line in section]
    return lines


def _statements(options: Iterable[Option]) -> list[str]:
    lines: list[str] = []
    for option in options:
        head, *rest = option.lines()
        lines += [f"option {head}", *rest]
        lines[-1] += ";"
    return lines


def _with_options(head: str, options: Iterable[Option]) -> list[str]:
    """`head [a = 1]`, or one option a line when there are several; what ends the statement comes behind."""
    found = [option.lines() for option in options]
    if not found:
        return [head]
    if len(found) == 1:
        (first, *rest) = found[0]
        lines = [f"{head} [{first}", *rest]
        lines[-1] += "]"
        return lines
    for block in found[:-1]:
        block[-1] += ","
    return [f"{head} [", *(f"  {line}" for block in found for line in block), "]"]


def _braced(head: str, body: Sequence[str]) -> list[str]:
    return [head + " {", *body, "}"] if body else [head + " {}"]


def _default(each: FieldDescriptorProto) -> str:
    if each.type == FieldDescriptorProto.TYPE_STRING:
        return opts.quoted(each.default_value)
    if each.type == FieldDescriptorProto.TYPE_BYTES:
        if not _ESCAPED.match(each.default_value):
            raise NotPrintable(f"{each.default_value!r} is not an escaped string")
        return f'"{each.default_value}"'
    return _word(each.default_value)


def _edition(number: int) -> str:
    return {1000: "2023", 1001: "2024"}.get(number) or f"unknown {number}"


def _name(text: str) -> str:
    """A name that cannot carry anything but a name. Raises NotPrintable."""
    if not _NAME.match(text):
        raise NotPrintable(f"{text!r} is not a name")
    return text


def _word(text: str) -> str:
    if not re.fullmatch(r"[-+]?[A-Za-z0-9_.+-]+", text):
        raise NotPrintable(f"{text!r} is not a value")
    return text
