"""`/contracts/publish`, `/pacts…/version`, `…/latest`: publishing, reading, comparing and deleting one pact."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from contracts import broker, publishing
from contracts.api.broker import answers, hal, requests
from contracts.api.broker.hal import Document, link
from contracts.api.broker.parts import (
    DELETE_PACT,
    READ_PACT,
    WRITE_PACT,
    WRITE_SOME,
    Answer,
    answer,
    body,
    delete,
    desk,
    get,
    parts,
    patch,
    post,
    put,
    require,
    text,
    urls,
)
from contracts.errors import PactNotFound
from contracts.queries import pacts as queries
from contracts.queries.pacts import Content, Pact, Where
from contracts.urls import Circumstances, Urls, circumstances
from registry.security.access import Action
from registry.services import Call
from registry.store.engine import Db

# Publishing.


@post("/contracts/publish", WRITE_SOME, requests.Publication, answers.Published, summary="Publish contracts")
async def post_contracts(request: Call) -> Answer:
    """Version, branch, tags, pacts: all or nothing. 409 when a version's content would change."""
    shared, found, raw = desk(request), urls(request), await body(request)
    # Contracts may be large: decoding and hashing them is not for the event loop.
    read = await asyncio.to_thread(publishing.publication, raw)
    require(request, Action.WRITE, read.application)
    done = await parts(request).services.write(lambda db: broker.publish(db, shared, read))
    name, number = read.application, read.number
    here = found.version(name, number)
    return answer(
        {
            "logs": [
                {"level": notice.level, "message": notice.text, "deprecationWarning": "Use notices"}
                for notice in done.notices
            ],
            "notices": [{"type": notice.level, "text": notice.text} for notice in done.notices],
            "_embedded": {
                "pacticipant": {"name": name, "_links": {"self": link(found.application(name), "Pacticipant", name)}},
                "version": {"number": number, "_links": {"self": link(here, "Version", number)}},
            },
            "_links": {
                "self": link(found.to("contracts", "publish")),
                "pb:pacticipant": link(found.application(name), "Pacticipant", name),
                "pb:pacticipant-version": link(here, "Pacticipant version", number),
                "pb:pacticipant-version-tags": [
                    link(found.to("pacticipants", name, "versions", number, "tags", tag), "Tag", tag)
                    for tag in read.tags
                ],
                "pb:contracts": [
                    link(
                        found.pact(one.provider, one.consumer, number),
                        "Pact",
                        f"Pact between {one.consumer} ({number}) and {one.provider}",
                    )
                    for one in read.contracts
                ],
            },
        }
    )


_PAIR = "/pacts/provider/{provider:str}/consumer/{consumer:str}"
_VERSION = f"{_PAIR}/version/{{number:str}}"


async def _put_pact(request: Call, provider: str, consumer: str, number: str, *, merge: bool) -> Answer:
    shared, found, raw = desk(request), urls(request), await request.body()

    def job(db: Db) -> tuple[Document, bool]:
        one, new = broker.put_pact(db, shared, provider, consumer, number, raw, merge=merge)
        return _document(db, found, one), new

    document, new = await parts(request).services.write(job)
    return answer(document, 201, location=found.pact(provider, consumer, number)) if new else answer(document)


@put(_VERSION, WRITE_PACT, requests.Pact, answers.Pact, summary="Publish a pact")
async def put_pact(request: Call, provider: FromPath[str], consumer: FromPath[str], number: FromPath[str]) -> Answer:
    """The body is the pact."""
    return await _put_pact(request, provider, consumer, number, merge=False)


@patch(_VERSION, WRITE_PACT, requests.Pact, answers.Pact, summary="Merge a pact into the published one")
async def patch_pact(request: Call, provider: FromPath[str], consumer: FromPath[str], number: FromPath[str]) -> Answer:
    """409 when an interaction exists with another content."""
    return await _put_pact(request, provider, consumer, number, merge=True)


@delete(_VERSION, DELETE_PACT, summary="Delete a pact")
async def delete_pact(request: Call, provider: FromPath[str], consumer: FromPath[str], number: FromPath[str]) -> None:
    """The version itself stays."""
    shared = desk(request)
    await parts(request).services.write(lambda db: broker.delete_pact(db, shared, provider, consumer, number))


# Reading one pact.


def _document(db: Db, found: Urls, one: Pact, *, here: str = "", why: Circumstances | None = None) -> Document:
    return hal.pact(found, one, queries.content_by_pk(db, one.content_pk), here=here, why=why)


async def _pact(request: Call, choose: Callable[[Db], Pact]) -> Answer:
    found = urls(request)
    return answer(await parts(request).services.read(lambda db: _document(db, found, choose(db)), heavy=True))


@get(_VERSION, READ_PACT, answers.Pact, summary="Read the pact of a consumer version")
async def get_pact(request: Call, provider: FromPath[str], consumer: FromPath[str], number: FromPath[str]) -> Answer:
    """With the ids of its interactions and the links of a verification."""
    return await _pact(request, lambda db: broker.pact(db, provider, consumer, number))


async def _content(request: Call, provider: str, consumer: str, sha: str, metadata: str = "") -> Answer:
    found, why = urls(request), circumstances(metadata)

    def job(db: Db) -> Document:
        content = broker.content(db, provider, consumer, sha)
        here = found.content(provider, consumer, sha, metadata)
        return hal.pact(found, broker.of_content(db, content), content, here=here, why=why)

    return answer(await parts(request).services.read(job, heavy=True))


@get(f"{_PAIR}/pact-version/{{sha:str}}", READ_PACT, answers.Pact, summary="Read a pact content")
async def get_content(request: Call, provider: FromPath[str], consumer: FromPath[str], sha: FromPath[str]) -> Answer:
    """As verifiers fetch it."""
    return await _content(request, provider, consumer, sha)


@get(
    f"{_PAIR}/pact-version/{{sha:str}}/metadata/{{metadata:str}}",
    READ_PACT,
    answers.Pact,
    summary="Read a pact content, for a reason",
)
async def get_content_for(
    request: Call, provider: FromPath[str], consumer: FromPath[str], sha: FromPath[str], metadata: FromPath[str]
) -> Answer:
    """As verifiers fetch it; results posted below this address say why it was verified."""
    return await _content(request, provider, consumer, sha, metadata)


def _newest(provider: str, consumer: str, **where: str | bool) -> Callable[[Db], Pact]:
    asked = Where(consumer=consumer, provider=provider, newest=True, limit=1, **where)  # type: ignore[arg-type] # members of Where
    return lambda db: broker.newest_pact(db, asked)


@get(f"{_PAIR}/latest", READ_PACT, answers.Pact, summary="Read the newest pact of a pair")
async def get_latest(request: Call, provider: FromPath[str], consumer: FromPath[str]) -> Answer:
    """Of all versions."""
    return await _pact(request, _newest(provider, consumer))


@get(f"{_PAIR}/latest/{{tag:str}}", READ_PACT, answers.Pact, summary="Read the newest pact with a tag")
async def get_latest_tagged(
    request: Call, provider: FromPath[str], consumer: FromPath[str], tag: FromPath[str]
) -> Answer:
    """The newest pact whose version carries the tag."""
    return await _pact(request, _newest(provider, consumer, tag=tag))


@get(f"{_PAIR}/latest-untagged", READ_PACT, answers.Pact, summary="Read the newest pact without tags")
async def get_latest_untagged(request: Call, provider: FromPath[str], consumer: FromPath[str]) -> Answer:
    """404 when every version has one."""
    return await _pact(request, _newest(provider, consumer, untagged=True))


@get(f"{_PAIR}/branch/{{branch:str}}/latest", READ_PACT, answers.Pact, summary="Read the newest pact of a branch")
async def get_latest_of_branch(
    request: Call, provider: FromPath[str], consumer: FromPath[str], branch: FromPath[str]
) -> Answer:
    """The newest pact whose version is on the branch."""
    return await _pact(request, _newest(provider, consumer, branch=branch))


# Comparing.


@get(f"{_VERSION}/previous-distinct", READ_PACT, answers.Pact, summary="Read the pact before, with another content")
async def get_previous(
    request: Call, provider: FromPath[str], consumer: FromPath[str], number: FromPath[str]
) -> Answer:
    """404 when all earlier pacts have the same content."""

    def choose(db: Db) -> Pact:
        found = broker.previous_distinct(db, broker.pact(db, provider, consumer, number))
        if found is None:
            raise PactNotFound(consumer, provider, f"before version {number} with another content")
        return found

    return await _pact(request, choose)


async def _difference(request: Call, choose: Callable[[Db], tuple[Content, Content]]) -> Answer:
    told = await parts(request).services.read(lambda db: broker.difference(db, *choose(db)), heavy=True)
    return text(told, "text/plain")


def _content_of(db: Db, one: Pact) -> Content:
    return queries.content_by_pk(db, one.content_pk)


@get(f"{_VERSION}/diff/previous-distinct", READ_PACT, summary="Compare with the pact before", media_type="text/plain")
async def get_difference(
    request: Call, provider: FromPath[str], consumer: FromPath[str], number: FromPath[str]
) -> Answer:
    """As text."""

    def choose(db: Db) -> tuple[Content, Content]:
        one = broker.pact(db, provider, consumer, number)
        before = broker.previous_distinct(db, one)
        if before is None:
            raise PactNotFound(consumer, provider, f"before version {number} with another content")
        return _content_of(db, before), _content_of(db, one)

    return await _difference(request, choose)


@get(
    f"{_VERSION}/diff/version/{{other:str}}", READ_PACT, summary="Compare with another version", media_type="text/plain"
)
async def get_difference_to_version(
    request: Call, provider: FromPath[str], consumer: FromPath[str], number: FromPath[str], other: FromPath[str]
) -> Answer:
    """As text."""

    def choose(db: Db) -> tuple[Content, Content]:
        return (
            _content_of(db, broker.pact(db, provider, consumer, other)),
            _content_of(db, broker.pact(db, provider, consumer, number)),
        )

    return await _difference(request, choose)


@get(
    f"{_PAIR}/pact-version/{{sha:str}}/diff/pact-version/{{other:str}}",
    READ_PACT,
    summary="Compare two contents",
    media_type="text/plain",
)
async def get_difference_of_contents(
    request: Call, provider: FromPath[str], consumer: FromPath[str], sha: FromPath[str], other: FromPath[str]
) -> Answer:
    """As text."""
    return await _difference(
        request,
        lambda db: (broker.content(db, provider, consumer, other), broker.content(db, provider, consumer, sha)),
    )


HANDLERS: list[ControllerRouterHandler] = [
    post_contracts,
    put_pact,
    patch_pact,
    delete_pact,
    get_pact,
    get_content,
    get_content_for,
    get_latest,
    get_latest_tagged,
    get_latest_untagged,
    get_latest_of_branch,
    get_previous,
    get_difference,
    get_difference_to_version,
    get_difference_of_contents,
]
