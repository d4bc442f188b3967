"""Use cases on applications, versions, branches, tags and labels. Plain functions over a transaction handle.

Whatever a call needs and does not find it creates, as the Pact tools expect: a tag makes its version, a version its
application.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from contracts import applications as rules
from contracts import nested_query
from contracts.errors import (
    ApplicationExists,
    ApplicationNotFound,
    BranchNotFound,
    InvalidFields,
    LabelNotFound,
    SimilarName,
    TagNotFound,
    VersionNotFound,
)
from contracts.options import Options
from contracts.queries import applications as queries
from contracts.queries import environments
from contracts.queries.applications import Application, Branch, Tag, Version
from contracts.queries.environments import Environment
from contracts.queries.matrix import moment
from registry.clock import now_ms
from registry.events import Actor, record
from registry.store.engine import Db

# Applications.

_TEXTS = {
    "displayName": "display_name",
    "mainBranch": "main_branch",
    "repositoryUrl": "repository_url",
    "repositoryName": "repository_name",
    "repositoryNamespace": "repository_namespace",
}


def application(db: Db, name: str) -> Application:
    """An application by name. Raises ApplicationNotFound."""
    found = queries.application(db, name)
    if found is None:
        raise ApplicationNotFound(name=name)
    return found


def ensured(db: Db, name: str, options: Options, *, checked: bool = True) -> tuple[Application, bool]:
    """An application, made if it is not there; whether it is new.

    `checked`: a new name that reads like an existing one is refused (SimilarName); what somebody creates on purpose is
    not checked.
    """
    found = queries.application(db, name)
    if found is not None:
        return found, False
    if not name.strip():
        raise InvalidFields({"name": ["can't be blank"]})
    if checked and options.similar_names and (existing := rules.similar(name, queries.names(db))):
        raise SimilarName(name, existing)
    now = now_ms()
    pk = queries.add_application(db, name, now)
    return Application(pk, name, None, None, None, None, None, now, now), True


def _changed(before: Application, body: Mapping[str, Any], *, whole: bool) -> Application:
    """An application with what a body says about it; `whole`: what it does not say becomes empty."""
    faults: dict[str, list[str]] = {}
    values: dict[str, Any] = {}
    for key, column in _TEXTS.items():
        if key not in body:
            if whole:
                values[column] = None
            continue
        value = body[key]
        if value is not None and not isinstance(value, str):
            faults[key] = ["must be a string"]
        elif key == "mainBranch" and value and any(letter.isspace() for letter in value):
            faults[key] = ["cannot contain spaces"]
        else:
            values[column] = value or None
    _names(body, "labels", faults)
    if faults:
        raise InvalidFields(faults)
    return replace(before, **values)


def _names(body: Mapping[str, Any], key: str, faults: dict[str, list[str]]) -> list[str]:
    """The names in a list of names, or of objects that have one."""
    listed = body.get(key) or []
    names: list[Any] = [
        entry.get("name") if isinstance(entry, Mapping) else entry for entry in nested_query.listed(listed)
    ]
    if not isinstance(listed, list) or not all(isinstance(name, str) and name.strip() for name in names):
        faults[key] = ["must be a list of names"]
        return []
    return names


def create_application(db: Db, actor: Actor, body: Mapping[str, Any], options: Options) -> Application:
    """A new application, created on purpose. Raises InvalidFields, ApplicationExists."""
    name = body.get("name")
    if not isinstance(name, str) or not name.strip():
        raise InvalidFields({"name": ["can't be blank"]})
    if queries.application(db, name) is not None:
        raise ApplicationExists(name=name)
    _changed(Application(0, name, None, None, None, None, None, 0, 0), body, whole=False)
    found, _ = ensured(db, name, options, checked=False)
    return _update(db, actor, found, body, whole=False, action="application_created")


def update_application(
    db: Db, actor: Actor, name: str, body: Mapping[str, Any], options: Options, *, whole: bool
) -> tuple[Application, bool]:
    """Change an application, or create it on purpose; whether it is new. `whole` (PUT): the rest becomes empty."""
    _changed(Application(0, name, None, None, None, None, None, 0, 0), body, whole=whole)
    found, new = ensured(db, name, options, checked=False)
    action = "application_created" if new else "application_updated"
    return _update(db, actor, found, body, whole=whole, action=action), new


def _update(
    db: Db, actor: Actor, found: Application, body: Mapping[str, Any], *, whole: bool, action: str
) -> Application:
    changed = replace(_changed(found, body, whole=whole), updated_at=now_ms())
    queries.update_application(db, changed, changed.updated_at)
    for label in _names(body, "labels", {}):
        queries.add_label(db, found.pk, label, changed.updated_at)
    record(db, actor, action, f"application:{found.name}")
    return changed


def delete_application(db: Db, actor: Actor, name: str) -> None:
    """Remove an application with everything that is about it. Raises ApplicationNotFound."""
    queries.delete_application(db, application(db, name).pk)
    record(db, actor, "application_deleted", f"application:{name}")


# Labels.


def put_label(db: Db, actor: Actor, name: str, label: str, options: Options) -> bool:
    """Label an application, which is made if it is not there; whether the label is new."""
    found, _ = ensured(db, name, options)
    new = queries.add_label(db, found.pk, label, now_ms())
    if new:
        record(db, actor, "label_added", f"application:{name}", label=label)
    return new


def label(db: Db, name: str, label: str) -> int:
    """When an application was given a label. Raises ApplicationNotFound, LabelNotFound."""
    pk = application(db, name).pk
    for known, at in queries.labels(db, [pk]).get(pk, ()):
        if known == label:
            return at
    raise LabelNotFound(application=name, label=label)


def delete_label(db: Db, actor: Actor, name: str, label: str) -> None:
    """Take a label away. Raises ApplicationNotFound, LabelNotFound."""
    if not queries.delete_label(db, application(db, name).pk, label):
        raise LabelNotFound(application=name, label=label)
    record(db, actor, "label_removed", f"application:{name}", label=label)


# Versions.


def version(db: Db, name: str, number: str) -> Version:
    """A version by number. Raises VersionNotFound."""
    found = queries.version(db, name, number)
    if found is None:
        raise VersionNotFound(application=name, number=number)
    return found


def newest(db: Db, name: str, tag: str | None = None) -> Version:
    """The newest version, or the newest with a tag. Raises ApplicationNotFound, VersionNotFound."""
    found = queries.newest_version(db, application(db, name).pk, tag=tag)
    if found is None:
        raise VersionNotFound(application=name, number="latest" if tag is None else f"latest with tag {tag}")
    return found


def ensured_version(db: Db, application: Application, number: str) -> tuple[Version, bool]:
    """A version, made if it is not there; whether it is new."""
    found = queries.version(db, application.name, number)
    if found is not None:
        return found, False
    rules.version_number(number)
    queries.add_version(db, application.pk, number, now_ms())
    return version(db, application.name, number), True


def put_version(
    db: Db, actor: Actor, name: str, number: str, body: Mapping[str, Any], options: Options
) -> tuple[Version, bool]:
    """Create a version or change its build URL, branch and tags; whether it is new."""
    build_url, branch = body.get("buildUrl"), body.get("branch")
    faults = {
        key: ["must be a string"]
        for key, value in (("buildUrl", build_url), ("branch", branch))
        if not isinstance(value, str | None)
    }
    tags = _names(body, "tags", faults)
    if faults:
        raise InvalidFields(faults)
    owner, _ = ensured(db, name, options)
    found, new = ensured_version(db, owner, number)
    if "buildUrl" in body:
        queries.set_build_url(db, found.pk, build_url or None, now_ms())
    if branch:
        add_to_branch(db, owner, found, branch)
    for tag in tags:
        add_tag(db, actor, owner, found, tag, options)
    record(db, actor, "version_created" if new else "version_updated", f"application:{name}", version=number)
    return version(db, name, number), new


def delete_version(db: Db, actor: Actor, name: str, number: str) -> None:
    """Remove a version with its pacts, results and records. Raises VersionNotFound."""
    queries.delete_version(db, version(db, name, number).pk, now_ms())
    record(db, actor, "version_deleted", f"application:{name}", version=number)


# Branches.


def branch(db: Db, name: str, branch: str) -> Branch:
    """A branch. Raises ApplicationNotFound, BranchNotFound."""
    found = queries.branch(db, application(db, name).pk, branch)
    if found is None:
        raise BranchNotFound(application=name, branch=branch)
    return found


def add_to_branch(db: Db, owner: Application, found: Version, name: str) -> bool:
    """Put a version on a branch, which is made if it is not there; whether the version is new on it.

    The first branch that is called like one becomes the application's main branch.
    """
    now = now_ms()
    known = queries.branch(db, owner.pk, name)
    pk = queries.add_branch(db, owner.pk, name, now) if known is None else known.pk
    current = queries.application_by_pk(db, owner.pk).main_branch
    if rules.becomes_main_branch(name, current):
        queries.set_main_branch(db, owner.pk, name)
    return queries.add_to_branch(db, pk, found.pk, now)


def put_branch_version(
    db: Db, actor: Actor, name: str, branch: str, number: str, body: Mapping[str, Any], options: Options
) -> tuple[Version, bool]:
    """Put a version on a branch, whatever has to be made for it; whether it is new there."""
    if not branch.strip():
        raise InvalidFields({"branch": ["can't be blank"]})
    owner, _ = ensured(db, name, options)
    found, _ = ensured_version(db, owner, number)
    build_url = body.get("buildUrl")
    if isinstance(build_url, str) and build_url:
        queries.set_build_url(db, found.pk, build_url, now_ms())
    new = add_to_branch(db, owner, found, branch)
    if new:
        record(db, actor, "branch_moved", f"application:{name}", branch=branch, version=number)
    return found, new


def branch_version(db: Db, name: str, branch_name: str, number: str) -> Version:
    """A version that is on a branch. Raises ApplicationNotFound, BranchNotFound, VersionNotFound."""
    on, found = branch(db, name, branch_name), version(db, name, number)
    if not queries.is_on_branch(db, on.pk, found.pk):
        raise VersionNotFound(application=name, number=number)
    return found


def remove_from_branch(db: Db, actor: Actor, name: str, branch_name: str, number: str) -> None:
    """Take a version off a branch. Raises ApplicationNotFound, BranchNotFound, VersionNotFound."""
    found = branch_version(db, name, branch_name, number)
    queries.remove_from_branch(db, branch(db, name, branch_name).pk, found.pk, now_ms())
    record(db, actor, "branch_moved", f"application:{name}", branch=branch_name, removed=number)


def delete_branch(db: Db, actor: Actor, name: str, branch_name: str) -> None:
    """Remove a branch; its versions stay. Raises ApplicationNotFound, BranchNotFound."""
    queries.delete_branch(db, branch(db, name, branch_name).pk)
    record(db, actor, "branch_deleted", f"application:{name}", branch=branch_name)


def delete_branches(db: Db, actor: Actor, name: str, excluded: frozenset[str]) -> list[str]:
    """Remove every branch but the main one and those excluded; the names removed. Raises ApplicationNotFound."""
    owner = application(db, name)
    kept = excluded | {owner.main_branch or ""}
    removed = [found for found in queries.branches(db, owner.pk) if found.name not in kept]
    for found in removed:
        queries.delete_branch(db, found.pk)
    if removed:
        record(db, actor, "branches_deleted", f"application:{name}", count=len(removed))
    return [found.name for found in removed]


def head(db: Db, name: str, branch_name: str) -> Version:
    """The version that was added to a branch last. Raises ApplicationNotFound, BranchNotFound, VersionNotFound."""
    found = branch(db, name, branch_name)
    if found.head_pk is None:
        raise VersionNotFound(application=name, number=f"latest from branch {branch_name}")
    return queries.versions_by_pk(db, [found.head_pk])[found.head_pk]


# Tags.


def tag(db: Db, name: str, number: str, tag: str) -> Tag:
    """A tag of a version. Raises VersionNotFound, TagNotFound."""
    found = queries.tag(db, version(db, name, number).pk, tag)
    if found is None:
        raise TagNotFound(application=name, number=number, tag=tag)
    return found


def add_tag(db: Db, actor: Actor, owner: Application, found: Version, name: str, options: Options) -> bool:
    """Tag a version; whether the tag is new.

    The first tag right after the version was made becomes its branch; a tag named like an environment records that
    the version is deployed there.
    """
    now = now_ms()
    early = options.tags_as_branches and rules.tag_becomes_branch(
        moment(now),
        moment(found.created_at),
        has_branch=queries.has_branch(db, found.pk),
        has_tag=queries.has_tag(db, found.pk),
    )
    new = queries.add_tag(db, found, name, now)
    if new and early:
        add_to_branch(db, owner, found, name)
    if new and options.tags_deploy and options.may_deploy(name):
        environment = environments.environment_named(db, name)
        if environment is not None and not _runs(db, owner, found, environment):
            environments.deploy(db, str(uuid4()), owner.pk, found.pk, environment.pk, "", now)
            at = {"environment": environment.name, "instance": "", "tag": name}
            record(db, actor, "deployed", f"application:{owner.name}", version=found.number, **at)
    return new


def _runs(db: Db, owner: Application, found: Version, environment: Environment) -> bool:
    there = environments.current(db, environments.DEPLOYED, environment.pk, application=owner.name, instance="")
    return any(one.version_pk == found.pk for one in there)


def put_tag(db: Db, actor: Actor, name: str, number: str, tag_name: str, options: Options) -> tuple[Tag, bool]:
    """Tag a version, whatever has to be made for it; whether the tag is new."""
    if not tag_name.strip():
        raise InvalidFields({"tag": ["can't be blank"]})
    owner, _ = ensured(db, name, options)
    found, _ = ensured_version(db, owner, number)
    new = add_tag(db, actor, owner, found, tag_name, options)
    if new:
        record(db, actor, "tag_added", f"application:{name}", version=number, tag=tag_name)
    return tag(db, name, number, tag_name), new


def delete_tag(db: Db, actor: Actor, name: str, number: str, tag_name: str) -> None:
    """Take a tag off. Raises VersionNotFound, TagNotFound."""
    if not queries.delete_tag(db, version(db, name, number).pk, tag_name):
        raise TagNotFound(application=name, number=number, tag=tag_name)
    record(db, actor, "tag_removed", f"application:{name}", version=number, tag=tag_name)


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list. `number` counts from 1; no size means everything."""

    number: int = 1
    size: int | None = None

    @property
    def offset(self) -> int:
        return 0 if self.size is None else (self.number - 1) * self.size

    @property
    def limit(self) -> int:
        return -1 if self.size is None else self.size
