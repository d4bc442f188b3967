"""A Code Quality report of GitLab."""

from __future__ import annotations

import hashlib
import json

from tenor.cli.reports.outcome import Outcome, Problem

_SEVERITIES = {"error": "critical", "warning": "minor", "note": "info"}


def render(outcome: Outcome) -> str:
    """A JSON array, an entry a problem. Fingerprints do not move with lines."""
    rows = [
        {
            "description": f"{each.title}: {each.sentence}",
            "check_name": each.rule,
            "fingerprint": fingerprint(each),
            "severity": _SEVERITIES[each.severity],
            "location": {"path": each.file, "lines": {"begin": each.line}},
        }
        for each in outcome.problems
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def fingerprint(problem: Problem) -> str:
    """What stays the same while a problem does, wherever it moves in its file."""
    parts = (problem.file, problem.rule, problem.title, problem.sentence)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
