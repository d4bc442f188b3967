"""`/contracts/publish`, `/pacts…`: publishing, reading, comparing and deleting pacts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from contracts import broker, deployments, publishing
from contracts.api.broker import answers, hal, requests
from contracts.api.broker.hal import Document, link
from contracts.api.broker.parts import (
    DELETE_PACT,
    READ_ALL,
    READ_PACT,
    WRITE_ALL,
    WRITE_PACT,
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
    text,
    time,
    urls,
)
from contracts.errors import PactNotFound
from contracts.queries import pacts as queries
from contracts.queries.pacts import Content, Pact, Where
from contracts.urls import Circumstances, Urls, circumstances
from registry.services import Call
from registry.store.engine import Db

# Publishing.


@post("/contracts/publish", WRITE_ALL, requests.Publication, answers.Published, summary="Publish contracts")
async def post_contracts(request: Call) -> Answer:
    """Version, branch, tags, pacts: all or nothing. 409 when a version's content would change."""
    shared, found, raw = desk(request), urls(request), await body(request)
    # Contracts may be large: decoding and hashing them is not for the event loop.
    read = await asyncio.to_thread(publishing.publication, raw)
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


# Lists of one pair.


async def _listed(request: Call, provider: str, consumer: str, where: Where, *here: str) -> Answer:
    found = urls(request)

    def job(db: Db) -> Document:
        rows = queries.pacts(db, where)
        return {
            "_embedded": {
                "pacts": [
                    {
                        "createdAt": time(row.created_at),
                        "_embedded": {
                            "consumerVersion": {
                                "number": row.number,
                                "_links": {"self": link(found.version(row.consumer, row.number))},
                            }
                        },
                        "_links": {"self": hal.pact_link(found, row)},
                    }
                    for row in rows
                ]
            },
            "_links": {
                "self": link(found.pair(provider, consumer, *here), "Pacts"),
                "consumer": link(found.application(consumer), "Consumer", consumer),
                "provider": link(found.application(provider), "Provider", provider),
                "pact-versions": [hal.pact_link(found, row) for row in rows],
                "pb:pact-versions": [hal.pact_link(found, row) for row in rows],
                "curies": hal.curies(found, "pacts"),
            },
        }

    return answer(await parts(request).services.read(job, heavy=True))


async def _deleted(request: Call, where: Where) -> None:
    shared = desk(request)
    await parts(request).services.write(lambda db: broker.delete_pacts(db, shared, where))


@get(f"{_PAIR}/versions", READ_PACT, answers.PactsOfPair, summary="List the pacts of a pair")
async def get_versions(request: Call, provider: FromPath[str], consumer: FromPath[str]) -> Answer:
    """Newest first."""
    return await _listed(request, provider, consumer, Where(consumer, provider), "versions")


@delete(f"{_PAIR}/versions", DELETE_PACT, summary="Delete all pacts of a pair")
async def delete_versions(request: Call, provider: FromPath[str], consumer: FromPath[str]) -> None:
    """404 when there are none."""
    await _deleted(request, Where(consumer, provider))


@get(f"{_PAIR}/tag/{{tag:str}}", READ_PACT, answers.PactsOfPair, summary="List the pacts of a pair with a tag")
async def get_tagged(request: Call, provider: FromPath[str], consumer: FromPath[str], tag: FromPath[str]) -> Answer:
    """Newest first."""
    return await _listed(request, provider, consumer, Where(consumer, provider, tag=tag), "tag", tag)


@delete(f"{_PAIR}/tag/{{tag:str}}", DELETE_PACT, summary="Delete the pacts of a pair with a tag")
async def delete_tagged(request: Call, provider: FromPath[str], consumer: FromPath[str], tag: FromPath[str]) -> None:
    """404 when there are none."""
    await _deleted(request, Where(consumer, provider, tag=tag))


@get(f"{_PAIR}/branch/{{branch:str}}", READ_PACT, answers.PactsOfPair, summary="List the pacts of a pair from a branch")
async def get_of_branch(
    request: Call, provider: FromPath[str], consumer: FromPath[str], branch: FromPath[str]
) -> Answer:
    """Newest first."""
    return await _listed(request, provider, consumer, Where(consumer, provider, branch=branch), "branch", branch)


@delete(f"{_PAIR}/branch/{{branch:str}}", DELETE_PACT, summary="Delete the pacts of a pair from a branch")
async def delete_of_branch(
    request: Call, provider: FromPath[str], consumer: FromPath[str], branch: FromPath[str]
) -> None:
    """404 when there are none."""
    await _deleted(request, Where(consumer, provider, branch=branch))


@get(
    f"{_PAIR}/branch/{{branch:str}}/latest/versions",
    READ_PACT,
    answers.PactsOfPair,
    summary="List the newest pact of a branch",
)
async def get_newest_of_branch(
    request: Call, provider: FromPath[str], consumer: FromPath[str], branch: FromPath[str]
) -> Answer:
    """One, or none."""
    where = Where(consumer, provider, branch=branch, newest=True)
    return await _listed(request, provider, consumer, where, "branch", branch, "latest", "versions")


@get(
    f"{_PAIR}/branch/versions", READ_PACT, answers.PactsOfPair, summary="List the pacts of a pair from the main branch"
)
async def get_of_main_branch(request: Call, provider: FromPath[str], consumer: FromPath[str]) -> Answer:
    """Newest first."""
    return await _listed(request, provider, consumer, Where(consumer, provider, branch=True), "branch", "versions")


@get(
    f"{_PAIR}/branch/latest/versions", READ_PACT, answers.PactsOfPair, summary="List the newest pact of the main branch"
)
async def get_newest_of_main_branch(request: Call, provider: FromPath[str], consumer: FromPath[str]) -> Answer:
    """One, or none."""
    where = Where(consumer, provider, branch=True, newest=True)
    return await _listed(request, provider, consumer, where, "branch", "latest", "versions")


# Lists of a provider.


async def _of_provider(request: Call, provider: str, where: Where, *here: str) -> Answer:
    found = urls(request)

    def job(db: Db) -> Document:
        rows = queries.pacts(db, where)
        links = [hal.pact_link(found, row) for row in rows]
        return {
            "_links": {
                "self": link(found.to("pacts", "provider", provider, *here), "Pacts"),
                "pb:provider": link(found.application(provider), "Provider", provider),
                "provider": link(found.application(provider), "Provider", provider),
                "pb:pacts": links,
                "pacts": links,
                "curies": hal.curies(found, "pacts"),
            }
        }

    return answer(await parts(request).services.read(job, heavy=True))


_PROVIDER = "/pacts/provider/{provider:str}"


@get(_PROVIDER, READ_PACT, answers.PactsOfProvider, summary="List all pacts of a provider")
async def get_of_provider(request: Call, provider: FromPath[str]) -> Answer:
    """Newest first for each consumer."""
    return await _of_provider(request, provider, Where(provider=provider))


@get(f"{_PROVIDER}/latest", READ_PACT, answers.PactsOfProvider, summary="List the newest pacts of a provider")
async def get_latest_of_provider(request: Call, provider: FromPath[str]) -> Answer:
    """One for each consumer."""
    return await _of_provider(request, provider, Where(provider=provider, newest=True), "latest")


@get(
    f"{_PROVIDER}/latest/{{tag:str}}",
    READ_PACT,
    answers.PactsOfProvider,
    summary="List the newest pacts of a provider with a tag",
)
async def get_latest_tagged_of_provider(request: Call, provider: FromPath[str], tag: FromPath[str]) -> Answer:
    """One for each consumer that has the tag."""
    return await _of_provider(request, provider, Where(provider=provider, tag=tag, newest=True), "latest", tag)


@get(
    f"{_PROVIDER}/tag/{{tag:str}}",
    READ_PACT,
    answers.PactsOfProvider,
    summary="List the pacts of a provider with a tag",
)
async def get_tagged_of_provider(request: Call, provider: FromPath[str], tag: FromPath[str]) -> Answer:
    """Newest first for each consumer."""
    return await _of_provider(request, provider, Where(provider=provider, tag=tag), "tag", tag)


@get(
    f"{_PROVIDER}/branch", READ_PACT, answers.PactsOfProvider, summary="List the pacts of a provider from main branches"
)
async def get_main_of_provider(request: Call, provider: FromPath[str]) -> Answer:
    """Newest first for each consumer."""
    return await _of_provider(request, provider, Where(provider=provider, branch=True), "branch")


@get(
    f"{_PROVIDER}/branch/latest",
    READ_PACT,
    answers.PactsOfProvider,
    summary="List the newest pacts of a provider from main branches",
)
async def get_latest_main_of_provider(request: Call, provider: FromPath[str]) -> Answer:
    """One for each consumer."""
    where = Where(provider=provider, branch=True, newest=True)
    return await _of_provider(request, provider, where, "branch", "latest")


@get(
    f"{_PROVIDER}/branch/{{branch:str}}",
    READ_PACT,
    answers.PactsOfProvider,
    summary="List the pacts of a provider from a branch",
)
async def get_branch_of_provider(request: Call, provider: FromPath[str], branch: FromPath[str]) -> Answer:
    """Newest first for each consumer."""
    return await _of_provider(request, provider, Where(provider=provider, branch=branch), "branch", branch)


@get(
    f"{_PROVIDER}/branch/{{branch:str}}/latest",
    READ_PACT,
    answers.PactsOfProvider,
    summary="List the newest pacts of a provider from a branch",
)
async def get_latest_branch_of_provider(request: Call, provider: FromPath[str], branch: FromPath[str]) -> Answer:
    """One for each consumer that has the branch."""
    where = Where(provider=provider, branch=branch, newest=True)
    return await _of_provider(request, provider, where, "branch", branch, "latest")


@get("/pacts/latest", READ_ALL, answers.LatestPacts, summary="List the newest pact of each pair")
async def get_all_latest(request: Call) -> Answer:
    """By consumer and provider."""
    found = urls(request)
    rows = await parts(request).services.read(lambda db: queries.pacts(db, Where(newest=True)), heavy=True)
    return answer(
        {
            "pacts": [hal.listed_pact(found, row) for row in rows],
            "_links": {
                "self": link(found.to("pacts", "latest"), "Latest pacts"),
                "pb:pacts": [hal.pact_link(found, row) for row in rows],
            },
        }
    )


# Provider states.


async def _states(request: Call, provider: str, choose: Callable[[Db], Where], *here: str) -> Answer:
    found = urls(request)
    rows = await parts(request).services.read(
        lambda db: broker.provider_states(db, queries.pacts(db, choose(db))), heavy=True
    )
    return answer(
        {
            "providerStates": [
                {"consumers": [consumer], "name": state, "consumer": consumer}
                for consumer, states in rows
                for state in states
            ],
            "_links": {"self": link(found.to("pacts", "provider", provider, "provider-states", *here))},
        }
    )


@get(f"{_PROVIDER}/provider-states", READ_PACT, answers.ProviderStates, summary="List provider states")
async def get_states(request: Call, provider: FromPath[str]) -> Answer:
    """Of the newest pacts of main branches, else of the newest pacts."""

    def choose(db: Db) -> Where:
        main = Where(provider=provider, branch=True, newest=True)
        return main if queries.pacts(db, main) else Where(provider=provider, newest=True)

    return await _states(request, provider, choose)


@get(
    f"{_PROVIDER}/provider-states/branch/{{branch:str}}",
    READ_PACT,
    answers.ProviderStates,
    summary="List provider states of a branch",
)
async def get_states_of_branch(request: Call, provider: FromPath[str], branch: FromPath[str]) -> Answer:
    """Of the newest pacts from the branch."""
    where = Where(provider=provider, branch=branch, newest=True)
    return await _states(request, provider, lambda db: where, "branch", branch)


@get(
    f"{_PROVIDER}/provider-states/environment/{{uuid:str}}",
    READ_PACT,
    answers.ProviderStates,
    summary="List provider states in an environment",
)
async def get_states_in_environment(request: Call, provider: FromPath[str], uuid: FromPath[str]) -> Answer:
    """Of the pacts whose consumers are there."""

    def choose(db: Db) -> Where:
        return Where(provider=provider, environment_pk=deployments.environment(db, uuid).pk)

    return await _states(request, provider, choose, "environment", uuid)


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
    get_versions,
    delete_versions,
    get_tagged,
    delete_tagged,
    get_of_branch,
    delete_of_branch,
    get_newest_of_branch,
    get_of_main_branch,
    get_newest_of_main_branch,
    get_of_provider,
    get_latest_of_provider,
    get_latest_tagged_of_provider,
    get_tagged_of_provider,
    get_main_of_provider,
    get_latest_main_of_provider,
    get_branch_of_provider,
    get_latest_branch_of_provider,
    get_all_latest,
    get_states,
    get_states_of_branch,
    get_states_in_environment,
    get_previous,
    get_difference,
    get_difference_to_version,
    get_difference_of_contents,
]
