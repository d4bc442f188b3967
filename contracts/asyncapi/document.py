"""An AsyncAPI 3.0 document of messages, topics and uses. Pure: the same facts give the same text.

    channels                    topics, by name; those of other contexts with the context before it
    components.messages         subjects in the version that is in use; further versions as `orders-value.v2`
    components.schemas          their schemas, each in its own language
    operations                  billing.receive.orders: what an application does with a channel

What AsyncAPI has no member for stands under `x-tenor-…`. Keys are made of letters, digits, `.`, `-` and `_`, as
AsyncAPI asks; names stand in full beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from contracts.asyncapi.schemas import CONTENT_TYPES, Carried, carried
from contracts.asyncapi.topics import KEY, STRATEGIES, Topic

VERSION: Final = "3.0.0"
SEND, RECEIVE = "send", "receive"
_KAFKA: Final = "0.5.0"
_ODD: Final = re.compile(r"[^A-Za-z0-9._-]+")

_SIMPLE: Final = {
    "string": "string",
    "int": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
    "boolean": "boolean",
}
"""Avro's types of keys that are one value, as JSON's."""

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """A version of a subject. `text` stands alone; `references` are (name, subject, version) as registered."""

    subject: str
    version: int
    latest: bool
    id: int
    guid: str
    format: str
    text: str
    topics: tuple[Topic, ...]
    record: str = ""
    doc: str = ""
    owner: str | None = None
    registered: int = 0
    references: tuple[tuple[str, str, int], ...] = ()
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Use:
    """What a version of an application does with a subject. `schema_version` None: it does not say.

    `evidence` says how it is known; `fields` are the paths that a reader needs, `seen` when it fetched a schema last.
    """

    application: str
    number: str
    action: str
    subject: str
    schema_version: int | None = None
    environments: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    seen: int | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What a document is about."""

    application: str | None = None
    environment: str | None = None
    number: str = ""


class _Keys:
    """Keys for names, each one once."""

    def __init__(self) -> None:
        self._of: dict[Any, str] = {}
        self._taken: set[str] = set()

    def of(self, name: str, what: Any = None) -> str:
        """The key of a name, or of a thing that is called so."""
        what = name if what is None else what
        if what not in self._of:
            plain = base = _ODD.sub("_", name).strip("_") or "_"
            count = 1
            while plain in self._taken:
                count += 1
                plain = f"{base}_{count}"
            self._taken.add(plain)
            self._of[what] = plain
        return self._of[what]


def document(
    scope: Scope,
    messages: Sequence[Message],
    uses: Sequence[Use],
    owners: Mapping[str, str],
    retentions: Mapping[str, int],
) -> Document:
    """The document. `owners` are those of applications, `retentions` how long topics keep events in ms (-1: ever)."""
    keys = _Keys()
    found = sorted(messages, key=lambda each: (each.subject, not each.latest, -each.version))
    by_key = {keys.of(_message_name(each), (each.subject, each.version)): each for each in found}
    versions = {(each.subject, each.version): key for key, each in by_key.items()}
    latest = {each.subject: key for key, each in by_key.items() if each.latest}
    channels, places = _channels(by_key, retentions)
    schemas = {key: carried(each.format, each.text, _schema(key)) for key, each in by_key.items()}
    key_of = _keys_of(by_key)
    return {
        "asyncapi": VERSION,
        "info": _info(scope, found, uses, owners),
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": _operations(uses, versions, latest, places, by_key, owners),
        "components": {
            "messages": {
                key: _message(key, each, schemas[key], _keyed(key_of.get(key), by_key)) for key, each in by_key.items()
            },
            "schemas": {key: each.schema for key, each in schemas.items()},
        },
    }


def _message_name(message: Message) -> str:
    name = message.subject.removeprefix(":.").replace(":", ".")
    return name if message.latest else f"{name}.v{message.version}"


def _schema(key: str) -> str:
    return f"#/components/schemas/{key}"


def _info(scope: Scope, messages: Sequence[Message], uses: Sequence[Use], owners: Mapping[str, str]) -> Document:
    newest = max((each.registered for each in messages), default=0)
    known = {each.subject for each in messages}
    unregistered = sorted({each.subject for each in uses} - known)
    where = f" in {scope.environment}" if scope.environment else ""
    if scope.application:
        title, said = scope.application, f"What {scope.application} sends and receives{where}"
    else:
        title, said = f"Events{where}", f"What applications send and receive{where}"
    owner = owners.get(scope.application or "")
    made: Document = {
        "title": title,
        "version": scope.number or _time(newest),
        "description": f"{said}, as the schema registry knows it.",
        "contact": {"name": owner} if owner else None,
        "x-tenor-environment": scope.environment,
        "x-tenor-registered-until": _time(newest),
        "x-tenor-not-registered": unregistered,
    }
    return _said(made)


def _channels(
    messages: Mapping[str, Message], retentions: Mapping[str, int]
) -> tuple[Document, dict[str, list[tuple[str, str]]]]:
    """The channels, and by message the channels with the name it has there."""
    by_topic: dict[tuple[str, str], list[tuple[str, Topic]]] = {}
    for key, message in messages.items():
        for topic in message.topics:
            name = topic.name if topic.name is not None else f"?{message.subject}"
            by_topic.setdefault((topic.space, name), []).append((key, topic))
    keys = _Keys()
    channels: Document = {}
    places: dict[str, list[tuple[str, str]]] = {}
    for (space, name), inside in sorted(by_topic.items()):
        address = None if name.startswith("?") else name
        shown = address if address is not None else messages[inside[0][0]].subject.removeprefix(":.").replace(":", ".")
        channel = keys.of(f"{space}.{shown}" if space and address is not None else shown, (space, name))
        values = [(key, topic) for key, topic in inside if topic.part != KEY]
        for key, _ in values or inside:
            places.setdefault(key, []).append((channel, key))
        for key, topic in inside:
            # Who writes the key of an event writes its value: they are one message.
            if values and topic.part == KEY:
                places.setdefault(key, []).extend((channel, value) for value, _ in values)
        channels[channel] = _said(
            {
                "address": address,
                "messages": {key: {"$ref": f"#/components/messages/{key}"} for key, _ in values or inside},
                "bindings": {"kafka": _topic_binding(address, retentions)} if address is not None else None,
                "x-tenor-space": space,
                "x-tenor-topic-known-by": sorted({topic.known for _, topic in inside}),
            },
            keep=("address",),
        )
    return channels, places


def _topic_binding(name: str, retentions: Mapping[str, int]) -> Document:
    keeps = retentions.get(name)
    settings = {} if keeps is None else {"topicConfiguration": {"retention.ms": keeps}}
    return {"topic": name, **settings, "bindingVersion": _KAFKA}


def _message(key: str, message: Message, schema: Carried, keyed: Document) -> Document:
    only_key = all(topic.part == KEY for topic in message.topics)
    strategy = next((STRATEGIES[each.known] for each in message.topics if each.known in STRATEGIES), None)
    kafka: Document = {
        **keyed,
        "schemaIdLocation": "payload",
        "schemaIdPayloadEncoding": "confluent",
        "schemaLookupStrategy": strategy,
        "bindingVersion": _KAFKA,
    }
    tags = sorted({tag for listed in message.tags.values() for tag in listed})
    return _said(
        {
            "name": message.record or message.subject,
            "title": f"{message.subject} version {message.version}",
            "description": message.doc,
            "contentType": CONTENT_TYPES[message.format],
            "payload": None if only_key else {"$ref": _schema(key)},
            "bindings": {"kafka": _said(kafka)},
            "tags": [{"name": tag} for tag in tags],
            "x-tenor-subject": message.subject,
            "x-tenor-version": message.version,
            "x-tenor-id": message.id,
            "x-tenor-guid": message.guid,
            "x-tenor-format": message.format,
            "x-tenor-owner": message.owner,
            "x-tenor-registered": _time(message.registered),
            "x-tenor-references": [
                {"name": name, "subject": subject, "version": version} for name, subject, version in message.references
            ],
            "x-tenor-tags": {path: list(listed) for path, listed in sorted(message.tags.items())},
            "x-tenor-properties": dict(sorted(message.properties.items())),
            "x-tenor-unresolved": list(schema.unresolved),
        }
    )


def _keys_of(messages: Mapping[str, Message]) -> dict[str, str]:
    """By message the one that holds the keys of its topic, in its latest version; a key's own is itself."""
    keys: dict[tuple[str, str | None], str] = {}
    for key, message in messages.items():
        for topic in message.topics if message.latest else ():
            if topic.part == KEY:
                keys.setdefault((topic.space, topic.name), key)
    found: dict[str, str] = {}
    for key, message in messages.items():
        if all(topic.part == KEY for topic in message.topics):
            found[key] = key
            continue
        places = ((topic.space, topic.name) for topic in message.topics if topic.part != KEY)
        if (keyed := next((keys[place] for place in places if place in keys), None)) is not None:
            found[key] = keyed
    return found


def _keyed(key: str | None, messages: Mapping[str, Message]) -> Document:
    """What a binding says of keys. It takes JSON Schemas; a bare `$ref` is two things at once to it."""
    if key is None:
        return {}
    message = messages[key]
    told: Document = {"x-tenor-key": {"$ref": _schema(key)}}
    if message.format == "JSON":
        return {"key": {"allOf": [{"$ref": f"{_schema(key)}/schema"}]}, **told}
    if message.format == "AVRO" and (type := _SIMPLE.get(message.text.strip('"'))) is not None:
        return {"key": {"type": type}, **told}
    return told


def _operations(
    uses: Sequence[Use],
    versions: Mapping[tuple[str, int], str],
    latest: Mapping[str, str],
    places: Mapping[str, Sequence[tuple[str, str]]],
    messages: Mapping[str, Message],
    owners: Mapping[str, str],
) -> Document:
    """What each application does with each channel, by application, action and channel."""
    grouped: dict[tuple[str, str, str], list[tuple[Use, str]]] = {}
    for use in uses:
        told = (use.subject, use.schema_version) if use.schema_version is not None else None
        key = (versions.get(told) if told else None) or latest.get(use.subject)
        for channel, message in places.get(key, ()) if key is not None else ():
            grouped.setdefault((use.application, use.action, channel), []).append((use, message))
    keys = _Keys()
    made: Document = {}
    for (application, action, channel), inside in sorted(grouped.items()):
        named = f"#/channels/{channel}/messages"
        made[keys.of(f"{application}.{action}.{channel}", (application, action, channel))] = _said(
            {
                "action": action,
                "channel": {"$ref": f"#/channels/{channel}"},
                "title": f"{application} {'writes' if action == SEND else 'reads'} {channel}",
                "messages": [{"$ref": f"{named}/{key}"} for key in sorted({key for _, key in inside})],
                "tags": [{"name": application}],
                "x-tenor-application": application,
                "x-tenor-owner": owners.get(application),
                "x-tenor-versions": _versions(use for use, _ in inside),
            }
        )
    return made


def _versions(uses: Iterable[Use]) -> list[Document]:
    distinct = sorted(dict.fromkeys(uses), key=lambda each: (each.number, each.subject, each.schema_version or 0))
    return [
        _said(
            {
                "version": each.number,
                "subject": each.subject,
                "schemaVersion": each.schema_version,
                "environments": list(each.environments),
                "evidence": list(each.evidence),
                "fields": list(each.fields),
                "lastSeen": None if each.seen is None else _time(each.seen),
            }
        )
        for each in distinct
    ]


def _said(members: Mapping[str, Any], keep: Sequence[str] = ()) -> Document:
    """Members that say something; `keep` stay even if they are null."""
    return {name: value for name, value in members.items() if name in keep or value not in (None, "", [], {}, ())}


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
