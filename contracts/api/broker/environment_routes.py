"""`/environments…`, `/deployed-versions…`, `/released-versions…` and their kin below versions."""

from __future__ import annotations

from collections.abc import Callable

from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from contracts import catalog, deployments
from contracts.api.broker import answers, hal, requests
from contracts.api.broker.hal import Document, link
from contracts.api.broker.parts import (
    CONFIGURE_ENVIRONMENT,
    CONFIGURE_ENVIRONMENTS,
    DEPLOY,
    READ,
    READ_ENVIRONMENT,
    READ_ENVIRONMENTS,
    Answer,
    answer,
    asked,
    body,
    delete,
    get,
    parts,
    patch,
    post,
    put,
    query,
    require,
    sees,
    urls,
)
from contracts.queries import environments as queries
from contracts.queries.environments import DEPLOYED, RELEASED, Environment, Presence
from contracts.urls import Urls
from registry.security.access import Action
from registry.security.guard import actor_of, may
from registry.services import Call
from registry.store.engine import Db

Printed = Callable[[Urls, Presence, Environment], Document]


@get(
    "/environments",
    READ_ENVIRONMENTS,
    answers.Environments,
    asks=(asked("name", "only the one of this name"),),
    summary="List environments",
)
async def get_environments(request: Call) -> Answer:
    """By name; `name` picks one."""
    found, name = urls(request), query(request).get("name")
    stored = await parts(request).services.read(
        lambda db: queries.environments(db, name=name if isinstance(name, str) else None)
    )
    rows = [row for row in stored if may(actor_of(request), Action.READ, "environment", row.name)]
    return answer(
        {
            "_embedded": {"environments": [hal.environment(found, row) for row in rows]},
            "_links": {
                "self": link(found.to("environments"), "Environments"),
                "pb:environments": [link(found.environment(row.uuid), row.display_name, row.name) for row in rows],
                "curies": hal.curies(found, "environments"),
            },
        }
    )


@post(
    "/environments",
    CONFIGURE_ENVIRONMENTS,
    requests.Environment,
    answers.Environment,
    summary="Create an environment",
    status_code=201,
)
async def post_environment(request: Call) -> Answer:
    """`name` and `production` are needed."""
    actor, found, read = actor_of(request), urls(request), await body(request)
    one = await parts(request).services.write(lambda db: deployments.put_environment(db, actor, read))
    return answer(hal.environment(found, one), 201, location=found.environment(one.uuid))


@get("/environments/{uuid:str}", READ_ENVIRONMENT, answers.Environment, summary="Read an environment")
async def get_environment(request: Call, uuid: FromPath[str]) -> Answer:
    """With links to what is there."""
    found = urls(request)
    return answer(
        await parts(request).services.read(lambda db: hal.environment(found, deployments.environment(db, uuid)))
    )


@put(
    "/environments/{uuid:str}",
    CONFIGURE_ENVIRONMENT,
    requests.EnvironmentChange,
    answers.Environment,
    creates=False,
    summary="Change an environment",
)
async def put_environment(request: Call, uuid: FromPath[str]) -> Answer:
    """What the body does not say becomes empty, `production` stays."""
    actor, found, read = actor_of(request), urls(request), await body(request)

    def job(db: Db) -> Environment:
        deployments.environment(db, uuid)
        return deployments.put_environment(db, actor, read, uuid)

    return answer(hal.environment(found, await parts(request).services.write(job)))


@delete("/environments/{uuid:str}", CONFIGURE_ENVIRONMENT, summary="Delete an environment")
async def delete_environment(request: Call, uuid: FromPath[str]) -> None:
    """With what was recorded for it."""
    actor = actor_of(request)
    await parts(request).services.write(lambda db: deployments.delete_environment(db, actor, uuid))


def _listed(
    found: Urls, rows: list[Presence], place: Environment, printed: Printed, member: str, here: str
) -> Document:
    return {
        "_embedded": {member: [printed(found, row, place) for row in rows]},
        "_links": {"self": link(here), "curies": hal.curies(found, "environment")},
    }


_NARROWED = (
    asked("pacticipant", "only those of this application"),
    asked("version", "only this version"),
    asked("applicationInstance", "only on this instance"),
    asked("target", "the old name of applicationInstance"),
)


async def _current(request: Call, uuid: str, table: str, printed: Printed, member: str, here: str) -> Answer:
    asked, found, seen = query(request), urls(request), sees(request)

    def text(*names: str) -> str | None:
        return next((value for name in names if isinstance(value := asked.get(name), str)), None)

    def job(db: Db) -> Document:
        place = deployments.environment(db, uuid)
        rows = queries.current(
            db,
            table,
            place.pk,
            application=text("pacticipant"),
            number=text("version"),
            instance=text("applicationInstance", "target"),
        )
        return _listed(found, [row for row in rows if seen(row.application)], place, printed, member, here)

    return answer(await parts(request).services.read(job, heavy=True))


@get(
    "/environments/{uuid:str}/deployed-versions/currently-deployed",
    READ_ENVIRONMENT,
    answers.Deployments,
    asks=_NARROWED,
    summary="What is deployed there",
)
async def get_currently_deployed(request: Call, uuid: FromPath[str]) -> Answer:
    """`pacticipant`, `version`, `applicationInstance` (or `target`) narrow."""
    here = urls(request).to("environments", uuid, "deployed-versions", "currently-deployed")
    return await _current(request, uuid, DEPLOYED, hal.deployed, "deployedVersions", here)


@get(
    "/environments/{uuid:str}/released-versions/currently-supported",
    READ_ENVIRONMENT,
    answers.Releases,
    asks=_NARROWED[:2],
    summary="What is released and supported there",
)
async def get_currently_supported(request: Call, uuid: FromPath[str]) -> Answer:
    """`pacticipant` and `version` narrow."""
    here = urls(request).to("environments", uuid, "released-versions", "currently-supported")
    return await _current(request, uuid, RELEASED, hal.released, "releasedVersions", here)


_BELOW = "/pacticipants/{name:str}/versions/{number:str}"


async def _of_version(
    request: Call, name: str, number: str, uuid: str, table: str, printed: Printed, member: str, kind: str
) -> Answer:
    found = urls(request)

    def job(db: Db) -> Document:
        place, version = deployments.environment(db, uuid), catalog.version(db, name, number)
        rows = queries.of_version(db, table, version.pk, place.pk)
        here = found.to("pacticipants", name, "versions", number, kind, "environment", uuid)
        return _listed(found, rows, place, printed, member, here)

    return answer(await parts(request).services.read(job, heavy=True))


@get(
    f"{_BELOW}/deployed-versions/environment/{{uuid:str}}",
    READ,
    answers.Deployments,
    summary="Deployments of a version",
)
async def get_deployments(request: Call, name: FromPath[str], number: FromPath[str], uuid: FromPath[str]) -> Answer:
    """Past ones too."""
    return await _of_version(
        request, name, number, uuid, DEPLOYED, hal.deployed, "deployedVersions", "deployed-versions"
    )


@post(
    f"{_BELOW}/deployed-versions/environment/{{uuid:str}}",
    DEPLOY,
    requests.Deployment,
    answers.Deployment,
    summary="Record a deployment",
    status_code=201,
)
async def post_deployment(request: Call, name: FromPath[str], number: FromPath[str], uuid: FromPath[str]) -> Answer:
    """What ran on the same instance is not deployed any more; repeating it changes nothing."""
    actor, found, read = actor_of(request), urls(request), await body(request)
    require(request, Action.READ, name)
    instance = read.get("applicationInstance") or read.get("target")

    def job(db: Db) -> tuple[Presence, Environment]:
        recorded = deployments.deploy(db, actor, name, number, uuid, str(instance) if instance else None)
        return recorded, deployments.environment(db, uuid)

    recorded, place = await parts(request).services.write(job)
    location = found.to("deployed-versions", recorded.uuid)
    return answer(hal.deployed(found, recorded, place), 201, location=location)


@get(f"{_BELOW}/released-versions/environment/{{uuid:str}}", READ, answers.Releases, summary="Releases of a version")
async def get_releases(request: Call, name: FromPath[str], number: FromPath[str], uuid: FromPath[str]) -> Answer:
    """Ended ones too."""
    return await _of_version(
        request, name, number, uuid, RELEASED, hal.released, "releasedVersions", "released-versions"
    )


@post(
    f"{_BELOW}/released-versions/environment/{{uuid:str}}",
    DEPLOY,
    requests.Nothing,
    answers.Release,
    summary="Record a release",
    creates=True,
)
async def post_release(request: Call, name: FromPath[str], number: FromPath[str], uuid: FromPath[str]) -> Answer:
    """Several versions can be released side by side."""
    actor, found = actor_of(request), urls(request)
    require(request, Action.READ, name)

    def job(db: Db) -> tuple[Presence, bool, Environment]:
        return *deployments.release(db, actor, name, number, uuid), deployments.environment(db, uuid)

    recorded, new, place = await parts(request).services.write(job)
    document = hal.released(found, recorded, place)
    return answer(document, 201, location=found.to("released-versions", recorded.uuid)) if new else answer(document)


def _placed(db: Db, found: Presence) -> tuple[Presence, Environment]:
    return found, queries.environments_by_pk(db, [found.environment_pk])[found.environment_pk]


@get("/deployed-versions/{uuid:str}", READ_ENVIRONMENT, answers.Deployment, summary="Read a deployment")
async def get_deployment(request: Call, uuid: FromPath[str]) -> Answer:
    """By UUID."""
    one, place = await parts(request).services.read(lambda db: _placed(db, deployments.deployment(db, uuid)))
    return answer(hal.deployed(urls(request), one, place))


@patch(
    "/deployed-versions/{uuid:str}",
    DEPLOY,
    requests.DeploymentChange,
    answers.Deployment,
    creates=False,
    summary="End a deployment",
)
async def patch_deployment(request: Call, uuid: FromPath[str]) -> Answer:
    """`{"currentlyDeployed": false}`; it cannot be set back to true."""
    actor, read = actor_of(request), await body(request)
    one, place = await parts(request).services.write(
        lambda db: _placed(db, deployments.undeploy(db, actor, uuid, read))
    )
    return answer(hal.deployed(urls(request), one, place))


@get("/released-versions/{uuid:str}", READ_ENVIRONMENT, answers.Release, summary="Read a release")
async def get_release(request: Call, uuid: FromPath[str]) -> Answer:
    """By UUID."""
    one, place = await parts(request).services.read(lambda db: _placed(db, deployments.released(db, uuid)))
    return answer(hal.released(urls(request), one, place))


@patch(
    "/released-versions/{uuid:str}",
    DEPLOY,
    requests.ReleaseChange,
    answers.Release,
    creates=False,
    summary="End the support of a release",
)
async def patch_release(request: Call, uuid: FromPath[str]) -> Answer:
    """`{"currentlySupported": false}`."""
    actor, read = actor_of(request), await body(request)
    one, place = await parts(request).services.write(
        lambda db: _placed(db, deployments.end_support(db, actor, uuid, read))
    )
    return answer(hal.released(urls(request), one, place))


HANDLERS: list[ControllerRouterHandler] = [
    get_environments,
    post_environment,
    get_environment,
    put_environment,
    delete_environment,
    get_currently_deployed,
    get_currently_supported,
    get_deployments,
    post_deployment,
    get_releases,
    post_release,
    get_deployment,
    patch_deployment,
    get_release,
    patch_release,
]
