"""Query parameters as clients of this API send them: `True` and `true` are true, any other text is false; a number
that is none is a 404, as the reference's framework answers."""

from __future__ import annotations

from typing import Annotated

from litestar.params import QueryParameter

from registry.errors import NotFound

INT_MAX = 2**31 - 1


class NotANumber(NotFound):
    """Text where an int is expected."""

    sentence = "HTTP 404 Not Found"


def flag(text: str | None) -> bool:
    """A query boolean."""
    return text is not None and text.lower() == "true"


def number(text: str | None, default: int) -> int:
    """A query or path integer. Raises NotANumber."""
    if text is None or text == "":
        return default
    if not (text.removeprefix("-").isascii() and text.removeprefix("-").isdigit()) or len(text) > 11:
        raise NotANumber
    value = int(text)
    if not -INT_MAX - 1 <= value <= INT_MAX:
        raise NotANumber
    return value


def schema_id(text: str) -> int:
    """An id of a path. Raises NotANumber."""
    if text == "":
        raise NotANumber
    return number(text, 0)


_BOOLEAN = {"type": "boolean", "default": False}
_INTEGER = {"type": "integer"}

Deleted = Annotated[
    str | None, QueryParameter(name="deleted", schema_extra=_BOOLEAN, description="include soft-deleted ones")
]
DeletedOnly = Annotated[
    str | None, QueryParameter(name="deletedOnly", schema_extra=_BOOLEAN, description="soft-deleted ones only")
]
Permanent = Annotated[
    str | None, QueryParameter(name="permanent", schema_extra=_BOOLEAN, description="for good, after a soft delete")
]
Normalize = Annotated[
    str | None, QueryParameter(name="normalize", schema_extra=_BOOLEAN, description="use the normal form of the schema")
]
DefaultToGlobal = Annotated[
    str | None,
    QueryParameter(name="defaultToGlobal", schema_extra=_BOOLEAN, description="answer what holds, if none is set"),
]
Offset = Annotated[str | None, QueryParameter(name="offset", schema_extra=_INTEGER, description="skip so many")]
Limit = Annotated[
    str | None, QueryParameter(name="limit", schema_extra=_INTEGER, description="at most so many; -1 = all")
]
Format = Annotated[
    str | None,
    QueryParameter(name="format", description="resolved (Avro); serialized, ignore_extensions (Protobuf)"),
]
ReferenceFormat = Annotated[
    str | None, QueryParameter(name="referenceFormat", description="qualified prints references with their context")
]
FindTags = Annotated[
    list[str] | None, QueryParameter(name="findTags", description="entities that have these inline tags")
]
InSubject = Annotated[str | None, QueryParameter(name="subject", description="the context (and subject) to look in")]
Verbose = Annotated[str | None, QueryParameter(name="verbose", schema_extra=_BOOLEAN, description="say why")]
Force = Annotated[str | None, QueryParameter(name="force", schema_extra=_BOOLEAN, description="skip the check")]
Prefix = Annotated[
    str | None, QueryParameter(name="subjectPrefix", description="a prefix; :.ctx: one context, :*: all contexts")
]
