"""Bring a database to the newest revision. Alembic is imported only when there is something to do."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

from registry.store.engine import Db, Store

HEAD = "0007"
"""The newest revision; a test compares it with `migrations/versions`."""


def package_data(name: str) -> Path:
    """A folder of package data: inside the wheel below `registry/_data`, beside `registry` in a checkout."""
    package = files("registry")
    with as_file(package) as folder:
        packed = folder / "_data" / name
        return packed if packed.is_dir() else folder.parent / name


def current(store: Store) -> str | None:
    """The revision of the database, or None for an empty one."""

    def ask(db: Db) -> str | None:
        where = "sqlite_master WHERE name" if db.dialect == "sqlite" else "pg_tables WHERE tablename"
        if db.one(f"SELECT 1 FROM {where} = 'alembic_version'") is None:  # noqa: S608 # two constants
            return None
        row = db.one("SELECT version_num FROM alembic_version")
        return None if row is None else str(row[0])

    return store.read_now(ask)


def migrate(store: Store, *, to: str = "head") -> str | None:
    """Upgrade (or downgrade to a revision, or `base`) and return the revision before. Safe to call at every start.

    A newer revision than this server knows is left as it is: revisions only add, so that a replica of the former
    release can go on, and start again, while the new one is rolled out.
    """
    before = current(store)
    if to == "head" and before is not None and before >= HEAD:
        return before
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine

    scheme, rest = store.url.split("://", 1)
    url = f"sqlite:///{store.path}" if hasattr(store, "path") else f"postgresql+psycopg://{rest}"
    config = Config()
    config.set_main_option("script_location", str(package_data("migrations")))
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            if scheme != "sqlite":
                # Replicas that start together migrate one after the other.
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7234017283)")
            config.attributes["connection"] = connection
            if to == "head":
                command.upgrade(config, to)
            else:
                command.downgrade(config, to)
    finally:
        engine.dispose()
    return before
