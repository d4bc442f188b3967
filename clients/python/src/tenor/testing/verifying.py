"""What a verification of contracts may be told: `tenor contracts verify --NAME`, and pytest's `--tenor-NAME`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

OPTIONS: Final[Mapping[str, dict[str, Any]]] = {
    "provider": {"metavar": "P", "help": "the provider's name in the contracts"},
    "provider-version": {"metavar": "V", "help": "what is verified, e.g. its commit"},
    "branch": {"metavar": "B", "help": "the branch that the provider's version is built from"},
    "tag": {"action": "append", "default": [], "metavar": "T", "help": "of the provider; may be repeated"},
    "selector": {"action": "append", "default": [], "metavar": "JSON", "help": 'e.g. {"mainBranch": true}'},
    "pending": {"action": "store_true", "help": "contracts never kept on this branch may fail"},
    "wip-since": {"metavar": "DATE", "help": "also what nobody chose and nobody kept yet, since then"},
    "publish": {"action": "store_true", "help": "record the results for this version"},
    "build-url": {"metavar": "URL", "help": "where the build that verified can be seen"},
}
"""By name: what argparse is told of each."""


def selector(text: str) -> dict[str, Any]:
    """A consumer version selector as typed. Raises ValueError; the broker judges what it means."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"--selector {text} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"--selector {text} is no JSON object")
    return found
