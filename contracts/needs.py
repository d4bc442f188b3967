"""What a consumer relies on, in one internal form. Pure.

A contract of any origin (pact, recording, model, reader's schema) becomes a set of needs; coverage and impact know
nothing else. A need speaks of one path of the decoded event, as the consumer's code sees it:

    Need("/status", types={"string"}, values=("PAID", "SHIPPED"), when={"other": When.FAILS})
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """What the recorded code did in a situation: raised, gave another result, or gave the same."""

    FAILS = "fails"
    CHANGES = "changes"
    SAME = "same"


ABSENT, NULL, OTHER = "absent", "null", "other"
"""Situations a recording tries: the key is not there; it is null; it holds an enum arm that no example has."""


@dataclass(frozen=True, slots=True)
class Need:
    """What is relied on at one path.

    `path`      JSON pointer through the decoded event as in `Field.path`: `/lines/*/sku`; "" is the event itself
    `types`     JSON types that are handled (null boolean integer number string array object); empty = any
    `values`    enum arms or constants that are handled; empty = not compared. `fallback`: other values are handled too
    `minimum`, `maximum`, `pattern`   a range of numbers; a regular expression the whole string matches
    `rules`     matching rules of a pact that the members above cannot say; `example` is theirs
    `when`      what the recorded code did by situation (ABSENT, NULL, OTHER)
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


@dataclass(frozen=True, slots=True)
class Contract:
    """The needs of one application version on one subject.

    `partial`   parts of the code that touch the event were never reached: what is not listed may still be needed
    `reasons`   why the contract says less than it should (binary content, plug-in, path that cannot be parsed,
                contradictory needs …), a sentence each; with any reason the contract counts as unknown beside its needs
    `version`   the subject's version it was made for, if it says so
    `confirmed` when last published or verified, milliseconds since 1970
    """

    needs: tuple[Need, ...]
    evidence: Evidence
    description: str = ""
    version: int | None = None
    partial: bool = False
    reasons: tuple[str, ...] = ()
    confirmed: int | None = None
