"""`…/for-verification`, `…/verification-results…`: what to verify, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable

from litestar.openapi.spec import OpenAPIType
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from contracts import broker, catalog, selectors
from contracts.api.broker import answers, hal, requests
from contracts.api.broker.hal import Document, link
from contracts.api.broker.parts import (
    DELETE_PACT,
    READ,
    READ_PACT,
    WRITE_RESULT,
    Answer,
    answer,
    asked,
    body,
    delete,
    desk,
    get,
    parts,
    post,
    query,
    urls,
)
from contracts.errors import VerificationNotFound
from contracts.pending import ToVerify
from contracts.queries import environments, verifications
from contracts.queries import webhooks as deliveries
from contracts.queries.webhooks import Delivery
from contracts.urls import Urls, circumstances
from registry.services import Call
from registry.store.engine import Db

_ASKED = (
    asked("provider_version_branch", "of the provider, for pending and work in progress"),
    asked("provider_version_tags[]", "of the provider, where it has no branch"),
    asked("include_pending_status", "whether the answer says which pacts may fail", OpenAPIType.BOOLEAN),
    asked("include_wip_pacts_since", "work in progress since then: a date or a date and time"),
    asked("consumer_version_selectors[][tag]", "consumer versions with a tag; a selector's other members likewise"),
)
_FOR = "/pacts/provider/{provider:str}/for-verification"


def _to_verify(found: Urls, provider: str, chosen: Iterable[ToVerify]) -> Answer:
    listed = list(chosen)
    return answer(
        {
            "_embedded": {"pacts": [hal.to_verify(found, provider, one) for one in listed]},
            "_links": {
                "self": link(found.to("pacts", "provider", provider, "for-verification"), "Pacts to be verified"),
                "curies": hal.curies(found, "provider-pacts-for-verification"),
            },
        }
    )


def _names(db: Db) -> list[str]:
    return [place.name for place in environments.environments(db)]


@get(_FOR, READ_PACT, answers.PactsToVerify, asks=_ASKED, summary="Pacts to verify, asked for in the query")
async def get_pacts_to_verify(request: Call, provider: FromPath[str]) -> Answer:
    """Without parameters, the default selection."""
    found, asked = urls(request), query(request)

    def job(db: Db) -> tuple[ToVerify, ...]:
        return broker.pacts_to_verify(db, provider, selectors.from_query(asked, _names(db)))

    return _to_verify(found, provider, await parts(request).services.read(job, heavy=True))


@post(_FOR, READ_PACT, requests.ToVerify, answers.PactsToVerify, summary="Pacts to verify, asked for in the body")
async def post_pacts_to_verify(request: Call, provider: FromPath[str]) -> Answer:
    """Selectors, pending and work in progress; it changes nothing."""
    found, asked = urls(request), await body(request)

    def job(db: Db) -> tuple[ToVerify, ...]:
        return broker.pacts_to_verify(db, provider, selectors.from_body(asked, _names(db)))

    return _to_verify(found, provider, await parts(request).services.read(job, heavy=True))


_CONTENT = "/pacts/provider/{provider:str}/consumer/{consumer:str}/pact-version/{sha:str}"


async def _put_result(request: Call, provider: str, consumer: str, sha: str, metadata: str = "") -> Answer:
    shared, found, read = desk(request), urls(request), await body(request)

    def job(db: Db) -> Document:
        content = broker.content(db, provider, consumer, sha)
        return hal.verification(found, broker.put_result(db, shared, content, read, circumstances(metadata)))

    document = await parts(request).services.write(job)
    return answer(document, 201, location=document["_links"]["self"]["href"])


@post(
    f"{_CONTENT}/verification-results",
    WRITE_RESULT,
    requests.Result,
    answers.Result,
    summary="Publish a verification result",
    status_code=201,
)
async def post_result(request: Call, provider: FromPath[str], consumer: FromPath[str], sha: FromPath[str]) -> Answer:
    """`success` and `providerApplicationVersion` are needed."""
    return await _put_result(request, provider, consumer, sha)


@post(
    f"{_CONTENT}/metadata/{{metadata:str}}/verification-results",
    WRITE_RESULT,
    requests.Result,
    answers.Result,
    summary="Publish a verification result of a pact that was fetched for a reason",
    status_code=201,
)
async def post_result_for(
    request: Call, provider: FromPath[str], consumer: FromPath[str], sha: FromPath[str], metadata: FromPath[str]
) -> Answer:
    """The address says whether it was work in progress."""
    return await _put_result(request, provider, consumer, sha, metadata)


def _number(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 18:
        return int(text)
    raise VerificationNotFound(number=text)


@get(f"{_CONTENT}/verification-results/latest", READ_PACT, answers.Result, summary="Read the last result of a content")
async def get_latest_result(
    request: Call, provider: FromPath[str], consumer: FromPath[str], sha: FromPath[str]
) -> Answer:
    """By whichever provider version."""
    found = urls(request)

    def job(db: Db) -> Document:
        return hal.verification(found, broker.newest_result(db, broker.content(db, provider, consumer, sha)))

    return answer(await parts(request).services.read(job))


@get(f"{_CONTENT}/verification-results/{{serial:str}}", READ_PACT, answers.Result, summary="Read a result")
async def get_result(
    request: Call, provider: FromPath[str], consumer: FromPath[str], sha: FromPath[str], serial: FromPath[str]
) -> Answer:
    """With its tests."""
    found, number = urls(request), _number(serial)

    def job(db: Db) -> Document:
        return hal.verification(found, broker.result(db, broker.content(db, provider, consumer, sha), number))

    return answer(await parts(request).services.read(job))


@delete(f"{_CONTENT}/verification-results/{{serial:str}}", DELETE_PACT, summary="Delete a result")
async def delete_result(
    request: Call, provider: FromPath[str], consumer: FromPath[str], sha: FromPath[str], serial: FromPath[str]
) -> None:
    """The one before counts again."""
    shared, number = desk(request), _number(serial)
    await parts(request).services.write(
        lambda db: broker.delete_result(db, shared, broker.content(db, provider, consumer, sha), number)
    )


def triggered(db: Db, found: Urls, rows: Iterable[Delivery], here: str) -> Document:
    """Firings of webhooks as a list."""
    names = deliveries.names_by_pk(db)
    return {
        "_embedded": {
            "triggeredWebhooks": [
                hal.delivery(
                    found, row, row.attempts, names.get(row.webhook_pk) if row.webhook_pk is not None else None
                )
                for row in rows
            ]
        },
        "_links": {"self": link(here), "curies": hal.curies(found, "triggered-webhooks")},
    }


@get(
    f"{_CONTENT}/verification-results/{{serial:str}}/triggered-webhooks",
    READ_PACT,
    answers.TriggeredWebhooks,
    summary="Webhooks that a result triggered",
)
async def get_webhooks_of_result(
    request: Call, provider: FromPath[str], consumer: FromPath[str], sha: FromPath[str], serial: FromPath[str]
) -> Answer:
    """Newest first."""
    found, number = urls(request), _number(serial)

    def job(db: Db) -> Document:
        one = broker.result(db, broker.content(db, provider, consumer, sha), number)
        here = found.results(provider, consumer, sha, str(number)) + "/triggered-webhooks"
        return triggered(db, found, deliveries.deliveries_of(db, verification_pk=one.pk), here)

    return answer(await parts(request).services.read(job, heavy=True))


@get(
    "/pacts/provider/{provider:str}/consumer/{consumer:str}/version/{number:str}/triggered-webhooks",
    READ_PACT,
    answers.TriggeredWebhooks,
    summary="Webhooks that a pact triggered",
)
async def get_webhooks_of_pact(
    request: Call, provider: FromPath[str], consumer: FromPath[str], number: FromPath[str]
) -> Answer:
    """Newest first."""
    found = urls(request)

    def job(db: Db) -> Document:
        one = broker.pact(db, provider, consumer, number)
        here = found.pact(provider, consumer, number) + "/triggered-webhooks"
        return triggered(db, found, deliveries.deliveries_of(db, version_pk=one.version_pk), here)

    return answer(await parts(request).services.read(job, heavy=True))


@get(
    "/pacts/provider/{provider:str}/consumer/{consumer:str}/version/{number:str}/verification-results/latest",
    READ_PACT,
    answers.Result,
    summary="Read the last result of a consumer version's pact",
)
async def get_latest_result_of_version(
    request: Call, provider: FromPath[str], consumer: FromPath[str], number: FromPath[str]
) -> Answer:
    """By whichever provider version."""
    found = urls(request)

    def job(db: Db) -> Document:
        one = broker.pact(db, provider, consumer, number)
        return hal.verification(found, broker.newest_result(db, broker.content(db, provider, consumer, one.sha)))

    return answer(await parts(request).services.read(job))


@get(
    "/verification-results/consumer/{name:str}/version/{number:str}/latest",
    READ,
    answers.Results,
    summary="The last result of each pact of a version",
)
async def get_results_of_version(request: Call, name: FromPath[str], number: FromPath[str]) -> Answer:
    """`success` is whether all succeeded."""
    found = urls(request)

    def job(db: Db) -> Document:
        rows = verifications.of_consumer_version(db, catalog.version(db, name, number).pk)
        return {
            "success": bool(rows) and all(row.success for row in rows),
            "_embedded": {"verificationResults": [hal.verification(found, row) for row in rows]},
            "_links": {"self": link(found.to("verification-results", "consumer", name, "version", number, "latest"))},
        }

    return answer(await parts(request).services.read(job, heavy=True))


HANDLERS: list[ControllerRouterHandler] = [
    get_pacts_to_verify,
    post_pacts_to_verify,
    post_result,
    post_result_for,
    get_latest_result,
    get_result,
    delete_result,
    get_webhooks_of_result,
    get_webhooks_of_pact,
    get_latest_result_of_version,
    get_results_of_version,
]
