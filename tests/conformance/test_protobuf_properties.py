"""Properties of random Protobuf schemas: printing loses nothing, and the semantic verdict is right both ways."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto
from google.protobuf.message import Message as Event

from registry.formats.base import Severity, Source, Verdict
from registry.formats.protobuf import FORMAT, ProtobufSchema, events
from registry.formats.protobuf.language import json_name_of
from registry.formats.protobuf.sampling import messages
from registry.formats.protobuf.semantic import semantic, witness
from tests.conformance.protobuf_schemas import Author, pair

pytestmark = pytest.mark.timeout(3600)  # with --full; seconds without

# Printing


def plain(schema: ProtobufSchema) -> bytes:
    """The descriptor without what a text may order or leave out freely, options decoded with their extensions."""
    file = FileDescriptorProto()
    file.CopyFrom(schema.file)
    file.ClearField("source_code_info")
    public = sorted(file.dependency[number] for number in file.public_dependency)
    del file.public_dependency[:]
    imports = [*sorted(file.dependency), "public", *public]
    del file.dependency[:]
    file.dependency.extend(imports)
    for message in file.message_type:
        _plain(message)
    for enum in file.enum_type:
        _reserved(enum)
    for each in file.extension:
        _named(each)
    _sort(file.extension, lambda each: (each.extendee, each.number))
    _decode(schema, file)
    return file.SerializeToString(deterministic=True)


def _plain(message: DescriptorProto) -> None:
    oneofs = [each.name for each in message.oneof_decl]
    for each in (*message.field, *message.extension):
        _named(each)
        if each.HasField("oneof_index"):
            each.default_value = f"{each.default_value} oneof {oneofs[each.oneof_index]}"
            each.ClearField("oneof_index")
    _sort(message.oneof_decl, lambda each: each.name)
    _sort(message.field, lambda each: each.number)
    _sort(message.nested_type, lambda each: each.name)
    _sort(message.extension, lambda each: (each.extendee, each.number))
    _sort(message.extension_range, lambda each: each.start)
    _reserved(message)
    for inner in message.nested_type:
        _plain(inner)
    for enum in message.enum_type:
        _reserved(enum)


def _reserved(owner: Any) -> None:
    _sort(owner.reserved_range, lambda each: each.start)
    names = sorted(owner.reserved_name)
    del owner.reserved_name[:]
    owner.reserved_name.extend(names)


def _named(each: Any) -> None:
    each.json_name = each.json_name or json_name_of(each.name)


def _sort(repeated: Any, key: Any) -> None:
    copies = []
    for each in repeated:
        copies.append(type(each)())
        copies[-1].CopyFrom(each)
    del repeated[:]
    repeated.extend(sorted(copies, key=key))


def _decode(schema: ProtobufSchema, message: Any) -> None:
    """Options as text: extensions are unknown fields, in the order in which they were written."""
    for descriptor, value in message.ListFields():
        if descriptor.name == "options":
            found = sorted(schema.pool.decode(value).ListFields(), key=lambda each: each[0].number)
            text = "\n".join(f"{each.full_name}: {contents}" for each, contents in found)
            value.Clear()
            option = value.uninterpreted_option.add()
            option.aggregate_value = text
        elif descriptor.message_type is not None and descriptor.message_type.file.name.endswith("descriptor.proto"):
            for each in value if descriptor.is_repeated else [value]:
                _decode(schema, each)


def again(schema: ProtobufSchema, text: str) -> ProtobufSchema:
    return FORMAT.parse(Source(text, schema.source.references))


def test_printing_loses_nothing(full: bool) -> None:
    for seed in range(1000 if full else 40):
        text = Author(seed).file()
        schema = FORMAT.parse(Source(text))
        printed = again(schema, schema.canonical)
        assert printed.canonical == schema.canonical, seed
        assert plain(printed) == plain(schema), seed
        normal = again(schema, schema.normalized())
        assert normal.normalized() == schema.normalized(), seed
        assert printed.normalized() == schema.normalized(), seed
        binary = again(schema, schema.render("serialized"))
        assert binary.normalized() == schema.normalized(), seed
        assert again(schema, binary.canonical).canonical == binary.canonical, seed
        assert plain(binary) == plain(normal) == plain(schema), seed
        bare = again(schema, schema.render("ignore_extensions"))
        assert schema.findings(bare) == bare.findings(schema) == [], seed
        assert schema.findings(printed) == printed.findings(schema) == [], seed


def test_the_model_agrees_with_the_library(full: bool) -> None:
    """Features, presence, packing and closed enums as the real descriptors have them."""
    for seed in range(1000 if full else 40):
        schema = FORMAT.parse(Source(Author(seed).file()))
        for message in schema.model.file.everything():
            descriptor = schema.pool.pool.FindMessageTypeByName(message.name)
            for each in message.fields:
                real = descriptor.fields_by_number[each.number]
                assert (each.name, each.json_name) == (real.name, real.json_name), seed
                assert each.repeated == real.is_repeated, (seed, each.name)
                assert each.required == real.is_required, (seed, each.name)
                assert each.packed == real.is_packed, (seed, each.name)
                assert each.presence == real.has_presence, (seed, each.name)
                assert each.delimited == (real.type == real.TYPE_GROUP), (seed, each.name)
                assert (each.key is not None) == bool(real.message_type and real.message_type.GetOptions().map_entry)
                if each.enum is not None:
                    assert real.enum_type is not None
                    assert each.enum.closed == real.enum_type.is_closed, (seed, each.name)
        for path, shown in ((each.path, each.type) for each in schema.fields()):
            assert path.startswith("/")
            assert shown


# Meaning


def test_samples_are_valid_events(full: bool) -> None:
    for seed in range(400 if full else 60):
        schema = FORMAT.parse(Source(Author(seed).file()))
        for message in schema.model.file.everything():
            for event, _, note in islice(messages(schema, seed=seed, message=message.name), 60):
                read = events.decoded(schema, message, events.encoded(event, message))
                assert ordered(read) == ordered(event), (seed, note)
                back = events.parsed(schema, events.shown(schema, event), message.name)
                assert ordered(back) == ordered(event), (seed, note)


def ordered(event: Event) -> bytes:
    """The bytes of an event, maps in order; equal for equal events, NaN included."""
    return event.SerializePartialToString(deterministic=True)


# Where the verdicts may differ. Parity refuses, and yet nothing breaks on the wire:
CONSERVATIVE = {
    "MESSAGE_REMOVED": "a type is gone: its events have no reader, which the wire cannot show (facts 5.2, identity)",
    "FIELD_NAMED_TYPE_CHANGED": "another type of the same shape reads the same bytes (facts 5.2, identity)",
    "ONEOF_FIELD_REMOVED": "the member is skipped as unknown (facts 5.2, consensus)",
    "REQUIRED_FIELD_REMOVED": "the reader skips it; only old readers of new events break (facts 5.2, conservative)",
    "FIELD_NUMERIC_LABEL_CHANGED": "required → optional, and single → repeated, are read by every parser (facts 5.2)",
    "FIELD_KIND_CHANGED": "map ↔ repeated entry, and message → bytes, are the same bytes (facts 5.2, conservative)",
}
# Parity accepts, and yet an event breaks; each such pair carries one of these warnings:
UNSOUND = {
    "PACKED_FIELD_BECAME_SINGULAR": "packed [5] has another wire type than a single value (facts 5.2, unsound)",
    "FIELD_BECAME_REQUIRED": "an event without the field (facts 5.2, unsound)",
    "LEGACY_REQUIRED_ADDED": "an event written before the field was (facts 5.2, unsound)",
    "MESSAGE_ENCODING_CHANGED": "a group has another wire type than a length-prefixed message (facts 5.2, unsound)",
    "CLOSED_ENUM_VALUE_REMOVED": "an event with the removed value (facts 5.3, unsound)",
}


@pytest.fixture(scope="module")
def pairs(full: bool) -> list[tuple[int, ProtobufSchema, ProtobufSchema]]:
    found = []
    for seed in range(3000 if full else 250):
        old, new, _ = pair(seed)
        found.append((seed, FORMAT.parse(Source(old.text())), FORMAT.parse(Source(new.text()))))
    return found


def test_the_semantic_verdict_is_right_both_ways(
    pairs: list[tuple[int, ProtobufSchema, ProtobufSchema]], full: bool
) -> None:
    unknown = 0
    for seed, old, new in pairs:
        verdict = semantic(new, old, seconds=1)
        findings = new.findings(old)
        errors = {each.rule for each in findings if each.severity is Severity.ERROR}
        warnings = {each.rule for each in findings if each.severity is Severity.WARNING}
        if verdict.verdict is Verdict.BREAKS:
            assert verdict.witness is not None, seed
            assert errors or warnings & UNSOUND.keys(), (seed, verdict)
        elif verdict.verdict is Verdict.UNKNOWN:
            unknown += 1
        else:
            assert errors <= CONSERVATIVE.keys(), (seed, errors)
            assert broken(new, old, 1000 if full else 40, lenient="UTF-8" in str(verdict.reasons)) is None, seed
    assert unknown <= len(pairs) // 200


def broken(reader: ProtobufSchema, writer: ProtobufSchema, samples: int, *, lenient: bool) -> str | None:
    """How a sampled event of the writer is refused or misread by the real decoder, None when none is.

    `lenient`: the verdict named the condition that bytes must be UTF-8; refusals are then its own.
    """
    known = {message.local: message for message in reader.model.file.everything()}
    for message in writer.model.file.everything():
        target = known.get(message.local)
        if target is None:
            continue
        for event, _, note in islice(messages(writer, message=message.name), samples):
            try:
                read = events.decoded(reader, target, events.encoded(event, message))
            except events.Refused as error:
                if lenient:
                    continue
                return f"{note}: {error}"
            wrote = events.neutral(event, message)
            found = events.difference(target, message, events.neutral(read, target), wrote, strict=False)
            if found is not None:
                return f"{note}: {found}"
    return None


def test_witnesses_are_found(pairs: list[tuple[int, ProtobufSchema, ProtobufSchema]]) -> None:
    """For at least 95 % of what breaks; the rest holds by rule only, for the reasons above."""
    shown, all_of_them, by_rule = 0, 0, set()
    for _, old, new in pairs:
        if semantic(new, old, seconds=1).verdict is not Verdict.BREAKS:
            continue
        for finding in new.findings(old):
            if finding.rule in INCOMPATIBLE_BY_WIRE:
                all_of_them += 1
                shown += (found := witness(new, old, finding, seconds=1)) is not None
                if found is None:
                    by_rule.add(finding.rule)
                else:
                    assert found.failure
    assert shown >= 0.95 * all_of_them, (shown, all_of_them)
    assert by_rule <= CONSERVATIVE.keys(), by_rule


INCOMPATIBLE_BY_WIRE = {
    "FIELD_SCALAR_KIND_CHANGED",
    "FIELD_KIND_CHANGED",
    "REQUIRED_FIELD_ADDED",
    "MULTIPLE_FIELDS_MOVED_TO_ONEOF",
    "FIELD_MOVED_TO_EXISTING_ONEOF",
    *UNSOUND,
}
