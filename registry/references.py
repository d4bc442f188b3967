"""References resolved: from what a request or a stored schema names to the sources behind the names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from registry import formats
from registry.content import Content
from registry.errors import InvalidSchema
from registry.formats.base import Reference, Schema, Source
from registry.names import LATEST, Subject
from registry.store.engine import Db
from registry.store.queries import associations, schemas, subjects

# Far below what Python's stack holds, far above what anybody writes.
_DEEPEST = 100


@dataclass(frozen=True, slots=True)
class Beside:
    """A schema that is to be registered together with another: it stands for the latest version of its subject."""

    text: str
    format: str
    references: tuple[Reference, ...] = ()


@dataclass(slots=True)
class Resolver:
    """Resolves within one transaction; each version is read once, so that diamonds stay small.

    `beside` are schemas that are not registered yet, by subject.
    """

    db: Db
    beside: Mapping[Subject, Beside] = field(default_factory=dict)
    _sources: dict[tuple[Subject, int], Source] = field(default_factory=dict)
    _strong: dict[Subject, bool] = field(default_factory=dict)

    def numbered(self, references: Sequence[Reference], context: str, format: str) -> tuple[Reference, ...]:
        """The references with `-1` replaced by the latest version. Raises InvalidSchema when there is none."""
        return tuple(self._numbered(reference, context, format) for reference in references)

    def _numbered(self, reference: Reference, context: str, format: str) -> Reference:
        if reference.version != LATEST or Subject.parse(reference.subject, context) in self.beside:
            return reference
        latest = schemas.latest(self.db, Subject.parse(reference.subject, context))
        if latest is None:
            raise _unresolved(reference, format)
        return replace(reference, version=latest.version)

    def source(self, text: str, references: Sequence[Reference], context: str, format: str, depth: int = 0) -> Source:
        """A text with the sources behind its references, to any depth. Raises InvalidSchema naming the reference."""
        found = []
        for reference in references:
            target = Subject.parse(reference.subject, context)
            found.append((reference.name, self._version(target, reference, format, depth)))
        return Source(text, tuple(found))

    def _version(self, target: Subject, reference: Reference, format: str, depth: int) -> Source:
        key = (target, reference.version)
        if (known := self._sources.get(key)) is None:
            if reference.version == LATEST and (given := self.beside.get(target)) is not None:
                return self._given(target, given, reference, format, depth)
            version = (
                schemas.latest(self.db, target)
                if reference.version == LATEST
                else schemas.version(self.db, target, reference.version, deleted=True)
            )
            if version is None:
                raise _unresolved(reference, format)
            if depth == _DEEPEST:
                raise _too_deep(format)
            if version.content.format != format:
                raise InvalidSchema(
                    format,
                    f"reference '{reference.name}' is to subject '{target}' version {version.version}, "
                    f"whose type is {version.content.format}",
                )
            known = self._sources[key] = self.source(
                version.content.text, version.content.references, target.context, format, depth + 1
            )
        return known

    def _given(self, target: Subject, given: Beside, reference: Reference, format: str, depth: int) -> Source:
        if depth == _DEEPEST:
            raise _too_deep(format)
        if given.format != format:
            raise InvalidSchema(
                format, f"reference '{reference.name}' is to subject '{target}', whose type is {given.format}"
            )
        found = self.source(given.text, given.references, target.context, format, depth + 1)
        self._sources[target, LATEST] = found
        return found

    def strong(self, target: Subject) -> bool:
        """Whether a subject is strongly associated, so that nothing else may refer to it."""
        if target not in self._strong:
            self._strong[target] = associations.strong(self.db, str(target))
        return self._strong[target]

    def parsed(self, content: Content, context: str) -> Schema:
        """A stored content, parsed. What is stored is not judged again."""
        source = self.source(content.text, content.references, context, content.format)
        return formats.parse(content.format, source, strict=False)

    def targets(self, references: Sequence[Reference], context: str) -> list[tuple[Reference, int | None]]:
        """Each reference with the store's key of its subject."""
        heads = [
            (reference, subjects.head(self.db, Subject.parse(reference.subject, context))) for reference in references
        ]
        return [(reference, None if head is None else head.pk) for reference, head in heads]


def _too_deep(format: str) -> InvalidSchema:
    return InvalidSchema(format, f"references go more than {_DEEPEST} subjects deep")


def _unresolved(reference: Reference, format: str) -> InvalidSchema:
    which = "latest" if reference.version == LATEST else str(reference.version)
    return InvalidSchema(
        format,
        f'No schema reference found for subject "{reference.subject}" and version {which} '
        f"(reference '{reference.name}')",
    )
