"""What an AsyncAPI document says: which messages an application sends and receives, on which addresses. Pure.

    3.x   operations    send, receive                            general documents, FastStream, `tenor export asyncapi`
    2.x   channels      publish: the application receives;       FastStream with schema_version 2.6.0
                        subscribe: it sends

References are followed inside the document. What cannot be told is left out by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

SEND, RECEIVE = "send", "receive"
_MOST_STEPS: Final = 50
_JSON_FORMATS: Final = ("application/vnd.aai.asyncapi", "application/schema+", "application/vnd.oai.openapi")
_FORMATS: Final = (("avro", "AVRO"), ("protobuf", "PROTOBUF"))
_ADDRESSES: Final = (("kafka", "topic"), ("nats", "subject"), ("redis", "channel"), ("mqtt", "topic"))
"""Where bindings say the destination; a channel's own address is often a name of the document."""
_OLD: Final = (("publish", RECEIVE), ("subscribe", SEND))

Json = Mapping[str, Any]


class NoDocument(Exception):
    """What was read is no AsyncAPI document of a version that is known, or says nothing."""


@dataclass(frozen=True, slots=True)
class Payload:
    """What a message holds. `format` JSON: `schema` is a JSON Schema that stands alone; AVRO and PROTOBUF: as written.

    `format` "" is a message of which the document says nothing.
    """

    format: str = ""
    schema: Any = None


@dataclass(frozen=True, slots=True)
class Told:
    """A message that an application sends or receives. `subject` and `version` only where the document says them."""

    action: str
    operation: str
    address: str
    message: str
    payload: Payload
    subject: str | None = None
    version: int | None = None
    application: str | None = None


@dataclass(slots=True)
class Said:
    """All of it, and what is left out with the reason."""

    title: str
    version: str
    told: list[Told] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def leave(self, what: str, why: str) -> None:
        """Name what is left out."""
        if (what, why) not in self.left_out:
            self.left_out.append((what, why))


def said(document: Json) -> Said:
    """What a document says. Raises NoDocument."""
    number = str(document.get("asyncapi") or "")
    info = document.get("info")
    found = Said(str(_member(info, "title") or ""), str(_member(info, "version") or ""))
    if number.startswith("3."):
        _operations(document, found)
    elif number.startswith("2."):
        _channels(document, found)
    else:
        raise NoDocument("it names no version of AsyncAPI that is known (2.x or 3.x)")
    if not found.told and not found.left_out:
        raise NoDocument("it has no operation")
    return found


def _operations(document: Json, found: Said) -> None:
    used: set[str] = set()
    for name, written in _items(document.get("operations")):
        operation = _followed(document, written)
        action = _member(operation, "action")
        reference = str(_member(_member(operation, "channel"), "$ref") or "")
        channel = _followed(document, _member(operation, "channel"))
        if action not in (SEND, RECEIVE) or not isinstance(channel, Mapping):
            found.leave(f"operation {name}", "it names no action and channel")
            continue
        used.add(reference.rpartition("/")[2])
        address = _address(channel, _member(channel, "address"))
        if _member(operation, "reply") is not None:
            found.leave(f"the reply of operation {name}", "replies are no events of a topic")
        messages = _member(operation, "messages")
        if messages is None:
            messages = list((_member(channel, "messages") or {}).values())
        application = _text(_member(operation, "x-tenor-application"))
        versions = _versions(operation)
        before = len(found.told)
        for message in _messages(document, messages, found, f"operation {name}"):
            subject = _text(_member(message.body, "x-tenor-subject"))
            number = versions.get(subject or "", _member(message.body, "x-tenor-version"))
            found.told.append(
                Told(
                    str(action),
                    name,
                    address,
                    message.name,
                    message.payload,
                    subject,
                    number if isinstance(number, int) else None,
                    application,
                )
            )
        if len(found.told) == before:
            found.leave(f"operation {name}", "its channel has no messages")
    for name in sorted({name for name, _ in _items(document.get("channels"))} - used):
        found.leave(f"channel {name}", "no operation uses it")


def _versions(operation: Any) -> dict[str, int]:
    """The schema versions that `tenor export asyncapi` tells of an operation, by subject, where it is one."""
    known: dict[str, set[Any]] = {}
    for each in _member(operation, "x-tenor-versions") or ():
        if isinstance(number := _member(each, "schemaVersion"), int):
            known.setdefault(str(_member(each, "subject")), set()).add(number)
    return {subject: numbers.pop() for subject, numbers in known.items() if len(numbers) == 1}


def _channels(document: Json, found: Said) -> None:
    for name, written in _items(document.get("channels")):
        channel = _followed(document, written)
        address = _address(channel, name)
        before = len(found.told)
        for key, action in _OLD:
            operation = _member(channel, key)
            if operation is None:
                continue
            message = _member(operation, "message")
            listed = _member(_followed(document, message), "oneOf") or [message]
            for each in _messages(document, listed, found, f"{key} of channel {name}"):
                found.told.append(Told(action, name, address, each.name, each.payload))
        if len(found.told) == before:
            found.leave(f"channel {name}", "it neither publishes nor subscribes to a message")


@dataclass(frozen=True, slots=True)
class _Message:
    name: str
    payload: Payload
    body: Any


def _messages(document: Json, listed: Any, found: Said, where: str) -> Iterator[_Message]:
    for written in listed if isinstance(listed, Sequence) and not isinstance(listed, str) else ():
        body = _followed(document, written)
        if not isinstance(body, Mapping):
            found.leave(f"a message of {where}", "its reference leads nowhere in the document")
            continue
        named = _text(body.get("name")) or _text(body.get("title"))
        fallback = str(_member(written, "$ref") or "").rpartition("/")[2]
        name = named or fallback or where
        if body.get("headers") is not None:
            found.leave(f"the headers of message {name}", "contracts speak of the event, not of its headers")
        yield _Message(name, _payload(document, body, found, f"message {name}"), body)


def _payload(document: Json, message: Json, found: Said, where: str) -> Payload:
    written, format = message.get("payload"), message.get("schemaFormat")
    resolved = _followed(document, written)
    if isinstance(resolved, Mapping) and "schema" in resolved:  # 3.x: a schema of another language
        format, written = resolved.get("schemaFormat"), resolved["schema"]
        resolved = _followed(document, written)
    name = str(format or _JSON_FORMATS[0]).lower()
    for part, known in _FORMATS:
        if part in name:
            return Payload(known, resolved)
    if not name.startswith(_JSON_FORMATS):
        found.leave(f"the schema of {where}", f"no schema of the format {format} can be read")
        return Payload()
    if not isinstance(written, Mapping):
        return Payload()
    if outside := sorted(_outside(document, written)):
        found.leave(f"the schema of {where}", f"it refers to {', '.join(outside)}, which is not in the document")
        return Payload()
    return Payload("JSON", _alone(document, written))


def _alone(document: Json, schema: Json) -> dict[str, Any]:
    """A schema with the parts of the document that its references lead to, where they lead."""
    parts = {reference.split("/")[1] for reference in _references(document, schema)}
    return {**schema, **{part: document[part] for part in sorted(parts)}}


def _references(document: Json, schema: Any) -> set[str]:
    """Every reference that is reached from a schema."""
    found: set[str] = set()
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            reference = node.get("$ref")
            if isinstance(reference, str) and reference not in found:
                found.add(reference)
                waiting.append(_at(document, reference))
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
    return found


def _outside(document: Json, schema: Any) -> Iterator[str]:
    return (each for each in _references(document, schema) if _at(document, each) is None)


def _address(channel: Any, fallback: Any) -> str:
    bindings = _member(channel, "bindings")
    for protocol, name in _ADDRESSES:
        if isinstance(found := _member(_member(bindings, protocol), name), str) and found:
            return found
    queue = _member(_member(_member(bindings, "amqp"), "queue"), "name")
    return str(queue or fallback or "")


def _followed(document: Json, node: Any) -> Any:
    """What a node is, references followed; None for one that leads nowhere, or in circles."""
    for _ in range(_MOST_STEPS):
        if not isinstance(node, Mapping) or not isinstance(reference := node.get("$ref"), str):
            return node
        node = _at(document, reference)
    return None


def _at(document: Any, reference: str) -> Any:
    if not reference.startswith("#/"):
        return None
    found = document
    for step in reference[2:].split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, Mapping):
            found = found.get(name)
        elif isinstance(found, list) and name.isdigit() and int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    return found


def _items(members: Any) -> list[tuple[str, Any]]:
    return [(str(name), each) for name, each in members.items()] if isinstance(members, Mapping) else []


def _member(node: Any, name: str) -> Any:
    return node.get(name) if isinstance(node, Mapping) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
