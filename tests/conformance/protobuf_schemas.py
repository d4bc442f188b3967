"""Random Protobuf schemas and random changes to them, from a seed, for the property and differential tests."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass, field

SCALARS = (
    "int32",
    "int64",
    "uint32",
    "uint64",
    "bool",
    "sint32",
    "sint64",
    "fixed32",
    "fixed64",
    "sfixed32",
    "sfixed64",
    "float",
    "double",
    "string",
    "bytes",
)
KEYS = ("int32", "int64", "uint32", "uint64", "bool", "sint32", "sint64", "fixed32", "fixed64", "string")
PACKABLE = frozenset(SCALARS) - {"string", "bytes"}
ALIKE = (
    ("int32", "int64", "uint32", "uint64", "bool"),
    ("sint32", "sint64"),
    ("string", "bytes"),
    ("fixed32", "sfixed32"),
)


@dataclass
class Field:
    name: str
    number: int
    type: str
    label: str = ""
    oneof: str = ""
    key: str = ""
    options: list[str] = field(default_factory=list)

    def text(self) -> str:
        kind = f"map<{self.key}, {self.type}>" if self.key else self.type
        label = "" if self.key or self.oneof else self.label
        options = f" [{', '.join(self.options)}]" if self.options else ""
        return f"{label} {kind} {self.name} = {self.number}{options};".strip()


@dataclass
class Enum:
    name: str
    values: list[tuple[str, int]]
    reserved: list[int] = field(default_factory=list)

    def text(self) -> str:
        values = " ".join(f"{name} = {number};" for name, number in self.values)
        reserved = f" reserved {', '.join(map(str, self.reserved))};" if self.reserved else ""
        return f"enum {self.name} {{ {values}{reserved} }}"


@dataclass
class Message:
    name: str
    fields: list[Field] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    enums: list[Enum] = field(default_factory=list)
    reserved: list[int] = field(default_factory=list)
    reserved_names: list[str] = field(default_factory=list)

    def text(self, names: str = '"{}"') -> str:
        parts = [f"reserved {number};" for number in self.reserved]
        parts += [f"reserved {names.format(name)};" for name in self.reserved_names]
        parts += [each.text() for each in self.fields if not each.oneof]
        for oneof in dict.fromkeys(each.oneof for each in self.fields if each.oneof):
            inside = " ".join(each.text() for each in self.fields if each.oneof == oneof)
            parts.append(f"oneof {oneof} {{ {inside} }}")
        parts += [each.text(names) for each in self.messages]
        parts += [each.text() for each in self.enums]
        body = "".join(f"\n  {part}" for part in parts)
        return f"message {self.name} {{{body}\n}}"


@dataclass
class Schema:
    syntax: str
    package: str
    messages: list[Message]
    enums: list[Enum]

    @property
    def editions(self) -> bool:
        return self.syntax == "2023"

    def text(self, package: str | None = None) -> str:
        head = 'edition = "2023";' if self.editions else f'syntax = "{self.syntax}";'
        names = "{}" if self.editions else '"{}"'
        parts = [each.text(names) for each in self.messages] + [each.text() for each in self.enums]
        return f"{head}\npackage {package or self.package};\n" + "\n".join(parts) + "\n"

    def everything(self) -> list[Message]:
        found, waiting = [], list(self.messages)
        while waiting:
            message = waiting.pop(0)
            found.append(message)
            waiting += message.messages
        return found

    def all_enums(self) -> list[Enum]:
        return [*self.enums, *(each for message in self.everything() for each in message.enums)]

    def enum_names(self) -> list[str]:
        """As they can be written anywhere in the file."""
        inner = [f"{path}.{each.name}" for path, message in self.paths() for each in message.enums]
        return [each.name for each in self.enums] + inner

    def paths(self) -> list[tuple[str, Message]]:
        """Every message with its dotted name."""
        found, waiting = [], [(each.name, each) for each in self.messages]
        while waiting:
            path, message = waiting.pop(0)
            found.append((path, message))
            waiting += [(f"{path}.{each.name}", each) for each in message.messages]
        return found


class Maker:
    """Makes schemas from a seed; types are named by their whole path, so that each can be used from everywhere."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # a test corpus, not a secret

    def schema(self) -> Schema:
        random = self.random
        syntax = random.choice(("proto2", "proto3", "proto3", "2023"))
        enums = [self._enum(f"E{number}") for number in range(random.randint(1, 2))]
        messages = [Message(f"M{number}") for number in range(random.randint(1, 3))]
        if random.random() < 0.4:
            messages[0].messages.append(Message("N0"))
        if random.random() < 0.3:
            messages[0].enums.append(self._enum("F0"))
        made = Schema(syntax, "p", messages, enums)
        for message in made.everything():
            for number in random.sample(range(1, 12), random.randint(1, 6)):
                message.fields.append(self.field(made, message, number))
            if random.random() < 0.2:
                message.reserved = [random.randint(20, 24)]
            if random.random() < 0.2:
                message.reserved_names = [f"gone{random.randint(0, 2)}"]
        return made

    def _enum(self, name: str) -> Enum:
        numbers = sorted(self.random.sample(range(1, 6), self.random.randint(0, 3)))
        return Enum(name, [(f"{name}_V{number}", number) for number in [0, *numbers]])

    def field(self, schema: Schema, message: Message, number: int) -> Field:
        random = self.random
        made = Field(f"f{number}", number, self.type(schema, message))
        choice = random.random()
        if choice < 0.2:
            made.label = "repeated"
        elif choice < 0.3:
            made.key = random.choice(KEYS)
        elif choice < 0.5:
            made.oneof = random.choice(("o", "p"))
        elif schema.syntax == "proto2":
            made.label = random.choice(("optional", "optional", "optional", "required"))
        elif schema.syntax == "proto3" and random.random() < 0.3:
            made.label = "optional"
        self.repair(schema, made)
        return made

    def type(self, schema: Schema, message: Message) -> str:
        choice = self.random.random()
        if choice < 0.65:
            return self.random.choice(SCALARS)
        if choice < 0.8:
            return self.random.choice(schema.enum_names())
        return self.random.choice(schema.paths())[0]

    def repair(self, schema: Schema, made: Field) -> None:
        """Make a field fit its syntax: a label where proto2 wants one, no required recursion, options that apply."""
        enums = set(schema.enum_names())
        scalar = made.type in SCALARS
        if made.type not in SCALARS and made.type not in enums and made.label == "required":
            made.label = "optional"
        if schema.syntax == "proto2" and not made.label and not made.oneof and not made.key:
            made.label = "optional"
        if schema.syntax != "proto2" and (made.label == "required" or (schema.editions and made.label == "optional")):
            made.label = ""
        if made.label and made.label != "repeated" and (made.oneof or made.key):
            made.label = ""
        if made.label == "repeated":
            made.oneof = made.key = ""
        made.options = []
        packable = made.type in PACKABLE or made.type in enums
        singular = made.label != "repeated" and not made.oneof and not made.key
        if made.label == "repeated" and packable and self.random.random() < 0.4:
            packed = self.random.choice((True, False))
            if schema.editions:
                made.options = [f"features.repeated_field_encoding = {'PACKED' if packed else 'EXPANDED'}"]
            else:
                made.options = [f"packed = {str(packed).lower()}"]
        elif schema.editions and singular and (scalar or made.type in enums) and self.random.random() < 0.3:
            made.options = [f"features.field_presence = {self.random.choice(('IMPLICIT', 'LEGACY_REQUIRED'))}"]
        elif schema.editions and not made.key and not scalar and made.type not in enums and self.random.random() < 0.2:
            made.options = ["features.message_encoding = DELIMITED"]


class Changer(Maker):
    """Changes a schema in one to three random ways, as people do."""

    def change(self, schema: Schema) -> tuple[Schema, list[str]]:
        """A changed copy, and the names of the changes."""
        made = copy.deepcopy(schema)
        done = []
        for _ in range(self.random.randint(1, 3)):
            how = self.random.choice(CHANGES)
            if how(self, made):
                done.append(how.__name__.strip("_"))
        return made, done

    def pick(self, schema: Schema) -> tuple[Message, Field] | None:
        candidates = [(message, each) for message in schema.everything() for each in message.fields]
        return self.random.choice(candidates) if candidates else None


def _free(changer: Changer, message: Message) -> int:
    taken = {each.number for each in message.fields} | set(message.reserved)
    return changer.random.choice([number for number in range(1, 26) if number not in taken])


def _add_field(changer: Changer, schema: Schema) -> bool:
    message = changer.random.choice(schema.everything())
    message.fields.append(changer.field(schema, message, _free(changer, message)))
    message.fields[-1].name = f"f{message.fields[-1].number}"
    return True


def _remove_field(changer: Changer, schema: Schema) -> bool:
    if (picked := changer.pick(schema)) is None:
        return False
    picked[0].fields.remove(picked[1])
    if changer.random.random() < 0.5:
        picked[0].reserved.append(picked[1].number)
    return True


def _rename_field(changer: Changer, schema: Schema) -> bool:
    if (picked := changer.pick(schema)) is None:
        return False
    picked[1].name += "_new"
    return True


def _renumber_field(changer: Changer, schema: Schema) -> bool:
    if (picked := changer.pick(schema)) is None:
        return False
    picked[1].number = _free(changer, picked[0])
    return True


def _retype_field(changer: Changer, schema: Schema) -> bool:
    if (picked := changer.pick(schema)) is None:
        return False
    message, each = picked
    alike = [group for group in ALIKE if each.type in group]
    each.type = (
        changer.random.choice(alike[0]) if alike and changer.random.random() < 0.6 else changer.type(schema, message)
    )
    changer.repair(schema, each)
    return True


def _relabel_field(changer: Changer, schema: Schema) -> bool:
    if (picked := changer.pick(schema)) is None or picked[1].oneof or picked[1].key:
        return False
    picked[1].label = changer.random.choice(("", "optional", "repeated", "required"))
    changer.repair(schema, picked[1])
    return True


def _move_between_oneofs(changer: Changer, schema: Schema) -> bool:
    if (picked := changer.pick(schema)) is None or picked[1].key or picked[1].label == "repeated":
        return False
    picked[1].oneof = changer.random.choice([name for name in ("", "o", "p", "q") if name != picked[1].oneof])
    changer.repair(schema, picked[1])
    return True


def _rename_oneof(changer: Changer, schema: Schema) -> bool:
    message = changer.random.choice(schema.everything())
    names = sorted({each.oneof for each in message.fields if each.oneof})
    if not names:
        return False
    old, new = changer.random.choice(names), changer.random.choice(("o", "p", "q", ""))
    for each in message.fields:
        if each.oneof == old:
            each.oneof = new
            changer.repair(schema, each)
    return True


def _change_enum(changer: Changer, schema: Schema) -> bool:
    enum = changer.random.choice(schema.all_enums())
    choice = changer.random.random()
    if choice < 0.4 and len(enum.values) > 1:
        _, number = enum.values.pop(changer.random.randrange(1, len(enum.values)))
        if changer.random.random() < 0.5:
            enum.reserved.append(number)
    elif choice < 0.7:
        number = changer.random.choice(
            [n for n in range(1, 12) if n not in [v for _, v in enum.values] + enum.reserved]
        )
        enum.values.append((f"{enum.name}_V{number}", number))
    else:
        at = changer.random.randrange(len(enum.values))
        enum.values[at] = (enum.values[at][0] + "_NEW", enum.values[at][1])
    return True


def _add_message(changer: Changer, schema: Schema) -> bool:
    schema.messages.append(Message(f"A{changer.random.randint(0, 10**6)}", [Field("x", 1, "int64", "repeated")]))
    return True


def _rename_message(changer: Changer, schema: Schema) -> bool:
    message = changer.random.choice(schema.messages)
    old, message.name = message.name, f"R{changer.random.randint(0, 10**6)}"
    for each in (each for other in schema.everything() for each in other.fields):
        first, dot, rest = each.type.partition(".")
        if first == old:
            each.type = message.name + dot + rest
    return True


def _reuse_reserved(changer: Changer, schema: Schema) -> bool:
    owners = [message for message in schema.everything() if message.reserved]
    if not owners:
        return False
    message = changer.random.choice(owners)
    number = message.reserved.pop()
    if number not in {each.number for each in message.fields}:
        message.fields.append(changer.field(schema, message, number))
    return True


def _unreserve_name(changer: Changer, schema: Schema) -> bool:
    owners = [message for message in schema.everything() if message.reserved_names]
    if not owners:
        return False
    changer.random.choice(owners).reserved_names.pop()
    return True


def _spell_map_as_entries(changer: Changer, schema: Schema) -> bool:
    picked = changer.pick(schema)
    if picked is None or not picked[1].key:
        return False
    message, each = picked
    entry = Message(
        f"Entry{changer.random.randint(0, 10**6)}", [Field("key", 1, each.key), Field("value", 2, each.type)]
    )
    for part in entry.fields:
        changer.repair(schema, part)
        part.options = []
    message.messages.append(entry)
    path = next(path for path, other in schema.paths() if other is entry)
    each.type, each.key, each.label = path, "", "repeated"
    each.options = []
    return True


CHANGES: tuple[Callable[[Changer, Schema], bool], ...] = (
    _add_field,
    _add_field,
    _remove_field,
    _remove_field,
    _rename_field,
    _renumber_field,
    _retype_field,
    _retype_field,
    _retype_field,
    _relabel_field,
    _relabel_field,
    _move_between_oneofs,
    _move_between_oneofs,
    _rename_oneof,
    _change_enum,
    _change_enum,
    _add_message,
    _rename_message,
    _reuse_reserved,
    _unreserve_name,
    _spell_map_as_entries,
)


def pair(seed: int) -> tuple[Schema, Schema, list[str]]:
    """(old, new, what was changed)."""
    old = Maker(seed).schema()
    new, changes = Changer(seed + 1_000_000).change(old)
    return old, new, changes


_OPTIONS = """\
import "google/protobuf/descriptor.proto";
message Note { LABELstring text = 1; repeated int32 levels = 2; LABELNote inner = 3; map<string, bool> flags = 4; LABELE0 e = 5; }
extend google.protobuf.FieldOptions { LABELint32 mark = 50001; LABELNote note = 50002; repeated string words = 50003; }
extend google.protobuf.MessageOptions { LABELbytes blob = 50001; LABELdouble ratio = 50002; }
extend google.protobuf.EnumValueOptions { LABELE0 other = 50001; }
extend google.protobuf.FileOptions { LABELNote file_note = 50001; }
"""  # noqa: E501 # one statement a line

_DEFAULTS = {
    "int32": "-7",
    "uint64": "18446744073709551615",
    "bool": "true",
    "float": "1.5e10",
    "double": "-inf",
    "string": '"a\\"b\\n\\303\\274"',
    "bytes": "'\\377\\x00z'",
    "sfixed32": "0x10",
}


class Author(Maker):
    """Writes whole files, with every construct that a .proto file has, in the loose way people write them."""

    def file(self) -> str:
        schema, random = self.schema(), self.random
        for message in schema.everything():
            for each in message.fields:
                each.options += self._field_options(schema, each)
        body = schema.text()
        head, _, rest = body.partition("\n")
        package, _, types = rest.partition("\n")
        label = "optional " if schema.syntax != "2023" else ""
        parts = [head, package]
        custom = random.random() < 0.6 or any(
            "(" in option for m in schema.everything() for f in m.fields for option in f.options
        )
        if custom:
            parts.append(_OPTIONS.replace("LABEL", label))
            parts.append(
                'option (file_note) = { text: "t" inner { levels: [1, 2] } flags { key: "k" value: true } e: E0_V0 };'
            )
        if random.random() < 0.5:
            parts.append("option java_package = \"com.p\"; option optimize_for = CODE_SIZE; option go_package = 'g';")
        parts.append('import public "google/protobuf/any.proto"; import "google/protobuf/duration.proto";')
        parts.append(types)
        if custom:
            parts.append(
                "message Marked { option (blob) = '\\xff\\0q'; option (ratio) = -1e-9; option deprecated = true; }"
            )
            parts.append(
                "enum Aliased { option allow_alias = true; Z = 0; Y = 0 [(other) = E0_V0, deprecated = true]; }"
            )
        if schema.syntax != "proto3":
            parts.append("message Open { extensions 100 to 199, 300; extensions 1000 to max; reserved 5 to 9, 2; }")
            parts.append(
                f"extend Open {{ {label}Open deeper = 100; repeated uint32 many = 300 [packed = true]; }}".replace(
                    " [packed = true]", "" if schema.editions else " [packed = true]"
                )
            )
            parts.append(f"message Scope {{ extend Open {{ {label}string inside = 101; }} }}")
        if schema.syntax == "proto2":
            parts.append(
                "message Grouped { repeated group Item = 1 { required int32 x = 1; optional group Deep = 2 {} } "
                "oneof o { group Choice = 3 { optional Item i = 1; } int32 y = 4; } }"
            )
        if schema.editions:
            parts.insert(
                2, "option features.repeated_field_encoding = EXPANDED; option features.utf8_validation = NONE;"
            )
            parts.append("enum Closed { option features.enum_type = CLOSED; ONE = 1; }")
            parts.append("message Closing { Closed one = 1; repeated Closed many = 2; map<int32, Open> opens = 3; }")
        parts.append(
            "service S { rpc A (M0) returns (stream M0);"
            " rpc B (stream .p.M0) returns (p.M0) { option deprecated = true; } }"
        )
        return self._loosened("\n".join(parts))

    def _field_options(self, schema: Schema, each: Field) -> list[str]:
        random = self.random
        found = []
        if random.random() < 0.15:
            found.append("deprecated = true")
        if random.random() < 0.1:
            found.append(f'json_name = "j{each.number}"')
        if random.random() < 0.15:
            found.append(random.choice((f"(mark) = {random.randint(-5, 5)}", "(.p.mark)=0x1f")))
        if random.random() < 0.15:
            found.append(
                random.choice(
                    (
                        '(note).text = "a" \'b"c\', (p.note).inner.text = "ü"',
                        '(note) = { text: "x", levels: 1 levels: [2, 3] inner < inner { } > flags: { key: "b" } }',
                    )
                )
            )
        if random.random() < 0.1:
            found.append('(words) = "one", (words) = "two"')
        singular = not each.key and not each.oneof and each.label != "repeated"
        implicit = any("IMPLICIT" in option for option in each.options)
        if schema.syntax != "proto3" and singular and not implicit and each.type in _DEFAULTS and random.random() < 0.4:
            found.append(f"default = {_DEFAULTS[each.type]}")
        random.shuffle(found)
        return found

    def _loosened(self, text: str) -> str:
        """Comments and blanks where they do no harm."""
        lines = []
        for line in text.split("\n"):
            if self.random.random() < 0.1:
                lines.append(self.random.choice(("// ; } a comment", "/* { \n * comment\n */", "\t", "//* \u20ac")))
            lines.append(line)
        return self.random.choice(("\n", "\r\n")).join(lines)
