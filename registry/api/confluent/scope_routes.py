"""`/config…`, `/mode…`, `/contexts…` and what the server says of itself."""

from __future__ import annotations

from importlib.metadata import version as installed
from typing import Annotated, Any

import msgspec
from litestar.params import FromPath, JSONBody, QueryParameter

from registry import errors, names, scopes, subjects
from registry.api.confluent import parameters as q
from registry.api.confluent import wire
from registry.api.confluent.routes import delete, get, post, put
from registry.names import Subject
from registry.policy import Config, changed, config_to_json
from registry.security.access import PUBLIC, Action, Needs
from registry.security.guard import actor_of, may, sees
from registry.services import Call, services
from registry.store.queries import subjects as listing

READ = Needs(Action.READ, "subject", "subject")
CONFIGURE = Needs(Action.CONFIGURE, "subject", "subject")
READ_ALL = Needs(Action.READ, "subject", filtered=True)
CONFIGURE_ALL = Needs(Action.CONFIGURE, "registry")
GLOBAL = Subject(names.DEFAULT_CONTEXT, "")


def _scope(text: str) -> Subject:
    return names.subject(text, for_settings=True)


def _record(config: Config) -> wire.ConfigRecord:
    return msgspec.convert(config_to_json(config), wire.ConfigRecord)


async def _config(request: Call, scope: Subject, wider: bool) -> wire.ConfigRecord:
    parts = services(request)
    return _record(await parts.read(lambda db: scopes.config(db, scope, parts.server_config, or_wider=wider)))


async def _put_config(request: Call, scope: str, data: wire.ConfigUpdateRequest) -> wire.ConfigUpdateRequest:
    parts, actor = services(request), actor_of(request)
    change: dict[str, Any] = msgspec.to_builtins(data)
    changed(Config(), change)  # a bad level or rule is said before a bad name
    record = await parts.write(lambda db: scopes.put_config(db, actor, _scope(scope), change, parts.server_config))
    answer = config_to_json(record)
    if "compatibilityLevel" in answer:
        answer["compatibility"] = answer.pop("compatibilityLevel")
    return msgspec.convert(answer, wire.ConfigUpdateRequest)


async def _delete_config(request: Call, scope: Subject) -> wire.ConfigRecord:
    parts, actor = services(request), actor_of(request)
    return _record(await parts.write(lambda db: scopes.delete_config(db, actor, scope, parts.server_config)))


@get("/config", READ_ALL, summary="Read the global config")
async def get_global_config(request: Call, default_to_global: q.DefaultToGlobal = None) -> wire.ConfigRecord:
    """Always answers, with the server's default if nothing is stored."""
    return await _config(request, GLOBAL, wider=True)


@get("/config/{subject:str}", READ, errors.ConfigNotFound, errors.InvalidSubject, summary="Read a config")
async def get_config(
    request: Call, subject: FromPath[str], default_to_global: q.DefaultToGlobal = None
) -> wire.ConfigRecord:
    """The subject's (or context's) own record, or what holds there with defaultToGlobal=true."""
    return await _config(request, _scope(subject), wider=q.flag(default_to_global))


_CONFIG_ERRORS = (
    errors.InvalidLevel,
    errors.OperationNotPermitted,
    errors.InvalidRuleSet,
)


@put("/config", CONFIGURE_ALL, *_CONFIG_ERRORS, summary="Change the global config")
async def put_global_config(request: Call, data: JSONBody[wire.ConfigUpdateRequest]) -> wire.ConfigUpdateRequest:
    """An absent key keeps its value, null clears it; the whole resulting record is answered."""
    return await _put_config(request, "", data)


@put("/config/{subject:str}", CONFIGURE, *_CONFIG_ERRORS, errors.InvalidSubject, summary="Change a config")
async def put_config(
    request: Call, subject: FromPath[str], data: JSONBody[wire.ConfigUpdateRequest]
) -> wire.ConfigUpdateRequest:
    """The subject need not exist."""
    return await _put_config(request, subject, data)


@delete("/config", CONFIGURE_ALL, errors.OperationNotPermitted, summary="Reset the global config")
async def delete_global_config(request: Call) -> wire.ConfigRecord:
    """Back to the server's default; the record as it was."""
    return await _delete_config(request, GLOBAL)


@delete(
    "/config/{subject:str}",
    CONFIGURE,
    errors.SubjectNotFound,
    errors.OperationNotPermitted,
    errors.InvalidSubject,
    summary="Remove a config",
)
async def delete_config(request: Call, subject: FromPath[str]) -> wire.ConfigRecord:
    """The record as it was."""
    return await _delete_config(request, _scope(subject))


async def _mode(request: Call, scope: Subject, wider: bool) -> wire.ModeRecord:
    parts = services(request)
    return wire.ModeRecord(await parts.read(lambda db: scopes.mode(db, scope, parts.server_config, or_wider=wider)))


async def _put_mode(request: Call, scope: Subject, data: wire.ModeRecord, force: str | None) -> wire.ModeRecord:
    parts, actor = services(request), actor_of(request)
    mode = await parts.write(
        lambda db: scopes.put_mode(
            db,
            actor,
            scope,
            data.mode,
            parts.server_config,
            force=q.flag(force),
            mutable=parts.settings.mode_mutable,
        )
    )
    return wire.ModeRecord(mode)


async def _delete_mode(request: Call, scope: Subject, recursive: str | None) -> wire.ModeRecord | wire.Empty:
    parts, actor = services(request), actor_of(request)
    mode = await parts.write(
        lambda db: scopes.delete_mode(
            db,
            actor,
            scope,
            parts.server_config,
            recursive=q.flag(recursive),
            mutable=parts.settings.mode_mutable,
        )
    )
    return wire.Empty() if mode is None else wire.ModeRecord(mode)


Recursive = Annotated[
    str | None, QueryParameter(name="recursive", description="also the modes of all subjects of the context")
]
ForceMode = Annotated[
    str | None, QueryParameter(name="force", description="enter IMPORT although live subjects are there")
]


@get("/mode", READ_ALL, summary="Read the global mode")
async def get_global_mode(request: Call, default_to_global: q.DefaultToGlobal = None) -> wire.ModeRecord:
    """READWRITE if none is set."""
    return await _mode(request, GLOBAL, wider=True)


@get("/mode/{subject:str}", READ, errors.ModeNotFound, errors.InvalidSubject, summary="Read a mode")
async def get_mode(
    request: Call, subject: FromPath[str], default_to_global: q.DefaultToGlobal = None
) -> wire.ModeRecord:
    """The subject's (or context's) own mode, or what holds there with defaultToGlobal=true."""
    return await _mode(request, _scope(subject), wider=q.flag(default_to_global))


_MODE_ERRORS = (errors.InvalidMode, errors.OperationNotPermitted, errors.ReferenceExists)


@put("/mode", CONFIGURE_ALL, *_MODE_ERRORS, summary="Set the global mode")
async def put_global_mode(request: Call, data: JSONBody[wire.ModeRecord], force: ForceMode = None) -> wire.ModeRecord:
    """READWRITE, READONLY or IMPORT."""
    return await _put_mode(request, GLOBAL, data, force)


@put("/mode/{subject:str}", CONFIGURE, *_MODE_ERRORS, errors.InvalidSubject, summary="Set a mode")
async def put_mode(
    request: Call, subject: FromPath[str], data: JSONBody[wire.ModeRecord], force: ForceMode = None
) -> wire.ModeRecord:
    """The subject need not exist; a null mode removes the record."""
    return await _put_mode(request, _scope(subject), data, force)


@delete("/mode", CONFIGURE_ALL, errors.SubjectNotFound, errors.OperationNotPermitted, summary="Remove the global mode")
async def delete_global_mode(request: Call, recursive: Recursive = None) -> wire.ModeRecord | wire.Empty:
    """The mode as it was."""
    return await _delete_mode(request, GLOBAL, recursive)


@delete(
    "/mode/{subject:str}",
    CONFIGURE,
    errors.SubjectNotFound,
    errors.OperationNotPermitted,
    errors.InvalidSubject,
    summary="Remove a mode",
)
async def delete_mode(
    request: Call, subject: FromPath[str], recursive: Recursive = None
) -> wire.ModeRecord | wire.Empty:
    """The mode as it was."""
    return await _delete_mode(request, _scope(subject), recursive)


@get("/contexts", READ_ALL, errors.NotFound, summary="List contexts")
async def list_contexts(
    request: Call,
    prefix: Annotated[str | None, QueryParameter(name="contextPrefix", description="names that start so")] = None,
    offset: q.Offset = None,
    limit: q.Limit = None,
) -> list[str]:
    """The default context is `.`"""
    skip, most = max(0, q.number(offset, 0)), q.number(limit, -1)
    found = await services(request).read(lambda db: listing.contexts(db, prefix=prefix or ""))
    actor = actor_of(request)
    if sees(actor) is not None:
        found = [each for each in found if may(actor, Action.READ, "context", each)]
    known = sorted({names.DEFAULT_CONTEXT, *found}) if names.DEFAULT_CONTEXT.startswith(prefix or "") else found
    return known[skip:] if most <= 0 else known[skip : skip + most]


@delete(
    "/contexts/{context:str}",
    Needs(Action.DELETE, "context", "context"),
    errors.ContextNotEmpty,
    summary="Delete a context",
    status_code=204,
)
async def delete_context(request: Call, context: FromPath[str]) -> None:
    """Only one that holds no subject, soft-deleted ones included."""
    actor = actor_of(request)
    await services(request).write(lambda db: subjects.delete_context(db, actor, names.context(context)))


@get("/", PUBLIC, summary="Answer a probe")
async def root(request: Call) -> wire.Empty:
    """`{}`: what health probes of this API ask for."""
    return wire.Empty()


@post("/", PUBLIC, summary="Answer a probe")
async def post_root(request: Call) -> wire.Empty:
    """The same by POST."""
    return wire.Empty()


@get("/v1/metadata/id", PUBLIC, summary="Which cluster this is")
async def server_id(request: Call) -> wire.ServerId:
    """In the shape of the reference; there is no Kafka cluster behind this registry."""
    return wire.ServerId(
        "", {"path": [], "clusters": {"kafka-cluster": "tenor", "schema-registry-cluster": "schema-registry"}}
    )


@get("/v1/metadata/version", PUBLIC, summary="Which version this is")
async def server_version(request: Call) -> wire.ServerVersion:
    """Tenor's own version."""
    return wire.ServerVersion(installed("tenor-server"), "")


@get("/v1/metadata/deployment", PUBLIC, summary="What is deployed")
async def server_deployment(request: Call) -> wire.Deployment:
    """No attributes."""
    return wire.Deployment([])


HANDLERS = [
    get_global_config,
    get_config,
    put_global_config,
    put_config,
    delete_global_config,
    delete_config,
    get_global_mode,
    get_mode,
    put_global_mode,
    put_mode,
    delete_global_mode,
    delete_mode,
    list_contexts,
    delete_context,
    root,
    post_root,
    server_id,
    server_version,
    server_deployment,
]
