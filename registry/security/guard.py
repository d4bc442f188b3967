"""The one guard of every route: deny by default."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from registry import subjects
from registry.errors import Denied, Forbidden, InvalidSchema, Unauthenticated
from registry.events import Actor
from registry.formats.base import Reference
from registry.names import Subject
from registry.security.access import ANY, KNOWN, PUBLIC, Action, Grants, Needs, split
from registry.security.identity import NOBODY, Caller
from registry.store.engine import Db, Store
from registry.store.queries import schemas
from registry.store.queries.schemas import Stored

Sees = Callable[[Subject], bool]
Resolve = Callable[[Db, str], Sequence[str]]
"""What a name in a path stands for: the names of the resources that must all be granted; none when there is nothing."""


def _subject(db: Db, name: str) -> Sequence[str]:
    """A subject, and the one it is an alias of."""
    named = Subject.parse(name)
    return [str(each) for each in dict.fromkeys((named, subjects.aliased(db, named)))]


def _dek(db: Db, name: str) -> Sequence[str]:
    """The key of a subject, and of the one it is an alias of: an alias must not lead to another subject's key."""
    named = Subject.parse(name)
    return [str(each) for each in dict.fromkeys((named, subjects.aliased(db, named, for_deks=True)))]


RESOLVERS: dict[str, Resolve] = {"subject": _subject, "dek": _dek}
"""By kind. Contract testing adds its own, whose paths name things by number."""


_ENCRYPTING = frozenset({"ENCRYPT", "ENCRYPT_PAYLOAD", "SEAL", "SEAL_PAYLOAD"})


def _released_by_tags(db: Db, name: str, grants: Grants) -> bool:
    """Whether a subject's key is released to who was granted the tags of the fields that it encrypts.

    Every tag counts that any version's rules ever encrypted by; a rule without tags encrypts what no tag says.
    """
    subject = subjects.aliased(db, Subject.parse(name), for_deks=True)
    tags: set[str] = set()
    for version in schemas.history(db, subject, deleted=True):
        rule_set = version.content.rule_set
        for _, rules in rule_set.lists() if rule_set else ():
            for rule in rules:
                if rule.type.upper() in _ENCRYPTING:
                    if not rule.tags:
                        return False
                    tags.update(rule.tags)
    return bool(tags) and all(grants.permits(Action.RELEASE, "tag", tag) for tag in tags)


def refusal(caller: Caller, action: str, resource: str) -> Denied:
    """How a caller is refused: who is nobody may log in, who is somebody may not."""
    if not caller.known:
        return Unauthenticated()
    return Forbidden(actor=caller.name, action=action, resource=resource)


def may(actor: Actor, action: Action, kind: str, name: str) -> bool:
    """Whether an actor may do this to a resource; `*` is the whole kind. An actor without grants may nothing."""
    if not isinstance(actor, Caller):
        return False
    return actor.grants.whole(action, kind) if name == ANY else actor.grants.permits(action, kind, name)


def decide(actor: Actor, action: Action, resource: str) -> None:
    """Raises Forbidden or Unauthenticated unless the actor may do this to a resource (`subject:orders-value`)."""
    if not may(actor, action, *split(resource)):
        raise refusal(actor if isinstance(actor, Caller) else NOBODY, action, resource)


def sees(actor: Actor, action: Action = Action.READ) -> Sees | None:
    """A test of the subjects that an actor may read (or do something else to); None when that is every subject."""
    if may(actor, action, "subject", ANY):
        return None
    return lambda subject: may(actor, action, "subject", str(subject))


def visible(db: Db, seen: Sees | None, stored: Stored) -> bool:
    """Whether a schema is one of a subject that may be seen, soft-deleted versions included."""
    return seen is None or any(
        seen(each) for each in schemas.subjects_of_id(db, stored.context, stored.id, deleted=True)
    )


def see_references(actor: Actor, references: Iterable[Reference], context: str, format: str) -> None:
    """Raises InvalidSchema, as for one that is not there, for a reference to a subject that the actor may not read."""
    seen = sees(actor)
    if seen is None:
        return
    for each in references:
        if not seen(Subject.parse(each.subject, context)):
            raise InvalidSchema(
                format,
                f'No schema reference found for subject "{each.subject}" and version '
                f"{'latest' if each.version == -1 else each.version} (reference '{each.name}')",
            )


async def permit(
    caller: Caller, needs: Needs, parameters: Mapping[str, Any], store: Store, purging: bool = False
) -> None:
    """Raises Forbidden or Unauthenticated unless a caller may do what a route needs."""
    if needs is PUBLIC or (needs.action, needs.kind) == (PUBLIC.action, PUBLIC.kind):
        return
    if needs is KNOWN:
        if not caller.known:
            raise Unauthenticated
        return
    for action in (needs.action, Action.PURGE) if purging else (needs.action,):
        await _permit(caller, action, needs, parameters, store)


async def _permit(caller: Caller, action: Action, needs: Needs, parameters: Mapping[str, Any], store: Store) -> None:
    grants, kind = caller.grants, needs.kind
    if grants.whole(action, kind):
        return
    if needs.filtered:
        if grants.any(action, kind):
            return
        raise refusal(caller, action, f"{kind}:{ANY}")
    named = [str(parameters[each]) for each in (needs.parameter, needs.either) if each and each in parameters]
    for name in named if grants.any(action, kind) else ():
        meant = await _meant(store, kind, name)
        if meant and all(grants.permits(action, kind, each) for each in meant):
            return
    by_tags = action is Action.RELEASE and kind == "dek" and bool(named) and grants.any(action, "tag")
    if by_tags and await store.read(lambda db: _released_by_tags(db, named[0], grants), heavy=True):
        return
    raise refusal(caller, action, f"{kind}:{named[0] if named else ANY}")


async def _meant(store: Store, kind: str, name: str) -> Sequence[str]:
    resolve = RESOLVERS.get(kind)
    return [name] if resolve is None else await store.read(lambda db: resolve(db, name))


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Decide a request by what its route declares (`needs=`). A route that declares nothing is closed."""
    caller = actor_of(connection)
    needs: Needs | None = handler.opt.get("needs")
    if needs is None and connection.scope.get("method") == "OPTIONS":
        return  # Litestar's own: it names a route's methods and nothing else
    if needs is None:
        raise refusal(caller, "call", f"route {handler}")
    purging = needs.purge is not None and any(
        value.lower() == "true" for value in connection.query_params.getall(needs.purge, [])
    )
    await permit(caller, needs, connection.path_params, connection.app.state.services.store, purging)


def actor_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Caller:
    """Who sent a request, as the outer layer found out."""
    caller: Caller = connection.scope.get("tenor_actor", NOBODY)  # type: ignore[assignment] # ours, set by http.exchange
    return caller
