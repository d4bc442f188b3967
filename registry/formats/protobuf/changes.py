"""The semantic diff of two versions: what happened to the fields of events, in data and in words.

Paths lead through the event, as those of fields; changes of the whole file have the empty path. A field is the same
field while it has its number; one that has its name under another number was moved.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from registry.formats.base import Change, ChangeKind
from registry.formats.protobuf.fields import roots
from registry.formats.protobuf.model import Enum, Field, Message
from registry.formats.protobuf.schema import ProtobufSchema
from registry.formats.protobuf.spans import Place, Spans
from registry.formats.protobuf.tags import of_fields

MAX_CHANGES = 2_000


def changes(old: ProtobufSchema, new: ProtobufSchema) -> Sequence[Change]:
    """Every difference between two versions, the file first, then field by field, outermost first."""
    found: list[Change] = []
    for each in _Walk(old, new).all():
        if len(found) == MAX_CHANGES:
            break
        found.append(each)
    return tuple(dict.fromkeys(found))


class _Walk:
    def __init__(self, old: ProtobufSchema, new: ProtobufSchema) -> None:
        self.old, self.new = old, new
        self._docs = _Docs(old), _Docs(new)

    def all(self) -> Iterator[Change]:
        yield from self._file()
        yield from self._services()
        for before, after in self._types():
            yield from self._messages(before, after)

    def _file(self) -> Iterator[Change]:
        before, after = self.old.model.file, self.new.model.file
        if before.package != after.package:
            told = f"the package {before.package or '(none)'} became {after.package or '(none)'}"
            yield Change(ChangeKind.RENAMED, "", told, old=before.package, new=after.package)
        spelled = [f"{each.syntax} {each.edition or ''}".strip() for each in (before, after)]
        if spelled[0] != spelled[1]:
            told = f"the file is written in {spelled[1]}, not in {spelled[0]}"
            yield Change(ChangeKind.DOCUMENTED, "", told, old=spelled[0], new=spelled[1])
        had, has = ({each.local for each in side.everything()} for side in (before, after))
        for name in sorted(has - had):
            yield Change(ChangeKind.ADDED, "", f"message {name} is new", new=name)
        for name in sorted(had - has):
            yield Change(ChangeKind.REMOVED, "", f"message {name} is gone", old=name)

    def _services(self) -> Iterator[Change]:
        before, after = (
            {
                f"{service.name}.{method.name}": f"({'stream ' * method.client_streaming}{method.input_type}) returns"
                f" ({'stream ' * method.server_streaming}{method.output_type})"
                for service in side.file.service
                for method in service.method
            }
            for side in (self.old, self.new)
        )
        for name, shape in after.items():
            if name not in before:
                yield Change(ChangeKind.ADDED, "", f"rpc {name} is new", new=shape)
            elif before[name] != shape:
                told = f"rpc {name} takes or returns something else"
                yield Change(ChangeKind.RETYPED, "", told, old=before[name], new=shape)
        for name, shape in before.items():
            if name not in after:
                yield Change(ChangeKind.REMOVED, "", f"rpc {name} is gone", old=shape)

    def _types(self) -> Iterator[tuple[Message, Message]]:
        """The event types of both versions, by name; a single one that only changed its name too."""
        before = {each.local: each for each in roots(self.old.model)}
        after = {each.local: each for each in roots(self.new.model)}
        yield from ((before[name], after[name]) for name in after if name in before)
        lost, fresh = (
            [each for name, each in one.items() if name not in other]
            for one, other in ((before, after), (after, before))
        )
        if len(lost) == len(fresh) == 1:
            yield lost[0], fresh[0]

    def _messages(self, before: Message, after: Message) -> Iterator[Change]:
        waiting = deque([("", "", before, after)])
        seen = {(before, after)}
        while waiting:
            path, old_path, was, now = waiting.popleft()
            yield from self._reserved(path, was, now)
            yield from self._fields(path, old_path, was, now)
            for number, each in now.by_number.items():
                other = was.by_number.get(number)
                inner = None if other is None else (_body(other), _body(each))
                if other is None or inner is None or inner[0] is None or inner[1] is None or inner in seen:
                    continue
                seen.add((inner[0], inner[1]))
                waiting.append((_inside(path, each), _inside(old_path, other), inner[0], inner[1]))

    def _reserved(self, path: str, was: Message, now: Message) -> Iterator[Change]:
        for kind, one, other, verb in (
            (ChangeKind.CONSTRAINED, now, was, "reserved now"),
            (ChangeKind.LOOSENED, was, now, "no longer reserved"),
        ):
            ranges = [_span(each) for each in one.reserved if each not in other.reserved]
            words = [*ranges, *sorted(one.reserved_names - other.reserved_names)]
            if words:
                told = f"{', '.join(words)} {'are' if len(words) > 1 else 'is'} {verb} in {now.local}"
                yield Change(kind, path, told)

    def _fields(self, path: str, old_path: str, was: Message, now: Message) -> Iterator[Change]:
        lost = {each.name: each for each in was.fields if each.number not in now.by_number}
        for each in now.fields:
            here = f"{path}/{each.name}"
            other = was.by_number.get(each.number)
            moved = lost.pop(each.name, None) if other is None else None
            if moved is not None:
                told = f"{each.name} has the number {each.number}, not {moved.number}"
                there = f"{old_path}/{moved.name}"
                yield Change(ChangeKind.MOVED, here, told, there, str(moved.number), str(each.number))
                yield from self._field(here, there, moved, each, was, now)
            elif other is None:
                yield Change(ChangeKind.ADDED, here, f"{each.told} {each.name} is new", new=each.told)
            else:
                yield from self._field(here, f"{old_path}/{other.name}", other, each, was, now)
        for gone in lost.values():
            there = f"{old_path}/{gone.name}"
            yield Change(ChangeKind.REMOVED, there, f"{gone.told} {gone.name} is gone", there, gone.told)

    def _field(
        self, path: str, old_path: str, was: Field, now: Field, before: Message, after: Message
    ) -> Iterator[Change]:
        def change(kind: ChangeKind, told: str, old: str = "", new: str = "") -> Change:
            return Change(kind, path, told, old_path, old, new)

        name = now.name
        if was.name != name:
            yield change(ChangeKind.RENAMED, f"{was.name} is called {name}", was.name, name)
        elif was.json_name != now.json_name:
            told = f"{name} is called {now.json_name} in JSON, not {was.json_name}"
            yield change(ChangeKind.RENAMED, told, was.json_name, now.json_name)
        types = _shape(was, before), _shape(now, after)
        if types[0] != types[1]:
            yield change(ChangeKind.RETYPED, f"{name} is {types[1]}, not {types[0]}", *types)
        if was.required != now.required:
            kind = ChangeKind.CONSTRAINED if now.required else ChangeKind.LOOSENED
            yield change(kind, f"{name} is {'required now' if now.required else 'no longer required'}")
        elif was.presence != now.presence and was.repeated == now.repeated:
            kind = ChangeKind.LOOSENED if now.presence else ChangeKind.CONSTRAINED
            told = f"{name} can {'now' if now.presence else 'no longer'} be told apart from its default when unset"
            yield change(kind, told)
        if was.oneof != now.oneof:
            told = f"{name} is {f'in oneof {now.oneof}' if now.oneof else 'in no oneof'}, not {was.oneof or 'outside'}"
            yield change(ChangeKind.MOVED, told, was.oneof or "", now.oneof or "")
        if was.delimited != now.delimited or (was.packed != now.packed and was.repeated and now.repeated):
            yield change(ChangeKind.RETYPED, f"{name} is encoded in another way", _coding(was), _coding(now))
        if was.default != now.default:
            told = (
                f"{name} reads as {now.default or 'the zero value'} when unset, not {was.default or 'the zero value'}"
            )
            yield change(ChangeKind.RETYPED, told, was.default or "", now.default or "")
        if was.enum is not None and now.enum is not None:
            yield from self._enum(path, old_path, name, was.enum, now.enum)
        yield from self._documented(path, old_path, was, now, before, after)

    def _enum(self, path: str, old_path: str, name: str, was: Enum, now: Enum) -> Iterator[Change]:
        before, after = was.numbers, now.numbers
        for number, value in after.items():
            if number not in before:
                told = f"{name} may be {value}"
                yield Change(ChangeKind.LOOSENED, path, told, old_path, "", value)
            elif before[number] != value:
                told = f"{before[number]} of {name} is called {value}"
                yield Change(ChangeKind.RENAMED, path, told, old_path, before[number], value)
        for number, value in before.items():
            if number not in after:
                yield Change(ChangeKind.CONSTRAINED, path, f"{name} is never {value}", old_path, value)
        if was.closed != now.closed:
            kind = ChangeKind.CONSTRAINED if now.closed else ChangeKind.LOOSENED
            yield Change(kind, path, f"the enum of {name} is {'closed' if now.closed else 'open'} now", old_path)

    def _documented(
        self, path: str, old_path: str, was: Field, now: Field, before: Message, after: Message
    ) -> Iterator[Change]:
        docs = self._docs[0].of(before, was), self._docs[1].of(after, now)
        for what, one, other in zip(("comment", "tags", "deprecation"), *docs, strict=True):
            if one != other:
                told = f"the {what} of {now.name} changed"
                yield Change(ChangeKind.DOCUMENTED, path, told, old_path, one, other)


class _Docs:
    """Comments, tags and deprecation of the fields of one schema."""

    def __init__(self, schema: ProtobufSchema) -> None:
        self._path = schema.model.file.path
        self._spans: Spans = schema.spans
        self._tags = of_fields(schema)

    def of(self, message: Message, each: Field) -> tuple[str, str, str]:
        place: Place = each.place
        comment = self._spans.comments(place) if message.file == self._path else ""
        tags = ", ".join(sorted(self._tags.get((message.file, place), ())))
        return comment, tags, "deprecated" if each.deprecated else ""


def _body(each: Field) -> Message | None:
    return each.value.message if each.value is not None else each.message


def _inside(path: str, each: Field) -> str:
    return f"{path}/{each.name}" + ("/*" if each.repeated else "")


def _shape(each: Field, message: Message) -> str:
    """The type in words, types by their local names, so that a change of package is told once."""
    told = each.told.removeprefix("required ")
    package = message.name.removesuffix(message.local)
    return told.replace(package, "") if package else told


def _coding(each: Field) -> str:
    return "delimited" if each.delimited else "packed" if each.packed else "plain"


def _span(numbers: tuple[int, int]) -> str:
    return str(numbers[0]) if numbers[0] == numbers[1] else f"{numbers[0]} to {numbers[1]}"
