"""The registry's API as values: each function builds one call, the call knows how to read its answer. No I/O.

    call = version("orders-value", LATEST)
    call.method, call.path          → "GET", "/subjects/orders-value/versions/latest"
    answer(call, 200, headers, content) → Registered(…)

Calls below `/api/v1` are Tenor's own; all others are the Confluent API, which every registry of that shape answers.
Whatever an answer holds beyond the expected is ignored; whatever is missing or of another type is UnexpectedAnswer.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote, urlencode

from tenor.errors import (
    Answered,
    Conflict,
    Forbidden,
    Incompatible,
    NotFound,
    Rejected,
    SchemaNotFound,
    SubjectNotFound,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
    VersionNotFound,
)
from tenor.schemas import (
    AVRO,
    LATEST,
    Association,
    Compatibility,
    Dek,
    Kek,
    Lease,
    Page,
    Person,
    Reference,
    Registered,
    Registration,
    Revocation,
    Schema,
)

T = TypeVar("T")

MEDIA_TYPE: Final = "application/vnd.schemaregistry.v1+json"
PROBLEM: Final = "application/problem+json"
ACCEPT: Final = f"{MEDIA_TYPE}, application/vnd.schemaregistry+json, application/json"
RETRIABLE: Final = frozenset({408, 429, 500, 502, 503, 504})
UNPROCESSED: Final = frozenset({429, 503})
"""Answers that promise that nothing was done, so that even a call that must not repeat may be tried again."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request and the reader of its answer.

    `path` is percent-encoded and includes the query. `repeatable` is False where a second try after a lost
    answer would find the world changed by the first.
    """

    method: str
    path: str
    read: Callable[[Any], T]
    body: Mapping[str, Any] | None = None
    repeatable: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> bytes | None:
        """The body as sent."""
        return None if self.body is None else json.dumps(self.body, ensure_ascii=False).encode("utf-8", "surrogatepass")

    def sent_headers(self) -> dict[str, str]:
        """The headers as sent, without authentication."""
        sent = {"Accept": ACCEPT, "Confluent-Accept-Unknown-Properties": "true"}
        if self.body is not None:
            sent["Content-Type"] = MEDIA_TYPE
        return {**sent, **self.headers}


# --- answers ---------------------------------------------------------------------------------------------------

# The most specific row first: by the registry's own code, else by HTTP status.
_BY_CODE: Final[Mapping[int, type[Answered]]] = {
    40401: SubjectNotFound,
    40402: VersionNotFound,
    40403: SchemaNotFound,
    40901: Incompatible,
    42205: Conflict,
    42206: Conflict,
    42207: Conflict,
}
_BY_STATUS: Final[Mapping[int, type[Answered]]] = {
    400: Rejected,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    405: NotFound,
    408: Unavailable,
    409: Conflict,
    410: NotFound,
    412: Conflict,
    413: Rejected,
    415: Rejected,
    422: Rejected,
    429: Unavailable,
}


def answer(call: Call[T], status: int, content_type: str, content: bytes, url: str = "") -> T:
    """Read the answer of a call.

    Raises the Answered error for the registry's code, or UnexpectedAnswer for anything but the JSON it should be.
    """
    if status in (200, 201, 202, 207):
        try:
            return call.read(json.loads(content))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise UnexpectedAnswer(url=url, status=status, reason=_what_is_wrong(error, content)) from error
    if status == 204:
        return call.read(None)
    raise refusal(call, status, content_type, content, url)


def refusal(call: Call[Any], status: int, content_type: str, content: bytes, url: str = "") -> Exception:
    """The error for an answer that is not a success."""
    try:
        body = json.loads(content)
        if not isinstance(body, dict):
            raise TypeError("no object")
        code = int(body.get("error_code", body.get("code", status)) or status)
        message = str(body.get("message") or body.get("detail") or _brokers_words(body) or body["title"])
        findings = [finding for finding in body.get("findings") or () if isinstance(finding, dict)]
        findings += [{"sentence": line} for text in _notices(body, "info") for line in text.splitlines()]
    except (ValueError, KeyError, TypeError, RecursionError):
        return _without_words(status, content_type, content, url)
    kind = _kind(call, status, code, content_type)
    error = kind(status=status, code=code, message=message, url=url, findings=findings)
    error.place = {name: body[name] for name in ("line", "column") if type(body.get(name)) is int}
    return error


def _brokers_words(body: Mapping[str, Any]) -> str:
    """How a contract broker refuses: notices, else `error` is a text or {message}, `errors` are texts (by field)."""
    if told := _notices(body, "error"):
        return "; ".join(dict.fromkeys(told))
    match body:
        case {"error": str(text)} | {"error": {"message": str(text)}}:
            return text
        case {"errors": {**fields}}:
            return "; ".join(f"{field}: {', '.join(map(str, _list(texts)))}" for field, texts in fields.items())
        case {"errors": list(texts)}:
            return "; ".join(map(str, texts))
    return ""


def _notices(body: Mapping[str, Any], kind: str) -> list[str]:
    """What a contract broker's notices of a kind (error, info) say."""
    return [str(notice["text"]) for notice in body.get("notices") or () if notice["type"] == kind]


def _kind(call: Call[Any], status: int, code: int, content_type: str) -> type[Answered]:
    if (kind := _BY_CODE.get(code)) is not None:
        return kind
    # Registering is the one call on which a bare 409 means that the schema does not fit (codes 409 and 40901).
    if status == 409 and code == 409 and _registers(call) and not content_type.startswith(PROBLEM):
        return Incompatible
    if status >= 500:
        return Unavailable
    return _BY_STATUS.get(status, Answered)


def _registers(call: Call[Any]) -> bool:
    path = call.path.partition("?")[0]
    return call.method == "POST" and path.startswith("/subjects/") and path.endswith("/versions")


def _words(status: int) -> str:
    """A status with its name, where it has one."""
    names = {each.value: each.phrase for each in HTTPStatus}
    return f"{status} ({names[status]})" if status in names else str(status)


def _without_words(status: int, content_type: str, content: bytes, url: str) -> Exception:
    """Proxies and gateways speak no JSON: their status still says whether to try again or to log in."""
    kind = Unavailable if status >= 500 or status in RETRIABLE else _BY_STATUS.get(status)
    if kind is not None and issubclass(kind, Unavailable | Unauthenticated | Forbidden):
        return kind(status=status, code=status, message=f"{url} answered {_words(status)}.", url=url)
    return UnexpectedAnswer(
        url=url, status=status, reason=f"the body is {content_type or 'of no type'}, no JSON object"
    )


def _what_is_wrong(error: Exception, content: bytes) -> str:
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return f"the body is no JSON ({content[:40]!r}…)"
    if isinstance(error, KeyError):
        return f"{error} is missing from the body"
    return "the body has another shape"


# --- the Confluent API ------------------------------------------------------------------------------------------


def register(subject: str, schema: Schema, *, normalize: bool = False) -> Call[Registration]:
    """Register a schema; the same schema again gives the same version."""

    def read(body: Any) -> Registration:
        return Registration(
            subject, _int(body["id"]), _text(body.get("guid")), _int_or_none(body.get("version")), raw=body
        )

    return Call("POST", _path("subjects", subject, "versions", normalize=normalize), read, schema.body())


def lookup(subject: str, schema: Schema, *, normalize: bool = False, deleted: bool = False) -> Call[Registered]:
    """Which version of the subject this schema is. Raises SubjectNotFound, SchemaNotFound."""
    path = _path("subjects", subject, normalize=normalize, deleted=deleted)
    return Call("POST", path, lambda body: _registered(body, schema=schema), schema.body())


def version(subject: str, number: int = LATEST, *, rendering: str = "", deleted: bool = False) -> Call[Registered]:
    """A version of a subject; LATEST for the newest live one."""
    name = "latest" if number == LATEST else str(number)
    return Call("GET", _path("subjects", subject, "versions", name, format=rendering, deleted=deleted), _registered)


def latest_with_metadata(subject: str, properties: Mapping[str, str], *, deleted: bool = False) -> Call[Registered]:
    """The newest version whose metadata properties hold all of these."""
    pairs = [pair for key, value in properties.items() for pair in (("key", key), ("value", value))]
    return Call("GET", _path("subjects", subject, "metadata", pairs, deleted=deleted), _registered)


def schema_by_id(schema_id: int, *, subject: str = "", rendering: str = "") -> Call[Registered]:
    """The schema behind an id; `subject` says in whose context the id counts."""
    path = _path("schemas", "ids", str(schema_id), subject=subject, format=rendering)
    return Call("GET", path, lambda body: _registered(body, id=schema_id))


def schema_by_guid(guid: str, *, rendering: str = "") -> Call[Registered]:
    """The schema behind a guid."""
    return Call("GET", _path("schemas", "guids", guid, format=rendering), lambda body: _registered(body, guid=guid))


def ids_of_guid(guid: str) -> Call[tuple[tuple[str, int], ...]]:
    """The ids behind a guid: (context, id), one a context."""
    path = _path("schemas", "guids", guid, "ids")
    return Call("GET", path, lambda body: tuple((str(item["context"]), _int(item["id"])) for item in _list(body)))


def subjects(prefix: str = "", *, deleted: bool = False, offset: int = 0, limit: int = -1) -> Call[tuple[str, ...]]:
    """Names of subjects, sorted. `:.ctx:` as prefix means that context, `:*:` all of them."""
    path = _path("subjects", subjectPrefix=prefix, deleted=deleted, offset=offset, limit=max(limit, 0))
    return Call("GET", path, _texts)


def versions(subject: str, *, deleted: bool = False) -> Call[tuple[int, ...]]:
    """The version numbers of a subject."""
    return Call("GET", _path("subjects", subject, "versions", deleted=deleted), _ints)


def compatibility(
    subject: str, schema: Schema, number: int | None = None, *, normalize: bool = False
) -> Call[Compatibility]:
    """Whether the schema fits: one version (LATEST, or a number), or None for all that the level demands."""
    name = () if number is None else ("latest" if number == LATEST else str(number),)
    path = _path("compatibility", "subjects", subject, "versions", *name, verbose=True, normalize=normalize)

    def read(body: Any) -> Compatibility:
        if not isinstance(body["is_compatible"], bool):
            raise TypeError("is_compatible")
        return Compatibility(body["is_compatible"], _texts(body.get("messages") or []))

    return Call("POST", path, read, schema.body())


def level(subject: str = "") -> Call[str]:
    """The effective compatibility level of a subject, or the global one."""
    path = _path("config", subject, defaultToGlobal=True) if subject else "/config"
    return Call("GET", path, lambda body: str(body["compatibilityLevel"]))


def set_level(subject: str, level: str) -> Call[str]:
    """Set the compatibility level of a subject (of everything, with an empty name)."""
    path = _path("config", subject) if subject else "/config"
    return Call("PUT", path, lambda body: str(body["compatibility"]), {"compatibility": level})


def delete_version(subject: str, number: int, *, permanent: bool = False) -> Call[int]:
    """Delete a version: softly, or for ever once it was deleted softly."""
    path = _path("subjects", subject, "versions", str(number), permanent=permanent)
    return Call("DELETE", path, _int, repeatable=False)


def delete_subject(subject: str, *, permanent: bool = False) -> Call[tuple[int, ...]]:
    """Delete all versions of a subject: softly, or for ever once they were deleted softly."""
    return Call("DELETE", _path("subjects", subject, permanent=permanent), _ints, repeatable=False)


def associations(topic: str, part: str = "value", *, namespace: str = "-") -> Call[tuple[Association, ...]]:
    """The subjects that belong to a topic; `-` is any namespace. Registries without associations answer 404."""
    pairs = [("resourceType", "topic"), ("associationType", part), ("offset", "0"), ("limit", "-1")]

    def read(body: Any) -> tuple[Association, ...]:
        return tuple(Association(str(item["subject"]), topic, part) for item in _list(body))

    return Call("GET", _path("associations", "resources", namespace, topic, pairs), read)


# --- keys: the DEK registry -------------------------------------------------------------------------------------


def kek(name: str, *, deleted: bool = False, context: str = "") -> Call[Kek]:
    """A key-encrypting key. Raises NotFound."""
    path = _path("dek-registry", "v1", "keks", name, deleted="true" if deleted else "false", context=context)
    return Call("GET", path, _kek)


def create_kek(name: str, kms_type: str, kms_key_id: str, *, shared: bool = False, context: str = "") -> Call[Kek]:
    """Make a KEK known. Raises Conflict if it is."""
    body = {"name": name, "kmsType": kms_type, "kmsKeyId": kms_key_id, "shared": shared}
    return Call("POST", _path("dek-registry", "v1", "keks", context=context), _kek, body)


def dek(kek: str, subject: str, number: int, algorithm: str, *, deleted: bool, context: str = "") -> Call[Dek]:
    """A data key by version; LATEST for the newest that everybody uses. Raises NotFound."""
    path = _path(
        *("dek-registry", "v1", "keks", kek, "deks", subject, "versions", str(number)),
        algorithm=algorithm,
        deleted="true" if deleted else "false",
        context=context,
    )
    return Call("GET", path, _dek)


def dek_versions(kek: str, subject: str, algorithm: str, *, deleted: bool, context: str = "") -> Call[tuple[int, ...]]:
    """The numbers of a data key, ascending. Raises NotFound for none."""
    path = _path(
        *("dek-registry", "v1", "keks", kek, "deks", subject, "versions"),
        algorithm=algorithm,
        deleted="true" if deleted else "false",
        context=context,
    )
    return Call("GET", path, _ints)


def create_dek(
    kek: str,
    subject: str,
    number: int,
    algorithm: str,
    wrapped: bytes | None,
    *,
    commitment: bytes = b"",
    older: bool = False,
    context: str = "",
) -> Call[Dek]:
    """Put a wrapped data key there; without one a shared KEK makes it. Raises Conflict if the version is taken.

    `older`: the form that registries without the path by subject know.
    """
    body: dict[str, Any] = {"subject": subject, "version": number, "algorithm": algorithm}
    if wrapped is not None:
        body["encryptedKeyMaterial"] = _base64(wrapped)
    if commitment:
        body["commitment"] = _base64(commitment)
    segments = ("dek-registry", "v1", "keks", kek, "deks", *(() if older else (subject,)))
    return Call("POST", _path(*segments, context=context), _dek, body, repeatable=False)


def _kek(body: Any) -> Kek:
    props = body.get("kmsProps") or {}
    return Kek(
        str(body["name"]),
        str(body["kmsType"]),
        str(body["kmsKeyId"]),
        {str(key): str(value) for key, value in props.items() if value is not None},
        body.get("shared") is True,
        body.get("deleted") is True,
    )


def _dek(body: Any) -> Dek:
    return Dek(
        str(body["kekName"]),
        str(body["subject"]),
        _int(body.get("version", 1)),
        str(body.get("algorithm") or "AES256_GCM"),
        b64decode(body.get("encryptedKeyMaterial") or "", validate=True),
        b64decode(body.get("keyMaterial") or "", validate=True),
        _int_or_none(body.get("ts")) or 0,
        b64decode(body.get("commitment") or "", validate=True),
        body.get("deleted") is True,
    )


# --- Tenor's own API --------------------------------------------------------------------------------------------


def native_register(
    subject: str, schema: Schema, *, normalize: bool = False, dry_run: bool = False, idempotency_key: str = ""
) -> Call[Registration]:
    """Register, and learn what changed and what was found. A dry run goes the whole way and is rolled back."""

    def read(body: Any) -> Registration:
        return Registration(
            str(body.get("subject", subject)),
            _int_or_none(body.get("id")),
            _text(body.get("guid")),
            _int_or_none(body.get("version")),
            created=bool(body["created"]) if "created" in body else None,
            dry_run=dry_run,
            changes=tuple(_list(body.get("changes") or [])),
            findings=tuple(_list(body.get("findings") or [])),
            raw=body,
        )

    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    if idempotency_key:
        headers["Idempotency-Key"] = idempotency_key
    path = _path("api", "v1", "subjects", subject, "versions", dry_run=dry_run, normalize=normalize)
    return Call("POST", path, read, schema.body(), headers=headers)


def subject_check(subject: str, schema: Mapping[str, Any]) -> Call[Mapping[str, Any]]:
    """What registering a schema would find, with an event and fixes for each reason: `/api/v1/subjects/{s}/check`.

    `schema` as it is registered; further members of it are `beside` (schemas to be registered with it) and `tag`.
    """

    def read(body: Any) -> Mapping[str, Any]:
        if not isinstance(body["compatible"], bool):
            raise TypeError("compatible")
        return {"semantic": {}, "findings": [], **body}

    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    return Call("POST", _path("api", "v1", "subjects", subject, "check"), read, schema, headers=headers)


def upcast(
    subject: str, *, old: int | None = None, id: int | None = None, guid: str | None = None, to: int
) -> Call[Mapping[str, Any]]:
    """The one plan that brings events of a version, or of a schema, to a version: `/api/v1/subjects/{s}/upcasts`.

    Without `plan` there is nothing to go up: `old` is `new`, or later.
    """

    def read(body: Any) -> Mapping[str, Any]:
        if not (isinstance(body["old"], int) and isinstance(body["new"], int)):
            raise TypeError("old")
        found: Mapping[str, Any] = body
        return found

    path = _path("api", "v1", "subjects", subject, "upcasts", **{"from": old}, from_id=id, from_guid=guid, to=to)
    return Call("GET", path, read, headers={"Accept": "application/json"})


def upcasters(subject: str) -> Call[tuple[tuple[int, int], ...]]:
    """The proven edges of a subject's version graph: which version events come from, and what they become."""

    def read(body: Any) -> tuple[tuple[int, int], ...]:
        edges = [edge for edge in _list(body["edges"]) if edge["proven"] is True and edge["new"] is not None]
        return tuple((int(edge["old"]), int(edge["new"])) for edge in edges)

    path = _path("api", "v1", "subjects", subject, "upcasts")
    return Call("GET", path, read, headers={"Accept": "application/json"})


def native_subjects(
    query: str = "", *, prefix: str = "", deleted: bool = False, cursor: str = "", limit: int = 0
) -> Call[Page]:
    """A page of subjects by what is in their names and how they begin, each with its latest version."""

    def read(body: Any) -> Page:
        cursor = body.get("next_cursor")
        items = _list(body["items"])
        if not all(isinstance(item, dict) and isinstance(item["subject"], str) for item in items):
            raise TypeError("items")
        return Page(tuple(items), None if cursor is None else str(cursor))

    path = _path(
        "api", "v1", "subjects", query=query, prefix=prefix, deleted=deleted, cursor=cursor, limit=max(limit, 0)
    )
    return Call("GET", path, read, headers={"Accept": "application/json"})


def resolve_persons(
    kek: str,
    *,
    handles: Sequence[str] = (),
    versions: Sequence[int] = (),
    mint: bool = False,
    renew: bool = False,
    algorithm: str = "",
    keys: Mapping[str, tuple[bytes, bytes]] | None = None,
) -> Call[tuple[Person, ...]]:
    """Persons' keys, up to 1,000. `mint` makes those that are missing; `keys` are wrapped ones with their commitments
    by handle, for a KEK that the registry may not use."""
    body: dict[str, Any] = {"handles": list(handles), "versions": list(versions), "mint": mint, "renew": renew}
    if algorithm:
        body["algorithm"] = algorithm
    if keys:
        body["keys"] = {
            handle: {"encrypted_key_material": _base64(wrapped), "commitment": _base64(commitment)}
            for handle, (wrapped, commitment) in keys.items()
        }
    path = _path("api", "v1", "keks", kek, "persons:resolve").replace("%3A", ":")
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    return Call("POST", path, lambda answer: tuple(map(_person, _list(answer["persons"]))), body, headers=headers)


def reserve_dek(kek: str, subject: str, number: int, algorithm: str) -> Call[None]:
    """Win the creation of a data key before a key system is asked to wrap it. Raises Conflict if somebody else has."""
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    body = {"version": number, "algorithm": algorithm}
    path = _path("api", "v1", "keks", kek, "deks", subject, "reservations")
    return Call("POST", path, lambda answer: None, body, repeatable=False, headers=headers)


def lease_dek(
    kek: str, subject: str, number: int, algorithm: str, *, uses: int, limit: int, spent: int = 0
) -> Call[Lease]:
    """A block of uses of a data key, until all clients' are `limit`. `spent` are some that were made without one.

    Sending it again takes another block, and what is not used is lost: the sum is too high then, never too low. Raises
    NotFound for a key that is gone.
    """
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    body = {"version": number, "algorithm": algorithm, "uses": uses, "limit": limit, "spent": spent}
    path = _path("api", "v1", "keks", kek, "deks", subject, "leases")

    def read(answer: Any) -> Lease:
        return Lease(min(max(_int(answer["uses"]), 0), uses), _int(answer["leased"]))

    return Call("POST", path, read, body, headers=headers)


def revocations(after: int = 0) -> Call[tuple[tuple[Revocation, ...], int]]:
    """Persons' keys that were destroyed after a point, and the next point."""

    def read(body: Any) -> tuple[tuple[Revocation, ...], int]:
        items = tuple(Revocation(str(item["kek"]), _int(item["version"])) for item in _list(body["items"]))
        return items, _int(body["next"])

    return Call("GET", _path("api", "v1", "keks", "revocations", after=after), read)


def _person(body: Any) -> Person:
    return Person(
        str(body["handle"]),
        str(body["state"]),
        _int_or_none(body.get("version")) or 0,
        str(body.get("algorithm") or ""),
        b64decode(body.get("encrypted_key_material") or "", validate=True),
        b64decode(body.get("key_material") or "", validate=True),
        b64decode(body.get("commitment") or "", validate=True),
    )


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def speaks_native(error: Exception) -> bool:
    """Whether this refusal of a native call comes from a registry that has the native API."""
    if isinstance(error, UnexpectedAnswer):
        return bool(error.data["status"] not in (404, 405, 406, 501))
    # The Confluent API says 404 with its two-key body to a path it does not know; Tenor's own errors have other codes.
    return not (isinstance(error, NotFound) and error.code in (404, 405))


# --- shapes -----------------------------------------------------------------------------------------------------


def _path(*segments: str | Sequence[tuple[str, str]], **query: Any) -> str:
    """A percent-encoded path with its query. Absent and false parameters are left out: that is their default."""
    path = "".join("/" + quote(segment, safe="") for segment in segments if isinstance(segment, str))
    pairs = [pair for segment in segments if not isinstance(segment, str) for pair in segment]
    pairs += [(name, "true" if value is True else str(value)) for name, value in query.items() if value]
    return f"{path}?{urlencode(pairs)}" if pairs else path


def _registered(
    body: Any, *, schema: Schema | None = None, id: int | None = None, guid: str | None = None
) -> Registered:
    if schema is None or "schema" in body:
        if not isinstance(body["schema"], str):
            raise TypeError("schema")
        schema = Schema(
            body["schema"],
            str(body.get("schemaType") or AVRO).upper(),
            tuple(_reference(item) for item in _list(body.get("references") or [])),
            _object_or_none(body.get("metadata")),
            _rule_set_or_none(body.get("ruleSet")),
        )
    return Registered(
        schema,
        _int_or_none(body.get("id", id)),
        _text(body.get("guid")) or guid,
        _text(body.get("subject")),
        _int_or_none(body.get("version")),
        body.get("deleted") is True,
    )


def _reference(item: Any) -> Reference:
    return Reference(str(item["name"]), str(item["subject"]), _int(item["version"]))


def _int(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("integer")
    return value


def _int_or_none(value: Any) -> int | None:
    return None if value is None else _int(value)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("list")
    return value


def _texts(body: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in _list(body))


def _ints(body: Any) -> tuple[int, ...]:
    return tuple(_int(item) for item in _list(body))


def _rule_set_or_none(value: Any) -> Mapping[str, Any] | None:
    rules = _object_or_none(value)
    for listed in ("domainRules", "encodingRules", "migrationRules"):
        for rule in _list((rules or {}).get(listed) or []):
            if not isinstance(rule, dict) or not isinstance(rule.get("params") or {}, dict):
                raise TypeError(listed)
    return rules


def _object_or_none(value: Any) -> Mapping[str, Any] | None:
    if value is not None and not isinstance(value, dict):
        raise TypeError("object")
    return value
