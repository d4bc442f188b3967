"""What a live registry holds, read through the Confluent API alone, so that any registry of that shape will do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from tenor import Registry
from tenor.calls import Call
from tenor.cli.moving import ASSOCIATION, CONFIG, DEK, KEK, MODE, TIME, VERSION, Document, Key
from tenor.errors import NotFound, Rejected, UnexpectedAnswer

PAGE: Final = 500
ALGORITHMS: Final = ("AES256_GCM", "AES128_GCM", "AES256_SIV")
_DEFAULT_CONTEXT: Final = "."
_EVERYWHERE: Final = ":*:"
_KEK_MEMBERS: Final = ("kmsType", "kmsKeyId", "kmsProps", "doc", "shared", "deleted")
_ASSOCIATION_NAMES: Final = ("subject", "resourceNamespace", "resourceName", "associationType")
_ASSOCIATION_MEMBERS: Final = ("resourceId", "resourceType", "lifecycle", "frozen")
_DEK_MEMBERS: Final = ("encryptedKeyMaterial", "commitment", "deleted")

Tell = Callable[[str, int], None]
"""Is told how many records there are by now, and of what kind the last ones were."""


def read(registry: Registry, tell: Tell, only: Collection[str] | None = None) -> dict[Key, Document]:
    """Everything, or what concerns some subjects and contexts. `tell` hears how far it is.

    Settings of names that are neither a subject nor an alias of one cannot be asked for: no call lists them.
    Raises what `Registry.send` raises.
    """
    found: dict[Key, Document] = {}
    subjects: dict[str, None] = {}
    live = {key for key, _, _ in _versions(registry, deleted=False)}
    for key, document, aliases in _versions(registry, deleted=True):
        if only is None or key[1] in only:
            found[key] = {**document, "deleted": key not in live}
        subjects |= dict.fromkeys((key[1], *aliases))
        tell(VERSION, len(found))
    names = ["", *_contexts(registry), *subjects] if only is None else ["", *(each for each in only if each)]
    for count, scope in enumerate(names, 1):
        for kind, document in _settings(registry, scope):
            found[kind, scope] = document
        tell(CONFIG, count)
    versioned = {key[1] for key in found if key[0] == VERSION}
    for count, (key, document) in enumerate(_associations(registry, sorted(versioned) if only is None else only), 1):
        found[key] = document
        tell(ASSOCIATION, count)
    for count, (key, document) in enumerate(_keys(registry), 1):
        found[key] = document
        tell(DEK, count)
    return found


def _versions(registry: Registry, *, deleted: bool) -> Iterator[tuple[Key, Document, list[str]]]:
    offset, first = 0, None
    while True:
        query = {"subjectPrefix": _EVERYWHERE, "deleted": deleted, "aliases": True, "offset": offset, "limit": PAGE}
        page = registry.send(_get(("schemas",), _page, **query))
        if not page or page[0][0] == first:  # the same page again: this registry ignores `offset`
            return
        first = page[0][0]
        yield from page
        if len(page) != PAGE:
            return
        offset += PAGE


def _page(body: Any) -> list[tuple[Key, Document, list[str]]]:
    return [((VERSION, str(each["subject"]), int(each["version"])), _version(each), _aliases(each)) for each in body]


def _version(body: Mapping[str, Any]) -> Document:
    document: dict[str, Any] = {
        "id": int(body["id"]),
        "schemaType": str(body.get("schemaType") or "AVRO"),
        "schema": str(body["schema"]),
    }
    references = body.get("references") or []
    document["references"] = [
        {"name": str(each["name"]), "subject": str(each["subject"]), "version": int(each["version"])}
        for each in references
    ]
    return document | {name: body[name] for name in ("metadata", "ruleSet", TIME) if body.get(name)}


def _aliases(body: Mapping[str, Any]) -> list[str]:
    return [str(each) for each in body.get("aliases") or ()]


def _contexts(registry: Registry) -> list[str]:
    contexts = _optional(registry, _get(("contexts",), _texts)) or ()
    return [f":{each}:" for each in contexts if each != _DEFAULT_CONTEXT]


def _settings(registry: Registry, scope: str) -> Iterator[tuple[str, Document]]:
    for kind in (CONFIG, MODE):
        document = _optional(registry, _get((kind, scope) if scope else (kind,), _object))
        if document is not None:
            yield kind, {name: value for name, value in document.items() if value not in (None, {}, [])}


def _associations(registry: Registry, subjects: Collection[str]) -> Iterator[tuple[Key, Document]]:
    """The associations of some subjects: all at once, or subject by subject where that is refused."""
    try:
        listed = _listed(registry, ("associations", "resources", "-", "-"))
    except Rejected:
        listed = [each for subject in subjects for each in _listed(registry, ("associations", "subjects", subject))]
    wanted = set(subjects)
    for each in listed:
        if each["subject"] in wanted:
            yield (ASSOCIATION, *(each[name] for name in _ASSOCIATION_NAMES)), _with(each, _ASSOCIATION_MEMBERS)


def _listed(registry: Registry, segments: Collection[str]) -> list[Document]:
    """A list, page by page; empty where a registry knows none of it."""
    found: list[Document] = []
    while True:
        page = _optional(registry, _get(segments, _objects, offset=len(found), limit=PAGE)) or []
        if not page or page[0] in found:  # the same page again: this registry ignores `offset`
            return found
        found += page
        if len(page) != PAGE:
            return found


def _objects(body: Any) -> list[Document]:
    return [
        {**_object(each), **{name: str(each[name]) for name in _ASSOCIATION_NAMES}}
        for each in ([] if body is None else body)
    ]


def _keys(registry: Registry) -> Iterator[tuple[Key, Document]]:
    base = ("dek-registry", "v1", "keks")
    for name in _optional(registry, _get(base, _texts, deleted=True)) or ():
        kek = registry.send(_get((*base, name), _object, deleted=True))
        yield (KEK, name), _with(kek, _KEK_MEMBERS)
        for subject in registry.send(_get((*base, name, "deks"), _texts, deleted=True)):
            for algorithm in ALGORITHMS:
                asked = {"algorithm": algorithm, "deleted": True}
                path = (*base, name, "deks", subject, "versions")
                for number in _optional(registry, _get(path, _numbers, **asked)) or ():
                    dek = registry.send(_get((*path, str(number)), _object, **asked))
                    if dek.get("encryptedKeyMaterial"):  # else somebody is just making it
                        yield (DEK, name, subject, algorithm, number), _with(dek, _DEK_MEMBERS)


def _with(body: Document, members: Collection[str]) -> Document:
    return {name: body[name] for name in members if body.get(name)}


def _optional(registry: Registry, call: Call[Any]) -> Any:
    """The answer, or None where a registry has no such thing, or knows no such question."""
    try:
        return registry.send(call)
    except NotFound:
        return None
    except UnexpectedAnswer as error:
        if error.data["status"] in (404, 405):
            return None
        raise


def path(segments: Collection[str], **query: Any) -> str:
    """A path below the registry's address."""
    told = {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()}
    return "/" + "/".join(quote(each, safe="") for each in segments) + (f"?{urlencode(told)}" if told else "")


def _get(segments: Collection[str], read: Callable[[Any], Any], **query: Any) -> Call[Any]:
    return Call("GET", path(segments, **query), read)


def _object(body: Any) -> Document:
    if not isinstance(body, dict):
        raise TypeError("no object")
    return body


def _texts(body: Any) -> list[str]:
    if not isinstance(body, list):
        raise TypeError("no list")
    return [str(each) for each in body]


def _numbers(body: Any) -> list[int]:
    return [int(each) for each in _texts(body)]
