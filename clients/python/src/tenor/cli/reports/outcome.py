"""What a verb found, as every report takes it: cases, and problems with a place, a rule and sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

PASSED: Final = "passed"
FAILED: Final = "failed"
UNREADABLE: Final = "unreadable"
UNDECIDED: Final = "undecided"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `severity` is error, warning or note; `line` and `column` count from 1."""

    file: str
    line: int
    column: int
    severity: str
    rule: str
    title: str
    sentence: str
    event: str = ""
    reader: str = ""
    fixes: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """What was judged as one: a schema, or a consumer. `said` stands where it has no problem to show."""

    name: str
    file: str
    state: str
    problems: tuple[Problem, ...] = ()
    said: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a verb found. `tool` is the verb, `about` what it was asked, `comment` makes it a pull request's comment."""

    tool: str
    about: str
    cases: tuple[Case, ...]
    comment: Callable[[], str]

    @property
    def problems(self) -> Iterator[Problem]:
        """All of them, case by case."""
        return (problem for case in self.cases for problem in case.problems)
