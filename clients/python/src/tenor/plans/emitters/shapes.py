"""What events look like, as plain data: what typed code is written from. The engine makes it of a schema.

    {"root": {"kind": "object", "name": "shop.Order"},
     "objects": {"shop.Order": [{"name": "id", "shape": {"kind": "scalar", "type": "string"}, "required": true}]}}

Objects are named once and referred to by name, so that recursion is no cycle of the data.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import Struct


class Scalar(Struct, frozen=True, tag_field="kind", tag="scalar"):
    """A value of a type of `tenor.plans.values.TYPES`; `any` for every value."""

    type: str


class Enum(Struct, frozen=True, tag_field="kind", tag="enum"):
    """One of these values; `open`: or a number without a name."""

    values: tuple[Any, ...]
    open: bool = False


class List(Struct, frozen=True, tag_field="kind", tag="list"):
    """Items of one shape."""

    items: Shape


class Mapping(Struct, frozen=True, tag_field="kind", tag="map"):
    """Values by text keys (Protobuf's may be numbers)."""

    values: Shape
    keys: str = "string"


class Named(Struct, frozen=True, tag_field="kind", tag="object"):
    """An object of `Shapes.objects`."""

    name: str


class Either(Struct, frozen=True, tag_field="kind", tag="union"):
    """One of several."""

    branches: tuple[Shape, ...]


Shape: TypeAlias = Scalar | Enum | List | Mapping | Named | Either


class Field(Struct, frozen=True):
    """A field of an object. `required`: always there."""

    name: str
    shape: Shape
    required: bool = True


class Shapes(Struct, frozen=True):
    """The events of a schema."""

    root: Shape
    objects: dict[str, tuple[Field, ...]] = {}
