"""What publications and results fire: the webhooks that are about them, with the values of their templates."""

from __future__ import annotations

from contracts import hooks, webhooks
from contracts.broker import stored
from contracts.broker.desk import Desk
from contracts.notices import Level, Notice
from contracts.queries import applications, environments, verifications
from contracts.queries.applications import Application, Version
from contracts.queries.pacts import Content
from contracts.queries.verifications import Verification
from contracts.urls import Circumstances
from contracts.webhooks import ProviderVersion
from registry.store.engine import Db


def publication(
    db: Db,
    desk: Desk,
    consumer: Application,
    provider: Application,
    version: Version,
    content_pk: int,
    sha: str,
    *,
    changed: bool,
) -> list[Notice]:
    """Fire what a published pact fires; what the publisher is told of it."""
    told = Circumstances(numbers=(version.number,)).encoded()
    about = hooks.About(
        consumer,
        provider,
        {
            **_consumer_values(db, version),
            **webhooks.statuses(None),
            "pactUrl": desk.urls.content(provider.name, consumer.name, sha, told),
            "buildUrl": version.build_url or "",
        },
        version_pk=version.pk,
    )
    fired = hooks.fire(db, desk.sealer, webhooks.publication_events(changed=changed), about)
    for number, reasons in webhooks.versions_requiring(_provider_versions(db, provider, content_pk)):
        target = applications.version(db, provider.name, number)
        assert target is not None
        values = {**about.values, **_provider_values(db, target), "providerVersionDescriptions": ", ".join(reasons)}
        fired += hooks.fire(
            db,
            desk.sealer,
            [webhooks.Event.REQUIRING_VERIFICATION],
            hooks.About(consumer, provider, values, version_pk=version.pk),
        )
    return [
        Notice(Level.DEBUG, f'  Webhook "{description}" triggered for event {event}') for event, description in fired
    ]


def result(db: Db, desk: Desk, found: Content, provider: Application, version: Version, verified: Verification) -> None:
    """Fire what a verification result fires."""
    published = stored.of_content(db, found)
    consumer_version = applications.versions_by_pk(db, [published.version_pk])[published.version_pk]
    about = hooks.About(
        applications.application_by_pk(db, found.consumer_pk),
        provider,
        {
            **_consumer_values(db, consumer_version),
            **_provider_values(db, version),
            **webhooks.statuses(verified.success),
            "pactUrl": desk.urls.content(found.provider, found.consumer, found.sha),
            "verificationResultUrl": desk.urls.results(found.provider, found.consumer, found.sha, str(verified.number)),
            "buildUrl": verified.build_url or "",
        },
        version_pk=consumer_version.pk,
        verification_pk=verified.pk,
    )
    hooks.fire(db, desk.sealer, webhooks.verification_events(success=verified.success), about)


def _consumer_values(db: Db, version: Version) -> dict[str, str]:
    marks = applications.marks(db, [version.pk])[version.pk]
    return {
        "consumerVersionNumber": version.number,
        "consumerVersionTags": ", ".join(name for name, _ in marks.tags),
        "consumerVersionBranch": marks.branches[-1][0] if marks.branches else "",
    }


def _provider_values(db: Db, version: Version) -> dict[str, str]:
    marks = applications.marks(db, [version.pk])[version.pk]
    return {
        "providerVersionNumber": version.number,
        "providerVersionTags": ", ".join(name for name, _ in marks.tags),
        "providerVersionBranch": marks.branches[-1][0] if marks.branches else "",
        "currentlyDeployedProviderVersionNumber": version.number if marks.deployed else "",
    }


def _provider_versions(db: Db, provider: Application, content_pk: int) -> list[ProviderVersion]:
    """The provider versions that count today, and whether each has a result for a content."""
    counted: list[tuple[int, str]] = []
    if provider.main_branch is not None:
        main = applications.branch(db, provider.pk, provider.main_branch)
        if main is not None and main.head_pk is not None:
            counted.append((main.head_pk, f"latest version from branch {main.name}"))
    for place in environments.environments(db):
        for table, word in ((environments.DEPLOYED, "deployed"), (environments.RELEASED, "released")):
            for there in environments.current(db, table, place.pk, application=provider.name):
                counted.append((there.version_pk, f"currently {word} to {place.name}"))
    verified = verifications.has_result(db, content_pk, [pk for pk, _ in counted])
    numbers = applications.versions_by_pk(db, [pk for pk, _ in counted])
    return [ProviderVersion(numbers[pk].number, why, pk in verified) for pk, why in counted]
