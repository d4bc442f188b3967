"""What a consumer relies on, in one internal form. Pure.

A contract of any origin (pact, recording, model, reader's schema) becomes a set of needs; coverage and impact know
nothing else. A need speaks of one path of the decoded event, as the consumer's code sees it:

    Need("/status", types={"string"}, values=("PAID", "SHIPPED"), when={"other": When.FAILS})
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from contracts.rules import RuleList


class Presence(StrEnum):
    """REQUIRED: the code takes the key for granted. OPTIONAL: it goes on without it, perhaps with a default."""

    REQUIRED = "required"
    OPTIONAL = "optional"


class Evidence(StrEnum):
    """How we know of a contract. OBSERVED names a consumer that fetched schemas, and no need at all."""

    DECLARED = "declared"
    RECORDED = "recorded"
    MODEL = "model"
    READER_SCHEMA = "reader_schema"
    OBSERVED = "observed"


class When(StrEnum):
    """What the recorded code did in a situation: raised, gave another result, or gave the same.

    HANDLED is an answer to ERASED only: it asked whether the value was erased, and went on.
    """

    FAILS = "fails"
    CHANGES = "changes"
    SAME = "same"
    HANDLED = "handled"


JSON_TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
"""What `Need.types` may hold. `number` includes integers; a whole number is an integer however it is printed."""

MOST_NEEDS = 10_000
"""So many needs a contract holds; what would have more is cut, with a reason."""

ABSENT, NULL, OTHER, ERASED = "absent", "null", "other", "erased"
"""Situations a recording tries: the key is not there; it is null; it holds an enum arm that no example has; it holds
what stands in for a value that was sealed for a person whose key is destroyed (of the event itself: nothing)."""
SITUATIONS = (ABSENT, NULL, OTHER, ERASED)


@dataclass(frozen=True, slots=True)
class Need:
    """What is relied on at one path.

    `path`      JSON pointer through the decoded event as in `Field.path`: `/lines/*/sku`; "" is the event itself
    `types`     JSON types that are handled (null boolean integer number string array object); empty = any
    `values`    enum arms or constants that are handled; empty = not compared. `fallback`: other values are handled too
    `minimum`, `maximum`, `pattern`   a range of numbers; a regular expression the whole string matches
    `rules`     matching rules of a pact that the members above cannot say; `example` is theirs
    `when`      what the recorded code did by situation (SITUATIONS); at "", ABSENT: the event does not come at all
    `aliases`   other names under which the last step is found; for Protobuf `#7` is the field's number, and then only
                the number counts
    `encodings` what a reader's schema resolves there, by the format's own names (Avro: `int`, `enum:Status`), or what
                a decoder made a date or decimal of: `int:date`, `long:timestamp-millis`, `bytes:*` (whatever it means)

    A need is judged where the places above it are what they have to be: if a place above has a need of its own in the
    contract, its absence is that need's affair, and its type if that need states types; else they count here. Of a path
    with `*`, every item must satisfy it.
    """

    path: str
    presence: Presence = Presence.REQUIRED
    types: frozenset[str] = frozenset()
    values: tuple[Any, ...] = ()
    fallback: bool = True
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    rules: RuleList | None = None
    example: Any = None
    when: Mapping[str, When] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    encodings: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Contract:
    """The needs of one application version on one subject.

    `partial`   parts of the code that touch the event were never reached: what is not listed may still be needed
    `reasons`   why the contract says less than it should (binary content, plug-in, path that cannot be parsed,
                contradictory needs …), a sentence each; with any reason the contract counts as unknown beside its needs
    `version`   the subject's version it was made for, if it says so
    `confirmed` when last published or verified, milliseconds since 1970
    `decoded`   its messages came encoded (a Protobuf plug-in): whatever the evidence, the code sees decoded objects
    """

    needs: tuple[Need, ...]
    evidence: Evidence
    description: str = ""
    version: int | None = None
    partial: bool = False
    reasons: tuple[str, ...] = ()
    confirmed: int | None = None
    decoded: bool = False


def handles(types: frozenset[str], kind: str) -> bool:
    """Whether code that handles these types handles a value of one type; no types are all types."""
    return not types or kind in types or (kind == "integer" and "number" in types)


def contradictions(needs: Sequence[Need]) -> tuple[str, ...]:
    """Why no event can satisfy all of the needs together, a sentence each; empty where nothing speaks against it."""
    found: list[str] = []
    types: dict[str, frozenset[str]] = {}
    for need in needs:
        if need.minimum is not None and need.maximum is not None and need.minimum > need.maximum:
            found.append(f"at '{need.path}' the minimum {need.minimum} is above the maximum {need.maximum}")
        if need.values and not need.fallback and not any(handles(need.types, type_of(each)) for each in need.values):
            found.append(f"at '{need.path}' no handled value is of a handled type")
        if not need.types:
            continue
        known = types.get(need.path)
        both = need.types if known is None else _both(known, need.types)
        if not both:
            found.append(f"at '{need.path}' both {_listed(known or ())} and {_listed(need.types)} are needed")
        types[need.path] = both or need.types
    above = {path[:at] for path in {need.path for need in needs} for at, sign in enumerate(path) if sign == "/"}
    for path, kinds in types.items():
        if path in above and not kinds & {"object", "array"}:
            found.append(f"at '{path}' {_listed(kinds)} is needed, and something inside it as well")
    return tuple(dict.fromkeys(found))


def combined(contracts: Sequence[Contract]) -> Contract:
    """One contract of several on the same subject (a pact has one for each message).

    Messages show each what is handled, so of the same place the handled values add up; all else is needed as each
    says. What contradicts itself becomes a reason. There must be at least one contract.
    """
    first = contracts[0]
    if len(contracts) == 1:
        return first
    needs: dict[Any, Need] = {}
    for need in (need for contract in contracts for need in contract.needs):
        key = (need.path, need.presence, need.types, need.fallback, need.pattern, need.minimum, need.maximum)
        known = needs.get(key)
        if known is None or known == need:
            needs[key] = need
        elif known.values and need.values and known.rules is need.rules is None:
            added = tuple(each for each in need.values if not any(same(each, other) for other in known.values))
            needs[key] = replace(known, values=(*known.values, *added))
        else:
            needs[(*key, len(needs))] = need
    listed = tuple(needs.values())
    versions = {contract.version for contract in contracts}
    dates = [contract.confirmed for contract in contracts if contract.confirmed is not None]
    reasons = [reason for contract in contracts for reason in contract.reasons]
    return Contract(
        listed,
        Evidence.DECLARED if any(each.evidence is Evidence.DECLARED for each in contracts) else first.evidence,
        description=", ".join(dict.fromkeys(contract.description for contract in contracts if contract.description)),
        version=first.version if len(versions) == 1 else None,
        partial=any(contract.partial for contract in contracts),
        reasons=tuple(dict.fromkeys((*reasons, *contradictions(listed)))),
        confirmed=min(dates, default=None),
        decoded=all(contract.decoded for contract in contracts),
    )


def type_of(value: Any) -> str:
    """The JSON type of a value, one of JSON_TYPES; a whole number is an integer, 7.0 as well."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    if isinstance(value, Mapping):
        return "object"
    return "array" if isinstance(value, list | tuple) else "string"


def same(one: Any, other: Any) -> bool:
    """JSON equality: 1 equals 1.0, true does not equal 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def _both(some: frozenset[str], others: frozenset[str]) -> frozenset[str]:
    return frozenset(kind for kind in some | others if handles(some, kind) and handles(others, kind))


def _listed(kinds: Iterable[str]) -> str:
    return " or ".join(sorted(kinds))
