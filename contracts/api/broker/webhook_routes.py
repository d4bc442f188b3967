"""`/webhooks…`, `/triggered-webhooks…`: keeping webhooks, testing them, reading what they did."""

from __future__ import annotations

import asyncio

from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from contracts import broker, catalog, hooks, sending, webhooks
from contracts.api.broker import answers, hal, requests
from contracts.api.broker.hal import Document, link
from contracts.api.broker.parts import (
    CONFIGURE_WEBHOOK,
    CONFIGURE_WEBHOOKS,
    READ_PACT,
    READ_WEBHOOK,
    READ_WEBHOOKS,
    Answer,
    answer,
    body,
    delete,
    desk,
    get,
    parts,
    post,
    put,
    text,
    time,
    urls,
)
from contracts.api.broker.verification_routes import triggered
from contracts.errors import InvalidWebhook
from contracts.hooks import Kept
from contracts.queries import applications
from contracts.queries import webhooks as queries
from contracts.queries.pacts import Where
from contracts.urls import Urls
from contracts.webhooks import Prepared, Request, Webhook
from registry.security.guard import actor_of
from registry.services import Call
from registry.store.engine import Db


async def _listed(request: Call, *, consumer: str | None = None, provider: str | None = None) -> Answer:
    found, sealer = urls(request), parts(request).sealer

    def about(kept: Kept, labels: dict[str, tuple[str, ...]]) -> bool:
        hook = kept.webhook
        return (consumer is None or hook.consumer.covers(consumer, labels.get(consumer, ()))) and (
            provider is None or hook.provider.covers(provider, labels.get(provider, ()))
        )

    def job(db: Db) -> list[Kept]:
        named = {name: catalog.application(db, name) for name in (consumer, provider) if name is not None}
        found_labels = applications.labels(db, [one.pk for one in named.values()])
        labels = {name: tuple(label for label, _ in found_labels.get(one.pk, ())) for name, one in named.items()}
        return [kept for kept in hooks.listed(db, sealer) if about(kept, labels)]

    rows = await parts(request).services.read(job, heavy=True)
    below = [part for side, name in (("provider", provider), ("consumer", consumer)) if name for part in (side, name)]
    return answer(
        {
            "_embedded": {"webhooks": [hal.webhook(found, row) for row in rows]},
            "_links": {
                "self": link(found.to("webhooks", *below), "Webhooks"),
                "pb:webhooks": [
                    link(found.to("webhooks", row.uuid), row.webhook.description or row.uuid, row.uuid) for row in rows
                ],
                "pb:create": link(found.to("webhooks", *below), "POST to create a webhook"),
                "curies": hal.curies(found, "webhooks"),
            },
        }
    )


async def _create(request: Call, *, consumer: str | None = None, provider: str | None = None) -> Answer:
    shared, found, read = desk(request), urls(request), await body(request)
    kept, _ = await parts(request).services.write(
        lambda db: hooks.put(
            db, shared.actor, shared.sealer, read, shared.options, consumer=consumer, provider=provider
        )
    )
    return answer(hal.webhook(found, kept), 201, location=found.to("webhooks", kept.uuid))


@get("/webhooks", READ_WEBHOOKS, answers.Webhooks, summary="List webhooks")
async def get_webhooks(request: Call) -> Answer:
    """Secrets are starred."""
    return await _listed(request)


@post("/webhooks", CONFIGURE_WEBHOOKS, requests.Webhook, answers.Webhook, summary="Create a webhook", status_code=201)
async def post_webhook(request: Call) -> Answer:
    """For every application, or those that the body names."""
    return await _create(request)


_PAIR = "/webhooks/provider/{provider:str}/consumer/{consumer:str}"


@get(_PAIR, READ_WEBHOOKS, answers.Webhooks, summary="List webhooks about a pair")
async def get_webhooks_of_pair(request: Call, provider: FromPath[str], consumer: FromPath[str]) -> Answer:
    """Those that name neither are about it too."""
    return await _listed(request, consumer=consumer, provider=provider)


@post(
    _PAIR,
    CONFIGURE_WEBHOOKS,
    requests.Webhook,
    answers.Webhook,
    summary="Create a webhook about a pair",
    status_code=201,
)
async def post_webhook_of_pair(request: Call, provider: FromPath[str], consumer: FromPath[str]) -> Answer:
    """404 when one of them is not known."""
    return await _create(request, consumer=consumer, provider=provider)


@get("/webhooks/provider/{provider:str}", READ_WEBHOOKS, answers.Webhooks, summary="List webhooks about a provider")
async def get_webhooks_of_provider(request: Call, provider: FromPath[str]) -> Answer:
    """Those that name none are about it too."""
    return await _listed(request, provider=provider)


@post(
    "/webhooks/provider/{provider:str}",
    CONFIGURE_WEBHOOKS,
    requests.Webhook,
    answers.Webhook,
    summary="Create a webhook about a provider",
    status_code=201,
)
async def post_webhook_of_provider(request: Call, provider: FromPath[str]) -> Answer:
    """404 when it is not known."""
    return await _create(request, provider=provider)


@get("/webhooks/consumer/{consumer:str}", READ_WEBHOOKS, answers.Webhooks, summary="List webhooks about a consumer")
async def get_webhooks_of_consumer(request: Call, consumer: FromPath[str]) -> Answer:
    """Those that name none are about it too."""
    return await _listed(request, consumer=consumer)


@post(
    "/webhooks/consumer/{consumer:str}",
    CONFIGURE_WEBHOOKS,
    requests.Webhook,
    answers.Webhook,
    summary="Create a webhook about a consumer",
    status_code=201,
)
async def post_webhook_of_consumer(request: Call, consumer: FromPath[str]) -> Answer:
    """404 when it is not known."""
    return await _create(request, consumer=consumer)


@get("/webhooks/{uuid:str}", READ_WEBHOOK, answers.Webhook, summary="Read a webhook")
async def get_webhook(request: Call, uuid: FromPath[str]) -> Answer:
    """Secrets are starred."""
    found, sealer = urls(request), parts(request).sealer
    kept = await parts(request).services.read(lambda db: hooks.webhook(db, sealer, uuid))
    return answer(hal.webhook(found, kept))


@put("/webhooks/{uuid:str}", CONFIGURE_WEBHOOK, requests.Webhook, answers.Webhook, summary="Create or change a webhook")
async def put_webhook(request: Call, uuid: FromPath[str]) -> Answer:
    """A starred secret keeps its value."""
    shared, found, read = desk(request), urls(request), await body(request)
    kept, new = await parts(request).services.write(
        lambda db: hooks.put(db, shared.actor, shared.sealer, {**read, "uuid": uuid}, shared.options, uuid=uuid)
    )
    document = hal.webhook(found, kept)
    return answer(document, 201, location=found.to("webhooks", uuid)) if new else answer(document)


@delete("/webhooks/{uuid:str}", CONFIGURE_WEBHOOK, summary="Delete a webhook")
async def delete_webhook(request: Call, uuid: FromPath[str]) -> None:
    """What it sent stays in the log."""
    actor = actor_of(request)
    await parts(request).services.write(lambda db: hooks.delete(db, actor, uuid))


# Testing.


def _example(db: Db, hook: Webhook, found_urls: Urls) -> dict[str, str]:
    """Values for a test: those of the newest pact that the webhook is about, else made up."""
    where = Where(consumer=hook.consumer.name, provider=hook.provider.name, newest=True)
    one = next(iter(broker.listed(db, where)), None)
    consumer = one.consumer if one else hook.consumer.name or "consumer"
    provider = one.provider if one else hook.provider.name or "provider"
    number, sha = (one.number, one.sha) if one else ("1", "0" * 40)
    return {
        **dict.fromkeys(webhooks.PARAMETERS, "example"),
        **webhooks.statuses(True),
        "consumerName": consumer,
        "providerName": provider,
        "consumerVersionNumber": number,
        "pactUrl": found_urls.content(provider, consumer, sha),
        "verificationResultUrl": found_urls.results(provider, consumer, sha, "1"),
        "eventName": "test",
    }


async def _execute(request: Call, prepared: Prepared, shown: Request) -> Answer:
    rules = parts(request).options.webhooks
    sent = await asyncio.get_running_loop().run_in_executor(None, sending.send, prepared, rules)
    return answer(
        {
            "success": sent.success,
            "request": {
                "method": shown.method,
                "url": shown.url,
                "headers": dict(shown.headers),
                "body": shown.body,
            },
            "logs": sent.log,
            "message": "For security purposes, the response details are not logged, unless the host is listed.",
            "_links": {},
        }
    )


@post(
    "/webhooks/execute",
    CONFIGURE_WEBHOOKS,
    requests.Webhook,
    answers.Execution,
    summary="Try a webhook that is not kept",
)
async def post_execute_unsaved(request: Call) -> Answer:
    """The body is the webhook."""
    shared, found, read = desk(request), urls(request), await body(request)
    hook = webhooks.webhook(read, shared.options.webhooks)
    values = await parts(request).services.read(lambda db: _example(db, hook, found))
    return await _execute(request, webhooks.prepare(hook.request, values), webhooks.masked(hook.request))


@post("/webhooks/{uuid:str}/execute", CONFIGURE_WEBHOOK, requests.Nothing, answers.Execution, summary="Try a webhook")
async def post_execute(request: Call, uuid: FromPath[str]) -> Answer:
    """Sent once, at once, with the values of the newest pact that it is about."""
    shared, found = desk(request), urls(request)

    def job(db: Db) -> tuple[Kept, dict[str, str]]:
        kept = hooks.webhook(db, shared.sealer, uuid)
        return kept, _example(db, kept.webhook, found)

    kept, values = await parts(request).services.read(job, heavy=True)
    if not kept.webhook.enabled:
        raise InvalidWebhook({"enabled": ["the webhook is disabled"]})
    return await _execute(
        request, webhooks.prepare(kept.webhook.request, values), webhooks.masked(kept.webhook.request)
    )


# What they did.


@get("/triggered-webhooks/{uuid:str}/logs", READ_WEBHOOK, summary="The log of a firing", media_type="text/plain")
async def get_logs(request: Call, uuid: FromPath[str]) -> Answer:
    """Each attempt with what came of it."""

    def job(db: Db) -> str:
        attempts = queries.attempts(db, hooks.delivery(db, uuid).pk)
        return "\n".join(f"[{time(at)}] {log}" for at, _, log in attempts) or "Not sent yet."

    return text(await parts(request).services.read(job), "text/plain")


@get(
    "/pacts/provider/{provider:str}/consumer/{consumer:str}/webhooks",
    READ_PACT,
    answers.Webhooks,
    summary="List webhooks about a pact",
)
async def get_webhooks_of_pact(request: Call, provider: FromPath[str], consumer: FromPath[str]) -> Answer:
    """As below `/webhooks`."""
    return await _listed(request, consumer=consumer, provider=provider)


@get(
    "/pacts/provider/{provider:str}/consumer/{consumer:str}/webhooks/status",
    READ_PACT,
    answers.WebhookStatus,
    summary="What the webhooks about a pact did last",
)
async def get_status_of_webhooks(request: Call, provider: FromPath[str], consumer: FromPath[str]) -> Answer:
    """Newest first."""
    found = urls(request)

    def job(db: Db) -> Document:
        pair = (catalog.application(db, consumer).pk, catalog.application(db, provider).pk)
        rows = queries.deliveries_of(db, pair=pair)
        document = triggered(db, found, rows, found.pair(provider, consumer, "webhooks", "status"))
        counts: dict[str, int] = {}
        for row in document["_embedded"]["triggeredWebhooks"]:
            counts[row["status"]] = counts.get(row["status"], 0) + 1
        return {"summary": {"successful": counts.get("success", 0), "failed": counts.get("failure", 0)}, **document}

    return answer(await parts(request).services.read(job, heavy=True))


HANDLERS: list[ControllerRouterHandler] = [
    get_webhooks,
    post_webhook,
    get_webhooks_of_pair,
    post_webhook_of_pair,
    get_webhooks_of_provider,
    post_webhook_of_provider,
    get_webhooks_of_consumer,
    post_webhook_of_consumer,
    get_webhook,
    put_webhook,
    delete_webhook,
    post_execute_unsaved,
    post_execute,
    get_logs,
    get_webhooks_of_pact,
    get_status_of_webhooks,
]
