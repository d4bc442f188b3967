"""A compiled schema as plain objects: files, messages, fields, enums, with types linked and features resolved.

Names are full names without the leading dot; a *local name* has the package taken off (`Order.Line`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FeatureSet,
    FieldDescriptorProto,
    FileDescriptorProto,
)

from registry.formats.protobuf.language import SCALARS, json_name_of, label_of, syntax_of
from registry.formats.protobuf.spans import Place

Features = tuple[int, int, int, int, int]
"""field_presence, enum_type, repeated_field_encoding, utf8_validation, message_encoding."""

_NAMES = ("field_presence", "enum_type", "repeated_field_encoding", "utf8_validation", "message_encoding")
_EXPLICIT, _IMPLICIT, _REQUIRED = FeatureSet.EXPLICIT, FeatureSet.IMPLICIT, FeatureSet.LEGACY_REQUIRED
_DEFAULTS: dict[str, Features] = {
    "proto2": (_EXPLICIT, FeatureSet.CLOSED, FeatureSet.EXPANDED, FeatureSet.NONE, FeatureSet.LENGTH_PREFIXED),
    "proto3": (_IMPLICIT, FeatureSet.OPEN, FeatureSet.PACKED, FeatureSet.VERIFY, FeatureSet.LENGTH_PREFIXED),
    "editions": (_EXPLICIT, FeatureSet.OPEN, FeatureSet.PACKED, FeatureSet.VERIFY, FeatureSet.LENGTH_PREFIXED),
}
_PACKABLE = frozenset(SCALARS.values()) - {"string", "bytes"} | {"enum"}


@dataclass(slots=True, eq=False)
class Enum:
    """An enum; `closed`: a reader treats numbers it does not know as unknown fields."""

    name: str
    local: str
    file: str
    place: Place
    closed: bool
    values: tuple[tuple[str, int], ...]
    reserved: tuple[tuple[int, int], ...]
    reserved_names: frozenset[str]

    @property
    def numbers(self) -> dict[int, str]:
        """The first name of each number."""
        found: dict[int, str] = {}
        for name, number in self.values:
            found.setdefault(number, name)
        return found


@dataclass(slots=True, eq=False)
class Field:
    """A field of a message.

    `kind`: a scalar's name, or `enum`, `message`, `map`. `label`: as written, may be empty. `delimited`: encoded as a
    group. `message`, `enum`: the type of the field (of a map: its entry). `key`, `value`: of a map. `extends`: it is an
    extension.
    """

    name: str
    number: int
    place: Place
    kind: str
    label: str
    type_name: str
    oneof: str | None
    repeated: bool
    required: bool
    packed: bool
    delimited: bool
    presence: bool
    checks_utf8: bool
    json_name: str
    default: str | None
    deprecated: bool
    group: bool
    extends: bool = False
    message: Message | None = None
    enum: Enum | None = None
    key: Field | None = None
    value: Field | None = None

    @property
    def packable(self) -> bool:
        """Whether a repeated field of this kind may be packed."""
        return self.kind in _PACKABLE

    @property
    def told(self) -> str:
        """The type in words: `repeated int32`, `map<string, Line>`."""
        if self.key is not None and self.value is not None:
            return f"map<{self.key.told}, {self.value.told}>"
        base = self.type_name or self.kind
        label = "repeated" if self.repeated else "required" if self.required else ""
        return f"{label} {base}".strip()


@dataclass(slots=True, eq=False)
class Message:
    """A message. `index`: its place among its neighbours, map entries and groups not counted."""

    name: str
    local: str
    file: str
    place: Place
    index: int
    fields: tuple[Field, ...]
    oneofs: tuple[str, ...]
    messages: tuple[Message, ...]
    enums: tuple[Enum, ...]
    reserved: tuple[tuple[int, int], ...]
    reserved_names: frozenset[str]
    is_entry: bool
    by_number: dict[int, Field] = field(default_factory=dict)
    extensions: list[Field] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.by_number = {each.number: each for each in self.fields}

    def everything(self) -> Iterator[Message]:
        """This message and all messages in it."""
        yield self
        for each in self.messages:
            yield from each.everything()


@dataclass(slots=True, eq=False)
class File:
    """One file. `messages`, `enums`: the top level."""

    path: str
    package: str
    syntax: str
    edition: int
    messages: tuple[Message, ...]
    enums: tuple[Enum, ...]
    imports: tuple[str, ...]

    def everything(self) -> Iterator[Message]:
        """All messages of the file, nested ones included, groups and map entries not."""
        for each in self.messages:
            yield from each.everything()


@dataclass(slots=True, eq=False)
class Model:
    """A file with everything it imports. `types`: all messages, map entries and groups included, and enums."""

    file: File
    files: Mapping[str, File]
    messages: Mapping[str, Message]
    enums: Mapping[str, Enum]


def build(files: Iterable[FileDescriptorProto]) -> Model:
    """The model of a descriptor set; the last file is the schema itself."""
    builder = _Builder()
    made = [builder.file(each) for each in files]
    builder.link()
    return Model(made[-1], {each.path: each for each in made}, builder.messages, builder.enums)


def _inherited(own: FeatureSet, above: Features) -> Features:
    if not own.ByteSize():
        return above
    # 0 is "unknown" in each of these enums, and so the same as not given.
    presence, enums, repeated, utf8, encoding = (getattr(own, name) or above[at] for at, name in enumerate(_NAMES))
    return presence, enums, repeated, utf8, encoding


class _Builder:
    def __init__(self) -> None:
        self.messages: dict[str, Message] = {}
        self.enums: dict[str, Enum] = {}
        self._fields: list[Field] = []
        self._extensions: list[tuple[str, Field]] = []
        self._path = self._package = self._syntax = ""

    def file(self, file: FileDescriptorProto) -> File:
        self._path, self._package, self._syntax = file.name, file.package, syntax_of(file)
        features = _inherited(file.options.features, _DEFAULTS[self._syntax])
        groups = _group_names(file.extension)
        messages = self._several(file.message_type, "", (4,), features, groups)
        enums = tuple(self.enum(each, "", (5, number), features) for number, each in enumerate(file.enum_type))
        self._extend(file.extension, (7,), features)
        return File(self._path, file.package, self._syntax, file.edition, messages, enums, tuple(file.dependency))

    def _several(
        self, types: Iterable[DescriptorProto], scope: str, place: Place, features: Features, groups: set[str]
    ) -> tuple[Message, ...]:
        made, index = [], 0
        for number, each in enumerate(types):
            message = self.message(each, scope, (*place, number), features, index)
            if not message.is_entry and message.name not in groups:
                made.append(message)
                index += 1
        return tuple(made)

    def message(self, each: DescriptorProto, scope: str, place: Place, above: Features, index: int) -> Message:
        features = _inherited(each.options.features, above)
        local = f"{scope}.{each.name}" if scope else each.name
        oneof_features = [_inherited(oneof.options.features, features) for oneof in each.oneof_decl]
        oneofs = [oneof.name for oneof in each.oneof_decl]
        synthetic = {one.oneof_index for one in each.field if one.proto3_optional}
        fields = tuple(
            self.field(
                one,
                (*place, 2, number),
                oneof_features[one.oneof_index] if one.HasField("oneof_index") else features,
                oneofs[one.oneof_index] if one.HasField("oneof_index") and not one.proto3_optional else None,
            )
            for number, one in enumerate(each.field)
        )
        groups = _group_names(each.field) | _group_names(each.extension)
        message = Message(
            name=self._full(local),
            local=local,
            file=self._path,
            place=place,
            index=index,
            fields=fields,
            oneofs=tuple(name for number, name in enumerate(oneofs) if number not in synthetic),
            messages=self._several(each.nested_type, local, (*place, 3), features, groups),
            enums=tuple(self.enum(one, local, (*place, 4, at), features) for at, one in enumerate(each.enum_type)),
            reserved=tuple((one.start, one.end - 1) for one in each.reserved_range),
            reserved_names=frozenset(each.reserved_name),
            is_entry=each.options.map_entry,
        )
        self.messages[message.name] = message
        self._extend(each.extension, (*place, 6), features)
        return message

    def field(self, each: FieldDescriptorProto, place: Place, above: Features, oneof: str | None) -> Field:
        presence, _, encoding, utf8, delimited = _inherited(each.options.features, above)
        repeated = each.label == FieldDescriptorProto.LABEL_REPEATED
        is_group = each.type == FieldDescriptorProto.TYPE_GROUP
        is_message = each.type == FieldDescriptorProto.TYPE_MESSAGE or is_group
        kind = SCALARS.get(each.type) or ("message" if is_message else "enum")
        packed = each.options.packed if each.options.HasField("packed") else encoding == FeatureSet.PACKED
        made = Field(
            name=each.name,
            number=each.number,
            place=place,
            kind=kind,
            label=label_of(each, self._syntax),
            type_name=each.type_name.lstrip("."),
            oneof=oneof,
            repeated=repeated,
            required=not repeated
            and (each.label == FieldDescriptorProto.LABEL_REQUIRED or (presence == _REQUIRED and oneof is None)),
            packed=repeated and packed and kind in _PACKABLE,
            delimited=is_group or (is_message and delimited == FeatureSet.DELIMITED),
            presence=not repeated
            and (
                is_message
                or each.HasField("oneof_index")
                or (presence != _IMPLICIT if self._syntax != "proto3" else False)
            ),
            checks_utf8=kind == "string" and utf8 == FeatureSet.VERIFY,
            json_name=each.json_name or json_name_of(each.name),
            default=each.default_value if each.HasField("default_value") else None,
            deprecated=each.options.deprecated,
            group=is_group and self._syntax == "proto2",
        )
        self._fields.append(made)
        return made

    def enum(self, each: EnumDescriptorProto, scope: str, place: Place, above: Features) -> Enum:
        local = f"{scope}.{each.name}" if scope else each.name
        made = Enum(
            name=self._full(local),
            local=local,
            file=self._path,
            place=place,
            closed=_inherited(each.options.features, above)[1] == FeatureSet.CLOSED,
            values=tuple((value.name, value.number) for value in each.value),
            reserved=tuple((one.start, one.end) for one in each.reserved_range),
            reserved_names=frozenset(each.reserved_name),
        )
        self.enums[made.name] = made
        return made

    def _extend(self, fields: Iterable[FieldDescriptorProto], place: Place, features: Features) -> None:
        for number, each in enumerate(fields):
            made = self.field(each, (*place, number), features, None)
            made.extends = True
            self._extensions.append((each.extendee.lstrip("."), made))

    def _full(self, local: str) -> str:
        return f"{self._package}.{local}" if self._package else local

    def link(self) -> None:
        """Give each field its type; turn repeated entries into maps."""
        for each in self._fields:
            if each.kind == "enum":
                each.enum = self.enums[each.type_name]
            elif each.kind == "message":
                message = each.message = self.messages[each.type_name]
                if message.is_entry:
                    each.kind, each.label, each.type_name, each.delimited = "map", "", "", False
                    each.key, each.value = message.by_number[1], message.by_number[2]
                    each.value.delimited = (
                        False  # whatever the features say: entries and what is in them are not groups
                    )
        for extendee, each in self._extensions:
            if extendee in self.messages:
                self.messages[extendee].extensions.append(each)


def _group_names(fields: Iterable[FieldDescriptorProto]) -> set[str]:
    return {each.type_name.lstrip(".") for each in fields if each.type == FieldDescriptorProto.TYPE_GROUP}
