"""What changed between two schemas, as an outcome: there is nothing to judge, so it has no cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tenor.cli.reports import table
from tenor.cli.reports.outcome import Outcome


def outcome(changes: Sequence[Mapping[str, Any]], old: str, new: str) -> Outcome:
    """A diff for a comment."""

    def comment() -> str:
        rows = [(each["kind"], each["path"] or "/", each["sentence"]) for each in changes]
        count = f"{len(rows)} change{'' if len(rows) == 1 else 's'}" if rows else "No change"
        headline = f"{count} from {old} to {new}"
        return table.comment("tenor diff", headline, (), (("what", "where", "in words"), rows))

    return Outcome("tenor diff", f"tenor diff {old} {new}", (), comment)
