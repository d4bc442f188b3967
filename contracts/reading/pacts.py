"""Every message of a pact as a contract, with the subject it belongs to. Pure.

    for reading in contracts(parse(text)):
        reading.pointed.subject, reading.contract.needs

Messages of v3 and v4 count, and the responses of synchronous ones; HTTP interactions are no events. What matching rules
cannot say stands in `comments.tenor` (`contracts.reading.comments`) and takes the place of what they say of the same
paths. Contents that are no JSON are a reason, except Protobuf messages whose descriptors are in the pact.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from contracts.needs import Contract, Evidence, Need, contradictions
from contracts.pact import AsyncMessage, Contents, Interaction, Message, Pact, Presence, SyncMessage, is_json_type
from contracts.reading import comments
from contracts.reading.bodies import body
from contracts.reading.pointing import How, Mapped, Pointed, pointed, topic_name


class Reading(NamedTuple):
    """One message: its subject, what is needed of its events, and the id under which results refer to it."""

    pointed: Pointed
    contract: Contract
    id: str


def contracts(
    pact: Pact,
    *,
    mapping: Sequence[Mapped] = (),
    strategy: Callable[[str], str] = topic_name,
    confirmed: int | None = None,
) -> tuple[Reading, ...]:
    """The contracts of a pact's messages, in its order; never fails, what cannot be read is a reason.

    `confirmed` is when the pact was last published or verified; a recording says when it was made.
    """
    found = [
        _reading(pact, interaction, message, mapping, strategy, confirmed)
        for interaction in pact.interactions
        for message in _messages(interaction)
    ]
    return (*found, *_unread(pact))


def _messages(interaction: Interaction) -> Iterator[Message]:
    if isinstance(interaction, AsyncMessage):
        yield interaction.message
    elif isinstance(interaction, SyncMessage):
        yield from interaction.responses


def _unread(pact: Pact) -> Iterator[Reading]:
    """Interactions that could not be read at all."""
    known = tuple(each.where for each in pact.interactions)
    for problem in pact.problems:
        if not any(_within(problem.path, where) for where in known):
            reason = f"{problem.path}: {problem.reason}"
            unmapped = Pointed(None, None, None, How.UNMAPPED, reason)
            yield Reading(unmapped, Contract((), Evidence.DECLARED, reasons=(reason,)), "")


def _within(path: str, where: str) -> bool:
    return path == where or path.startswith(f"{where}/")


def _reading(
    pact: Pact,
    interaction: Interaction,
    message: Message,
    mapping: Sequence[Mapped],
    strategy: Callable[[str], str],
    confirmed: int | None,
) -> Reading:
    subject = pointed(
        pact.provider,
        interaction.description,
        interaction.comments,
        message.metadata,
        mapping=mapping,
        strategy=strategy,
    )
    recording = comments.contract(interaction.comments, interaction.description)
    needs, reasons = _body(pact, interaction, message)
    reasons += [f"{each.path}: {each.reason}" for each in pact.problems if _within(each.path, interaction.where)]
    if recording is None:
        decoded = _by_protobuf(interaction, message.contents)
        merged = Contract(tuple(needs), Evidence.DECLARED, description=interaction.description, decoded=decoded)
    else:
        merged = replace(recording, needs=refined(needs, recording))
    contract = replace(
        merged,
        version=subject.version,
        reasons=tuple(dict.fromkeys((*merged.reasons, *reasons, *contradictions(merged.needs)))),
        confirmed=confirmed if merged.confirmed is None else merged.confirmed,
    )
    return Reading(subject, contract, interaction.id)


_INDEX = re.compile(r"/[0-9]+(?=/|$)")


def refined(needs: Sequence[Need], recorded: Contract) -> tuple[Need, ...]:
    """What matchers say, replaced by what was recorded of the same paths; an index is also covered by `*`.

    If anything inside a container was recorded, the matchers' word on the container goes too: a recording's example
    has as many items as it happened to have. What was recorded as a whole, by code or from a model, says all there is
    to say of what is inside as well. What is written by hand and says only `when` adds to the matchers.
    """
    added, stated = _told_apart(needs, recorded)
    said = {need.path for need in stated}
    around = said | {path[:at] for path in said for at, sign in enumerate(path) if sign == "/"}
    whole = said if recorded.evidence in (Evidence.RECORDED, Evidence.MODEL) else set()

    def is_new(path: str) -> bool:
        above = (path[:at] for at, sign in enumerate(path) if sign == "/")
        return path not in around and whole.isdisjoint(above)

    kept = [need for need in needs if is_new(need.path) and is_new(_INDEX.sub("/*", need.path))]
    left = {path for need in kept for path in (need.path, _INDEX.sub("/*", need.path))}
    return (
        *(_and_when(need, added) for need in kept),
        *stated,
        *(each for path, each in added.items() if path not in left),
    )


def _told_apart(needs: Sequence[Need], stated: Contract) -> tuple[dict[str, Need], Sequence[Need]]:
    """What is written by hand and says only `when` of places that matchers speak of, by path; and the other needs."""
    if stated.evidence is not Evidence.DECLARED:
        return {}, stated.needs
    spoken = {path for need in needs for path in (need.path, _INDEX.sub("/*", need.path))}
    bare = [need for need in stated.needs if need.path in spoken and need == Need(need.path, when=need.when)]
    known = {id(need) for need in bare}
    return {need.path: need for need in bare}, [need for need in stated.needs if id(need) not in known]


def _and_when(need: Need, added: Mapping[str, Need]) -> Need:
    found = added.get(need.path) or added.get(_INDEX.sub("/*", need.path))
    return need if found is None else replace(need, when={**need.when, **found.when})


def _body(pact: Pact, interaction: Interaction, message: Message) -> tuple[list[Need], list[str]]:
    contents = message.contents
    if contents.presence is Presence.MISSING:
        return [], ["the message has no contents"]
    value, why = _json(pact, interaction, contents)
    if why:
        return [], [why]
    made = body(value, message.body_rules)
    return made.needs, made.reasons


def _json(pact: Pact, interaction: Interaction, contents: Contents) -> tuple[Any, str]:
    """The contents as JSON data, or why they are none."""
    media = contents.content_type
    if _by_protobuf(interaction, contents):
        return _protobuf(pact, interaction, contents)
    if isinstance(contents.value, bytes):
        plugin = next(iter(interaction.plugins), None)
        by = f", written by the plug-in '{plugin}'" if plugin else ""
        return None, f"the contents are binary ({media or 'of no stated type'}){by}"
    if isinstance(contents.value, str) and not (media is not None and is_json_type(media)):
        return None, f"the contents are text ({media or 'of no stated type'}), no JSON"
    return contents.value, ""


def _by_protobuf(interaction: Interaction, contents: Contents) -> bool:
    base = (contents.content_type or "").split(";", maxsplit=1)[0].strip().lower()
    return "protobuf" in interaction.plugins or base in _PROTOBUF


_PROTOBUF = frozenset({"application/protobuf", "application/x-protobuf", "application/grpc"})


def _protobuf(pact: Pact, interaction: Interaction, contents: Contents) -> tuple[Any, str]:
    """A message of the Protobuf plug-in, read with the descriptors that the pact carries."""
    configuration = interaction.plugins.get("protobuf")
    held = configuration if isinstance(configuration, Mapping) else {}
    descriptors = _descriptors(pact, str(held.get("descriptorKey", "")))
    name = str(held.get("message", "")) or _parameter(contents.content_type, "message")
    if descriptors is None or not name:
        return None, "the contents are a Protobuf message whose descriptors are not in the pact"
    value = contents.value
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogatepass")
    if not isinstance(value, bytes):
        return None, "the contents of the Protobuf message are not binary"
    from registry.formats.protobuf.carried import Unreadable, read  # the library is large, such pacts are few

    try:
        return read(descriptors, name, value), ""
    except Unreadable as problem:
        return None, f"the contents are no message '{name}' of the descriptors in the pact: {problem}"


def _descriptors(pact: Pact, key: str) -> bytes | None:
    for plugin in pact.plugins:
        entry = plugin.configuration.get(key)
        written = entry.get("protoDescriptors") if isinstance(entry, Mapping) else entry
        if plugin.name == "protobuf" and isinstance(written, str):
            try:
                return base64.b64decode(written, validate=True)
            except (binascii.Error, ValueError):
                return None
    return None


def _parameter(media: str | None, name: str) -> str:
    for part in (media or "").split(";")[1:]:
        key, _, value = part.strip().partition("=")
        if key == name:
            return value.strip('"')
    return ""
