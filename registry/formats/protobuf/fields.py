"""Every field of a schema, as a consumer of the decoded event sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from registry.formats import base
from registry.formats.protobuf.builtin import is_builtin
from registry.formats.protobuf.model import Field, Message, Model
from registry.formats.protobuf.spans import Place, Spans

MAX_FIELDS = 50_000
"""Where a listing ends: types that use each other without recursion can unfold without measure."""


def fields(model: Model, spans: Spans, tags: Mapping[tuple[str, Place], frozenset[str]]) -> Sequence[base.Field]:
    """The fields of the events of a file, outermost first.

    Its events are the top-level messages that no message of the file holds in a field; when two have a field of the
    same path, the first one is listed. Well-known types are leaves. `tags`: by file and place of the field.
    """
    found: dict[str, base.Field] = {}
    waiting: list[tuple[str, Message, tuple[str, ...]]] = [("", root, (root.name,)) for root in roots(model)]
    while waiting:
        following = []
        for above, message, trail in waiting:
            for each in message.fields:
                path = f"{above}/{each.name}"
                if path in found:
                    continue
                if len(found) >= MAX_FIELDS:
                    return list(found.values())
                found[path] = base.Field(
                    path=path,
                    name=each.name,
                    type=each.told,
                    required=each.required,
                    doc=spans.comments(each.place) if message.file == model.file.path else "",
                    tags=tags.get((message.file, each.place), frozenset()),
                )
                inner = opened(each)
                if inner is not None and inner.name not in trail:
                    below = path + ("/*" if each.repeated else "")
                    following.append((below, inner, (*trail, inner.name)))
        waiting = following
    return list(found.values())


def opened(each: Field) -> Message | None:
    """The message whose fields stand below a field; none below a well-known type."""
    message = each.value.message if each.value is not None else each.message
    return None if message is None or is_builtin(message.file) else message


def roots(model: Model) -> list[Message]:
    """The messages that are events: not held by another message of the file; all of them when each is."""
    top = {message.name: message for message in model.file.messages}
    held = {name for message in model.messages.values() for name in _held(message) if name != message.name}
    return [message for name, message in top.items() if name not in held] or list(top.values())


def _held(message: Message) -> Iterator[str]:
    for each in message.fields:
        inner = each.value.message if each.value is not None else each.message
        if inner is not None:
            yield inner.name
