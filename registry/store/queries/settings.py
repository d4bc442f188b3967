"""Config and mode by scope: "" is global, ":.ctx:" a context, anything else a subject's printed name."""

from __future__ import annotations

from collections.abc import Sequence

from registry.store.engine import Db

EPOCH = "settings"


def read(db: Db, scopes: Sequence[str]) -> tuple[dict[str, str], dict[str, str], int, bool]:
    """(config bodies by scope, modes by scope, the settings' epoch, whether policies exist) for up to four scopes, in
    one question."""
    a, b, c, d = (*scopes, *[scopes[0]] * (4 - len(scopes)))
    rows = db.all(
        """SELECT 'c', scope, body FROM config WHERE scope IN (:a, :b, :c, :d)
        UNION ALL SELECT 'm', scope, mode FROM mode WHERE scope IN (:a, :b, :c, :d)
        UNION ALL SELECT 'e', name, CAST(value AS TEXT) FROM counter WHERE name IN ('settings', 'protections')""",
        a=a,
        b=b,
        c=c,
        d=d,
    )
    configs = {scope: body for kind, scope, body in rows if kind == "c"}
    modes = {scope: mode for kind, scope, mode in rows if kind == "m"}
    counters = {name: int(value) for kind, name, value in rows if kind == "e"}
    return configs, modes, counters.get("settings", 0), counters.get("protections", 0) > 0


def epoch(db: Db) -> int:
    """The number that moves with every change of a config or mode."""
    row = db.one("SELECT value FROM counter WHERE name = 'settings'")
    return 0 if row is None else int(row[0])


def _moved(db: Db) -> None:
    db.run(
        """INSERT INTO counter (name, value) VALUES ('settings', 1)
        ON CONFLICT (name) DO UPDATE SET value = counter.value + 1"""
    )


def config(db: Db, scope: str) -> str | None:
    """The config record of one scope."""
    row = db.one("SELECT body FROM config WHERE scope = :scope", scope=scope)
    return None if row is None else str(row[0])


def put_config(db: Db, scope: str, body: str) -> None:
    """Set the config record of a scope."""
    db.run(
        """INSERT INTO config (scope, body) VALUES (:scope, :body)
        ON CONFLICT (scope) DO UPDATE SET body = excluded.body""",
        scope=scope,
        body=body,
    )
    _moved(db)


def delete_config(db: Db, scope: str) -> None:
    """Remove the config record of a scope."""
    if db.run("DELETE FROM config WHERE scope = :scope", scope=scope):
        _moved(db)


def mode(db: Db, scope: str) -> str | None:
    """The mode record of one scope."""
    row = db.one("SELECT mode FROM mode WHERE scope = :scope", scope=scope)
    return None if row is None else str(row[0])


def put_mode(db: Db, scope: str, mode: str) -> None:
    """Set the mode of a scope."""
    db.run(
        """INSERT INTO mode (scope, mode) VALUES (:scope, :mode)
        ON CONFLICT (scope) DO UPDATE SET mode = excluded.mode""",
        scope=scope,
        mode=mode,
    )
    _moved(db)


def delete_mode(db: Db, scope: str) -> None:
    """Remove the mode of a scope."""
    if db.run("DELETE FROM mode WHERE scope = :scope", scope=scope):
        _moved(db)


def scopes_with_mode(db: Db, prefix: str) -> list[str]:
    """Scopes below a context's `:.ctx:` that have a mode of their own; "" = the default context's subjects."""
    if prefix:
        rows = db.all(
            "SELECT scope FROM mode WHERE scope > :low AND scope < :high", low=prefix, high=prefix + "\U0010ffff"
        )
    else:
        rows = db.all("SELECT scope FROM mode WHERE scope <> '' AND substr(scope, 1, 2) <> ':.'")
    return [scope for (scope,) in rows]


def aliases(db: Db) -> list[tuple[str, str]]:
    """(scope, config body) of every config that might hold an alias."""
    return [(scope, body) for scope, body in db.all("SELECT scope, body FROM config WHERE body LIKE '%\"alias\"%'")]
