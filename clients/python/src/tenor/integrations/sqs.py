"""SQS: an event is a body in base64 and message attributes, of which SQS allows ten. Needs no boto3.

client.send_message(QueueUrl=url, **to_sqs(orders.encode({…})))
answer = client.receive_message(QueueUrl=url, MessageAttributeNames=["All"], …)
for message in answer.get("Messages", ()):
    consumer.process(from_sqs(message)); client.delete_message(…)
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tenor.consuming import DeadLetter, QuarantinedRecord, Record, SendDeadLetter
from tenor.events import Message
from tenor.integrations.headers import TOMBSTONE, Pairs, packed, unpacked

MOST_ATTRIBUTES: Final = 10
REST: Final = "tenor-more"


def to_sqs(message: Message) -> dict[str, Any]:
    """The arguments of `send_message` that carry an event; more than ten headers share the last attribute."""
    given: Pairs = [*message.headers]
    if message.value is None:
        given = [(TOMBSTONE, b"1"), *given]
    attributes = {
        name: {"DataType": "Binary", "BinaryValue": value}
        if isinstance(value, bytes) and not _is_text(value)
        else {"DataType": "String", "StringValue": value.decode() if isinstance(value, bytes) else value}
        for name, value in packed(given, MOST_ATTRIBUTES, REST).items()
    }
    # SQS wants a body, also for the event that has none.
    return {"MessageBody": base64.b64encode(message.value or b"\x00").decode(), "MessageAttributes": attributes}


def from_sqs(message: Any, ack: Callable[[], Any] | None = None) -> Record:
    """A received message as a record; a body that is no base64 is one that is not framed."""
    headers: Pairs = [
        (name, attribute.get("BinaryValue", attribute.get("StringValue")))
        for name, attribute in (message.get("MessageAttributes") or {}).items()
    ]
    headers = unpacked(headers, REST)
    body = message.get("Body") or ""
    value: bytes | None
    try:
        value = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        value = body.encode("utf-8", "surrogatepass")
    if any(name == TOMBSTONE for name, _ in headers):
        value = None
    return Record(value, headers, None, {"message_id": str(message.get("MessageId", ""))}, ack)


def batch_sender(client: Any, url: str) -> Callable[[Sequence[Message]], None]:
    """A function that sends up to ten events in one request, for `tenor.Batches`. Raises RuntimeError if any failed."""

    def send(messages: Sequence[Message]) -> None:
        entries = [{"Id": str(number), **to_sqs(message)} for number, message in enumerate(messages)]
        answer = client.send_message_batch(QueueUrl=url, Entries=entries)
        if failed := answer.get("Failed"):
            codes = ", ".join(sorted({str(each.get("Code")) for each in failed}))
            raise RuntimeError(f"SQS refused {len(failed)} of {len(entries)} messages: {codes}")

    return send


def quarantine(client: Any, url: str) -> Callable[[QuarantinedRecord], None]:
    """A quarantine in a queue."""

    def keep(poison: QuarantinedRecord) -> None:
        headers = [(name, value.encode() if isinstance(value, str) else value or b"") for name, value in poison.headers]
        # The verdict first: attributes of their own are what a queue's filters can see.
        headers.sort(key=lambda header: not header[0].startswith("tenor-"))
        client.send_message(QueueUrl=url, **to_sqs(Message(poison.value, headers)))

    return keep


def dead_letters(client: Any, urls: Mapping[str, str]) -> SendDeadLetter:
    """What `Registry(dead_letters=…)` takes: letters go to the queues whose URLs stand at the topics that rules name.

    The URL at "" is for all others. Raises ValueError for a letter that has no queue.
    """

    def send(letter: DeadLetter) -> None:
        if not (url := urls.get(letter.topic) or urls.get("")):
            raise ValueError(f"there is no queue for the topic '{letter.topic}'")
        quarantine(client, url)(letter)

    return send


def _is_text(value: bytes) -> bool:
    try:
        return value.decode().isprintable()
    except UnicodeDecodeError:
        return False
