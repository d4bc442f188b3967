"""Upcasters: from two schemas of one format to the plan between their events. Pure.

types        events of any format, as types
avro · json_schema · protobuf        a schema's events as types
deriving     two types to a plan; objects and guessing are the parts about fields
decisions    what people said about open steps

plan = derive(old, new)                               # every open step is in plan.unsettled
plan = derive(old, new, {"/postcode": "yes"})         # and confirmed in one word
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from importlib import import_module
from typing import Any

from msgspec.structs import replace

from registry.evolution.upcasts.decisions import Decisions, checked
from registry.evolution.upcasts.deriving import derive as derive_types
from registry.evolution.upcasts.types import Type
from registry.formats.base import Schema
from tenor.plans import Plan, check
from tenor.plans.fusion import simplified

_HOMES = {
    "AVRO": "registry.evolution.upcasts.avro",
    "JSON": "registry.evolution.upcasts.json_schema",
    "PROTOBUF": "registry.evolution.upcasts.protobuf",
}


def event_types(old: Schema, new: Schema) -> tuple[Type, Type]:
    """The events of two schemas of one format as types. Raises TypeError for schemas of two formats."""
    if old.format != new.format:
        raise TypeError(f"an event of {old.format} has no upcast to {new.format}")
    home = import_module(_HOMES[old.format])
    read: Callable[..., Type] = home.read
    if old.format == "PROTOBUF":
        names: Any = home.matching(old, new)
        return read(old, names[0]), read(new, names[1])
    return read(old), read(new)


def derive(old: Schema, new: Schema, decisions: Decisions | None = None) -> Plan:
    """The plan from events of one schema to events of another, simplified and checked.

    What cannot be derived is a step of certainty todo, with path, reason and candidates; what is only likely is one of
    certainty suggested. `decisions` are by the path of the step (see `decisions`). Raises TypeError for schemas of two
    formats, InvalidPlan for a decision that is none, PlanTooLarge for schemas past the limits of plans.
    """
    before, after = event_types(old, new)
    plan = simplified(derive_types(before, after, old.format, checked(decisions or {})))
    return check(replace(plan, old=old.source.digest.hex(), new=new.source.digest.hex()))


def schema_key(schema: Schema) -> str:
    """What names a schema in an attestation: the hash of its canonical text with all references written out."""
    return sha256(f"{schema.format}\0{schema.inlined()}".encode("utf-8", "surrogatepass")).hexdigest()
