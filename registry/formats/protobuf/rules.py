"""Every kind of difference between two Protobuf schemas: what it means, and whether it breaks the verdict.

The 26 kinds of `DIFFERENCES` are those of Confluent's registry, by the same names; `WARNINGS` are ours.
"""

from __future__ import annotations

from collections.abc import Mapping

COMPATIBLE: Mapping[str, str] = {
    "MESSAGE_ADDED": "A message type is new. Nothing was written with it yet.",
    "MESSAGE_MOVED": "A message stands at another index of its file. Confluent's framing names messages by index, so "
    "readers that look up the writer's schema still find the right one.",
    "ENUM_ADDED": "An enum type is new.",
    "ENUM_REMOVED": "An enum type is gone. Enum fields hold numbers on the wire, so they stay readable.",
    "ENUM_CONST_ADDED": "An enum has a new value.",
    "ENUM_CONST_CHANGED": "An enum value has a new name. Only the number is on the wire.",
    "ENUM_CONST_REMOVED": "An enum value is gone. Readers see an unknown number (open enum) or none (closed enum).",
    "FIELD_ADDED": "A field is new. Events without it read as its default.",
    "FIELD_REMOVED": "A field is gone. Readers skip its bytes. Reserve its number, so that it is never used again.",
    "FIELD_NAME_CHANGED": "A field has a new name. Only the number is on the wire; JSON and code see the change.",
    "FIELD_STRING_OR_BYTES_LABEL_CHANGED": "The label of a string or bytes field changed. The last value wins where "
    "one is read.",
    "ONEOF_ADDED": "A oneof is new.",
    "ONEOF_REMOVED": "A oneof is gone.",
    "ONEOF_FIELD_ADDED": "A oneof has a new member.",
    "ONEOF_FIELD_MOVED_TO_TOP_LEVEL": "A member of a oneof became an ordinary field.",
}

INCOMPATIBLE: Mapping[str, str] = {
    "PACKAGE_CHANGED": "The package changed, and with it the full name of every type. The bytes still read, but "
    "whatever finds types by name (Any, registries, generated code) does not.",
    "MESSAGE_REMOVED": "A message type is gone. Events of that type may exist, and nothing reads them any more.",
    "FIELD_KIND_CHANGED": "A field changed between scalar, map and message. The bytes mean something else.",
    "FIELD_SCALAR_KIND_CHANGED": "A field changed to a scalar type with another encoding. Interchangeable are int32, "
    "int64, uint32, uint64, bool and enums; sint32 and sint64; string and bytes; fixed32 and sfixed32; fixed64 and "
    "sfixed64.",
    "FIELD_NAMED_TYPE_CHANGED": "A field has another message type, or its imported type changed in a breaking way.",
    "FIELD_NUMERIC_LABEL_CHANGED": "The label of a numeric field changed between optional, required and repeated.",
    "REQUIRED_FIELD_ADDED": "A required field is new. Events written before lack it, and are refused.",
    "REQUIRED_FIELD_REMOVED": "A required field is gone. Readers with the old schema refuse what is written now.",
    "ONEOF_FIELD_REMOVED": "A member of a oneof is gone. Events that hold it read as if nothing was set.",
    "MULTIPLE_FIELDS_MOVED_TO_ONEOF": "Several fields moved into one oneof. Events that hold more than one of them "
    "keep only the last.",
    "FIELD_MOVED_TO_EXISTING_ONEOF": "A field moved into a oneof that had members before. Events that hold both keep "
    "only the last.",
}

WARNINGS: Mapping[str, str] = {
    "RESERVED_NUMBER_REUSED": "A number that was reserved is in use again. Events older than the reservation would be "
    "misread.",
    "RESERVED_NAME_REUSED": "A name that was reserved is in use again.",
    "RESERVATION_REMOVED": "A number or name is no longer reserved, so that it may be used again by mistake.",
    "FIELD_RENUMBERED": "A field has another number. What was written under the old one is not read any more.",
    "CLOSED_ENUM_VALUE_REMOVED": "A required field of a closed enum lost a value. An event that holds it counts as "
    "lacking the field, and is refused.",
    "FIELD_BECAME_REQUIRED": "A field is required now. Events without it are refused.",
    "LEGACY_REQUIRED_ADDED": "A new field is required by its features. Events written before are refused.",
    "MESSAGE_ENCODING_CHANGED": "A field changed between length-prefixed and delimited (group) encoding. Its bytes "
    "are skipped as unknown.",
    "PACKED_FIELD_BECAME_SINGULAR": "A packed repeated field became singular. Packed bytes are skipped as unknown.",
    "INTEGER_NARROWED": "An integer field has a smaller range. Values outside it are cut to fit, without an error.",
    "BYTES_READ_AS_STRING": "A bytes field became a string. Events whose bytes are no UTF-8 are refused.",
    "ENUM_READS_INTEGER": "A closed enum reads a field that may hold other numbers. Those count as unset.",
}

DIFFERENCES: Mapping[str, str] = {**COMPATIBLE, **INCOMPATIBLE}

RULES: Mapping[str, str] = {
    **{rule: f"{text} It does not make the schemas incompatible." for rule, text in COMPATIBLE.items()},
    **{rule: f"{text} It makes the schemas incompatible." for rule, text in INCOMPATIBLE.items()},
    **{rule: f"{text} It is a warning and does not decide the verdict." for rule, text in WARNINGS.items()},
}
"""Rule id → one or two plain sentences, for `tenor explain`."""
