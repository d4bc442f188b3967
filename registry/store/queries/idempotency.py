"""Answers that were given under a client's key."""

from __future__ import annotations

from registry.store.engine import Db


def find(db: Db, key: str, since: int) -> tuple[bytes, int, bytes] | None:
    """(hash of the request, status, answer) remembered under a key, if not older than `since` (ms)."""
    row = db.one(
        "SELECT request, status, answer FROM idempotency WHERE key = :key AND created_at >= :since",
        key=key,
        since=since,
    )
    return None if row is None else (bytes(row[0]), int(row[1]), bytes(row[2]))


def put(db: Db, key: str, request: bytes, status: int, answer: bytes, now: int) -> None:
    """Remember an answer, in place of one that is too old to count."""
    db.run(
        """INSERT INTO idempotency (key, request, status, answer, created_at)
        VALUES (:key, :request, :status, :answer, :now)
        ON CONFLICT (key) DO UPDATE SET request = excluded.request, status = excluded.status,
        answer = excluded.answer, created_at = excluded.created_at""",
        key=key,
        request=request,
        status=status,
        answer=answer,
        now=now,
    )


def any_before(db: Db, before: int) -> bool:
    """Whether an answer is older than a time (ms)."""
    return db.one("SELECT 1 FROM idempotency WHERE created_at < :before LIMIT 1", before=before) is not None


def purge(db: Db, before: int, limit: int) -> int:
    """Forget answers older than a time, the oldest first; how many."""
    return db.run(
        """DELETE FROM idempotency WHERE key IN
        (SELECT key FROM idempotency WHERE created_at < :before ORDER BY created_at LIMIT :limit)""",
        before=before,
        limit=limit,
    )
