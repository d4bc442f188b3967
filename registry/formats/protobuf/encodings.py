"""Which scalar kinds read each other on the wire, and what their values may lose on the way."""

from __future__ import annotations

from registry.formats.protobuf.model import Field

_SCALAR_GROUPS = (
    ("int32", "int64", "uint32", "uint64", "bool", "enum"),
    ("sint32", "sint64"),
    ("string", "bytes"),
    ("fixed32", "sfixed32"),
    ("fixed64", "sfixed64"),
    ("float",),
    ("double",),
)
GROUP_OF = {kind: number for number, group in enumerate(_SCALAR_GROUPS) for kind in group}
"""Scalar kind → the group within which kinds are interchangeable on the wire."""

RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
    "sint32": (-(2**31), 2**31 - 1),
    "sint64": (-(2**63), 2**63 - 1),
    "fixed32": (0, 2**32 - 1),
    "sfixed32": (-(2**31), 2**31 - 1),
    "fixed64": (0, 2**64 - 1),
    "sfixed64": (-(2**63), 2**63 - 1),
    "bool": (0, 1),
    "enum": (-(2**31), 2**31 - 1),
}


def same_group(new: Field, old: Field) -> bool:
    """Whether two fields have scalar kinds that are interchangeable on the wire."""
    return new.kind in GROUP_OF and GROUP_OF[new.kind] == GROUP_OF.get(old.kind)


def loses_enum_value(new: Field, old: Field, *, required: bool = True) -> bool:
    """Whether a closed enum reads a field that may hold numbers it does not know (only a required one, as asked)."""
    if new.enum is None or not new.enum.closed or (required and not new.required) or not same_group(new, old):
        return False
    if old.enum is None or not old.enum.closed:
        return True
    return not old.enum.numbers.keys() <= new.enum.numbers.keys()


def narrows(new: Field, old: Field) -> bool:
    """Whether a reader's integer kind cannot hold all values of the writer's."""
    if not same_group(new, old) or new.kind not in RANGES or new.kind == old.kind:
        return False
    (low, high), (lower, higher) = RANGES[new.kind], RANGES[old.kind]
    if old.enum is not None and old.enum.closed:
        numbers = old.enum.numbers
        lower, higher = min(numbers, default=0), max(numbers, default=0)
    return low > lower or high < higher
