"""Levels: a direction and how much history it looks at."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from registry.errors import InvalidLevel
from registry.evolution.levels import LEVELS, TYPE_CHANGED, Earlier, conflicts, level
from registry.formats.base import Finding, Policy, Schema, Severity


@dataclass
class Fake:
    """A schema that says who read whom."""

    name: str
    refuses: frozenset[str] = frozenset()
    format: str = "AVRO"
    calls: list[str] = field(default_factory=list)

    def findings(self, writer: Any, policy: Policy) -> list[Finding]:
        self.calls.append(f"{self.name} reads {writer.name}")
        return [Finding("NO", "/", "{new} cannot read {old}")] if writer.name in self.refuses else []


def earlier(*schemas: Fake) -> list[Earlier]:
    return [
        Earlier(number, schema.format, "", lambda schema=schema: schema)  # type: ignore[misc] # a fake
        for number, schema in sorted(enumerate(schemas, 1), reverse=True)
    ]


@pytest.mark.parametrize(
    ("name", "refused_by_new", "refused_by_old", "versions"),
    [
        ("NONE", {"one", "two"}, {"new"}, []),
        ("BACKWARD", {"one"}, set(), []),
        ("BACKWARD", {"two"}, set(), [2]),
        ("BACKWARD_TRANSITIVE", {"one"}, set(), [1]),
        ("BACKWARD_TRANSITIVE", {"one", "two"}, set(), [2, 1]),
        ("BACKWARD", set(), {"new"}, []),
        ("FORWARD", {"two"}, set(), []),
        ("FORWARD", set(), {"new"}, [2]),
        ("FORWARD_TRANSITIVE", set(), {"new"}, [2, 1]),
        ("FULL", {"two"}, {"new"}, [2, 2]),
        ("FULL_TRANSITIVE", {"one"}, {"new"}, [2, 1, 1]),
    ],
)
def test_each_level_looks_where_it_should(
    name: str, refused_by_new: set[str], refused_by_old: set[str], versions: list[int]
) -> None:
    history = earlier(Fake("one", frozenset(refused_by_old)), Fake("two", frozenset(refused_by_old)))
    candidate: Schema = Fake("new", frozenset(refused_by_new))  # type: ignore[assignment] # a fake
    assert [conflict.version for conflict in conflicts(LEVELS[name], candidate, history)] == versions


def test_another_format_conflicts_at_every_level_but_none() -> None:
    candidate: Schema = Fake("new", format="JSON")  # type: ignore[assignment] # a fake
    for each in LEVELS.values():
        found = conflicts(each, candidate, earlier(Fake("one")))
        assert [conflict.finding.rule for conflict in found] == ([] if each.name == "NONE" else [TYPE_CHANGED])


def test_the_slots_of_a_sentence_follow_the_direction_and_warnings_do_not_break() -> None:
    finding = Finding("R", "/", "{new} lacks what {old} has", severity=Severity.WARNING)
    assert finding.told() == "new lacks what old has"
    assert finding.told(forward=True) == "old lacks what new has"


def test_names_in_any_case() -> None:
    assert level("full_Transitive").name == "FULL_TRANSITIVE"
    with pytest.raises(InvalidLevel, match="Valid values are none, backward"):
        level("sideways")
