"""What belongs to a schema, in the shape that the Confluent API gives it: one document can be sent to both APIs.

Unknown members are ignored, and null counts as absent.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from registry.formats.base import Tagging
from registry.rules import Metadata as MetadataValue
from registry.rules import RuleSet as RuleSetValue
from registry.rules import metadata_from_json, rule_set_from_json


class SchemaEntity(Struct, rename="camel"):
    """What an inline tag hangs on: `entityType` is sr_record or sr_field."""

    entity_path: str
    entity_type: str = "sr_field"


class SchemaTags(Struct, rename="camel"):
    """Inline tags of one entity."""

    schema_entity: SchemaEntity
    tags: list[str] = []


class Metadata(Struct, omit_defaults=True):
    """Tags by path pattern, free properties, names of sensitive properties."""

    tags: dict[str, list[str] | None] | None = None
    properties: dict[str, str] | None = None
    sensitive: list[str] | None = None


class Rule(Struct, rename="camel", kw_only=True, omit_defaults=True):
    """One rule of a rule set."""

    name: str | None = None
    doc: str | None = None
    kind: str | None = None
    mode: str | None = None
    type: str | None = None
    tags: list[str] | None = None
    params: dict[str, str] | None = None
    expr: str | None = None
    on_success: str | None = None
    on_failure: str | None = None
    disabled: bool | None = None


class RuleSet(Struct, rename="camel", kw_only=True, omit_defaults=True):
    """Rules by phase."""

    migration_rules: list[Rule] | None = None
    domain_rules: list[Rule] | None = None
    encoding_rules: list[Rule] | None = None
    enable_at: str | None = None


def metadata(given: Metadata | None) -> MetadataValue | None:
    """Metadata of a request."""
    return None if given is None else metadata_from_json(msgspec.to_builtins(given))


def rule_set(given: RuleSet | None) -> RuleSetValue | None:
    """Rules of a request."""
    return None if given is None else rule_set_from_json(msgspec.to_builtins(given))


def taggings(given: Sequence[SchemaTags] | None) -> tuple[Tagging, ...]:
    """Inline tags of a request."""
    return tuple(
        Tagging(each.schema_entity.entity_path, each.schema_entity.entity_type, tuple(each.tags))
        for each in given or ()
    )
