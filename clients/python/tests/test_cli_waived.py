"""Breaks that tenor.yaml accepts for a while."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tenor.cli import told
from tenor.cli.waived import accepted, ends

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ERROR = {
    "rule": "R", "severity": "error", "direction": "backward", "sentence": "It breaks.", "path": "/fields/1",
    "new_path": "/fields/1", "old_path": None,
}  # fmt: skip
ANSWER: dict[str, Any] = {
    "level": "BACKWARD",
    "compatible": False,
    "findings": [ERROR],
    "semantic": {"backward": {"verdict": "breaks", "reasons": []}},
}
WAIVER = {"until": "2026-11-24", "reason": "nobody replays", "owner": "team-orders"}


def test_what_is_accepted_is_a_warning_and_says_by_whom() -> None:
    answer = accepted(ANSWER, [WAIVER], NOW)
    assert told.verdict(ANSWER) == told.UNSAFE
    assert told.verdict(answer) == told.verdict(answer, told.CONFLUENT) == told.SAFE
    [finding] = answer["findings"]
    assert finding["severity"] == "warning"
    assert finding["sentence"] == "It breaks. Accepted until 2026-11-24 by team-orders: nobody replays"
    lines = [*told.told(answer, told.Sides("a.avsc", "{}"), told.BOTH, lambda text, colour: text)]
    assert lines[-1] == "safe: it is accepted for a while that new code cannot read old events"
    assert ANSWER["findings"] == [ERROR], "the answer itself is untouched"


@pytest.mark.parametrize(
    "more",
    [
        {"until": "2026-11-23"}, {"until": "2026-11-24T11:59:59Z"}, {"until": "soon"}, {"consumer": "billing"},
        {"rule": "ANOTHER"}, {"path": "/fields/10"}, {"path": "/field"},
    ],
)  # fmt: skip
def test_what_a_waiver_does_not_speak_of_decides(more: dict[str, str]) -> None:
    assert accepted(ANSWER, [{**WAIVER, **more}], NOW) == ANSWER


@pytest.mark.parametrize("more", [{"rule": "R"}, {"path": "/fields"}, {"path": "/fields/1"}, {"until": "2026-12-01"}])
def test_what_it_speaks_of_does_not(more: dict[str, str]) -> None:
    assert told.verdict(accepted(ANSWER, [{**WAIVER, **more}], NOW)) == told.SAFE


def test_one_of_two_is_not_enough() -> None:
    answer = {**ANSWER, "findings": [ERROR, {**ERROR, "path": "/fields/2", "new_path": "/fields/2"}]}
    found = accepted(answer, [{**WAIVER, "path": "/fields/2"}], NOW)
    assert told.verdict(found) == told.verdict(found, told.CONFLUENT) == told.UNSAFE
    assert [each["severity"] for each in found["findings"]] == ["error", "warning"]


def test_a_date_counts_to_its_end() -> None:
    assert ends("2026-11-24") == datetime(2026, 11, 25, tzinfo=UTC)
    assert ends("2026-11-24T10:00:00Z") == datetime(2026, 11, 24, 10, tzinfo=UTC)
    assert ends("2026-11-24T10:00:00") == datetime(2026, 11, 24, 10, tzinfo=UTC)
