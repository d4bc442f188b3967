"""Whether a version can be deployed, as an outcome: a case a contract of the matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tenor.cli.output import one_line
from tenor.cli.reports import table
from tenor.cli.reports.outcome import FAILED, PASSED, UNDECIDED, Case, Outcome

_STATES: Final = {True: PASSED, False: FAILED, None: UNDECIDED}
_SIGNS: Final = {PASSED: table.GOOD, FAILED: table.BAD, UNDECIDED: table.OPEN}
_SAID: Final = {PASSED: "verified", FAILED: "the verification failed", UNDECIDED: "no verification result"}


def outcome(found: Mapping[str, Any], sentence: str, notices: Sequence[str]) -> Outcome:
    """An answer for reports. `sentence` is the answer in words, `notices` are the reasons that the broker gives."""
    cases = tuple(map(_case, found["matrix"]))

    def comment() -> str:
        rows = [(each.name, f"{_SIGNS[each.state]} {each.said}") for each in cases]
        sign = _SIGNS[_STATES[found["summary"]["deployable"]]]
        text = table.comment("tenor can-i-deploy", f"{sign} {sentence}", (), (("contract", "verification"), rows))
        return text + "".join(f"\n{table.safe(each)}\n" for each in notices)

    return Outcome("tenor can-i-deploy", sentence, cases, comment)


def _case(row: Mapping[str, Any]) -> Case:
    result = row.get("verificationResult")
    state = PASSED if row.get("ignored") else _STATES[None if result is None else bool(result["success"])]
    name = f"{_side(row['consumer'])} with {_side(row['provider'])}"
    said = "ignored" if row.get("ignored") else _SAID[state]
    return Case(one_line(name), "", state, (), "; ".join([said, *map(one_line, row.get("reasons") or ())]))


def _side(side: Mapping[str, Any]) -> str:
    version = side.get("version") or {}
    return f"{side['name']} {version.get('number', '(no version)')}"
