"""Use case: an application version states which versions of subjects it writes. Plain functions over a transaction."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from contracts import catalog
from contracts.errors import InvalidFields
from contracts.options import Options
from contracts.queries import needs
from contracts.queries import produces as queries
from registry import subjects
from registry.clock import now_ms
from registry.events import Actor, record
from registry.names import Subject
from registry.store.engine import Db
from registry.store.queries.subjects import head


@dataclass(frozen=True, slots=True)
class ProviderContract:
    """A provider's schema as `pact pactflow publish-provider-contract` sends it, decoded."""

    number: str
    text: str
    format: str
    branch: str | None = None
    tags: tuple[str, ...] = ()
    build_url: str | None = None
    self_verified: bool | None = None


def state(
    db: Db,
    actor: Actor,
    application: str,
    number: str,
    written: Sequence[tuple[str, int]],
    options: Options,
    *,
    self_verified: bool | None = None,
) -> list[tuple[str, int]]:
    """Keep what a version writes; -1 is a subject's latest version. The application and version are made if need be.

    Raises SubjectNotFound, VersionNotFound of the registry, SimilarName.
    """
    resolved = []
    for name, asked in written:
        named = subjects.aliased(db, Subject.parse(name))
        resolved.append((str(named), subjects.version(db, named, asked).version))
    owner, _ = catalog.ensured(db, application, options)
    version, _ = catalog.ensured_version(db, owner, number)
    queries.put(db, version.pk, resolved, self_verified, now_ms())
    needs.moved(db)
    record(
        db, actor, "produces", f"application:{application}", version=number, subjects=[list(each) for each in resolved]
    )
    return resolved


def provider_contract(body: Mapping[str, Any]) -> ProviderContract:
    """Read the body of `POST /provider-contracts/provider/{p}/publish`. Raises InvalidFields.

    What is no event schema (OpenAPI, AsyncAPI) is refused by name: nothing here could judge it.
    """
    faults: dict[str, list[str]] = {}
    number, contract = body.get("pacticipantVersionNumber"), body.get("contract")
    if not isinstance(number, str) or not number.strip() or any(letter in number for letter in "\r\n"):
        faults["pacticipantVersionNumber"] = ["must be a version on one line"]
        number = ""
    if not isinstance(contract, Mapping):
        raise InvalidFields({**faults, "contract": ["is missing"]})
    text = _text(contract.get("content"), faults)
    kind = str(contract.get("contentType") or "").partition(";")[0].strip().lower()
    format = _format(kind, text, faults) if text is not None else ""
    tags, branch, build_url = body.get("tags") or [], body.get("branch"), body.get("buildUrl")
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        faults["tags"] = ["must be a list of names"]
    for name, value in (("branch", branch), ("buildUrl", build_url)):
        if value is not None and not isinstance(value, str):
            faults[name] = ["must be a string"]
    results = contract.get("selfVerificationResults")
    verified = results.get("success") if isinstance(results, Mapping) else None
    if faults or text is None:
        raise InvalidFields(faults)
    return ProviderContract(
        number,
        text,
        format,
        branch or None,
        tuple(tags),
        build_url or None,
        verified if isinstance(verified, bool) else None,
    )


def _text(content: object, faults: dict[str, list[str]]) -> str | None:
    try:
        return base64.b64decode(str(content or ""), validate=True).decode()
    except (binascii.Error, ValueError):
        faults["contract"] = ["content must be base64 of UTF-8 text"]
        return None


_KINDS = (("avro", "AVRO"), ("protobuf", "PROTOBUF"), ("schema+json", "JSON"))


def _format(kind: str, text: str, faults: dict[str, list[str]]) -> str:
    """The format of a schema, by its content type, else by what stands in it."""
    for part, format in _KINDS:
        if part in kind:
            return format
    try:
        read = json.loads(text)
    except ValueError:
        if "message " in text or "syntax" in text:
            return "PROTOBUF"
        faults["contract"] = ["is no Avro schema, JSON Schema or .proto file"]
        return ""
    if isinstance(read, Mapping):
        for name in ("openapi", "swagger", "asyncapi"):
            if name in read:
                faults["contract"] = [f"{name} documents are not judged here: send the schemas of the events"]
                return ""
        if read.get("type") in ("record", "enum", "fixed") and "name" in read:
            return "AVRO"
    return "JSON"


def subject_of(db: Db, provider: str, contract: ProviderContract) -> tuple[str, str]:
    """The subject that a provider's schema belongs to, and how it was found: nothing in the request says it.

    A mapping of the provider whose glob matches the record's name, the one subject that it writes or has message
    contracts on, a subject that is called like the record, else `{provider}-value`.
    """
    name = _record_name(contract.text)
    for owner, glob, subject in needs.mappings(db):
        if owner == provider and name and fnmatchcase(name, glob):
            return subject, "by a mapping"
    known = queries.subjects_of(db, provider)
    if len(known) == 1:
        return known[0], "the one subject that it writes"
    if name and head(db, Subject.parse(name)) is not None:
        return name, "the subject that is called like the record"
    return f"{provider}-value", "by its name, as nothing says another (PUT /api/v1/mappings)"


def _record_name(text: str) -> str:
    try:
        read = json.loads(text)
    except ValueError:
        return ""
    if not isinstance(read, Mapping):
        return ""
    name, space = read.get("name") or read.get("title"), read.get("namespace")
    if not isinstance(name, str):
        return ""
    return f"{space}.{name}" if isinstance(space, str) and space and "." not in name else name
