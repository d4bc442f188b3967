"""A Protobuf message as rules see it: tags and inline constraints come from Confluent's field options. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from tenor.codecs.fields import Node, Slot, always, is_null
from tenor.codecs.protobuf.check import is_map, message_of
from tenor.codecs.protobuf.meta import meta

Sealed = Callable[[FieldDescriptor, FieldDescriptor], Any]
"""(the field, the one that holds its single values) → what a leaf of sealed values is by itself; None for others."""
_F: Final = FieldDescriptor
_TYPES: Final[Mapping[int, str]] = {
    _F.CPPTYPE_INT32: "INT",
    _F.CPPTYPE_INT64: "LONG",
    _F.CPPTYPE_UINT32: "INT",
    _F.CPPTYPE_UINT64: "LONG",
    _F.CPPTYPE_DOUBLE: "DOUBLE",
    _F.CPPTYPE_FLOAT: "FLOAT",
    _F.CPPTYPE_BOOL: "BOOLEAN",
    _F.CPPTYPE_ENUM: "ENUM",
    _F.CPPTYPE_STRING: "STRING",
}
_WELL_KNOWN: Final = frozenset({"google.protobuf.Timestamp", "google.protobuf.Duration"})


def tree(message: Descriptor, sealed: Sealed = lambda field, single: None) -> Node:
    """The tree of a message. `sealed` tells leaves whose values travel in another form."""
    return _Trees(sealed).message(message)


class _Trees:
    def __init__(self, sealed: Sealed) -> None:
        self._sealed = sealed
        self._known: dict[str, Node] = {}

    def message(self, message: Descriptor) -> Node:
        if (found := self._known.get(message.full_name)) is not None:
            return found
        options = meta(message.GetOptions().SerializeToString())
        made = Node("record", name=message.full_name, checks=options.checks, native=message)
        self._known[message.full_name] = made
        for field in message.fields:
            options = meta(field.GetOptions().SerializeToString())
            made.slots.append(
                Slot(
                    field.name,
                    field.full_name,
                    self._field(field),
                    options.tags,
                    options.checks,
                    options.params,
                    self._implied(field),
                )
            )
        return made

    def _field(self, field: FieldDescriptor) -> Node:
        if is_map(field):
            return Node("map", item=self._single(field, message_of(field).fields_by_name["value"]))
        single = self._single(field, field)
        if field.is_repeated:
            return Node("list", item=single)
        # None is how the library spells "not set".
        return Node("choice", branches=[(is_null, Node("leaf", type="NULL")), (always, single)])

    def _single(self, field: FieldDescriptor, single: FieldDescriptor) -> Node:
        native = self._sealed(field, single)
        if single.cpp_type == _F.CPPTYPE_MESSAGE:
            # A sealed message is one value; well-known ones may be a datetime. Nothing in them can be tagged.
            if native is not None or message_of(single).full_name in _WELL_KNOWN:
                return Node("leaf", type="MESSAGE", native=native or single)
            return self.message(message_of(single))
        kind = "BYTES" if single.type == _F.TYPE_BYTES else _TYPES[single.cpp_type]
        return Node("leaf", type=kind, native=native or single)

    def _implied(self, field: FieldDescriptor) -> Any:
        """What a text or bytes field without presence holds when it is left out: other clients seal that, too.

        One of sealed values holds their zero: that it was left out must not show.
        """
        if field.is_repeated or field.has_presence:
            return None
        if field.cpp_type == _F.CPPTYPE_STRING:
            return b"" if field.type == _F.TYPE_BYTES else ""
        native = self._sealed(field, field)
        return None if native is None else native["value"].zero
