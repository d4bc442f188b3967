"""Use cases on environments, deployments and releases. Plain functions over a transaction handle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from contracts import applications as rules
from contracts import catalog
from contracts.errors import (
    DeploymentNotFound,
    EnvironmentExists,
    EnvironmentNotFound,
    InvalidFields,
    InvalidName,
    NotReopenable,
    ReleaseNotFound,
)
from contracts.queries import environments as queries
from contracts.queries.environments import DEPLOYED, RELEASED, Environment, Presence
from registry.clock import now_ms
from registry.events import Actor, record
from registry.store.engine import Db


def environment(db: Db, uuid: str) -> Environment:
    """An environment by UUID. Raises EnvironmentNotFound."""
    found = queries.environment(db, uuid)
    if found is None:
        raise EnvironmentNotFound(uuid=uuid)
    return found


def put_environment(db: Db, actor: Actor, body: Mapping[str, Any], uuid: str | None = None) -> Environment:
    """Create an environment, or change the one with a UUID. Raises InvalidFields, EnvironmentExists."""
    faults: dict[str, list[str]] = {}
    try:
        name = rules.without_spaces("name", body.get("name"))
    except InvalidName as problem:
        faults["name"] = [str(problem)]
        name = ""
    production, display = body.get("production"), body.get("displayName")
    if not isinstance(production, bool):
        if uuid is None or production is not None:
            faults["production"] = ["must be a boolean"]
        production = environment(db, uuid).production if uuid is not None else False
    if display is not None and not isinstance(display, str):
        faults["displayName"] = ["must be a string"]
    contacts = body.get("contacts")
    if contacts is not None and not (isinstance(contacts, list) and all(map(_is_contact, contacts))):
        faults["contacts"] = ["must be a list of {name, details}"]
    if faults:
        raise InvalidFields(faults)
    known = queries.environment_named(db, name)
    if known is not None and known.uuid != uuid:
        raise EnvironmentExists(name=name)
    identifier = uuid or str(uuid4())
    queries.put_environment(
        db, identifier, name, display or rules.display_name(name), production, json.dumps(contacts or []), now_ms()
    )
    record(db, actor, "environment_changed" if uuid else "environment_created", f"environment:{name}")
    return environment(db, identifier)


def _is_contact(entry: object) -> bool:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
        return False
    details = entry.get("details")
    return details is None or isinstance(details, Mapping)


def delete_environment(db: Db, actor: Actor, uuid: str) -> None:
    """Remove an environment and what was recorded for it. Raises EnvironmentNotFound."""
    found = environment(db, uuid)
    queries.delete_environment(db, found.pk)
    record(db, actor, "environment_deleted", f"environment:{found.name}")


def deploy(db: Db, actor: Actor, name: str, number: str, uuid: str, instance: str | None) -> Presence:
    """Record that a version is deployed; what ran on the same instance is not any more. Idempotent.

    Raises VersionNotFound, EnvironmentNotFound.
    """
    version, place = catalog.version(db, name, number), environment(db, uuid)
    at = instance or ""
    for current in queries.current(db, DEPLOYED, place.pk, application=name, instance=at):
        if current.version_pk == version.pk:
            return current
    identifier = str(uuid4())
    queries.deploy(db, identifier, version.application_pk, version.pk, place.pk, at, now_ms())
    record(db, actor, "deployed", f"application:{name}", version=number, environment=place.name, instance=at)
    return deployment(db, identifier)


def deployment(db: Db, uuid: str) -> Presence:
    """A deployment by UUID. Raises DeploymentNotFound."""
    found = queries.presence(db, DEPLOYED, uuid)
    if found is None:
        raise DeploymentNotFound(uuid=uuid)
    return found


def undeploy(db: Db, actor: Actor, uuid: str, body: Mapping[str, Any]) -> Presence:
    """Change a deployment: `currentlyDeployed: false` ends it. Raises DeploymentNotFound, NotReopenable."""
    found = deployment(db, uuid)
    deployed = body.get("currentlyDeployed")
    if deployed is True:
        raise NotReopenable(property="currentlyDeployed", action="deployment")
    if deployed is False and found.current:
        queries.end(db, DEPLOYED, found.pk, now_ms())
        place = queries.environments_by_pk(db, [found.environment_pk])[found.environment_pk].name
        at = {"environment": place, "instance": found.instance}
        record(db, actor, "undeployed", f"application:{found.application}", version=found.number, **at)
    return deployment(db, uuid)


def release(db: Db, actor: Actor, name: str, number: str, uuid: str) -> tuple[Presence, bool]:
    """Record that a version is released, or supported again; whether it is new.

    Raises VersionNotFound, EnvironmentNotFound.
    """
    version, place = catalog.version(db, name, number), environment(db, uuid)
    for known in queries.of_version(db, RELEASED, version.pk, place.pk):
        if not known.current:
            queries.reopen_release(db, known.pk)
            record(db, actor, "released", f"application:{name}", version=number, environment=place.name)
        return released(db, known.uuid), False
    identifier = str(uuid4())
    queries.release(db, identifier, version.application_pk, version.pk, place.pk, now_ms())
    record(db, actor, "released", f"application:{name}", version=number, environment=place.name)
    return released(db, identifier), True


def released(db: Db, uuid: str) -> Presence:
    """A release by UUID. Raises ReleaseNotFound."""
    found = queries.presence(db, RELEASED, uuid)
    if found is None:
        raise ReleaseNotFound(uuid=uuid)
    return found


def end_support(db: Db, actor: Actor, uuid: str, body: Mapping[str, Any]) -> Presence:
    """Change a release: `currentlySupported: false` ends it. Raises ReleaseNotFound, NotReopenable."""
    found = released(db, uuid)
    supported = body.get("currentlySupported")
    if supported is True and not found.current:
        raise NotReopenable(property="currentlySupported", action="release")
    if supported is False and found.current:
        queries.end(db, RELEASED, found.pk, now_ms())
        place = queries.environments_by_pk(db, [found.environment_pk])[found.environment_pk].name
        record(db, actor, "support_ended", f"application:{found.application}", version=found.number, environment=place)
    return released(db, uuid)
