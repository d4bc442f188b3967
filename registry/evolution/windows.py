"""Support windows: which versions of a subject must stay readable, and until when. Pure.

    {"versions": 3}               the newest three
    {"days": 30}                  those that were the newest at any moment of the last 30 days
    {"while_retained": "orders"}  those whose events the topic may still hold (evidence: how long it keeps them)
    "forever"                     all

A version is written from its registration until the next one's; from then on its days are counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from registry.errors import InvalidConfig

DAY = 86_400_000
_MOST = 100_000
EXAMPLES = '{"versions": 3}, {"days": 30}, {"while_retained": "topic"} or "forever"'


@dataclass(frozen=True, slots=True)
class Window:
    """A support window: exactly one of its members is set."""

    versions: int | None = None
    days: int | None = None
    while_retained: str | None = None
    forever: bool = False


def window(value: object) -> Window:
    """Read a window. Raises InvalidConfig."""
    if value == "forever":
        return Window(forever=True)
    if isinstance(value, Mapping) and len(value) == 1:
        ((name, given),) = value.items()
        if type(given) is int and 1 <= given <= _MOST:
            if name == "versions":
                return Window(versions=given)
            if name == "days":
                return Window(days=given)
        if name == "while_retained" and isinstance(given, str) and given.strip():
            return Window(while_retained=given)
    raise InvalidConfig(f"readable_for must be one of {EXAMPLES}")


def written(window: Window) -> object:
    """The inverse of `window`."""
    if window.forever:
        return "forever"
    return {
        name: value for name in ("versions", "days", "while_retained") if (value := getattr(window, name)) is not None
    }


@dataclass(frozen=True, slots=True)
class Registered:
    """A version of a subject and when it was registered, in ms."""

    version: int
    at: int


@dataclass(frozen=True, slots=True)
class Retention:
    """What was seen of a topic. `keeps` in ms, -1 without end; `oldest` is when its oldest event was written."""

    topic: str
    keeps: int | None
    oldest: int | None
    seen_at: int


@dataclass(frozen=True, slots=True)
class Held:
    """A version that must stay readable. `until` in ms, None where no date is known: `why` says what it waits for.

    `known` is False where it is held because nobody knows better.
    """

    version: int
    why: str
    until: int | None = None
    known: bool = True


def held(window: Window, versions: Sequence[Registered], now: int, retention: Retention | None = None) -> list[Held]:
    """The versions that a window holds, oldest first. `versions` are all that are kept, in any order."""
    ordered = sorted(versions, key=lambda each: each.version)
    if window.forever:
        return [Held(each.version, "every version stays readable for ever") for each in ordered]
    if window.versions is not None:
        return _newest(window.versions, ordered)
    if window.days is not None:
        span = f"versions stay readable for {window.days} days after they were written last"
        return _within(ordered, window.days * DAY, now, span)
    return _retained(window.while_retained or "", ordered, now, retention)


def _newest(count: int, ordered: Sequence[Registered]) -> list[Held]:
    why = "the newest version stays readable" if count == 1 else f"the newest {count} versions stay readable"
    later = {each.version: len(ordered) - place for place, each in enumerate(ordered)}
    return [
        Held(each.version, f"{why}: {count - later[each.version] + 1} newer one(s) have to be registered first")
        for each in ordered[-count:]
    ]


def _within(ordered: Sequence[Registered], span: int, now: int, why: str) -> list[Held]:
    found = []
    for place, each in enumerate(ordered):
        # Clocks that went backwards must not end a window early: the latest time wins.
        successors = [other.at for other in ordered[place + 1 :]]
        if not successors:
            found.append(Held(each.version, f"{why}, and it is still the newest"))
        elif (until := max(successors[0], each.at) + span) > now:
            found.append(Held(each.version, why, until))
    return found


def _retained(topic: str, ordered: Sequence[Registered], now: int, retention: Retention | None) -> list[Held]:
    if retention is None or (retention.keeps is None and retention.oldest is None):
        why = f"how long topic '{topic}' keeps its events is not known: tenor observe kafka finds out"
        return [Held(each.version, why, known=False) for each in ordered]
    if retention.keeps is None or retention.keeps < 0:
        if retention.oldest is None:
            return [Held(each.version, f"topic '{topic}' keeps its events for ever") for each in ordered]
        # Events older than the oldest are gone, whatever comes.
        why = f"topic '{topic}' holds events since then"
        return [
            Held(each.version, why)
            for place, each in enumerate(ordered)
            if place == len(ordered) - 1 or max(ordered[place + 1].at, each.at) >= retention.oldest
        ]
    return _within(ordered, retention.keeps, now, f"topic '{topic}' keeps events for {retention.keeps // 1000} s")
