"""Use cases on webhooks: keep them, and fire them in the transaction of what they are about."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import msgspec

from contracts import catalog, webhooks
from contracts.errors import DeliveryNotFound, WebhookNotFound
from contracts.options import Options
from contracts.queries import applications
from contracts.queries import webhooks as queries
from contracts.queries.webhooks import Delivery, StoredWebhook
from contracts.sealing import Sealer
from contracts.webhooks import Event, Occasion, Prepared, Request, Target, Webhook
from registry.clock import now_ms
from registry.events import Actor, record
from registry.store.engine import Db
from registry.store.queries.events import last_sequence


@dataclass(frozen=True, slots=True)
class Kept:
    """A webhook as it is stored, opened."""

    pk: int
    uuid: str
    webhook: Webhook
    created_at: int
    updated_at: int


def _opened(stored: StoredWebhook, sealer: Sealer) -> Kept:
    request = msgspec.convert(json.loads(sealer.open(stored.request)), Request)
    webhook = Webhook(
        request,
        frozenset(Event(name) for name in json.loads(stored.events)),
        Target(stored.consumer_name, stored.consumer_label),
        Target(stored.provider_name, stored.provider_label),
        stored.description,
        stored.enabled,
        stored.uuid,
    )
    return Kept(stored.pk, stored.uuid, webhook, stored.created_at, stored.updated_at)


def listed(db: Db, sealer: Sealer) -> list[Kept]:
    """Every webhook."""
    return [_opened(stored, sealer) for stored in queries.webhooks(db)]


def webhook(db: Db, sealer: Sealer, uuid: str) -> Kept:
    """A webhook by UUID. Raises WebhookNotFound."""
    stored = queries.webhook(db, uuid)
    if stored is None:
        raise WebhookNotFound(uuid=uuid)
    return _opened(stored, sealer)


def put(
    db: Db,
    actor: Actor,
    sealer: Sealer,
    body: object,
    options: Options,
    *,
    uuid: str | None = None,
    consumer: str | None = None,
    provider: str | None = None,
) -> tuple[Kept, bool]:
    """Create a webhook or change the one with a UUID; whether it is new.

    `consumer`, `provider` come from the address and win over the body; they must exist, as must those the body names.
    Raises InvalidWebhook, ApplicationNotFound, CannotSeal.
    """
    before = queries.webhook(db, uuid) if uuid else None
    known = _opened(before, sealer) if before else None
    read = webhooks.webhook(body, options.webhooks, stored=known.webhook if known else None)
    if consumer is not None:
        read = replace(read, consumer=Target(consumer))
    if provider is not None:
        read = replace(read, provider=Target(provider))
    for target in (read.consumer, read.provider):
        if target.name is not None:
            catalog.application(db, target.name)
    if read.events & webhooks.NOTICES and not queries.wanted_events(db) & webhooks.NOTICES:
        queries.announced_to(db, last_sequence(db))  # nobody listened to what happened before
    identifier = uuid or read.uuid or str(uuid4())
    now = now_ms()
    queries.put_webhook(
        db,
        StoredWebhook(
            0,
            identifier,
            read.description,
            read.enabled,
            json.dumps(sorted(read.events)),
            read.consumer.name,
            read.consumer.label,
            read.provider.name,
            read.provider.label,
            _sealed_request(read.request, sealer),
            now,
            now,
        ),
    )
    record(db, actor, "webhook_changed" if known else "webhook_created", f"webhook:{identifier}")
    return webhook(db, sealer, identifier), known is None


def _sealed_request(request: Request, sealer: Sealer) -> bytes:
    return sealer.seal(msgspec.json.encode(request).decode(), secret=webhooks.masked(request) != request)


def delete(db: Db, actor: Actor, uuid: str) -> None:
    """Remove a webhook. Raises WebhookNotFound."""
    stored = queries.webhook(db, uuid)
    if stored is None:
        raise WebhookNotFound(uuid=uuid)
    queries.delete_webhook(db, stored.pk)
    record(db, actor, "webhook_deleted", f"webhook:{uuid}")


# Firing.


@dataclass(frozen=True, slots=True)
class About:
    """What an event is about, as rows and as words for templates."""

    consumer: applications.Application
    provider: applications.Application
    values: Mapping[str, str]
    version_pk: int | None = None
    verification_pk: int | None = None


def fire(db: Db, sealer: Sealer, events: Sequence[Event], about: About) -> list[tuple[Event, str]]:
    """Queue a delivery for each webhook that an event fires; (event, description) of each."""
    stored = queries.webhooks(db)
    if not stored:
        return []
    labels = applications.labels(db, [about.consumer.pk, about.provider.pk])
    labels_of = {pk: tuple(name for name, _ in listed) for pk, listed in labels.items()}
    fired: list[tuple[Event, str]] = []
    for event in events:
        occasion = Occasion(
            event,
            about.consumer.name,
            about.provider.name,
            labels_of.get(about.consumer.pk, ()),
            labels_of.get(about.provider.pk, ()),
        )
        values = {
            **about.values,
            "eventName": event.value,
            "consumerName": about.consumer.name,
            "providerName": about.provider.name,
            "consumerLabels": ", ".join(occasion.consumer_labels),
            "providerLabels": ", ".join(occasion.provider_labels),
        }
        for one in stored:
            kept = _opened(one, sealer)
            if webhooks.fires(kept.webhook, occasion):
                _queue(db, sealer, kept, event, about, values)
                fired.append((event, kept.webhook.description or kept.webhook.request.url))
    return fired


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is announced of a subject: a sentence, who reads and who writes it, and who answers for it."""

    event: Event
    subject: str
    text: str
    owner: str | None = None
    version: int | None = None
    consumers: tuple[str, ...] = ()
    producers: tuple[str, ...] = ()


def announce(db: Db, sealer: Sealer, announcements: Sequence[Announcement]) -> int:
    """Queue a delivery for each webhook that wants to hear an announcement; how many."""
    kept = [_opened(stored, sealer) for stored in queries.webhooks(db)] if announcements else []
    count = 0
    for each in announcements:
        values = {
            "eventName": each.event.value,
            "subject": each.subject,
            "schemaVersion": "" if each.version is None else str(each.version),
            "text": each.text,
            "owner": each.owner or "",
            "consumerName": ", ".join(each.consumers),
            "providerName": ", ".join(each.producers),
        }
        for hook in kept:
            webhook = hook.webhook
            wanted = webhook.enabled and each.event in webhook.events
            sides = (webhook.consumer, each.consumers), (webhook.provider, each.producers)
            if wanted and all(target == Target() or target.name in names for target, names in sides):
                _queue(db, sealer, hook, each.event, None, values)
                count += 1
    return count


def _queue(db: Db, sealer: Sealer, kept: Kept, event: Event, about: About | None, values: Mapping[str, str]) -> str:
    request = kept.webhook.request
    if event in webhooks.NOTICES and request.body is None:
        request = replace(request, body=webhooks.CHAT)
    uuid, now = str(uuid4()), now_ms()
    prepared = msgspec.json.encode(replace(webhooks.prepare(request, values), id=uuid)).decode()
    queries.add_delivery(
        db,
        uuid,
        kept.pk,
        event.value,
        consumer_pk=about.consumer.pk if about else None,
        provider_pk=about.provider.pk if about else None,
        version_pk=about.version_pk if about else None,
        verification_pk=about.verification_pk if about else None,
        request=sealer.seal(prepared, secret=webhooks.masked(request) != request),
        due_at=now + int(webhooks.FIRST_ATTEMPT.total_seconds() * 1000),
        now=now,
    )
    return uuid


def prepared(delivery: Delivery, sealer: Sealer) -> Prepared:
    """The request of a delivery, ready to be sent."""
    return msgspec.convert(json.loads(sealer.open(delivery.request)), Prepared)


def delivery(db: Db, uuid: str) -> Delivery:
    """A delivery by UUID. Raises DeliveryNotFound."""
    found = queries.delivery(db, uuid)
    if found is None:
        raise DeliveryNotFound(uuid=uuid)
    return found


def shown(kept: Kept) -> dict[str, Any]:
    """A webhook's own members as a body writes them, secrets starred."""
    hook = kept.webhook
    request = webhooks.masked(hook.request)
    body: dict[str, Any] = {
        "uuid": kept.uuid,
        "description": hook.description,
        "enabled": hook.enabled,
        "request": {
            "method": request.method,
            "url": request.url,
            "headers": dict(request.headers),
            "body": request.body,
            **({"username": request.username} if request.username is not None else {}),
            **({"password": request.password} if request.password is not None else {}),
            **({"secret": request.secret} if request.secret is not None else {}),
        },
        "events": [{"name": event.value} for event in sorted(hook.events)],
    }
    for side, target in (("consumer", hook.consumer), ("provider", hook.provider)):
        if target.name is not None:
            body[side] = {"name": target.name}
        elif target.label is not None:
            body[side] = {"label": target.label}
    return body
