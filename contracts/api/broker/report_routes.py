"""Overviews: integrations, dashboard, network, metrics, badges."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from contracts import badges, broker, catalog
from contracts.api.broker import answers, hal
from contracts.api.broker.hal import Document, link
from contracts.api.broker.index import RELATIONS
from contracts.api.broker.matrix_routes import matrix_document
from contracts.api.broker.parts import (
    DELETE_PACT,
    PURGE_ALL,
    READ,
    READ_ALL,
    READ_PACT,
    READ_SOME,
    Answer,
    answer,
    delete,
    desk,
    get,
    parts,
    query,
    sees,
    text,
    time,
    urls,
)
from contracts.badges import Badge
from contracts.errors import ContractError, PactNotFound
from contracts.nested_query import truthy
from contracts.queries import applications, environments, pacts, reports, verifications
from contracts.queries.pacts import Pact, Where
from contracts.questions import Destination, LatestBy, Question, Selector
from contracts.urls import Urls
from registry.security.access import PUBLIC
from registry.services import Call
from registry.store.engine import Db

# Integrations.


@get("/integrations", READ_SOME, answers.Integrations, summary="List integrations")
async def get_integrations(request: Call) -> Answer:
    """HAL, or a graph of Graphviz for who accepts `text/vnd.graphviz`."""
    found, shared, seen = urls(request), parts(request), sees(request)
    rows = [row for row in await shared.services.read(pacts.integrations, heavy=True) if seen(row[0], row[1])]
    if "graphviz" in request.headers.get("accept", ""):
        edges = "".join(f"  {_quoted(consumer)} -> {_quoted(provider)}\n" for consumer, provider, _, _ in rows)
        return text(
            f"digraph {{ ranksep=3; ratio=auto; overlap=false; node [ shape = plaintext ];\n{edges}}}\n",
            "text/vnd.graphviz",
        )
    return answer(
        {
            "_embedded": {"integrations": [_integration(found, *row) for row in rows]},
            "_links": {
                "self": link(found.to("integrations"), "Integrations"),
                "curies": hal.curies(found, "integrations"),
            },
        }
    )


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _integration(found: Urls, consumer: str, provider: str, created: int, changed: int) -> Document:
    return {
        "consumer": {"name": consumer, "_links": {"self": link(found.application(consumer))}},
        "provider": {"name": provider, "_links": {"self": link(found.application(provider))}},
        "createdAt": time(created),
        "contractDataUpdatedAt": time(changed),
        "_links": {
            "pb:dashboard": link(found.to("dashboard", "provider", provider, "consumer", consumer)),
            "pb:matrix": link(found.to("matrix", "provider", provider, "consumer", consumer)),
            "pb:group": link(found.to("groups", consumer)),
        },
    }


@delete("/integrations/provider/{provider:str}/consumer/{consumer:str}", DELETE_PACT, summary="Delete an integration")
async def delete_integration(request: Call, provider: FromPath[str], consumer: FromPath[str]) -> None:
    """With every pact and result between the two."""
    shared = desk(request)
    await parts(request).services.write(lambda db: broker.delete_integration(db, shared, provider, consumer))


@delete("/integrations", PURGE_ALL, summary="Delete all integrations")
async def delete_integrations(request: Call) -> None:
    """Every pact and every result; applications, versions and what is deployed stay."""
    shared = desk(request)
    await parts(request).services.write(lambda db: broker.delete_integrations(db, shared))


# Dashboard.


async def _dashboard(request: Call, where: Where) -> Answer:
    found, seen = urls(request), sees(request)
    plain = "text/plain" in request.headers.get("accept", "")

    def job(db: Db) -> list[Document]:
        rows = [row for row in pacts.pacts(db, where) if seen(row.consumer, row.provider)]
        results = verifications.newest_of_each(db, [row.content_pk for row in rows])
        versions = [row.version_pk for row in rows] + [one.provider_version_pk for one in results.values()]
        marks = applications.marks(db, versions)
        places = {place.name: place for place in environments.environments(db)}

        def item(row: Pact) -> Document:
            result = results.get(row.content_pk)
            document: Document = {
                "consumer": {
                    "name": row.consumer,
                    "version": hal.matrix_version(found, row.consumer, row.number, marks[row.version_pk], places),
                    "_links": {"self": link(found.application(row.consumer))},
                },
                "provider": {
                    "name": row.provider,
                    "version": hal.matrix_version(
                        found, row.provider, result.provider_number, marks[result.provider_version_pk], places
                    )
                    if result
                    else None,
                    "_links": {"self": link(found.application(row.provider))},
                },
                "pact": {
                    "createdAt": time(row.created_at),
                    "_links": {"self": link(found.pact(row.provider, row.consumer, row.number))},
                },
                "pactTags": [name for name, _ in marks[row.version_pk].tags],
                "verificationStatus": "never" if result is None else "success" if result.success else "failed",
                "latestVerificationResult": hal.verification(found, result) if result else None,
                "latestVerification": hal.verification(found, result) if result else None,
            }
            return document

        return [item(row) for row in rows]

    items = await parts(request).services.read(job, heavy=True)
    if plain:
        lines = [
            f"{one['consumer']['name']} {one['consumer']['version']['number']} -> {one['provider']['name']}: "
            f"{one['verificationStatus']}"
            for one in items
        ]
        return text("\n".join(lines) + "\n", "text/plain")
    return answer({"items": items, "_links": {"self": link(found.to("dashboard"))}})


@get("/dashboard", READ_SOME, answers.Dashboard, summary="The newest pact of each pair with its last result")
async def get_dashboard(request: Call) -> Answer:
    """HAL, or lines of text."""
    return await _dashboard(request, Where(newest=True))


@get(
    "/dashboard/provider/{provider:str}/consumer/{consumer:str}",
    READ_PACT,
    answers.Dashboard,
    summary="The pacts of a pair with their last results",
)
async def get_dashboard_of_pair(request: Call, provider: FromPath[str], consumer: FromPath[str]) -> Answer:
    """The newest hundred."""
    return await _dashboard(request, Where(consumer, provider, limit=100))


# Network.


def _table(rows: list[tuple[str, ...]]) -> str:
    told = io.StringIO()
    csv.writer(told, lineterminator="\n").writerows(rows)
    return told.getvalue()


@get("/relationships", READ_SOME, summary="Who consumes whom", media_type="text/csv")
async def get_relationships(request: Call) -> Answer:
    """Consumer and provider, a line each."""
    rows, seen = await parts(request).services.read(pacts.integrations, heavy=True), sees(request)
    pairs: list[tuple[str, ...]] = [(consumer, provider) for consumer, provider, _, _ in rows]
    return text(_table([pair for pair in pairs if seen(*pair)]), "text/csv")


@get("/groups/{name:str}", READ, summary="Everybody connected with an application", media_type="text/csv")
async def get_group(request: Call, name: FromPath[str]) -> Answer:
    """The relationships of its connected component."""

    seen = sees(request)

    def job(db: Db) -> list[tuple[str, ...]]:
        catalog.application(db, name)
        pairs = [(consumer, provider) for consumer, provider, _, _ in pacts.integrations(db)]
        return broker.connected(name, [pair for pair in pairs if seen(*pair)])

    return text(_table(await parts(request).services.read(job, heavy=True)), "text/csv")


@get("/metrics", READ_ALL, answers.Metrics, summary="How much there is")
async def get_metrics(request: Call) -> Answer:
    """Counts."""
    found = urls(request)
    counted = await parts(request).services.read(reports.counts, heavy=True)
    return answer(
        {**{name: {"count": count} for name, count in counted.items()}, "_links": {"self": link(found.to("metrics"))}}
    )


@get("/diagnostic/status/heartbeat", PUBLIC, answers.Heartbeat, summary="The process answers")
async def get_heartbeat(request: Call) -> Answer:
    """As old monitors ask."""
    return answer({"ok": True, "_links": {"self": link(urls(request).to("diagnostic", "status", "heartbeat"))}})


@get("/diagnostic/status/dependencies", PUBLIC, answers.Dependencies, summary="The database answers")
async def get_dependencies(request: Call) -> Answer:
    """503 when it does not."""
    await parts(request).services.read(lambda db: db.one("SELECT 1"))
    return answer({"database": {"ok": True}, "_links": {}})


@get("/doc/{relation:str}", PUBLIC, summary="What a relation means", media_type="text/plain")
async def get_documentation(request: Call, relation: FromPath[str]) -> Answer:
    """The title that the index gives it."""
    path, title = RELATIONS.get(f"pb:{relation.removeprefix('pb:')}", ("", "A relation between two resources"))
    return text(f"{relation}: {title}\n{path}\n", "text/plain")


# Badges.


async def _badge(request: Call, draw: Callable[[Db], Badge]) -> Answer:
    try:
        badge = await parts(request).services.read(draw, heavy=True)
    except ContractError as problem:
        badge = badges.no_pact(str(problem)[:80])
    return text(badge.svg(), "image/svg+xml")


def _verified(request: Call, where: Where, *, tag: str | None = None) -> Callable[[Db], Badge]:
    initials = truthy(query(request).get("initials")) is True

    def draw(db: Db) -> Badge:
        try:
            one = broker.newest_pact(db, where)
        except PactNotFound:
            return badges.no_pact()
        result = verifications.newest(db, one.content_pk)
        return badges.verification(
            one.consumer,
            one.provider,
            None if result is None else result.success,
            consumer_tag=tag,
            initials=initials,
        )

    return draw


_PAIR = "/pacts/provider/{provider:str}/consumer/{consumer:str}"


@get(
    [f"{_PAIR}/latest/badge", f"{_PAIR}/latest/badge.svg"],
    READ_PACT,
    summary="The state of the newest pact",
    media_type="image/svg+xml",
)
async def get_badge(request: Call, provider: FromPath[str], consumer: FromPath[str]) -> Answer:
    """An image."""
    return await _badge(request, _verified(request, Where(consumer, provider, newest=True)))


@get(
    [f"{_PAIR}/latest/{{tag:str}}/badge", f"{_PAIR}/latest/{{tag:str}}/badge.svg"],
    READ_PACT,
    summary="The state of the newest pact with a tag",
    media_type="image/svg+xml",
)
async def get_badge_of_tag(
    request: Call, provider: FromPath[str], consumer: FromPath[str], tag: FromPath[str]
) -> Answer:
    """An image."""
    return await _badge(request, _verified(request, Where(consumer, provider, tag=tag, newest=True), tag=tag))


@get(
    [f"{_PAIR}/latest-untagged/badge", f"{_PAIR}/latest-untagged/badge.svg"],
    READ_PACT,
    summary="The state of the newest pact without tags",
    media_type="image/svg+xml",
)
async def get_badge_of_untagged(request: Call, provider: FromPath[str], consumer: FromPath[str]) -> Answer:
    """An image."""
    return await _badge(request, _verified(request, Where(consumer, provider, untagged=True, newest=True)))


def _asked(request: Call, question: Question, application: str, to: str | None) -> Callable[[Db], Badge]:
    label = query(request).get("label")

    def draw(db: Db) -> Badge:
        _, verdict = broker.ask(db, question, parts(request).options)
        return badges.can_i_deploy(
            application, verdict.deployable, to=to, label=label if isinstance(label, str) else None
        )

    return draw


@get(
    [
        "/matrix/provider/{provider:str}/latest/{provider_tag:str}/consumer/{consumer:str}/latest/{tag:str}/badge",
        "/matrix/provider/{provider:str}/latest/{provider_tag:str}/consumer/{consumer:str}/latest/{tag:str}/badge.svg",
    ],
    READ_PACT,
    summary="Whether two tagged versions fit",
    media_type="image/svg+xml",
)
async def get_badge_of_matrix(
    request: Call, provider: FromPath[str], provider_tag: FromPath[str], consumer: FromPath[str], tag: FromPath[str]
) -> Answer:
    """An image."""
    question = Question(
        (Selector(consumer, tag=tag, latest=True), Selector(provider, tag=provider_tag, latest=True)),
        latest_by=LatestBy.CVPV,
    )

    def draw(db: Db) -> Badge:
        _, verdict = broker.ask(db, question, parts(request).options)
        return badges.verification(consumer, provider, verdict.deployable, consumer_tag=tag, provider_tag=provider_tag)

    return await _badge(request, draw)


_NEWEST = "/pacticipants/{name:str}/latest-version/{tag:str}/can-i-deploy/to/{to:str}"
_HEAD = "/pacticipants/{name:str}/branches/{branch:str}/latest-version/can-i-deploy/to-environment/{environment:str}"


def _tag_to_tag(name: str, tag: str, to: str) -> Question:
    return Question(
        (Selector(name, tag=tag, latest=True),),
        latest_by=LatestBy.CVP,
        destination=Destination(tag=to, latest=True),
    )


def _head_to_environment(name: str, branch: str, environment: str) -> Question:
    return Question(
        (Selector(name, branch=branch, latest=True),),
        latest_by=LatestBy.CVPV,
        destination=Destination(environment=environment),
    )


async def _can_i_deploy(request: Call, question: Question) -> Answer:
    found, options = urls(request), parts(request).options
    return answer(
        await parts(request).services.read(
            lambda db: matrix_document(db, found, *broker.ask(db, question, options)), heavy=True
        )
    )


@get(_NEWEST, READ, answers.Matrix, summary="Can the newest version with a tag go to where another tag stands")
async def get_tag_to_tag(request: Call, name: FromPath[str], tag: FromPath[str], to: FromPath[str]) -> Answer:
    """The matrix with its verdict."""
    return await _can_i_deploy(request, _tag_to_tag(name, tag, to))


@get([f"{_NEWEST}/badge", f"{_NEWEST}/badge.svg"], READ, summary="The same as an image", media_type="image/svg+xml")
async def get_badge_tag_to_tag(request: Call, name: FromPath[str], tag: FromPath[str], to: FromPath[str]) -> Answer:
    """An image."""
    return await _badge(request, _asked(request, _tag_to_tag(name, tag, to), name, to))


@get(_HEAD, READ, answers.Matrix, summary="Can the head of a branch go to an environment")
async def get_head_to_environment(
    request: Call, name: FromPath[str], branch: FromPath[str], environment: FromPath[str]
) -> Answer:
    """The matrix with its verdict."""
    return await _can_i_deploy(request, _head_to_environment(name, branch, environment))


@get([f"{_HEAD}/badge", f"{_HEAD}/badge.svg"], READ, summary="The same as an image", media_type="image/svg+xml")
async def get_badge_head_to_environment(
    request: Call, name: FromPath[str], branch: FromPath[str], environment: FromPath[str]
) -> Answer:
    """An image."""
    question = _head_to_environment(name, branch, environment)
    return await _badge(request, _asked(request, question, name, environment))


@get(
    [
        "/pacticipants/{name:str}/main-branch/can-i-merge/badge",
        "/pacticipants/{name:str}/main-branch/can-i-merge/badge.svg",
    ],
    READ,
    summary="Does the main branch fit those of the others",
    media_type="image/svg+xml",
)
async def get_badge_can_i_merge(request: Call, name: FromPath[str]) -> Answer:
    """An image."""
    question = Question(
        (Selector(name, main_branch=True),),
        latest_by=LatestBy.CVP,
        destination=Destination(main_branch=True, latest=True),
    )
    return await _badge(request, _asked(request, question, name, None))


HANDLERS: list[ControllerRouterHandler] = [
    get_integrations,
    delete_integration,
    delete_integrations,
    get_dashboard,
    get_dashboard_of_pair,
    get_relationships,
    get_group,
    get_metrics,
    get_heartbeat,
    get_dependencies,
    get_documentation,
    get_badge,
    get_badge_of_tag,
    get_badge_of_untagged,
    get_badge_of_matrix,
    get_tag_to_tag,
    get_badge_tag_to_tag,
    get_head_to_environment,
    get_badge_head_to_environment,
    get_badge_can_i_merge,
]
