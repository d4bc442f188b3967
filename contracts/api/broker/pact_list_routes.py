"""`/pacts…/versions`, `…/tag`, `…/branch`, `/pacts/latest`, `…/provider-states`: lists of pacts and of states."""

from __future__ import annotations

from collections.abc import Callable

from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from contracts import broker, deployments
from contracts.api.broker import answers, hal
from contracts.api.broker.hal import Document, link
from contracts.api.broker.parts import (
    DELETE_PACT,
    READ_PACT,
    READ_SOME,
    Answer,
    answer,
    delete,
    desk,
    get,
    parts,
    sees,
    time,
    urls,
)
from contracts.queries import pacts as queries
from contracts.queries.pacts import Where
from registry.services import Call
from registry.store.engine import Db

_PAIR = "/pacts/provider/{provider:str}/consumer/{consumer:str}"

# Lists of one pair.


async def _listed(request: Call, provider: str, consumer: str, where: Where, *here: str) -> Answer:
    found = urls(request)

    def job(db: Db) -> Document:
        rows = queries.pacts(db, where)
        links = [hal.pact_link(found, row) for row in rows]
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
                # Three generations of tools, three names; the last is the Rust command line's.
                "pact-versions": links,
                "pb:pact-versions": links,
                "pb:pacts": links,
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
    [f"{_PAIR}/branch/latest/versions", f"{_PAIR}/branch/latest"],  # the second is what the Rust command line asks
    READ_PACT,
    answers.PactsOfPair,
    summary="List the newest pact of the main branch",
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


@get("/pacts/latest", READ_SOME, answers.LatestPacts, summary="List the newest pact of each pair")
async def get_all_latest(request: Call) -> Answer:
    """By consumer and provider."""
    found, seen = urls(request), sees(request)
    stored = await parts(request).services.read(lambda db: queries.pacts(db, Where(newest=True)), heavy=True)
    rows = [row for row in stored if seen(row.consumer, row.provider)]
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


HANDLERS: list[ControllerRouterHandler] = [
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
]
