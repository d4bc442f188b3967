"""Do contracts say how they handle what erasure leaves of an event? Pure.

    /email is sealed with a person's key; once that is destroyed      asked of the contract
        it is null                                                   `null` at /email, else `erased`
        a placeholder stands there                                   `erased` at /email
        the event has no data, as its body was sealed                `erased` at ""
        the event is left out, or reading it raises                  `absent` at ""

Said to be handled: nothing to tell. Said to fail: it breaks. Not said: unknown, with a sentence of how to say it. A
schema that seals nothing for persons asks nothing (`contracts.sealed`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from contracts.coverage import Covered, Outcome
from contracts.needs import ABSENT, ERASED, NULL, Contract, Evidence, Need, When
from contracts.satisfaction import Given, escaped, steps
from contracts.sealed import Form, Names, Place, Sealed


def asked(
    contract: Contract, sealed: Sealed, show: Callable[[Place], Any] = lambda _place: None
) -> tuple[Covered, ...]:
    """What a contract does not handle, or does not say that it handles, of what may be erased: situation ERASED.

    A need is asked where it stands at such a place, or around one if the contract says nothing of what is inside it.
    `show` finds an event for a place.
    """
    given = Given.by(contract)
    around = {each.path[:at] for each in contract.needs for at, sign in enumerate(each.path) if sign == "/"}
    found = [each for place in sealed.places if not place.path for each in _of_event(contract, place)]
    for need in contract.needs:
        names = _names(need, given)
        for node in sealed.at(names) if names else ():
            for place in node.here:
                did = _of_null(contract, need) if place.form is Form.NULL else need.when.get(ERASED)
                event = show(place) if len(place.names) == len(names) else None  # else it stands further inside
                found += (replace(each, witness=event) for each in _of_need(contract, need, place, did, need.path))
            # Of a container that is taken as a whole one place inside is enough to tell.
            if need.path not in around and (first := next(node.places(), None)) is not None:
                did = need.when.get(ERASED)
                where = f"{first.path}' in '{need.path}"
                found += (replace(each, witness=show(first)) for each in _of_need(contract, need, first, did, where))
    return tuple(found)


def _names(need: Need, given: Given) -> Names:
    """The names under which each step of a need is found; a field's number is the only one where it is said."""
    try:
        path = steps(need.path)
    except ValueError:
        return ()
    found, here = [], ""
    for at, step in enumerate(path):
        here = f"{here}/{escaped(step)}"
        others = need.aliases if at + 1 == len(path) else given.aliases.get(here, ())
        numbers = tuple(each for each in others if each.startswith("#") and each[1:].isdigit())
        found.append(numbers or (step, *others))
    return tuple(found)


def _of_need(contract: Contract, need: Need, place: Place, did: When | None, where: str) -> Iterator[Covered]:
    if did in (When.SAME, When.HANDLED):
        return
    what = "null" if place.stands is None else json.dumps(place.stands, ensure_ascii=False)
    fact = f"'{where}' is sealed for a person (rule '{place.rule}') and is {what} once that person's key is destroyed"
    yield _covered(need, did, f"{fact}; {_advice(contract, need, did)}")


def _of_null(contract: Contract, need: Need) -> When | None:
    """What code does with an erased value that is null: what it does with null, which it cannot take for data.

    Recordings and models mean the placeholder by ERASED; who states it by hand means either.
    """
    if contract.evidence is Evidence.DECLARED and ERASED in need.when:
        return need.when[ERASED]
    if NULL in need.when:
        return When.FAILS if need.when[NULL] is When.FAILS else When.HANDLED
    if "null" in need.types or any(each is None for each in need.values):
        return When.HANDLED
    return need.when.get(ERASED)


def _of_event(contract: Contract, place: Place) -> Iterator[Covered]:
    """The event as a whole: without data, or left out."""
    situation = ERASED if place.form is Form.NOTHING else ABSENT
    known = [need for need in contract.needs if not need.path]
    said = [need.when[situation] for need in known if situation in need.when]
    did = min(said, key=list(When).index, default=None)
    need = known[0] if known else Need("")
    if place.form is Form.UNTOLD:
        fact = f"something is sealed for persons, and what their erasure leaves cannot be told: {place.reason}"
        yield _covered(need, None, fact)
    elif did not in (When.SAME, When.HANDLED):
        fact = _FACTS[place.form].format(rule=place.rule)
        yield _covered(need, did, f"{fact}; {_advice(contract, need, did, situation)}")


_FACTS = {
    Form.NOTHING: "the event is sealed for a person (rule '{rule}') and has no data once the key is destroyed",
    Form.DROPPED: "rule '{rule}' seals for a person and leaves out all events of one whose key is destroyed",
    Form.RAISED: "rule '{rule}' seals for a person, and to read an event of one whose key is destroyed raises Erased",
}


def _covered(need: Need, did: When | None, reason: str) -> Covered:
    """What was said under whichever key counts as said of ERASED."""
    when = {key: what for key, what in need.when.items() if key != ERASED}
    told = replace(need, when=when if did is None else {**when, ERASED: did})
    return Covered(told, Outcome.CONDITIONAL, ERASED, reason)


def _advice(contract: Contract, need: Need, did: When | None, situation: str = ERASED) -> str:
    """What to do, for the one who owns the consumer."""
    if did is When.FAILS:
        tried = "its code failed when this was tried" if contract.evidence is Evidence.RECORDED else "it fails then"
        return f"{tried}: let it ask event.erased first and go on without, then record and deploy it"
    if did is When.CHANGES:
        return "its code took that for data: let it ask event.erased first, then record and deploy it"
    state = json.dumps({"path": need.path, "when": {situation: "handled" if situation == ERASED else "same"}})
    return _UNSAID.get((contract.evidence, situation), _STATE).format(state=state)


_STATE = "its contract does not say what it does then: state {state} in comments.tenor"
_UNSAID = {
    (Evidence.RECORDED, ERASED): "what its code does then was never tried: record it again (pytest --tenor-record), or "
    "state {state}",
    (Evidence.RECORDED, ABSENT): "whether it can do without such events is not said: record it with "
    "tenor_events(…, may_miss=True), or state {state}",
    (Evidence.MODEL, ERASED): "its model does not say what it makes of that: let it take null, the placeholder "
    '(Literal["[erased]"]) or say x-tenor-erased, or state {state}',
    (Evidence.READER_SCHEMA, ERASED): "its schema does not say what its code does then: record its handler "
    "(pytest --tenor-record) and publish that",
}
