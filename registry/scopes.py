"""Use cases on config and mode: the settings of the whole registry, of a context, or of a subject."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from registry.errors import (
    ConfigNotFound,
    InvalidMode,
    ModeNotFound,
    OperationNotPermitted,
    ReferenceExists,
    SubjectNotFound,
)
from registry.events import Actor, record
from registry.names import GLOBAL_CONTEXT, Subject
from registry.policy import (
    FORWARD,
    IMPORT,
    Config,
    changed,
    config_from_json,
    config_to_json,
    effective,
    mode_named,
)
from registry.store.engine import Db
from registry.store.queries import schemas, settings, subjects


def _stored(db: Db, scope: Subject) -> Config | None:
    body = settings.config(db, str(scope))
    return None if body is None else config_from_json(msgspec.json.decode(body))


def config(db: Db, scope: Subject, server: Config, *, or_wider: bool = False) -> Config:
    """The record of a scope; `or_wider` answers what holds there instead. Raises ConfigNotFound."""
    found = _stored(db, scope)
    if found is None and not or_wider and str(scope) != "":
        raise ConfigNotFound(subject=str(scope))
    if or_wider or found is None:
        return effective(db, scope, server).config
    return found


def put_config(db: Db, actor: Actor, scope: Subject, change: Mapping[str, Any], server: Config) -> Config:
    """Merge a change into a scope's record and return the record. Raises InvalidLevel, InvalidConfig, InvalidRuleSet,
    OperationNotPermitted."""
    before = _stored(db, scope) or Config()
    record_ = changed(before, change)
    effective(db, scope, server).require_writable(scope)
    if record_.alias != before.alias:
        db.forget(f"alias:{scope}")
    settings.put_config(db, str(scope), msgspec.json.encode(config_to_json(record_)).decode())
    record(db, actor, "config", f"scope:{scope}", changed=sorted(change))
    return record_


def delete_config(db: Db, actor: Actor, scope: Subject, server: Config) -> Config:
    """Remove a scope's record and return it. Raises SubjectNotFound (none is set), OperationNotPermitted."""
    found = _stored(db, scope)
    if found is None and str(scope) != "":
        raise SubjectNotFound(subject=str(scope))
    effective(db, scope, server).require_writable(scope)
    if found is not None and found.alias:
        db.forget(f"alias:{scope}")
    settings.delete_config(db, str(scope))
    record(db, actor, "config", f"scope:{scope}", deleted=True)
    return found or server


def mode(db: Db, scope: Subject, server: Config, *, or_wider: bool = False) -> str:
    """The mode of a scope; `or_wider` answers what holds there instead. Raises ModeNotFound."""
    found = None if or_wider else settings.mode(db, str(scope))
    if found is not None:
        return found
    if not or_wider and str(scope) != "":
        raise ModeNotFound(subject=str(scope))
    return effective(db, scope, server).mode


def put_mode(
    db: Db,
    actor: Actor,
    scope: Subject,
    text: str | None,
    server: Config,
    *,
    force: bool = False,
    mutable: bool = True,
) -> str | None:
    """Set the mode of a scope, or remove it (None); the mode as it is now set.

    Entering IMPORT needs a scope without live versions, unless forced; soft-deleted leftovers are purged. Raises
    InvalidMode, OperationNotPermitted, ReferenceExists.
    """
    wanted = None if text is None else mode_named(text)
    if wanted == FORWARD and scope != Subject(GLOBAL_CONTEXT, ""):
        raise InvalidMode(str(text))
    if not mutable:
        raise OperationNotPermitted("Mode changes are not allowed")
    if wanted is None:
        settings.delete_mode(db, str(scope))
    else:
        if wanted == IMPORT and not force and settings.mode(db, str(scope)) != IMPORT:
            _make_room(db, scope)
        settings.put_mode(db, str(scope), wanted)
    record(db, actor, "mode", f"scope:{scope}", mode=wanted)
    return wanted


def _make_room(db: Db, scope: Subject) -> None:
    if scope.is_context:
        context = None if scope.context == GLOBAL_CONTEXT else scope.context
        within = subjects.list_subjects(db, context=context, prefix="", which="all")
    else:
        within = [scope]
    heads = [(each, head) for each in within if (head := subjects.head(db, each)) is not None]
    if any(head.live for _, head in heads):
        raise OperationNotPermitted("Cannot import since found existing subjects")
    for each, head in heads:
        referenced = schemas.referenced_versions(db, head.pk, deleted=True)
        for version in schemas.history(db, each, deleted=True):
            if version.version in referenced:
                raise ReferenceExists(subject=str(each), version=version.version)
            subjects.purge_version(db, head.pk, version.version)
            schemas.delete_unused(db, version.schema.schema_pk)
            db.forget(f"id:{version.id}")
        subjects.purge_subject(db, head.pk)


def delete_mode(
    db: Db, actor: Actor, scope: Subject, server: Config, *, recursive: bool = False, mutable: bool = True
) -> str | None:
    """Remove the mode of a scope and return it; `recursive` on a context also clears its subjects' modes, and then
    answers None when the context had none. Raises SubjectNotFound (none is set), OperationNotPermitted."""
    if not mutable:
        raise OperationNotPermitted("Mode changes are not allowed")
    found = settings.mode(db, str(scope))
    below = settings.scopes_with_mode(db, str(scope)) if recursive and scope.is_context else []
    if found is None and not (recursive and scope.is_context):
        raise SubjectNotFound(subject=str(scope))
    for each in [str(scope), *below]:
        settings.delete_mode(db, each)
    record(db, actor, "mode", f"scope:{scope}", deleted=True, recursive=recursive)
    return found
