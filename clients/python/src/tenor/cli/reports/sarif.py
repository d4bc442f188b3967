"""SARIF 2.1.0 (OASIS), for code scanning: rules, places, and edits that remove a problem."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from tenor import __version__
from tenor.cli.reports.gitlab import fingerprint
from tenor.cli.reports.outcome import Outcome, Problem

_LEVELS = {"error": "error", "warning": "warning", "note": "note"}


def render(outcome: Outcome) -> str:
    """One run of the tool that the verb is."""
    found = list(outcome.problems)
    rules = sorted({each.rule for each in found})
    driver = {
        "name": outcome.tool,
        "semanticVersion": __version__,
        "rules": [{"id": rule, "help": {"text": f"tenor explain {rule} says what this rule means."}} for rule in rules],
    }
    results = [_result(each, rules.index(each.rule)) for each in found]
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            "ROOT": {"description": {"text": "The top of the repository, else the folder of the project file."}}
        },
        "results": results,
    }
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _result(problem: Problem, index: int) -> dict[str, Any]:
    lines = [f"{problem.title}: {problem.sentence}"]
    if problem.event:
        lines += [f"Event: {problem.event}", f"Reader: {problem.reader}"]
    result: dict[str, Any] = {
        "ruleId": problem.rule,
        "ruleIndex": index,
        "level": _LEVELS[problem.severity],
        "message": {"text": "\n".join(lines)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": _artifact(problem.file),
                    "region": {"startLine": problem.line, "startColumn": problem.column},
                }
            }
        ],
        "partialFingerprints": {"problem/v1": fingerprint(problem)},
    }
    if fixes := [_fix(problem.file, fix) for fix in problem.fixes if fix.get("edits")]:
        result["fixes"] = fixes
    return result


def _fix(file: str, fix: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "description": {"text": fix["sentence"]},
        "artifactChanges": [
            {
                "artifactLocation": _artifact(file),
                "replacements": [
                    {
                        "deletedRegion": {"charOffset": edit["start"], "charLength": edit["end"] - edit["start"]},
                        "insertedContent": {"text": edit["replacement"]},
                    }
                    for edit in fix["edits"]
                ],
            }
        ],
    }


def _artifact(file: str) -> dict[str, str]:
    return {"uri": quote(file), "uriBaseId": "ROOT"}
