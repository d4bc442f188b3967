"""What changed from one schema to another, in data and in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from registry import formats
from registry.formats.base import Change, Schema


def changes(old: Schema, new: Schema) -> Sequence[Change]:
    """What changed, outermost first; nothing where the formats differ."""
    return formats.insight(new.format).changes(old, new) if old.format == new.format else ()
