"""Fixes: small edits of a .proto text that make a finding go away, each tried by checking again.

Backward, the new schema reads, and its text is edited. Forward, the new schema writes, and again its text is edited:
the old one is history. An edit is offered when the finding is gone with it and nothing else came instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from google.protobuf.descriptor_pb2 import DescriptorProto

from registry.errors import InvalidSchema
from registry.formats.base import Edit, Finding, Fix, Severity, Source
from registry.formats.protobuf import wire
from registry.formats.protobuf.model import Enum, Field, Message
from registry.formats.protobuf.schema import ProtobufSchema
from registry.formats.protobuf.spans import Place, Spans

MAX_FIXES = 4
Proposal = tuple[str, str, tuple[Edit, ...]]

_HIGHEST = 536_870_911
_IMPLEMENTATION = range(19_000, 20_000)
_NEW_NUMBER = "new-number"


def fixes(reader: ProtobufSchema, writer: ProtobufSchema, finding: Finding, *, forward: bool = False) -> Sequence[Fix]:
    """Edits of the new schema's text (the reader's, or the writer's when `forward`) that remove a finding.

    None where nothing was found that helps, where the finding lies in an import, and where the new schema was sent as
    a descriptor, which has no text to edit.
    """
    own, other = (writer, reader) if forward else (reader, writer)
    if not own.has_text:
        return ()
    before = _keys(reader.findings(writer))
    found: list[Fix] = []
    for name, sentence, edits in _proposals(own, other, finding, forward=forward):
        fix = Fix(name, sentence, edits)
        if len(found) == MAX_FIXES or fix.edits in [each.edits for each in found]:
            continue
        try:
            fixed = own.again(Source(fix.apply(own.source.text), own.source.references))
        except InvalidSchema:
            continue
        after = _keys(reader.findings(fixed) if forward else fixed.findings(writer))
        new = {key for key in after.keys() - before.keys() if name != _NEW_NUMBER or after[key] is Severity.ERROR}
        if (finding.rule, finding.path) not in after and not new:
            found.append(fix)
    return tuple(found)


def _keys(findings: Sequence[Finding]) -> dict[tuple[str, str], Severity]:
    return {(finding.rule, finding.path): finding.severity for finding in findings}


def _proposals(own: ProtobufSchema, other: ProtobufSchema, finding: Finding, *, forward: bool) -> Iterator[Proposal]:
    if finding.rule == "PACKAGE_CHANGED":
        yield from _package(own, other)
        return
    parts = re.findall(r"[^#/]+", finding.path)
    if finding.rule == "MESSAGE_REMOVED":
        yield from _message(own, other, parts)
        return
    number = int(parts.pop()) if parts and parts[-1].isdigit() else None
    pair = _pair(own, other, parts)
    if pair is None:
        return
    workshop = _Workshop(own, other, *pair)
    if number is None:
        yield from _ONEOFS.get(finding.rule, _nothing)(workshop, parts[-1])
        yield from _reservation(workshop, finding)
        return
    if finding.rule == "FIELD_RENUMBERED":
        numbers = int(finding.reader_value), int(finding.writer_value)
        yield from workshop.renumbered(*(numbers[::-1] if forward else numbers))
        return
    mine, theirs = pair[0].by_number.get(number), pair[1].by_number.get(number)
    if finding.rule == "RESERVED_NUMBER_REUSED" and mine is not None:
        yield from workshop.unused(mine)
        return
    if mine is None and theirs is not None:
        yield from workshop.put_back(theirs)
    elif mine is not None and theirs is None:
        yield from workshop.without_demand(mine)
    elif mine is not None and theirs is not None:
        yield from workshop.as_before(mine, theirs, finding)


def _pair(own: ProtobufSchema, other: ProtobufSchema, parts: list[str]) -> tuple[Message, Message] | None:
    """The messages of both sides that a path names; its last part may be a oneof. None for those of imports."""
    mine = {message.local: message for message in own.model.file.everything()}
    theirs = {message.local: message for message in other.model.file.everything()}
    for size in (len(parts), len(parts) - 1):
        local = ".".join(parts[:size])
        if local in mine and local in theirs:
            return mine[local], theirs[local]
    return None


def _package(own: ProtobufSchema, other: ProtobufSchema) -> Iterator[Proposal]:
    spans = own.spans
    statement = f"package {other.file.package};" if other.file.package else ""
    at = spans.range((2,))
    if at is not None:
        edit = Edit(*at, statement)
    else:
        end = (spans.range((12,)) or (0, 0))[1]
        edit = Edit(end, end, f"\n{statement}")
    yield "restore-package", f"go back to package {other.file.package or '(none)'}", (edit,)


def _message(own: ProtobufSchema, other: ProtobufSchema, parts: list[str]) -> Iterator[Proposal]:
    lost = next((each for each in other.model.file.everything() if each.local == ".".join(parts)), None)
    text = other.spans.slice(lost.place) if lost is not None else None
    if lost is None or text is None:
        return
    sentence = f"bring message {lost.local} back"
    if len(parts) == 1:
        end = len(own.text)
        yield "restore-message", sentence, (Edit(end, end, f"\n{text}\n"),)
        return
    home = next((each for each in own.model.file.everything() if each.local == ".".join(parts[:-1])), None)
    if home is not None:
        editor = _Editor(own.text, own.spans)
        yield "restore-message", sentence, (editor.inside(home.place, text),)


class _Editor:
    """Edits of one text that keep its shape."""

    def __init__(self, text: str, spans: Spans) -> None:
        self.text, self.spans = text, spans

    def inside(self, place: Place, statement: str) -> Edit:
        """A statement as the last one between the braces of a declaration."""
        found = self.spans.range(place)
        assert found is not None
        brace = found[1] - 1
        line = self.text.rfind("\n", 0, brace) + 1
        indent = self.text[line:brace]
        if indent.strip():  # the brace shares its line with others
            return Edit(brace, brace, f"{statement} " if self.text[brace - 1].isspace() else f" {statement} ")
        return Edit(line, line, f"{indent}  {statement}\n")

    def before(self, place: Place, statements: Sequence[str]) -> Edit:
        """Statements in front of a declaration."""
        found = self.spans.range(place)
        assert found is not None
        line = self.text.rfind("\n", 0, found[0]) + 1
        indent = self.text[line : found[0]]
        between = " " if indent.strip() else f"\n{indent}"
        return Edit(found[0], found[0], "".join(f"{statement}{between}" for statement in statements))

    def without(self, place: Place) -> Edit:
        """A declaration gone, with its line where it stands alone on it."""
        found = self.spans.range(place)
        assert found is not None
        start, end = found
        line = self.text.rfind("\n", 0, start) + 1
        after = re.compile(r"[ \t]*(?:\r?\n|\Z)").match(self.text, end)
        if not self.text[line:start].strip() and after is not None:
            return Edit(line, after.end(), "")
        return Edit(start, end, "")


@dataclass(slots=True)
class _Workshop:
    """Both sides of one message: `mine` is to be edited, `theirs` shows how it was."""

    own: ProtobufSchema
    other: ProtobufSchema
    mine: Message
    theirs: Message

    @property
    def editor(self) -> _Editor:
        return _Editor(self.own.text, self.own.spans)

    def put_back(self, was: Field) -> Iterator[Proposal]:
        """A field that the other side has."""
        statement = self.other.spans.slice(was.place)
        home = self.mine.place
        if was.oneof is not None:
            if was.oneof not in self.mine.oneofs:
                statement = f"oneof {was.oneof} {{ {statement} }}"
            else:
                home = self._oneof(self.own, self.mine, was.oneof)
        if statement:
            edits = (self.editor.inside(home, statement), *self._unreserved(was))
            yield "restore-field", f"bring field {was.name} back", edits

    def without_demand(self, now: Field) -> Iterator[Proposal]:
        """A field that only this side has: optional, outside its oneof, under another number, or gone."""
        if now.required:
            yield from self._optional(now)
        if now.oneof is not None:
            yield from self._out_of_oneof([now])
        free = _free(self.mine, self.theirs)
        number = self.own.spans.range((*now.place, 3))
        if number is not None:
            yield "renumber", f"give field {now.name} the free number {free}", (Edit(*number, str(free)),)

    def renumbered(self, now: int, was: int) -> Iterator[Proposal]:
        """A field of this side under the number it had before."""
        each = self.mine.by_number.get(now)
        at = self.own.spans.range((*each.place, 3)) if each is not None else None
        if each is not None and at is not None:
            yield (
                "restore-number",
                f"give field {each.name} its number {was} again",
                (Edit(*at, str(was)), *self._unreserved(self.theirs.by_number[was])),
            )

    def unused(self, now: Field) -> Iterator[Proposal]:
        """A number that was reserved, reserved again, and its field under another one."""
        yield from self._new_number(now)

    def _unreserved(self, each: Field) -> Iterator[Edit]:
        """A field cannot come back while its number or name is reserved: statements that reserve nothing else go."""
        for kind, quoted in ((9, str(each.number)), (10, f'"{each.name}"')):
            for start, end in self.own.spans.all((*self.mine.place, kind)):
                if "".join(self.own.text[start:end].split()) == f"reserved{quoted};":
                    yield Edit(start, end, "")

    def as_before(self, now: Field, was: Field, finding: Finding) -> Iterator[Proposal]:
        """A field of both sides, made again what it was."""
        if finding.rule == "CLOSED_ENUM_VALUE_REMOVED":
            yield from self._values(now, was)
            return
        if not wire.reads(now, was) or now.told != was.told or finding.rule == "FIELD_NAMED_TYPE_CHANGED":
            yield from self._type(now, was)
        yield from self._label(now, was)
        yield from self._features(now, was)
        yield from self._new_number(now)

    def _type(self, now: Field, was: Field) -> Iterator[Proposal]:
        at = _type_range(self.own.spans, now)
        old = _type_range(self.other.spans, was)
        if at is None or old is None or now.group or was.group:
            return
        text = self.other.text[old[0] : old[1]]
        edits = [Edit(*at, text)]
        if was.repeated and was.key is None and not now.repeated:
            edits = [Edit(*at, f"repeated {text}")]
        yield "restore-type", f"make field {now.name} {was.told} again", tuple(edits)

    def _label(self, now: Field, was: Field) -> Iterator[Proposal]:
        at = self.own.spans.range((*now.place, 4))
        kind = _type_range(self.own.spans, now)
        if kind is None or now.label == was.label:
            return
        if at is not None:
            replaced = Edit(at[0], kind[0], f"{was.label} " if was.label else "")
        else:
            replaced = Edit(kind[0], kind[0], f"{was.label} ")
        yield "restore-label", f"make field {now.name} {was.label or 'unlabelled'} again", (replaced,)
        if now.required:
            yield from self._optional(now)

    def _optional(self, now: Field) -> Iterator[Proposal]:
        at = self.own.spans.range((*now.place, 4))
        if at is not None and now.label == "required":
            yield "make-optional", f"make field {now.name} optional", (Edit(*at, "optional"),)
        else:
            yield from self._without_option(now, (21, 1), f"make field {now.name} optional")

    def _features(self, now: Field, was: Field) -> Iterator[Proposal]:
        if now.required and not was.required:
            yield from self._without_option(now, (21, 1), f"make field {now.name} optional again")
        if now.delimited != was.delimited:
            yield from self._without_option(now, (21, 5), f"encode field {now.name} as before")
            if was.delimited:
                yield from self._with_option(now, "features.message_encoding = DELIMITED")
        if was.required and not now.required:
            yield from self._with_option(now, "features.field_presence = LEGACY_REQUIRED")

    def _without_option(self, now: Field, option: Place, sentence: str) -> Iterator[Proposal]:
        at = self.own.spans.range((*now.place, 8, *option))
        whole = self.own.spans.range((*now.place, 8))
        if at is None or whole is None:
            return
        text = self.own.text
        if text[whole[0] + 1 : at[0]].strip() or text[at[1] : whole[1] - 1].strip():
            after = re.compile(r"\s*,\s*").match(text, at[1])
            before = re.compile(r",\s*\Z").search(text, whole[0], at[0])
            start, end = (at[0], after.end()) if after else (before.start() if before else at[0], at[1])
        else:
            start, end = whole
            start -= len(text[:start]) - len(text[:start].rstrip())
        yield "drop-feature", sentence, (Edit(start, end, ""),)

    def _with_option(self, now: Field, option: str) -> Iterator[Proposal]:
        if self.own.model.file.syntax != "editions":
            return
        whole = self.own.spans.range((*now.place, 8))
        end = self.own.spans.range((*now.place, 3))
        assert end is not None
        edit = (
            Edit(end[1], end[1], f" [{option}]") if whole is None else Edit(whole[0] + 1, whole[0] + 1, f"{option}, ")
        )
        yield "add-feature", f"set {option} on field {now.name}, as before", (edit,)

    def _new_number(self, now: Field) -> Iterator[Proposal]:
        at = self.own.spans.range((*now.place, 3))
        if at is None:
            return
        free = _free(self.mine, self.theirs)
        reserve = self.editor.inside(self.mine.place, f"reserved {now.number};")
        sentence = f"give field {now.name} the free number {free}, and reserve {now.number}"
        yield _NEW_NUMBER, sentence, (Edit(*at, str(free)), reserve)

    def _values(self, now: Field, was: Field) -> Iterator[Proposal]:
        if now.enum is None or was.enum is None or now.enum.file != self.own.model.file.path:
            return
        yield from self._restored_values(now.enum, was.enum)

    def _restored_values(self, now: Enum, was: Enum) -> Iterator[Proposal]:
        lost = {number: name for number, name in was.numbers.items() if number not in now.numbers}
        edits = tuple(self.editor.inside(now.place, f"{name} = {number};") for number, name in lost.items())
        if edits:
            merged = Edit(edits[0].start, edits[0].end, "".join(edit.replacement for edit in edits))
            yield "restore-values", f"bring {', '.join(lost.values())} back to enum {now.local}", (merged,)

    # Oneofs

    def _oneof(self, side: ProtobufSchema, message: Message, name: str) -> Place:
        descriptor = _descriptor(side, message)
        number = next(at for at, each in enumerate(descriptor.oneof_decl) if each.name == name)
        return (*message.place, 8, number)

    def _out_of_oneof(self, moved: list[Field]) -> Iterator[Proposal]:
        name = moved[0].oneof
        assert name is not None
        place = self._oneof(self.own, self.mine, name)
        statements = [self.own.spans.slice(each.place) or "" for each in moved]
        staying = [each for each in self.mine.fields if each.oneof == name and each not in moved]
        label = "optional " if self.own.model.file.syntax == "proto2" else ""
        ahead = self.editor.before(place, [label + statement for statement in statements])
        edits = [ahead, *(self.editor.without(each.place) for each in moved)]
        if not staying:
            found = self.own.spans.range(place)
            assert found is not None
            edits = [Edit(found[0], found[1], ahead.replacement.rstrip())]
        names = ", ".join(each.name for each in moved)
        yield "leave-oneof", f"take {names} out of oneof {name}", tuple(edits)

    def apart(self, name: str) -> Iterator[Proposal]:
        """The oneof's members that could be set together before, outside it again."""
        if name in self.mine.oneofs:
            members = [each for each in self.mine.fields if each.oneof == name]
            known = [
                (each, self.theirs.by_number[each.number]) for each in members if each.number in self.theirs.by_number
            ]
            alone = [each for each, was in known if was.oneof is None]
            if alone:
                yield from self._out_of_oneof(alone)
            others = [each for each, was in known if was.oneof != name]
            if others and others != alone:
                yield from self._out_of_oneof(others)
        elif name in self.theirs.oneofs:
            yield from self._into_oneof(name)

    def _into_oneof(self, name: str) -> Iterator[Proposal]:
        """Forward: the old reader has one oneof where the new writer has separate fields."""
        numbers = [each.number for each in self.theirs.fields if each.oneof == name]
        members = [each for each in self.mine.fields if each.number in numbers and each.oneof is None]
        if len(members) < 2:
            return
        spans = self.own.spans
        bare = [re.sub(r"^(optional)\s+", "", spans.slice(each.place) or "") for each in members]
        whole = f"oneof {name} {{ {' '.join(bare)} }}"
        first = spans.range(members[0].place)
        assert first is not None
        edits = [Edit(*first, whole), *(self.editor.without(each.place) for each in members[1:])]
        names = ", ".join(each.name for each in members)
        yield "enter-oneof", f"put {names} into one oneof, {name}, as before", tuple(edits)


def _nothing(workshop: _Workshop, name: str) -> Iterator[Proposal]:
    return iter(())


_ONEOFS: dict[str, Callable[[_Workshop, str], Iterator[Proposal]]] = {
    "MULTIPLE_FIELDS_MOVED_TO_ONEOF": _Workshop.apart,
    "FIELD_MOVED_TO_EXISTING_ONEOF": _Workshop.apart,
}


def _reservation(workshop: _Workshop, finding: Finding) -> Iterator[Proposal]:
    if finding.rule == "RESERVATION_REMOVED" and finding.writer_value:
        is_name = not finding.writer_value[0].isdigit()
        editions = workshop.own.model.file.syntax == "editions"
        what = f'"{finding.writer_value}"' if is_name and not editions else finding.writer_value
        edit = workshop.editor.inside(workshop.mine.place, f"reserved {what};")
        yield "restore-reservation", f"reserve {finding.writer_value} again", (edit,)


def _type_range(spans: Spans, each: Field) -> tuple[int, int] | None:
    return spans.range((*each.place, 6)) or spans.range((*each.place, 5))


def _free(mine: Message, theirs: Message) -> int:
    """The lowest number above all that either side uses, reserves or opens to extensions."""
    taken = [each.number for message in (mine, theirs) for each in message.fields]
    taken += [end for message in (mine, theirs) for _, end in message.reserved if end < _HIGHEST]
    number = max(taken, default=0) + 1
    return number if number not in _IMPLEMENTATION else _IMPLEMENTATION.stop


def _descriptor(side: ProtobufSchema, message: Message) -> DescriptorProto:
    _, first, *rest = message.place
    found = side.file.message_type[first]
    for number in rest[1::2]:
        found = found.nested_type[number]
    return found
