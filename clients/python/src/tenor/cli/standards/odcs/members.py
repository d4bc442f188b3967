"""Members of ODCS documents: custom properties of ours, and what is left out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Json = dict[str, Any]

OURS: Final = "tenor:"
SCHEMA: Final = "tenor:schema"
"""A place that ODCS has no words for, as the schema has it."""
DEFAULT: Final = "tenor:default"
NO_DEFAULT: Final = "tenor:noDefault"
"""A field of Avro that may be null and has no default: what somebody adds to a document has null for one."""
ATTRIBUTES: Final = "tenor:attributes"
"""What a type has besides, in Avro."""
FIELD: Final = "tenor:field"
"""What a field has besides, in Avro: aliases, order, attributes."""
DOC: Final = "tenor:doc"
"""What a named type says about itself where its field says something else."""
NAME: Final = "tenor:name"
"""The full name of a record, enum or message."""
KEYWORDS: Final = "tenor:keywords"
"""What a JSON Schema says besides."""
NULLABLE: Final = "tenor:nullable"
NULL_LAST: Final = "tenor:nullLast"
UNTYPED: Final = "tenor:untyped"
SEALED: Final = "tenor:sealed"

_MEMBERS: Final = frozenset(
    (
        "name",
        "id",
        "physicalName",
        "physicalType",
        "logicalType",
        "logicalTypeOptions",
        "description",
        "businessName",
        "tags",
        "classification",
        "customProperties",
        "required",
        "deprecated",
        "examples",
        "enum",
        "properties",
        "items",
        "map",
    )
)
"""What is read of a property, or of the object itself."""


_OF_LANGUAGES: Final = frozenset(
    (SCHEMA, DEFAULT, ATTRIBUTES, FIELD, DOC, KEYWORDS, NULLABLE, UNTYPED, "tenor:number", "tenor:oneof")
)
"""What comes back in the language that it was told of only."""


class NoContract(Exception):
    """What was read is no ODCS document of a version that is known, or not as the standard wants it."""


@dataclass(slots=True)
class Found:
    """What is found on the way to a schema: what it cannot say, each named once, and tags by full names of fields.

    `own`: the document was made of a schema of the language that is wanted, and says how to come back to it.
    """

    own: bool = False
    left_out: list[tuple[str, str]] = field(default_factory=list)
    tags: dict[str, list[str]] = field(default_factory=dict)

    def leave(self, what: str, why: str) -> None:
        """Name what is left out."""
        if (what, why) not in self.left_out:
            self.left_out.append((what, why))

    def tag(self, name: str, node: Mapping[str, Any]) -> None:
        """The tags of a field. How it is classified is one of them, unless that only says that it is sealed."""
        classified = node.get("classification")
        also = [classified] if isinstance(classified, str) and not has(node, SEALED) else []
        if tags := list(dict.fromkeys((*texts(node.get("tags")), *also))):
            self.tags[name] = tags

    def unread(self, place: str, node: Mapping[str, Any], known: Collection[str] = _MEMBERS) -> None:
        """Name the members of a place that nothing reads."""
        for name in node:
            if name not in known and node[name] not in (None, [], {}, False):
                self.leave(f"{place}: {name}", "no schema says it")
        for each in listed(node, "customProperties"):
            name = str(each.get("property", ""))
            if not name.startswith(OURS):
                self.leave(f"{place}: customProperties {name}", "it is another tool's")
            elif not self.own and name in _OF_LANGUAGES:
                self.leave(f"{place}: {name}", "the schema that it is of was of another language")


def customs(values: Mapping[str, Any]) -> Json:
    """`customProperties` with what is not None; empty for nothing."""
    found = [{"property": name, "value": value} for name, value in values.items() if value is not None]
    return {"customProperties": found} if found else {}


def custom(node: Mapping[str, Any], name: str, default: Any = None) -> Any:
    """The value of a custom property."""
    for each in listed(node, "customProperties"):
        if each.get("property") == name:
            return each.get("value")
    return default


def has(node: Mapping[str, Any], name: str) -> bool:
    """Whether there is a custom property, null or not."""
    return any(each.get("property") == name for each in listed(node, "customProperties"))


def listed(node: Mapping[str, Any], name: str) -> list[Json]:
    """The objects in a member that lists objects."""
    value = node.get(name)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def inner(node: Mapping[str, Any], name: str, place: str) -> Json:
    """The object in a member; empty for none. Raises NoContract for anything else."""
    value = node.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise NoContract(f"{place}: {name} is no object")
    return value


def value_of_map(node: Mapping[str, Any], place: str) -> Json | None:
    """What the values of a map are, None if nothing says it. Raises NoContract."""
    return inner(inner(node, "map", place), "value", place) or None


def carried(node: Mapping[str, Any], name: str, place: str) -> Json:
    """The object in a custom property of ours; empty for none. Raises NoContract for anything else."""
    return inner({name: custom(node, name)}, name, place)


def texts(value: Any) -> list[str]:
    """The texts of a list."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def said(members: Mapping[str, Any]) -> Json:
    """Members that are not None."""
    return {name: value for name, value in members.items() if value is not None}


def below(place: str, name: Any) -> str:
    """The place of a property of a place."""
    return f"{place}.{name}" if place else str(name)


def field_name(node: Mapping[str, Any], found: Found, place: str) -> str:
    """What events call a property: its physical name, where a document of others has one."""
    name, physical = str(node.get("name") or ""), node.get("physicalName")
    if found.own or not isinstance(physical, str) or physical in ("", name):
        return name
    found.leave(f"{place}: name", f"events call it {physical}")
    return physical


def unique(name: str, taken: Iterable[str]) -> str:
    """A name that no other has."""
    known, count, made = set(taken), 1, name
    while made in known:
        count += 1
        made = f"{name}{count}"
    return made


def camel(text: str) -> str:
    """`order line` as `OrderLine`: a name of a type."""
    joined = "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", text) if part)
    return joined if joined[:1].isalpha() else f"T{joined}"
