"""Events to prove an upcaster on, and what a schema says against one."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

from registry import formats
from registry.formats.base import Schema
from tenor import codecs
from tenor.codecs import Body, Options
from tenor.errors import TenorError
from tenor.schemas import Schema as Text


def codec(schema: Any, message: str = "") -> Body:
    text = schema.inlined()
    if schema.format == "PROTOBUF":
        text = base64.b64encode(schema.file.SerializeToString()).decode()
    return codecs.compile(Text(text, schema.format), {}, Options(message=message))


def _messages(old: Schema, new: Schema) -> tuple[str, str]:
    from registry.formats.protobuf import ProtobufSchema

    assert isinstance(old, ProtobufSchema)
    assert isinstance(new, ProtobufSchema)
    from registry.evolution.upcasts.protobuf import matching

    names: tuple[str, str] = matching(old, new)
    return names


def events(old: Any, new: Any, seed: int) -> Iterator[tuple[Any, bytes | None]]:
    """Valid events of a schema as the client reads them, and the bytes they were read from."""
    if old.format == "JSON":
        for sample in formats.insight("JSON").samples(old, seed=seed):
            yield sample.event, None
    elif old.format == "AVRO":
        from registry.formats.avro import events, sampling

        read = codec(old).reader(None, None)
        for tree, _, _ in sampling.trees(old.root, seed=seed):
            data = events.encode(old.root, tree)
            yield read(data, 0), data
    else:
        from registry.formats.protobuf import sampling as messages

        name, _ = _messages(old, new)
        body = codec(old, name)
        read = body.reader(body.indexes, None)
        for message, _, _ in messages.messages(old, seed=seed, message=name):
            yield read(message.SerializeToString(), 0), None


def judge(old: Any, new: Any) -> Callable[[Any], str]:
    """What the new schema says against an event; empty if nothing."""
    return _complaint(new, _messages(old, new)[1] if new.format == "PROTOBUF" else "")


def judge_old(old: Any, new: Any) -> Callable[[Any], str]:
    return _complaint(old, _messages(old, new)[0] if old.format == "PROTOBUF" else "")


def _complaint(schema: Any, message: str) -> Callable[[Any], str]:
    if schema.format == "JSON":
        from registry.formats.json_schema.official import official

        valid = official(schema)
        return lambda event: str(valid.complaint(event) or "")
    write = codec(schema, message).writer(b"")

    def judged(event: Any) -> str:
        try:
            write(event)
        except TenorError as error:
            return str(error)
        return ""

    return judged


def as_text(value: Any) -> str:
    """A value so that equal ones have equal texts: keys sorted, NaN like NaN, 1 and 1.0 apart."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {as_text(each)}" for key, each in sorted(value.items(), key=repr)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(as_text, value)) + "]"
    return repr(value)


def smaller(event: Any) -> Iterator[Any]:
    """Events that are a little simpler, the simplest first; not all of them valid."""
    if isinstance(event, dict):
        for key in event:
            yield {name: value for name, value in event.items() if name != key}
        for key, value in event.items():
            for simpler in smaller(value):
                yield {**event, key: simpler}
    elif isinstance(event, list):
        if event:
            yield []
            for at, each in enumerate(event):
                yield [*event[:at], *event[at + 1 :]]
                for simpler in smaller(each):
                    yield [*event[:at], simpler, *event[at + 1 :]]
    elif isinstance(event, str) and event:
        yield ""
        yield event[: len(event) // 2]
    elif isinstance(event, bool):
        if event:
            yield False
    elif isinstance(event, int | float) and event:
        yield type(event)(0)
        yield type(event)(1) if abs(event) > 1 else type(event)(0)
