"""`/dek-registry/v1`: keys of field-level encryption (facts: confluent-api §14, encryption §4).

A DEK's answer has `encryptedKeyMaterial`, and for a shared KEK `keyMaterial`, the key itself as base64 of its
serialised form. Versions from 2^20 on may be persons' keys, which `latest` never answers.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable
from typing import Annotated, Any

import msgspec
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter

from registry import deks, errors
from registry.api.confluent import parameters as q
from registry.api.confluent import wire
from registry.api.confluent.routes import delete, get, post, put
from registry.deks import DekWish, KekWish
from registry.keyring import Opened
from registry.security.access import Action, Needs
from registry.security.guard import actor_of, may
from registry.services import Call, services
from registry.store.queries import deks as queries
from registry.store.queries.deks import Kek
from tenor.keys.algorithms import DEFAULT

BASE = "/dek-registry/v1/keks"

LIST_KEKS = Needs(Action.READ, "kek", filtered=True)
READ_KEK = Needs(Action.READ, "kek", "name")
WRITE_KEK = Needs(Action.WRITE, "kek", "name")
USE_KEK = Needs(Action.CONFIGURE, "kek", "name")
CREATE_KEK = Needs(Action.WRITE, "kek")
DELETE_KEK = Needs(Action.DELETE, "kek", "name", purge="permanent")
RELEASE = Needs(Action.RELEASE, "dek", "subject")
READ_DEK = Needs(Action.READ, "dek", "subject")
WRITE_DEK = Needs(Action.WRITE, "dek", "subject")
WRITE_DEKS = Needs(Action.WRITE, "dek")
DELETE_DEK = Needs(Action.DELETE, "dek", "subject", purge="permanent")

_BOOLEAN = {"type": "boolean", "default": False}
Algorithm = Annotated[
    str | None,
    QueryParameter(name="algorithm", description="AES256_GCM (without it), AES128_GCM or AES256_SIV"),
]
TestSharing = Annotated[
    str | None,
    QueryParameter(name="testSharing", schema_extra=_BOOLEAN, description="wrap and unwrap something first"),
]
Rewrap = Annotated[
    str | None,
    QueryParameter(name="rewrap", schema_extra=_BOOLEAN, description="wrap the existing key anew"),
]
Prefixes = Annotated[
    list[str] | None, QueryParameter(name="subjectPrefix", description="KEKs that have keys for such subjects")
]
IfMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-Match", description="the latest version that the client knows, 0 for none: any other is a 409"
    ),
]
_KMS = (errors.KmsDenied, errors.KmsFailed)


def kek_answer(kek: Kek) -> wire.KekAnswer:
    """A KEK on the wire. `shared` is always there, `deleted` when it is."""
    return wire.KekAnswer(
        name=kek.name,
        kms_type=kek.kms_type,
        kms_key_id=kek.kms_key_id,
        shared=kek.shared,
        kms_props=dict(kek.kms_props),
        doc=kek.doc,
        ts=kek.updated_at,
        deleted=kek.deleted,
    )


def dek_answer(request: Call, kek_name: str, opened: Opened) -> wire.DekAnswer:
    """A DEK on the wire. `commitment` is for clients that say that they know more than the reference has."""
    dek = opened.dek
    knows = request.headers.get("confluent-accept-unknown-properties", "").lower() == "true"
    return wire.DekAnswer(
        kek_name=kek_name,
        subject=dek.subject,
        version=dek.version,
        algorithm=dek.algorithm,
        encrypted_key_material=dek.material,
        commitment=base64.b64encode(dek.commitment).decode() if knows and dek.commitment else None,
        key_material=None if opened.key is None else base64.b64encode(opened.key).decode(),
        ts=dek.created_at,
        deleted=dek.deleted,
    )


def _props(given: dict[str, str | None] | None) -> dict[str, str]:
    return {name: value for name, value in (given or {}).items() if value is not None}


@get(BASE, LIST_KEKS, summary="List KEKs")
async def list_keks(
    request: Call,
    prefixes: Prefixes = None,
    deleted: q.Deleted = None,
    offset: q.Offset = None,
    limit: q.Limit = None,
) -> list[str]:
    """Names, sorted."""
    skip, most, actor = max(0, q.number(offset, 0)), q.number(limit, -1), actor_of(request)
    names = await services(request).read(
        lambda db: queries.kek_names(db, prefixes or (), deleted=q.flag(deleted)), heavy=True
    )
    seen = [each for each in names if may(actor, Action.READ, "kek", each)][skip:]
    return seen if most <= 0 else seen[:most]


@post(BASE, CREATE_KEK, errors.KeyExists, errors.TooManyKeys, errors.InvalidKey, *_KMS, summary="Create a KEK")
async def create_kek(
    request: Call, data: JSONBody[wire.CreateKekRequest], test_sharing: TestSharing = None
) -> wire.KekAnswer:
    """One that is the same but for being deleted gets the state asked for."""
    wish = KekWish(
        data.name,
        data.kms_type,
        data.kms_key_id,
        _props(data.kms_props),
        data.doc,
        bool(data.shared),
        bool(data.deleted),
    )
    keyring = services(request).keyring
    return kek_answer(await keyring.create_kek(actor_of(request), wish, test=q.flag(test_sharing)))


@get(f"{BASE}/{{name:str}}", READ_KEK, errors.KeyNotFound, summary="Read a KEK")
async def get_kek(request: Call, name: FromPath[str], deleted: q.Deleted = None) -> wire.KekAnswer:
    """A soft-deleted one only with deleted=true."""
    return kek_answer(await services(request).read(lambda db: deks.kek(db, name, deleted=q.flag(deleted))))


@put(
    f"{BASE}/{{name:str}}",
    WRITE_KEK,
    errors.KeyNotFound,
    errors.InvalidKey,
    errors.KeyInUse,
    *_KMS,
    summary="Change a KEK",
)
async def put_kek(
    request: Call, name: FromPath[str], data: JSONBody[wire.UpdateKekRequest], test_sharing: TestSharing = None
) -> wire.KekAnswer:
    """Its properties, text and whether it is shared; what is absent stays."""
    change: dict[str, Any] = {}
    if data.kms_props is not msgspec.UNSET:
        change["kms_props"] = _props(data.kms_props)
    if data.doc is not msgspec.UNSET:
        change["doc"] = data.doc
    if data.shared is not msgspec.UNSET and data.shared is not None:
        change["shared"] = data.shared
    keyring = services(request).keyring
    return kek_answer(await keyring.change_kek(actor_of(request), name, change, test=q.flag(test_sharing)))


@delete(
    f"{BASE}/{{name:str}}",
    DELETE_KEK,
    errors.KeyNotFound,
    errors.KeyNotSoftDeleted,
    errors.KeyInUse,
    summary="Delete a KEK",
    status_code=204,
)
async def delete_kek(request: Call, name: FromPath[str], permanent: q.Permanent = None) -> None:
    """Only one that wraps no key."""
    actor = actor_of(request)
    await services(request).write(lambda db: deks.delete_kek(db, actor, name, permanent=q.flag(permanent)))


@post(f"{BASE}/{{name:str}}/undelete", WRITE_KEK, errors.KeyNotFound, summary="Undelete a KEK", status_code=204)
async def undelete_kek(request: Call, name: FromPath[str]) -> None:
    """A live one stays as it is."""
    actor = actor_of(request)
    await services(request).write(lambda db: deks.undelete_kek(db, actor, name))


@post(f"{BASE}/{{name:str}}/test", USE_KEK, errors.KeyNotFound, errors.InvalidKey, *_KMS, summary="Test a KEK")
async def test_kek(request: Call, name: FromPath[str]) -> wire.KekAnswer:
    """Wrap and unwrap something with it."""
    parts = services(request)
    kek = await parts.read(lambda db: deks.kek(db, name))
    await parts.keyring.check(kek)
    return kek_answer(kek)


@get(f"{BASE}/{{name:str}}/deks", READ_KEK, errors.KeyNotFound, summary="List the subjects of a KEK's keys")
async def list_deks(
    request: Call,
    name: FromPath[str],
    deleted: q.Deleted = None,
    offset: q.Offset = None,
    limit: q.Limit = None,
) -> list[str]:
    """Sorted."""
    skip, most, all_of_them = max(0, q.number(offset, 0)), q.number(limit, -1), q.flag(deleted)
    return await services(request).read(
        lambda db: queries.subjects(
            db, deks.kek(db, name, deleted=all_of_them).pk, deleted=all_of_them, offset=skip, limit=most
        ),
        heavy=True,
    )


def _expected(if_match: str | None) -> int | None:
    if if_match is None:
        return None
    text = if_match.strip('" ')
    return 0 if text == "0" else deks.version_numbered(text)


_CREATE = (errors.KeyNotFound, errors.KeyExists, errors.TooManyKeys, errors.InvalidKey, errors.InvalidVersion, *_KMS)


async def _create(
    request: Call,
    name: str,
    subject: str | None,
    data: wire.CreateDekRequest,
    rewrap: str | None,
    if_match: str | None,
) -> wire.DekAnswer:
    wish = DekWish(
        subject,
        1 if data.version is None else data.version,
        data.algorithm or DEFAULT,
        data.encrypted_key_material or None,
        None if data.commitment is None else deks.decoded(data.commitment),
        bool(data.deleted),
        _expected(if_match),
    )
    opened = await services(request).keyring.create_dek(actor_of(request), name, wish, rewrap=q.flag(rewrap))
    return dek_answer(request, name, opened)


@post(f"{BASE}/{{name:str}}/deks", WRITE_DEKS, *_CREATE, summary="Create a DEK (older form)")
async def create_dek_of_body(
    request: Call,
    name: FromPath[str],
    data: JSONBody[wire.CreateDekRequest],
    rewrap: Rewrap = None,
    if_match: IfMatch = None,
) -> wire.DekAnswer:
    """The subject is in the body."""
    return await _create(request, name, data.subject, data, rewrap, if_match)


@post(f"{BASE}/{{name:str}}/deks/{{subject:str}}", WRITE_DEK, *_CREATE, summary="Create a DEK")
async def create_dek(
    request: Call,
    name: FromPath[str],
    subject: FromPath[str],
    data: JSONBody[wire.CreateDekRequest],
    rewrap: Rewrap = None,
    if_match: IfMatch = None,
) -> wire.DekAnswer:
    """For a shared KEK the registry makes and wraps it, once this request has won its creation; else it comes
    wrapped. Two that create the same: one gets it, the other a 409."""
    return await _create(request, name, subject, data, rewrap, if_match)


_READ = (errors.KeyNotFound, errors.InvalidKey, errors.InvalidVersion, *_KMS)


async def _read(
    request: Call, name: str, subject: str, version: int, algorithm: str | None, deleted: str | None
) -> wire.DekAnswer:
    actor = actor_of(request)
    kek, opened = await services(request).keyring.read_dek(
        actor,
        name,
        subject,
        deks.algorithm_named(algorithm),
        version,
        deleted=q.flag(deleted),
        people=may(actor, Action.RELEASE, "kek", name),  # a person's key belongs to no subject
    )
    return dek_answer(request, kek.name, opened)


@get(f"{BASE}/{{name:str}}/deks/{{subject:str}}", RELEASE, *_READ, summary="Read version 1 of a DEK")
async def get_dek(
    request: Call,
    name: FromPath[str],
    subject: FromPath[str],
    algorithm: Algorithm = None,
    deleted: q.Deleted = None,
) -> wire.DekAnswer:
    """Version 1, whatever the latest is."""
    return await _read(request, name, subject, 1, algorithm, deleted)


@get(
    f"{BASE}/{{name:str}}/deks/{{subject:str}}/versions",
    READ_DEK,
    errors.KeyNotFound,
    errors.InvalidKey,
    summary="List versions of a DEK",
)
async def list_versions(
    request: Call,
    name: FromPath[str],
    subject: FromPath[str],
    algorithm: Algorithm = None,
    deleted: q.Deleted = None,
    offset: q.Offset = None,
    limit: q.Limit = None,
) -> list[int]:
    """Ascending; persons' keys are not among them."""
    skip, most, kind, gone = (
        max(0, q.number(offset, 0)),
        q.number(limit, -1),
        deks.algorithm_named(algorithm),
        q.flag(deleted),
    )
    return await services(request).read(
        lambda db: deks.versions(
            db,
            deks.kek(db, name, deleted=gone),
            deks.named(db, subject),
            kind,
            deleted=gone,
            offset=skip,
            limit=most,
        ),
        heavy=True,
    )


@get(
    f"{BASE}/{{name:str}}/deks/{{subject:str}}/versions/{{version:str}}",
    RELEASE,
    *_READ,
    summary="Read a version of a DEK",
)
async def get_version(
    request: Call,
    name: FromPath[str],
    subject: FromPath[str],
    version: FromPath[str],
    algorithm: Algorithm = None,
    deleted: q.Deleted = None,
) -> wire.DekAnswer:
    """A number, or `latest` and -1: the newest below 2^20."""
    return await _read(request, name, subject, deks.version_numbered(version), algorithm, deleted)


def _deleting(
    request: Call, name: str, subject: str, version: int | None, algorithm: str | None, permanent: str | None
) -> Awaitable[None]:
    actor, kind, purging = actor_of(request), deks.algorithm_named(algorithm), q.flag(permanent)
    return services(request).write(
        lambda db: deks.delete_deks(
            db,
            actor,
            deks.kek(db, name, deleted=True),
            deks.named(db, subject),
            kind,
            version,
            permanent=purging,
        )
    )


def _undeleting(request: Call, name: str, subject: str, version: int | None, algorithm: str | None) -> Awaitable[None]:
    actor, kind = actor_of(request), deks.algorithm_named(algorithm)
    return services(request).write(
        lambda db: deks.undelete_deks(
            db, actor, deks.kek(db, name, deleted=True), deks.named(db, subject), kind, version
        )
    )


_DELETE = (errors.KeyNotFound, errors.KeyNotSoftDeleted, errors.InvalidKey)
_UNDELETE = (errors.KeyNotFound, errors.KeyNotUndeleted, errors.InvalidKey)


@delete(
    f"{BASE}/{{name:str}}/deks/{{subject:str}}",
    DELETE_DEK,
    *_DELETE,
    summary="Delete all versions of a DEK",
    status_code=204,
)
async def delete_dek(
    request: Call,
    name: FromPath[str],
    subject: FromPath[str],
    algorithm: Algorithm = None,
    permanent: q.Permanent = None,
) -> None:
    """Of one algorithm; persons' keys are erased, not deleted."""
    await _deleting(request, name, subject, None, algorithm, permanent)


@delete(
    f"{BASE}/{{name:str}}/deks/{{subject:str}}/versions/{{version:str}}",
    DELETE_DEK,
    *_DELETE,
    errors.InvalidVersion,
    summary="Delete a version of a DEK",
    status_code=204,
)
async def delete_version(
    request: Call,
    name: FromPath[str],
    subject: FromPath[str],
    version: FromPath[str],
    algorithm: Algorithm = None,
    permanent: q.Permanent = None,
) -> None:
    """Softly, or (after that) for good: what it sealed is unreadable then."""
    await _deleting(request, name, subject, deks.version_numbered(version), algorithm, permanent)


@post(
    f"{BASE}/{{name:str}}/deks/{{subject:str}}/undelete",
    WRITE_DEK,
    *_UNDELETE,
    summary="Undelete all versions of a DEK",
    status_code=204,
)
async def undelete_dek(request: Call, name: FromPath[str], subject: FromPath[str], algorithm: Algorithm = None) -> None:
    """Their KEK must be live."""
    await _undeleting(request, name, subject, None, algorithm)


@post(
    f"{BASE}/{{name:str}}/deks/{{subject:str}}/versions/{{version:str}}/undelete",
    WRITE_DEK,
    *_UNDELETE,
    errors.InvalidVersion,
    summary="Undelete a version of a DEK",
    status_code=204,
)
async def undelete_version(
    request: Call,
    name: FromPath[str],
    subject: FromPath[str],
    version: FromPath[str],
    algorithm: Algorithm = None,
) -> None:
    """Its KEK must be live."""
    await _undeleting(request, name, subject, deks.version_numbered(version), algorithm)


HANDLERS = [
    list_keks,
    create_kek,
    get_kek,
    put_kek,
    delete_kek,
    undelete_kek,
    test_kek,
    list_deks,
    create_dek_of_body,
    create_dek,
    get_dek,
    list_versions,
    get_version,
    delete_dek,
    delete_version,
    undelete_dek,
    undelete_version,
]
