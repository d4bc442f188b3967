"""Steps 2, 6 and 7: the version that a request means, if the subject has it already."""

from __future__ import annotations

from dataclasses import replace

from registry.content import Content, same
from registry.errors import IdMismatch, InvalidSchema
from registry.names import LATEST
from registry.policy import READWRITE
from registry.registration.case import Case, normalizes, parsed, strict
from registry.store.queries import schemas
from registry.store.queries.schemas import Version


def fast(case: Case) -> Version | None:
    """2: the same schema is live already. This is why a producer can start against a read-only registry."""
    request = case.request
    if request.tags_to_add or request.tags_to_remove or request.propagate_tags or case.settings.config.merges:
        return None
    if not request.text.strip() or case.head is None or case.head.live == 0:
        return None
    try:
        content = _content_for_comparison(case)
    except InvalidSchema:
        return None  # said again, strictly, in its turn
    found: Version | None
    if request.version > 0:
        found = schemas.with_content(case.db, request.subject, content.fingerprint)
        matches = found is not None and found.version <= request.version and found.id == request.id
        return None if found is None or not matches or _is_at_another_time(case, found) else found
    if request.version == LATEST:
        newest = case.latest()
        found = newest if newest is not None and same(content, newest.content, newest.version) else None
    else:
        # A subject that may be written to is compared in full later, at its turn.
        cheap = case.only_parsed or case.settings.mode == READWRITE
        found = exact(case, content) or looser(case, content, cheap=cheap)
    if found is not None and request.id is not None and request.id != found.id:
        if case.settings.importing:
            return None
        raise IdMismatch(given=request.id, stored=found.id)
    return found


def _is_at_another_time(case: Case, found: Version) -> bool:
    """Whether an import says another time for a version that is there: then it is written."""
    at = case.request.registered_at
    return case.settings.importing and found.version == case.request.version and at not in (None, found.created_at)


def _content_for_comparison(case: Case) -> Content:
    """What the subject may have already: a valid schema is parsed once, one that an import let in is read leniently."""
    try:
        return parsed(case, strict=strict(case))[1]
    except InvalidSchema:
        return parsed(case, strict=False)[1]


def exact(case: Case, content: Content, *, deleted: bool = False) -> Version | None:
    """6: the version of exactly this content."""
    if case.head is None:
        return None
    return schemas.with_content(case.db, case.request.subject, content.fingerprint, deleted=deleted)


def looser(case: Case, content: Content, *, cheap: bool = False) -> Version | None:
    """7: equal but for `confluent:version`, or equal once the stored references are written out.

    `cheap` leaves the second comparison out, which parses what is stored.
    """
    for version in case.history:
        stored = version.content
        if stored.text == content.text and same(content, stored, version.version):
            return version
        if not cheap and stored.references and not content.references and stored.format == content.format:
            inlined = case.resolver.parsed(stored, version.subject.context).inlined()
            if same(content, replace(stored, text=inlined, references=()), version.version):
                return version
    return None


def of_same_normal_form(case: Case, content: Content) -> Version | None:
    """A look-up that normalizes finds what was registered without: the normal form of each version is compared."""
    if not normalizes(case):
        return None
    for version in case.history:
        stored = version.content
        if stored.format == content.format and stored.references == content.references:
            text = case.resolver.parsed(stored, version.subject.context).normalized()
            if same(content, replace(stored, text=text), version.version):
                return version
    return None
