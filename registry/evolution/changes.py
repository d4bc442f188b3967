"""What changed from one schema to another, in data and in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from registry import formats
from registry.formats.base import Change, Schema


@runtime_checkable
class Differing(Protocol):
    """A format that can say what changed between two of its schemas."""

    def changes(self, old: Schema, new: Schema) -> Sequence[Change]:
        """The differences, outermost first."""
        ...


def changes(old: Schema, new: Schema) -> Sequence[Change]:
    """What changed; nothing where the formats differ, or where the format cannot say."""
    format = formats.named(new.format)
    return format.changes(old, new) if old.format == new.format and isinstance(format, Differing) else ()
