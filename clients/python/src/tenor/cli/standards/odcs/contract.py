"""The document around schema objects: what a registry knows of a subject as an ODCS contract, and back. Pure.

owner                          team.name
tags of fields                 tags; sealed ones are classified as restricted
support window                 slaProperties retention (days), else `tenor:readableFor`
level, protection, rules       customProperties
topic                          physicalName of the object, and servers of the type kafka
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tenor.cli.standards.odcs.members import (
    NAME,
    SEALED,
    Found,
    Json,
    NoContract,
    carried,
    custom,
    customs,
    inner,
    listed,
    said,
    texts,
    value_of_map,
)
from tenor.rules.model import pattern

API_VERSION: Final = "v3.2.0"
KIND: Final = "DataContract"
SUBJECT, FORMAT, VERSION = "tenor:subject", "tenor:format", "tenor:version"
READABLE_FOR, PROTECT, LEVEL = "tenor:readableFor", "tenor:protect", "tenor:compatibility"
PROPERTIES, RULES = "tenor:properties", "tenor:ruleSet"

_DAY: Final = frozenset(("d", "day", "days"))
_YEAR: Final = frozenset(("y", "yr", "year", "years"))
_PARTS: Final = ("-value", "-key")
_READ: Final = frozenset(
    ("version", "kind", "apiVersion", "id", "name", "status", "description", "schema", "team", "slaProperties")
) | {"customProperties", "servers"}
_OF_OBJECTS: Final = frozenset(
    ("name", "id", "physicalName", "physicalType", "logicalType", "description", "businessName", "deprecated")
) | {"customProperties", "properties", "tags"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a registry knows of a version of a subject. `window` is the support window as its policy writes it."""

    subject: str
    version: int
    id: int | None
    guid: str | None
    format: str
    registered: str | None = None
    owner: str | None = None
    level: str | None = None
    protect: str | None = None
    window: Any = None
    deleted: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)
    references: Sequence[Mapping[str, Any]] = ()


def contract(facts: Facts, objects: Sequence[Json], servers: Sequence[Json] = ()) -> Json:
    """The contract of a subject. `servers`: name, host and perhaps environment of Kafka clusters."""
    sensitive = set(texts(facts.metadata.get("sensitive")))
    properties = {
        name: value for name, value in (facts.metadata.get("properties") or {}).items() if name not in sensitive
    }
    days = facts.window.get("days") if isinstance(facts.window, Mapping) else None
    for each in objects:
        _tag(each, facts)
    first = {**objects[0], "physicalName": topic_of(facts.subject) or facts.subject} if objects else {}
    return said(
        {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "id": facts.subject,
            "name": facts.subject,
            "version": str(facts.version),
            "status": "retired" if facts.deleted else "active",
            "description": {"purpose": first["description"]} if first.get("description") else None,
            "servers": [_server(each, facts.format) for each in servers] or None,
            "schema": [first, *objects[1:]],
            "team": {"name": facts.owner} if facts.owner else None,
            "slaProperties": [{"property": "retention", "value": days, "unit": "d"}] if days else None,
            "contractCreatedTs": facts.registered,
            **customs(
                {
                    SUBJECT: facts.subject,
                    VERSION: facts.version,
                    "tenor:id": facts.id,
                    "tenor:guid": facts.guid,
                    FORMAT: facts.format,
                    LEVEL: facts.level,
                    PROTECT: facts.protect,
                    READABLE_FOR: None if days else facts.window,
                    "tenor:references": list(facts.references) or None,
                    PROPERTIES: properties or None,
                    RULES: dict(facts.rules) or None,
                }
            ),
        }
    )


def topic_of(subject: str) -> str | None:
    """The topic of a subject that is named after one."""
    name = subject.rpartition(":")[2]
    return next((name.removesuffix(part) for part in _PARTS if name.endswith(part) and name != part), None)


def _server(given: Json, format: str) -> Json:
    return {**given, "type": "kafka", "format": format.lower()}


def _tag(node: Json, facts: Facts) -> None:
    """Put on fields the tags that metadata give by pattern, and say which of them are sealed."""
    patterns = [(pattern(str(text)), texts(tags)) for text, tags in (facts.metadata.get("tags") or {}).items()]
    rules = [
        each
        for member in ("domainRules", "encodingRules")
        for each in facts.rules.get(member) or ()
        if str(each.get("type")).upper() == "ENCRYPT" and not each.get("disabled")
    ]
    root = "$" if facts.format == "JSON" else str(custom(node, NAME) or node["name"])
    for name, each in _fields(node, root, facts.format == "JSON"):
        tags = [tag for matches, listed_tags in patterns if matches(name) for tag in listed_tags]
        if tags := list(dict.fromkeys((*texts(each.get("tags")), *tags))):
            each["tags"] = tags
        sealing = [str(rule.get("name")) for rule in rules if set(texts(rule.get("tags"))) & set(tags)]
        if sealing:
            each["classification"] = "restricted"
            extra = each.get("customProperties", [])
            each["customProperties"] = [*extra, {"property": SEALED, "value": ", ".join(sealing)}]


def _fields(node: Json, name: str, by_path: bool) -> Iterator[tuple[str, Json]]:
    """Every property below a place with its full name: that of its record, or its path."""
    for each in listed(node, "properties"):
        full = f"{name}.{each.get('name')}"
        yield full, each
        yield from _inside(each, full, by_path)


def _inside(node: Json, full: str, by_path: bool) -> Iterator[tuple[str, Json]]:
    """The properties of a place itself, or of its items or values."""
    yield from _fields(node, full if by_path else str(custom(node, NAME) or full), by_path)
    for part in (inner(node, "items", full), value_of_map(node, full)):
        if part:
            yield from _inside(part, full, by_path)


# back


@dataclass(frozen=True, slots=True)
class Promise:
    """One schema object of a document, and what is said about it. `subject` None: nothing says it.

    `window` and `protect` None: the document says nothing of them.
    """

    node: Json
    subject: str | None
    format: str | None
    owner: str | None
    window: Any
    protect: str | None
    properties: Mapping[str, str]
    rules: Mapping[str, Any] | None


def promises(document: Mapping[str, Any], found: Found) -> list[Promise]:
    """What a document promises, object by object. Raises NoContract."""
    if document.get("kind", KIND) != KIND or not str(document.get("apiVersion") or "").startswith("v3."):
        raise NoContract("it is no DataContract of a version v3.x of the standard")
    objects = listed(document, "schema")
    if not objects:
        raise NoContract("it has no schema")
    own = custom(document, SUBJECT)
    found.unread("contract", document, _READ if own is None else _READ | {"contractCreatedTs"})
    purpose = document.get("description")
    for name in purpose if isinstance(purpose, Mapping) else ():
        if name != "purpose":
            found.leave(f"contract: description.{name}", "no schema says it")
    if document.get("servers") and own is None:
        found.leave("contract: servers", "a registry knows topics, not clusters")
    properties = {name: str(value) for name, value in carried(document, PROPERTIES, "contract").items()}
    if own is None:
        said_of = {f"odcs.{name}": document.get(name) for name in ("id", "name", "version", "status")}
        properties |= {name: str(value) for name, value in said_of.items() if value is not None}
    window = custom(document, READABLE_FOR) or _window(document, found)
    made = []
    for index, node in enumerate(objects):
        place = str(node.get("name") or index)
        found.unread(f"schema {place}", node, _OF_OBJECTS)
        if not node.get("description") and isinstance(purpose, Mapping) and purpose.get("purpose") and own is None:
            node["description"] = purpose["purpose"]
        if texts(node.get("tags")):
            found.leave(f"schema {place}: tags", "a registry tags fields")
        if own is not None and index:
            found.leave(f"schema {place}", "it is a part of the first one's file")
            continue
        subject = _subject(node) if own is None else str(own)
        protect, rules = custom(document, PROTECT), carried(document, RULES, "contract") or None
        owner, format = _owner(document, found), format_of(document)
        made.append(Promise(node, subject, format, owner, window, protect, properties, rules))
    return made


def format_of(document: Mapping[str, Any]) -> str | None:
    """The language of the schema that a document was made of, if it says so."""
    found = custom(document, FORMAT)
    return found if isinstance(found, str) else None


def _subject(node: Json) -> str | None:
    name = node.get("physicalName") or node.get("name")
    return f"{name}-value" if isinstance(name, str) and name else None


def _owner(document: Mapping[str, Any], found: Found) -> str | None:
    """The team's name; else its owner, else its only member."""
    team = document.get("team")
    members = team if isinstance(team, list) else listed(team or {}, "members") if isinstance(team, Mapping) else []
    if isinstance(team, Mapping) and isinstance(team.get("name"), str) and team["name"]:
        if members:
            found.leave("contract: team.members", "a subject has one owner: the team")
        return str(team["name"])
    names = [
        (str(each.get("role") or "").lower() == "owner", str(each.get("name") or each.get("username") or ""))
        for each in members
        if isinstance(each, Mapping)
    ]
    owner = next((name for owns, name in names if owns and name), None)
    owner = owner or (names[0][1] if len(names) == 1 else None)
    if len(names) > 1 or (names and not owner):
        found.leave("contract: team", "a subject has one owner" + (f": {owner}" if owner else ", and it names none"))
    return owner or None


def _window(document: Mapping[str, Any], found: Found) -> Any:
    """The support window that a retention promises."""
    window = None
    for each in listed(document, "slaProperties"):
        unit, value = str(each.get("unit") or "").lower(), each.get("value")
        scale = 1 if unit in _DAY else 365 if unit in _YEAR else 0
        if each.get("property") == "retention" and scale and type(value) is int and value > 0 and window is None:
            window = {"days": value * scale}
        else:
            found.leave(f"contract: slaProperties {each.get('property')}", "no policy of a subject says it")
    return window
