"""Breaks that tenor.yaml accepts for a while, where no registry is asked.

The registry does the same with the waivers that it keeps (contracts/blast_radius.py): what a waiver without a consumer
speaks of is a warning that says until when, by whom and why it is accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

Answer = Mapping[str, Any]


def accepted(answer: Answer, waivers: Iterable[Mapping[str, str]], now: datetime) -> Answer:
    """A check's answer in which the findings that waivers speak of do not decide."""
    live = [each for each in waivers if not each.get("consumer") and ends(each["until"]) > now]
    if not live:
        return answer
    findings = [_accepted(each, live) for each in answer.get("findings", ())]
    broken = {each["direction"] for each in findings if each["severity"] == "error"}
    waived = {each["direction"] for each in findings if each.get("accepted")} - broken
    if not waived and findings == [*answer.get("findings", ())]:
        return answer
    semantic = {
        direction: {**each, "accepted": True} if direction in waived and each["verdict"] == "breaks" else each
        for direction, each in answer.get("semantic", {}).items()
    }
    findings = [{name: value for name, value in each.items() if name != "accepted"} for each in findings]
    return {**answer, "findings": findings, "semantic": semantic, "compatible": answer["compatible"] or not broken}


def ends(until: str) -> datetime:
    """When a waiver is over: a date counts to its end. What is no date was over long ago."""
    try:
        found = datetime.fromisoformat(until.strip().replace("Z", "+00:00"))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    if len(until.strip()) == 10:
        found += timedelta(days=1)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _accepted(finding: Answer, waivers: Sequence[Mapping[str, str]]) -> Answer:
    if finding["severity"] != "error":
        return finding
    places = [str(finding.get(name) or "") for name in ("path", "new_path", "old_path")]
    for waiver in waivers:
        rule, path = waiver.get("rule", ""), waiver.get("path", "")
        below = path.rstrip("/") + "/"
        if rule in ("", finding["rule"]) and (not path or any(at == path or at.startswith(below) for at in places)):
            told = f"Accepted until {waiver['until']} by {waiver['owner']}: {waiver['reason']}"
            return {**finding, "severity": "warning", "sentence": f"{finding['sentence']} {told}", "accepted": True}
    return finding
