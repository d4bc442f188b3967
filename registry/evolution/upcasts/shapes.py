"""Types of events as plain data, for code that is written from them (`tenor.plans.emitters.shapes`)."""

from __future__ import annotations

from registry.evolution.upcasts.types import Anything, Array, Enum, Map, Object, Opaque, Scalar, Type, Union
from tenor.plans.emitters import shapes


def of_type(root: Type, fallback: str = "Event") -> shapes.Shapes:
    """The shapes of a type. Objects without a name are called after the field that holds them."""
    reader = _Reader()
    shape = reader.shape(root, fallback)
    return shapes.Shapes(shape, reader.objects)


class _Reader:
    def __init__(self) -> None:
        self.objects: dict[str, tuple[shapes.Field, ...]] = {}
        self._names: dict[int, str] = {}

    def shape(self, node: Type, name: str) -> shapes.Shape:
        match node:
            case Scalar():
                return shapes.Scalar(node.kind)
            case Enum():
                return shapes.Enum(node.values, node.open)
            case Array():
                return shapes.List(self.shape(node.items, name))
            case Map():
                return shapes.Mapping(self.shape(node.values, name), node.keys)
            case Union():
                return shapes.Either(tuple(self.shape(each, name) for each in node.branches))
            case Object(fields=[]) if node.others is not None and not node.name:
                return shapes.Mapping(self.shape(node.others, name))
            case Object():
                return self._object(node, name)
            case Opaque() | Anything():
                return shapes.Scalar("any")

    def _object(self, node: Object, fallback: str) -> shapes.Shape:
        if id(node) not in self._names:
            name = base = node.name or fallback
            number = 1
            while name in self.objects:
                number += 1
                name = f"{base}_{number}"
            self._names[id(node)] = name
            self.objects[name] = ()
            self.objects[name] = tuple(
                shapes.Field(each.name, self.shape(each.type, each.name), each.required) for each in node.fields
            )
        return shapes.Named(self._names[id(node)])
