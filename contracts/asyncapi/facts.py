"""Use case: read what an AsyncAPI document of the registry is made of. Plain functions over a transaction handle."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from contracts import catalog, readers
from contracts.asyncapi.document import RECEIVE, SEND, Document, Message, Scope, Use, document
from contracts.asyncapi.topics import ASSOCIATION, Topic, record_name, topics
from contracts.errors import UnknownEnvironment
from contracts.impact import Reader
from contracts.queries import applications, environments, needs
from contracts.queries import produces as queries
from contracts.queries import protection as policies
from contracts.queries.needs import Presence
from contracts.queries.produces import Writer
from registry import subjects
from registry.errors import InvalidRequest
from registry.names import DEFAULT_CONTEXT, Subject
from registry.security.guard import Sees
from registry.store.engine import Db
from registry.store.queries import associations, schemas
from registry.store.queries.schemas import Version

MOST: Final = 1_000
"""So many subjects a document holds."""


def described(db: Db, scope: Scope, prefix: str, context: str | None, seen: Sees | None) -> Document:
    """The document of a scope, and of subjects whose name begins so.

    Raises ApplicationNotFound, UnknownEnvironment, and InvalidRequest for more than MOST subjects.
    """
    if scope.environment is not None and environments.environment_named(db, scope.environment) is None:
        raise UnknownEnvironment(scope.environment)
    narrowed = None
    if scope.application is not None or scope.environment is not None:
        narrowed = queries.subjects_used(db, scope.application)
        if scope.application is not None and not narrowed:
            catalog.application(db, scope.application)  # one that was only seen fetching is none of the catalog's
    newest = list(_latest(db, prefix, context, narrowed, seen))
    names = {str(each.subject) for each in newest}
    about = (
        names if narrowed is None else names | {each for each in narrowed if seen is None or seen(Subject.parse(each))}
    )
    uses = [each for each in _uses(db, sorted(about)) if _within(each, scope)]
    if narrowed is not None:
        used = {each.subject for each in uses}
        newest = [each for each in newest if str(each.subject) in used]
        newest += [each for each in _keys(db, used) if seen is None or seen(each.subject)]
    versions = {(str(each.subject), each.version): (each, True) for each in newest}
    for use in uses:
        key = (use.subject, use.schema_version or 0)
        if use.schema_version is not None and key not in versions and use.subject in names:
            found = schemas.version(db, Subject.parse(use.subject), use.schema_version, deleted=True)
            if found is not None:
                versions[key] = (found, False)
    evidence = policies.topics(db)
    return document(
        Scope(scope.application, scope.environment, _number(db, scope.application, uses)),
        list(_messages(db, versions.values(), {about.topic: detail for about, detail in evidence}, seen)),
        uses,
        policies.owners(db, {*(each.application for each in uses), *filter(None, [scope.application])}),
        {about.topic: about.keeps for about, _ in evidence if about.keeps is not None},
    )


def _latest(
    db: Db, prefix: str, context: str | None, narrowed: Collection[str] | None, seen: Sees | None
) -> Iterator[Version]:
    """The latest live versions, of all subjects or of those that are named."""
    if narrowed is None:
        found = schemas.list_versions(
            db, context=context, prefix=prefix, deleted=False, latest_only=True, offset=0, limit=MOST + 1
        )
        if len(found) > MOST:
            raise InvalidRequest(
                f"A document holds {MOST} subjects: ask for a prefix, a context, an application or an environment"
            )
    else:
        named = [Subject.parse(each) for each in sorted(narrowed)]
        wanted = [each for each in named if context in (None, each.context) and each.name.startswith(prefix)]
        found = [version for each in wanted if (version := schemas.latest(db, each)) is not None]
    for each in found:
        if seen is None or seen(each.subject):
            yield each


def _keys(db: Db, used: Collection[str]) -> Iterator[Version]:
    """The keys of the topics of values."""
    for name in sorted(used):
        key = f"{name.removesuffix('-value')}-key"
        if (
            name.endswith("-value")
            and key not in used
            and (found := schemas.latest(db, Subject.parse(key))) is not None
        ):
            yield found


def _within(use: Use, scope: Scope) -> bool:
    return scope.application in (None, use.application) and (
        scope.environment is None or scope.environment in use.environments
    )


def _number(db: Db, application: str | None, uses: Sequence[Use]) -> str:
    """The newest version of the application among those that are told of."""
    if application is None:
        return ""
    found = [applications.version(db, application, number) for number in {each.number for each in uses}]
    return max(((each.position, each.number) for each in found if each is not None), default=(0, ""))[1]


# who uses what


def _uses(db: Db, names: Sequence[str]) -> Iterator[Use]:
    said = queries.writers(db, names)
    providers = {name: needs.producers(db, name) for name in names}
    placed: dict[str, list[Presence]] = {}
    for presence in needs.places_of(db, {name for listed in providers.values() for name in listed}):
        placed.setdefault(presence.application, []).append(presence)
    for name in names:
        for application in providers[name]:
            rows = [each for each in said if (each.subject, each.application) == (name, application)]
            yield from _writes(name, application, rows, placed.get(application, ()))
    apart = sorted({name for listed in providers.values() for name in listed})
    for name, listed in readers.readers(db, names, apart=apart).items():
        yield from (_reads(name, each) for each in listed)


def _writes(subject: str, application: str, rows: Sequence[Writer], there: Sequence[Presence]) -> Iterator[Use]:
    """The versions that run and say that they write a subject; else the newest of them, else what contracts say."""
    where: dict[str, set[str]] = {}
    for presence in there:
        where.setdefault(presence.number, set()).add(presence.environment)
    running = [each for each in rows if each.number in where]
    newest = max(rows, key=lambda each: each.position, default=None)
    for each in running or ([] if newest is None else [each for each in rows if each.number == newest.number]):
        places = tuple(sorted(where.get(each.number, ())))
        yield Use(application, each.number, SEND, subject, each.schema_version, places, ("produces",))
    if not rows:
        for number, names in sorted(where.items()) or [("", set[str]())]:
            yield Use(application, number, SEND, subject, None, tuple(sorted(names)), ("declared",))


def _reads(subject: str, reader: Reader) -> Use:
    said = reader.contracts or ()
    made_for = {each.version for each in said if each.version is not None}
    return Use(
        reader.application,
        reader.version,
        RECEIVE,
        subject,
        max(made_for, default=None),
        tuple(sorted({place.environment for place in reader.places})),
        tuple(str(each) for each in reader.evidence),
        tuple(sorted({need.path for each in said for need in each.needs})),
        reader.seen,
    )


# what is used


def _messages(
    db: Db, versions: Collection[tuple[Version, bool]], evidence: Mapping[str, Mapping[str, Any]], seen: Sees | None
) -> Iterator[Message]:
    associated: dict[str, list[Topic]] = {}
    for each in associations.find(db):
        topic = Topic(each.resource_name, _space(each.resource_namespace), each.type, ASSOCIATION)
        associated.setdefault(each.subject, []).append(topic)
    for version, latest in versions:
        name, content = str(version.subject), version.content
        text = _alone(db, version, seen)
        record = record_name(content.format, content.text)
        seen_in = [
            topic
            for topic, detail in evidence.items()
            if version.subject.context == DEFAULT_CONTEXT and version.id in detail.get("schema_ids", ())
        ]
        metadata = content.metadata
        yield Message(
            name,
            version.version,
            latest,
            version.id,
            version.guid,
            content.format,
            text,
            topics(version.subject, record, associated.get(name, ()), seen_in),
            record,
            _doc(content.format, content.text),
            policies.subject_owner(db, version.subject),
            version.created_at,
            tuple((each.name, each.subject, each.version) for each in content.references),
            {} if metadata is None else metadata.tags,
            {}
            if metadata is None
            else {key: value for key, value in metadata.properties.items() if key not in metadata.sensitive},
        )


def _space(namespace: str) -> str:
    """A resource's namespace is a context without its dot; the default one needs no telling."""
    return namespace.strip(".:")


def _alone(db: Db, version: Version, seen: Sees | None) -> str:
    """A schema's text with all that it refers to; as it is, if that is not for the caller to see."""
    if not version.content.references or (seen is not None and not all(map(seen, _referred(db, version)))):
        return version.content.text
    return subjects.parsed(db, version.schema).inlined()


def _referred(db: Db, version: Version) -> Iterator[Subject]:
    """The subjects that a version refers to, directly or not."""
    waiting, known = [version], set[tuple[str, int]]()
    while waiting:
        each = waiting.pop()
        for reference in each.content.references:
            target = Subject.parse(reference.subject, each.subject.context)
            if (place := (str(target), reference.version)) not in known:
                known.add(place)
                yield target
                found = schemas.version(db, target, reference.version, deleted=True)
                waiting += [] if found is None else [found]


def _doc(format: str, text: str) -> str:
    """What a schema says about itself."""
    read = {} if format == "PROTOBUF" else json.loads(text)
    found = (read.get("doc") or read.get("description")) if isinstance(read, dict) else None
    return found if isinstance(found, str) else ""
