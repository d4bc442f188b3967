"""Counts and overviews of the whole broker."""

from __future__ import annotations

from registry.store.engine import Db

_TABLES = {
    "pacticipants": "application",
    "pacticipantVersions": "application_version",
    "pactPublications": "pact",
    "pactVersions": "pact_content",
    "verificationResults": "verification",
    "integrations": "integration",
    "branches": "branch",
    "tags": "tag",
    "environments": "environment",
    "webhooks": "webhook",
    "triggeredWebhooks": "delivery",
}


def counts(db: Db) -> dict[str, int]:
    """How many rows of each kind there are."""
    found: dict[str, int] = {}
    for name, table in _TABLES.items():
        row = db.one(f"SELECT COUNT(*) FROM {table}")  # noqa: S608 # constants
        found[name] = int(row[0]) if row else 0
    for name, table in (("deployedVersions", "deployed_version"), ("releasedVersions", "released_version")):
        row = db.one(f"SELECT COUNT(*) FROM {table} WHERE ended_at IS NULL")  # noqa: S608 # constants
        found[name] = int(row[0]) if row else 0
    return found
