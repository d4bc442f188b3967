"""What each rule id of an Avro finding means, for people who meet one."""

from __future__ import annotations

from collections.abc import Mapping

ERRORS: Mapping[str, str] = {
    "NAME_MISMATCH": (
        "A record, enum or fixed is read by its name: the reader's name without namespace, or one of its aliases as a "
        "full name, must be the writer's."
    ),
    "FIXED_SIZE_MISMATCH": "A fixed is so many bytes and nothing tells them apart, so both sides need the same size.",
    "MISSING_ENUM_SYMBOLS": (
        "The writer's enum has symbols that the reader's lacks. The reader needs them, or a default symbol of the enum "
        "itself (the default of a field does not count)."
    ),
    "READER_FIELD_MISSING_DEFAULT_VALUE": (
        "The reader has a field that the writer does not write. It needs a default, or an alias that is the writer's "
        "name of it."
    ),
    "TYPE_MISMATCH": (
        "The reader expects another type than the writer writes, and the writer's is not one that is promoted: int to "
        "long, float, double; long to float, double; float to double; string and bytes to each other."
    ),
    "MISSING_UNION_BRANCH": "The writer may write a type that no branch of the reader's union can read.",
    "AMBIGUOUS_ALIAS": (
        "A field of the reader answers, by its name and its aliases, to several fields of the writer. Nothing says "
        "which one is meant, and Apache Avro fails on such a pair."
    ),
}

WARNINGS: Mapping[str, str] = {
    "LOGICAL_TYPE_CHANGED": (
        "Both sides read the same bytes, but as different things: milliseconds are not microseconds. Resolution looks "
        "at the underlying type only."
    ),
    "LOGICAL_TYPE_ADDED": (
        "Plain values are now interpreted. Whether the old ones mean what the logical type says, the schemas do not "
        "tell."
    ),
    "LOGICAL_TYPE_REMOVED": "Values keep their bytes and lose their interpretation: an instant becomes a plain number.",
    "DECIMAL_SCALE_CHANGED": "The unscaled digits stay and the point moves, so values are misread by powers of ten.",
    "DECIMAL_PRECISION_CHANGED": "The value stays, but it may have more digits than the reader's schema announces.",
    "BYTES_READ_AS_STRING": "The rules promote bytes to string; bytes that are no UTF-8 fail when they are decoded.",
    "PROMOTION_LOSES_PRECISION": (
        "The rules promote the type, and integers beyond what the floating-point type holds exactly are rounded."
    ),
    "AMBIGUOUS_UNION_BRANCH": (
        "Several branches of the reader's union match the writer's type: names are compared without namespaces, and a "
        "promotion may come before the same type. Decoders differ in which one they take."
    ),
    "SHARED_FIELD": "Two fields of the reader answer to one field of the writer; a decoder fills only one of them.",
}


def _unless(rule: str) -> str:
    return ", unless the compatibility policy is LOGICAL" if rule.startswith(("LOGICAL_TYPE", "DECIMAL")) else ""


RULES: Mapping[str, str] = {
    **{rule: f"{text} It makes the schemas incompatible." for rule, text in ERRORS.items()},
    **{
        rule: f"{text} It is a warning and does not decide the verdict{_unless(rule)}."
        for rule, text in WARNINGS.items()
    },
}
"""Rule id → plain sentences."""
