"""What matching rules cannot say, as it travels in the comments of a v4 interaction: read and written. Pure.

    {"tenor": {"version": 1, "subject": "orders-value", "evidence": "recorded", "partial": false, "reasons": [],
               "recorded": "2026-11-24",
               "needs": [{"path": "/status", "presence": "required", "types": ["string"], "values": ["PAID"],
                          "fallback": false, "when": {"absent": "fails", "other": "fails"}}]}}

Our recorder and `tenor contracts from-model` write it; every Pact tool carries it along. What cannot be read becomes a
reason of the contract, which then counts as unknown: never a crash, never silence.

By hand one can add to the matchers of a pact what code does in a situation, with needs that say nothing else:

    {"path": "/email", "when": {"erased": "handled"}}    a person's key was destroyed: the code asks, and goes on
    {"path": "", "when": {"absent": "same"}}             it can do without the events that are left out then
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from contracts.needs import (
    ERASED,
    JSON_TYPES,
    MOST_NEEDS,
    SITUATIONS,
    Contract,
    Evidence,
    Need,
    Presence,
    When,
    contradictions,
)

NAME = "tenor"
"""The comment's name."""
VERSION = 1
MOST_STEPS = 100

_DAY = 86_400_000


def contract(comments: Mapping[str, Any], description: str = "") -> Contract | None:
    """The contract in an interaction's comments; None if there is none."""
    if NAME not in comments:
        return None
    return read(comments[NAME], description)


def read(written: object, description: str = "") -> Contract:
    """The contract that the value of the comment says."""
    if not isinstance(written, Mapping):
        return _unreadable("it must be an object", description)
    if written.get("version") != VERSION or isinstance(written["version"], bool):
        return _unreadable(f"its version must be {VERSION}, not {written.get('version')!r:.60}", description)
    reading = _Reading()
    members = reading.members(written, "", _CONTRACT)
    reasons = members.get("reasons", ())
    needs: tuple[Need, ...] = members.get("needs", ())
    if "needs" not in written:
        reading.say("", "it has no 'needs'")
    evidence: Evidence = members.get("evidence", Evidence.DECLARED)
    return Contract(
        needs,
        evidence,
        description=description,
        partial=members.get("partial", False),
        reasons=(*reasons, *reading.reasons, *contradictions(needs)),
        confirmed=members.get("recorded"),
    )


def printed(contract: Contract, subject: str) -> dict[str, Any]:
    """The value of the comment, sorted and without what is left at its default.

    Matching rules are not part of it: they stand in the pact.
    """
    out: dict[str, Any] = {
        "version": VERSION,
        "subject": subject,
        "evidence": contract.evidence.value,
        "partial": contract.partial,
        "reasons": list(contract.reasons),
    }
    if contract.confirmed is not None:
        out["recorded"] = datetime.fromtimestamp(contract.confirmed / 1000, UTC).date().isoformat()
    out["needs"] = [_printed(need) for need in sorted(contract.needs, key=lambda need: need.path)]
    return out


def _printed(need: Need) -> dict[str, Any]:
    out: dict[str, Any] = {"path": need.path, "presence": need.presence.value}
    if need.types:
        out["types"] = sorted(need.types)
    if need.values:
        out["values"] = list(need.values)
    if not need.fallback:
        out["fallback"] = False
    for name in ("minimum", "maximum", "pattern"):
        if (value := getattr(need, name)) is not None:
            out[name] = value
    if need.when:
        out["when"] = {situation: when.value for situation, when in sorted(need.when.items())}
    if need.aliases:
        out["aliases"] = list(need.aliases)
    if need.encodings:
        out["encodings"] = sorted(need.encodings)
    return out


def _unreadable(reason: str, description: str) -> Contract:
    return Contract((), Evidence.DECLARED, description=description, reasons=(f"comments.{NAME}: {reason}",))


class _Wrong(Exception):
    """What a member should be."""


class _Reading:
    """Reads members by a table and collects what is wrong with them."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def say(self, where: str, reason: str) -> None:
        self.reasons.append(f"comments.{NAME}{where}: {reason}")

    def members(self, written: Mapping[str, Any], where: str, table: Mapping[str, Read]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in written.items():
            if (how := table.get(name)) is None:
                self.say(where, f"the member {name!r:.60} is not known")
                continue
            try:
                found[name] = how(self, value, f"{where}/{name}")
            except _Wrong as wrong:
                self.say(f"{where}/{name}", f"it must be {wrong}")
        return found


Read = Callable[[_Reading, Any, str], Any]


def _checked(what: str, test: Callable[[Any], bool], make: Callable[[Any], Any] = lambda value: value) -> Read:
    def how(_reading: _Reading, value: Any, _where: str) -> Any:
        if not test(value):
            raise _Wrong(what)
        return make(value)

    return how


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_date(value: Any) -> bool:
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return True


def _milliseconds(text: str) -> int:
    return (date.fromisoformat(text) - date(1970, 1, 1)).days * _DAY


def _one_of(names: type[Evidence | Presence]) -> Read:
    known = {each.value: each for each in names}
    return _checked(f"one of {', '.join(known)}", lambda value: isinstance(value, str) and value in known, known.get)


def _when(reading: _Reading, value: Any, where: str) -> dict[str, When]:
    if not isinstance(value, Mapping):
        raise _Wrong("an object")
    return reading.members(value, where, _SITUATIONS)


def _answered(*answers: When) -> Read:
    known = [each.value for each in answers]
    return _checked(f"one of {', '.join(known)}", lambda value: isinstance(value, str) and value in known, When)


_TRIED = (When.FAILS, When.CHANGES, When.SAME)
_SITUATIONS: Mapping[str, Read] = {
    each: _answered(*_TRIED, *([When.HANDLED] if each == ERASED else [])) for each in SITUATIONS
}


def _needs(reading: _Reading, value: Any, where: str) -> tuple[Need, ...]:
    if not isinstance(value, list) or len(value) > MOST_NEEDS:
        raise _Wrong(f"a list of at most {MOST_NEEDS} needs")
    found: list[Need] = []
    for index, each in enumerate(value):
        here = f"{where}/{index}"
        if not isinstance(each, Mapping):
            reading.say(here, "it must be an object")
            continue
        before = len(reading.reasons)
        members = reading.members(each, here, _NEED)
        if "path" in members:
            found.append(Need(**members))
        elif len(reading.reasons) == before:
            reading.say(here, "it has no 'path'")
    return tuple(found)


_BOOLEAN = _checked("true or false", lambda value: isinstance(value, bool))
_TEXT = _checked("a text", lambda value: isinstance(value, str))
_NUMBER = _checked("a number", _number)
_TYPES = _checked(
    f"a list of {', '.join(JSON_TYPES)}",
    lambda value: _texts(value) and set(value) <= set(JSON_TYPES),
    frozenset,
)
_NEED: Mapping[str, Read] = {
    "path": _checked("a JSON pointer", lambda value: isinstance(value, str) and (value == "" or value.startswith("/"))),
    "presence": _one_of(Presence),
    "types": _TYPES,
    "values": _checked("a list", lambda value: isinstance(value, list), tuple),
    "fallback": _BOOLEAN,
    "minimum": _NUMBER,
    "maximum": _NUMBER,
    "pattern": _TEXT,
    "when": _when,
    "aliases": _checked("a list of texts", _texts, tuple),
    "encodings": _checked("a list of texts", _texts, frozenset),
}
_CONTRACT: Mapping[str, Read] = {
    "version": lambda _reading, value, _where: value,
    "subject": _TEXT,
    "evidence": _one_of(Evidence),
    "partial": _BOOLEAN,
    "reasons": _checked("a list of texts", _texts, tuple),
    "recorded": _checked("a date such as 2026-11-24", _is_date, _milliseconds),
    "needs": _needs,
}
