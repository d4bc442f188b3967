"""Wire shapes of upcasters."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from registry.api.v1.wire import SchemaText


class Proving(Struct):
    """A plan to store. Without `plan` one is derived; `decisions` answer its open steps, by their path.

    `schema` is needed where the edge leads to `next`: the schema that is to be registered. `samples` are recorded
    events, as plans write constants: a second corpus beside the events that the server makes.
    """

    plan: dict[str, Any] | None = None
    decisions: dict[str, Any] = {}
    schema: SchemaText | None = None
    examples: int = 1000
    seed: int = 0
    samples: list[Any] = []


class Deriving(Struct):
    """Two versions, or a version and a schema, to derive a plan for."""

    old: int
    new: int | None = None
    schema: SchemaText | None = None
    decisions: dict[str, Any] = {}


class OpenStep(Struct):
    """A step that nobody decided: what could not be derived, or what is only likely."""

    path: str
    certainty: str
    sentence: str
    candidates: list[dict[str, Any]] = []


class Derived(Struct):
    """A plan as data, its hash, whether it loses information, and what is open."""

    plan: dict[str, Any]
    hash: str
    lossy: bool
    open: list[OpenStep]


class Edge(Struct):
    """An edge of the version graph. `new` is null while its schema is not registered."""

    old: int
    new: int | None
    hash: str
    proven: bool
    attestation: dict[str, Any]


class Upcasts(Struct):
    """A subject's version graph, or the one plan that leads from one version to another.

    `gaps`: neighbours that no plans join; `unproven`: neighbours that only unproven ones do.
    """

    subject: str
    versions: list[int] | UnsetType = UNSET
    edges: list[Edge] | UnsetType = UNSET
    gaps: list[tuple[int, int]] | UnsetType = UNSET
    unproven: list[tuple[int, int]] | UnsetType = UNSET
    old: int | UnsetType = UNSET
    new: int | UnsetType = UNSET
    plan: dict[str, Any] | UnsetType = UNSET
    hash: str | UnsetType = UNSET
    proven: bool | UnsetType = UNSET
