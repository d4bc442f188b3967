"""Reserved field names (`confluent:reserved`), checked when a subject validates its fields. Pure."""

from __future__ import annotations

from registry.evolution.levels import Conflict
from registry.formats.base import Finding, Schema
from registry.rules import RESERVED_PROPERTY, Metadata

CONFLICTS = "RESERVED_FIELD_CONFLICTS_WITH_FIELD"
REMOVED = "RESERVED_FIELD_REMOVED"


def _reserved(metadata: Metadata | None) -> set[str]:
    text = metadata.properties.get(RESERVED_PROPERTY, "") if metadata else ""
    return {name.strip() for name in text.split(",") if name.strip()}


def reserved_conflicts(
    schema: Schema, metadata: Metadata | None, previous: Metadata | None, previous_version: int
) -> list[Conflict]:
    """Top-level fields that use a reserved name, and reservations of the previous version that vanished."""
    mine = _reserved(metadata)
    top = {field.name for field in schema.fields() if field.path.count("/") == 1}
    findings = [
        Finding(CONFLICTS, f"/{name}", f"The {{new}} schema has field {name}, which is reserved", name)
        for name in sorted(mine & top)
    ] + [
        Finding(REMOVED, f"/{name}", f"The {{new}} schema no longer reserves {name}, as the {{old}} one does", name)
        for name in sorted(_reserved(previous) - mine)
    ]
    return [Conflict(finding, previous_version, forward=False) for finding in findings]
