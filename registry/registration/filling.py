"""Step 4: a request is filled in with what its subject says: latest version, configuration, tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from registry import formats
from registry.errors import EmptySchema, InvalidSchema
from registry.formats.base import Schema, Tagging
from registry.names import LATEST
from registry.registration.case import Case, Registration
from registry.rules import VERSION_PROPERTY, Metadata


def filled_in(case: Case) -> Registration:
    """The request with everything that it left to its subject. Raises EmptySchema."""
    request = case.request
    if case.settings.importing:
        if not request.text.strip():
            raise EmptySchema
        return _retagged(case, replace(request, propagate_tags=False))
    if not request.text.strip():
        latest = case.latest()
        if latest is None:
            raise EmptySchema
        content = latest.content
        request = replace(request, text=content.text, format=content.format, references=content.references)
    request = _retagged(case, request)
    case.request = request
    request = inherited(case)
    if request.version != 0 or has_number(request):
        metadata = request.metadata or Metadata()
        request = replace(request, metadata=metadata.with_property(VERSION_PROPERTY, str(case.next_number)))
    return request


def has_number(request: Registration) -> bool:
    """Whether a request numbers itself in its metadata."""
    return request.metadata is not None and VERSION_PROPERTY in request.metadata.properties


def inherited(case: Case) -> Registration:
    """Absent metadata and rules come from the latest version; then the config's defaults and overrides."""
    request, latest = case.request, case.latest()
    metadata, rule_set = request.metadata, request.rule_set
    if latest is not None:
        metadata = metadata if metadata is not None else latest.content.metadata
        rule_set = rule_set if rule_set is not None else latest.content.rule_set
    metadata, rule_set = case.settings.config.merged(metadata, rule_set)
    return replace(request, metadata=metadata, rule_set=rule_set)


def _retagged(case: Case, request: Registration) -> Registration:
    if not (request.tags_to_add or request.tags_to_remove or request.propagate_tags):
        return request
    schema = formats.parse(
        request.format,
        case.resolver.source(request.text, request.references, request.subject.context, request.format),
        strict=False,
    )
    text, latest = request.text, case.latest()
    if request.propagate_tags and latest is not None and latest.content.format == request.format:
        text = _propagated(schema, text, case.resolver.parsed(latest.content, request.subject.context).tags())
    if not (request.tags_to_add or request.tags_to_remove):
        return replace(request, text=text)
    text = _with_text(schema, text).retagged(request.tags_to_add, request.tags_to_remove)
    return replace(request, text=text, version=request.version or LATEST)


def _propagated(schema: Schema, text: str, taggings: Sequence[Tagging]) -> str:
    """The text with those of the tags whose entity is there. By halves: a text is parsed once for each that is gone,
    not for each that stays."""
    if not taggings:
        return text
    try:
        return _with_text(schema, text).retagged(taggings, [])
    except InvalidSchema:
        if len(taggings) == 1:
            return text
    middle = len(taggings) // 2
    return _propagated(schema, _propagated(schema, text, taggings[:middle]), taggings[middle:])


def _with_text(schema: Schema, text: str) -> Schema:
    return formats.parse(schema.format, replace(schema.source, text=text), strict=False)
