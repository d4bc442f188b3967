"""`tenor-server`: the operators' verbs. Each imports what it needs when it runs; `check` is waited for by people."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from registry.settings import Settings
    from registry.store.engine import Db, Store

_CHECK_MEMORY = 2 << 30  # twice what a worker of the server gets: here a larger schema hurts nobody else


def _settings(arguments: argparse.Namespace) -> Settings:
    from dataclasses import fields

    from registry.settings import Settings, load

    return load(os.environ, **{each.name: getattr(arguments, each.name, None) for each in fields(Settings)})


def serve(arguments: argparse.Namespace) -> int:
    """Serve the registry; SQLite migrates itself, PostgreSQL too."""
    from registry.settings import LOOPBACK, InvalidSetting

    settings = _settings(arguments)
    wanted = settings.authentication.lower()
    if wanted == "auto" and settings.host not in LOOPBACK:
        raise InvalidSetting(
            f"listening on {settings.host} needs TENOR_AUTHENTICATION: on (then `tenor-server token create NAME "
            "--grant admin@*` makes the first token), or off, if whoever reaches the server may do everything"
        )
    if wanted != "on":
        print(
            f"tenor-server: no authentication: whoever reaches {settings.host} may do everything "
            "(TENOR_AUTHENTICATION=on asks who calls)",
            file=sys.stderr,
        )
    if wanted == "on" and not (settings.is_sqlite or settings.audit_key):
        print("tenor-server: the audit log is chained but not signed: set TENOR_AUDIT_KEY", file=sys.stderr)
    from registry.serving import run

    return run(settings)


def migrate(arguments: argparse.Namespace) -> int:
    """Bring the database to the newest revision (or --to another)."""
    from registry.store.engine import open_store
    from registry.store.migrations import current
    from registry.store.migrations import migrate as run

    store = open_store(_settings(arguments).database_url)
    try:
        before = run(store, to=arguments.to)
        print(f"{before or 'empty'} -> {current(store) or 'empty'}")
    finally:
        store.close()
    return 0


def openapi(arguments: argparse.Namespace) -> int:
    """Write the API descriptions into a folder, or --check that they are current."""
    from contracts.api.broker.dialect import make_app
    from contracts.api.v1.routes import install
    from registry.api.exported import APIS, outdated, write

    APIS["broker"] = lambda: make_app(None)
    install()
    if arguments.check:
        stale = outdated(arguments.folder)
        for name in stale:
            print(f"{name} is not current: run ./do openapi", file=sys.stderr)
        return 1 if stale else 0
    write(arguments.folder)
    return 0


def doctor(arguments: argparse.Namespace) -> int:
    """Check what must always hold: ids, versions, references, keys, plans, the event chain; --repair what is safe."""
    import contracts.tables  # noqa: F401 # its rows are examined, too
    from registry.doctor import check, repair
    from registry.store.engine import open_store

    store = open_store(_settings(arguments).database_url)
    try:
        mended = repair(store) if arguments.repair else []
        complaints = store.read_now(check)
    finally:
        store.close()
    for sentence in mended:
        print(f"repaired: {sentence}")
    for complaint in complaints:
        print(
            complaint.sentence if complaint.mend is None or arguments.repair else f"{complaint.sentence} (repairable)"
        )
    told = [f"{len(mended)} repaired"] if mended else []
    told += [f"{len(complaints)} complaints" if complaints else "nothing wrong"]
    print(", ".join(told), file=sys.stderr)
    return 1 if complaints else 0


def backup(arguments: argparse.Namespace) -> int:
    """Copy an SQLite database, in use or not, into FILE, checked; prints what it holds as JSON."""
    from pathlib import Path

    from registry.backup import Unusable, back_up

    database = _database_file(arguments, "pg_dump, or pg_basebackup with archived WAL")
    try:
        _print_json(back_up(database, Path(arguments.file)))
    except Unusable as error:
        return _refused(error)
    return 0


def restore(arguments: argparse.Namespace) -> int:
    """Make a backup the SQLite database, checked; what was there is moved aside."""
    from pathlib import Path

    from registry.backup import Unusable
    from registry.backup import restore as run

    database = _database_file(arguments, "pg_restore, or recovery to a point in time")
    try:
        made, aside = run(Path(arguments.file), database, replace=arguments.replace)
    except Unusable as error:
        return _refused(error)
    if aside is not None:
        print(f"the database before is now {aside}", file=sys.stderr)
    _print_json(made)
    return 0


def _database_file(arguments: argparse.Namespace, instead: str) -> Path:
    from pathlib import Path

    from registry.settings import InvalidSetting

    settings = _settings(arguments)
    if not settings.is_sqlite:
        raise InvalidSetting(f"PostgreSQL has its own tools for this: {instead}; deploy/README.md shows how")
    return Path(settings.database_url.removeprefix("sqlite:///"))


def _refused(error: Exception) -> int:
    print(f"tenor-server: {error}", file=sys.stderr)
    return 1


def _print_json(value: object) -> None:
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(value)).decode())


def token(arguments: argparse.Namespace) -> int:
    """Create, list and revoke API tokens in the database itself, as whoever reaches it may."""
    from registry.store.engine import open_store
    from registry.store.migrations import migrate

    store = open_store(_settings(arguments).database_url)
    try:
        migrate(store)
        return _TOKEN_VERBS[arguments.what](store, arguments)
    finally:
        store.close()


def _create_token(store: Store, arguments: argparse.Namespace) -> int:
    """Make a token; the identity too, unless it is there. The secret is printed this once."""
    from registry.clock import now_ms
    from registry.events import Actor
    from registry.security import administration
    from registry.security.access import grant
    from registry.store.queries import identities

    actor, grants = Actor("tenor-server"), [grant(each) for each in arguments.grant]
    scope = [grant(each) for each in arguments.scope] or None
    until = None if arguments.days is None else now_ms() + int(arguments.days * 86_400_000)

    def job(db: Db) -> administration.Minted:
        if identities.identity(db, arguments.name) is None:
            administration.create_identity(db, actor, arguments.name)
        administration.add_grants(db, actor, arguments.name, grants)
        return administration.create_token(
            db, actor, arguments.name, description=arguments.description, expires_at=until, scope=scope
        )

    made = store.write_now(job)
    print(f"token {made.token.id} of {made.token.identity}; it is shown this once:", file=sys.stderr)
    print(made.secret)
    return 0


def _list_tokens(store: Store, arguments: argparse.Namespace) -> int:
    """Print tokens as JSON, never their secrets."""
    from registry.store.queries import identities

    found = store.read_now(lambda db: identities.tokens(db, arguments.name))
    _print_json([{name: getattr(each, name) for name in _TOKEN_COLUMNS} for each in found])
    return 0


def _revoke_token(store: Store, arguments: argparse.Namespace) -> int:
    """End a token; servers that run refuse it within five seconds."""
    from registry.events import Actor
    from registry.security import administration

    ended = store.write_now(lambda db: administration.revoke_token(db, Actor("tenor-server"), arguments.id))
    print(f"token {ended.id} of {ended.identity} is revoked", file=sys.stderr)
    return 0


_TOKEN_COLUMNS = ("id", "identity", "description", "scope", "created_at", "expires_at", "revoked_at", "used_at")
_TOKEN_VERBS = {"create": _create_token, "list": _list_tokens, "revoke": _revoke_token}


def verify_audit(arguments: argparse.Namespace) -> int:
    """Check the audit log in the database: every sealed event, every signed checkpoint; names what was changed."""
    from registry.security import audit
    from registry.store.engine import open_store

    settings = _settings(arguments)
    store = open_store(settings.database_url)
    try:
        signer = audit.signer(settings, store)
        report = store.read_now(lambda db: audit.check(db, signer))
    finally:
        store.close()
    for problem in report.problems:
        print(f"{problem.sequence}: {problem.kind}: {problem.sentence}")
    print(report.summary(), file=sys.stderr)
    if signer is not None:
        print(f"public key, for `tenor audit verify --key`: {signer.public.hex()}", file=sys.stderr)
    return 0 if report.sound else 1


def check(arguments: argparse.Namespace | None = None) -> int:
    """Answer one question about schemas: JSON from standard input to standard output (`tenor check` asks it)."""
    from registry.offline import answered, written

    _bounded()
    document, fine = answered(sys.stdin.buffer.read())
    print(written(document))
    return 0 if fine else 2


def _bounded() -> None:
    """A hostile schema may take this process down, never the machine."""
    try:
        import resource
    except ImportError:  # no such limits on this system
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    wanted = _CHECK_MEMORY if most == resource.RLIM_INFINITY else min(_CHECK_MEMORY, most)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, most))


def _parser() -> argparse.ArgumentParser:
    import argparse

    from registry.settings import DOCS

    parser = argparse.ArgumentParser(prog="tenor-server", description="A schema registry for event-driven systems.")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)

    def verb(run: Callable[[argparse.Namespace], int], *options: str) -> argparse.ArgumentParser:
        sentence = (run.__doc__ or "").splitlines()[0]
        added = verbs.add_parser(run.__name__.replace("_", "-"), help=sentence, description=sentence)
        for name in options:
            added.add_argument(
                f"--{name.replace('_', '-')}", dest=name, metavar="VALUE", help=f"{DOCS[name]} (TENOR_{name.upper()})"
            )
        added.set_defaults(run=run)
        return added

    verb(serve, *DOCS)
    verb(migrate, "database_url").add_argument("--to", default="head", help="a revision, or base (default: head)")
    described = verb(openapi)
    described.add_argument("folder", nargs="?", default="openapi")
    described.add_argument("--check", action="store_true", help="say what is not current, and exit with 1")
    examined = verb(doctor, "database_url")
    examined.add_argument("--repair", action="store_true", help="mend what is safe to mend (SQLite: no server runs)")
    verb(backup, "database_url").add_argument("file", metavar="FILE", help="a new file")
    restored = verb(restore, "database_url")
    restored.add_argument("file", metavar="FILE", help="a file made by backup")
    restored.add_argument("--replace", action="store_true", help="move a database that is there aside")
    verb(check)
    _token_parser(verb(token, "database_url"))
    verb(verify_audit, "database_url", "audit_key")
    return parser


def _token_parser(parser: argparse.ArgumentParser) -> None:
    whats = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    parsers = {what: whats.add_parser(what, help=(run.__doc__ or "").strip()) for what, run in _TOKEN_VERBS.items()}
    made = parsers["create"]
    made.add_argument("name", metavar="NAME", help="the identity it belongs to")
    made.add_argument("--grant", action="append", default=[], metavar="ROLE@KIND:NAME", help="grant this to NAME, too")
    made.add_argument("--scope", action="append", default=[], metavar="ROLE@KIND:NAME", help="narrow the token to this")
    made.add_argument("--days", type=float, help="days until it ends (default: never)")
    made.add_argument("--description", default="", help="what it is for")
    parsers["list"].add_argument("name", metavar="NAME", nargs="?", help="only those of this identity")
    parsers["revoke"].add_argument("id", metavar="ID", help="as `list` shows it")


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point. Exit codes: 0 done · 1 something is wrong · 2 usage or settings · 4 the database."""
    if (sys.argv[1:] if arguments is None else list(arguments)) == ["check"]:
        return check()  # settings and the parser of arguments cost as much as an answer
    parsed = _parser().parse_args(arguments)
    from registry.errors import RegistryError
    from registry.settings import InvalidSetting

    try:
        code: int = parsed.run(parsed)
    except InvalidSetting as error:
        print(f"tenor-server: {error}", file=sys.stderr)
        return 2
    except RegistryError as error:
        print(f"tenor-server: {error}", file=sys.stderr)
        return 4
    return code


if __name__ == "__main__":
    # `python -m registry.cli`; os._exit would lose buffered output.
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    raise SystemExit(main())
