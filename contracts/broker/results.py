"""Verification results: taking, reading and deleting them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from contracts import catalog
from contracts.broker import firing
from contracts.broker.desk import Desk
from contracts.errors import InvalidFields, VerificationNotFound
from contracts.queries import applications, needs, verifications
from contracts.queries.pacts import Content
from contracts.queries.verifications import Verification
from contracts.urls import Circumstances
from registry.clock import now_ms
from registry.events import record
from registry.store.engine import Db


def put_result(
    db: Db, desk: Desk, found: Content, body: Mapping[str, Any], circumstances: Circumstances
) -> Verification:
    """Take a verification result. Raises InvalidFields."""
    faults: dict[str, list[str]] = {}
    success, number = body.get("success"), body.get("providerApplicationVersion")
    if not isinstance(success, bool):
        faults["success"] = ["must be a boolean"]
    if not isinstance(number, str) or not number.strip():
        faults["providerApplicationVersion"] = ["can't be blank"]
    elif any(letter in number for letter in "\r\n"):
        faults["providerApplicationVersion"] = ["must stand on one line"]
    build_url = body.get("buildUrl")
    if build_url is not None and not isinstance(build_url, str):
        faults["buildUrl"] = ["must be a string"]
    if faults or not isinstance(success, bool) or not isinstance(number, str):
        raise InvalidFields(faults)
    provider = applications.application_by_pk(db, found.provider_pk)
    version, _ = catalog.ensured_version(db, provider, number)
    consumer_version = next(
        (
            known
            for known_number in reversed(circumstances.numbers)
            if (known := applications.version(db, found.consumer, known_number))
        ),
        None,
    )
    details = {
        key: body[key] for key in ("testResults", "verifiedBy", "verificationContext") if body.get(key) is not None
    }
    serial = verifications.add(
        db,
        found.pk,
        version.pk,
        consumer_version_pk=consumer_version.pk if consumer_version else None,
        success=success,
        wip=circumstances.wip,
        build_url=build_url or None,
        details=json.dumps(details, ensure_ascii=False),
        now=now_ms(),
    )
    if success:
        needs.confirm(db, found.pk, now_ms())
    stored = result(db, found, serial)
    record(
        db,
        desk.actor,
        "verification_published",
        f"application:{provider.name}",
        version=number,
        consumer=found.consumer,
        number=serial,
        success=success,
    )
    firing.result(db, desk, found, provider, version, stored)
    return stored


def result(db: Db, found: Content, number: int) -> Verification:
    """A result of a content. Raises VerificationNotFound."""
    stored = verifications.verification(db, found.pk, number)
    if stored is None:
        raise VerificationNotFound(number=number)
    return stored


def newest_result(db: Db, found: Content) -> Verification:
    """The last result of a content. Raises VerificationNotFound."""
    stored = verifications.newest(db, found.pk)
    if stored is None:
        raise VerificationNotFound(number="latest")
    return stored


def delete_result(db: Db, desk: Desk, found: Content, number: int) -> None:
    """Remove a result; the one before counts again. Raises VerificationNotFound."""
    verifications.delete(db, result(db, found, number))
    record(db, desk.actor, "verification_deleted", f"application:{found.provider}", number=number)
