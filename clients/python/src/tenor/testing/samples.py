"""Valid events of a subject's schema, made by the registry: the smallest, the largest, the edges, then random ones."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tenor import Registry
    from tenor.codecs.fields import Change, Field

Samples = Callable[..., list[Any]]


@pytest.fixture
def tenor_samples(tenor_registry: Registry, tenor_server: str) -> Iterator[Samples]:
    """A function that gives events: `tenor_samples("orders-value", count=10, seed=0)`.

    The same seed gives the same events. They are as a codec of the subject encodes them.
    """

    from tenor import Registry

    with Registry(tenor_server) as whole:

        def samples(subject: str, *, version: int = -1, count: int = 10, seed: int = 0) -> list[Any]:
            return samples_of(whole, tenor_registry, subject, version=version, count=count, seed=seed)

        yield samples


def samples_of(
    whole: Registry, registry: Registry, subject: str, *, version: int = -1, count: int = 10, seed: int = 0
) -> list[Any]:
    """Valid events of a version of a subject. `whole` is the registry of which `registry` may be a context.

    Raises NotFound, also where a registry has no API of Tenor's.
    """
    from tenor.calls import Call

    registered = registry.version(subject, version)
    # Tenor's own API knows no context in the path: what the schema refers to has to name it.
    context = f":{name}:" if (name := registry.url.rpartition("/contexts/")[2]) != registry.url else ""
    schema = registered.schema.body()
    for reference in schema.get("references", ()):
        if not reference["subject"].startswith(":."):
            reference["subject"] = context + reference["subject"]
    body = {"schema": schema, "count": count, "seed": seed}
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    call: Call[list[Any]] = Call(
        "POST", "/api/v1/sample", lambda answer: [each["event"] for each in answer["samples"]], body, headers=headers
    )
    events = whole.send(call)
    compiled: Any = registry.events(subject, version=registered.version)._writing.body
    return [*map(unpacking(getattr(compiled, "logical", compiled)), events)]


def unpacking(body: Any) -> Callable[[Any], Any]:
    """A function from a sample, which is JSON, to the event that it stands for, as a codec takes it.

    The registry writes bytes in base64, and floats that JSON has no number for as texts.
    """
    from tenor.codecs.fields import Hands, Node, Slot, walker
    from tenor.schemas import JSON, PROTOBUF

    if body.format == JSON:
        return lambda event: event
    if body.format == PROTOBUF:
        return lambda event: _message(body, event)
    whole = Node("record", slots=[Slot("event", "event", body.tree())])
    unpack = walker(whole, _unpacked, lambda slot: slot.tags, Hands.COPY)
    return (lambda event: event) if unpack is None else lambda event: unpack({"event": event}, None, None)["event"]


def _message(plain: Any, event: Any) -> Any:
    """An event of Protobuf's JSON form, in which numbers may be texts, as the dict that a codec takes."""
    from google.protobuf.json_format import ParseDict

    from tenor.codecs.protobuf.descriptors import message_at, message_class

    cls = message_class(message_at(plain._file, plain.indexes))
    return plain.as_dict(ParseDict(event, cls()))


def _unpacked(field: Field) -> Change | None:
    if field.leaf.type in ("BYTES", "FIXED"):
        return lambda value, record, state: base64.b64decode(value) if isinstance(value, str) else value
    if field.leaf.type in ("FLOAT", "DOUBLE"):
        return lambda value, record, state: float(value) if value in _NO_NUMBERS else value
    return None


_NO_NUMBERS = ("NaN", "Infinity", "-Infinity")
