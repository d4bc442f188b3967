"""`/pacticipants/…/versions`, `…/tags`, `…/branches`: versions and what marks them."""

from __future__ import annotations

from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from contracts import catalog, deployments
from contracts.api.broker import answers, hal, requests
from contracts.api.broker.hal import Document, link
from contracts.api.broker.parts import (
    CONTAINING,
    DELETE,
    PAGES,
    READ,
    WRITE,
    Answer,
    answer,
    asked,
    body,
    delete,
    desk,
    get,
    page,
    parts,
    patch,
    put,
    query,
    urls,
)
from contracts.catalog import Page
from contracts.errors import InvalidFields
from contracts.nested_query import listed
from contracts.queries import applications as queries
from contracts.queries import environments, pacts
from contracts.queries.applications import Version
from contracts.urls import Urls
from registry.security.guard import actor_of
from registry.services import Call
from registry.store.engine import Db

_VERSIONS_SHOWN = 100
_KEPT = asked("exclude[]", "a branch to keep; at least one, may be repeated")


def version_document(db: Db, found: Urls, one: Version) -> Document:
    """A version with its marks, pacts and links."""
    published = pacts.of_version(db, one.pk)
    return hal.version(found, one, queries.marks(db, [one.pk])[one.pk], environments.environments(db), published)


# versions


def _versions(db: Db, found: Urls, rows: list[Version], here: str, part: Page, total: int) -> Document:
    marks = queries.marks(db, [row.pk for row in rows])
    places = environments.environments(db)
    documents = [hal.version(found, row, marks[row.pk], places) for row in rows]
    return {
        "versions": documents,
        "_embedded": {"versions": documents},
        "page": hal.page_of(part, total),
        "_links": {
            "self": link(here),
            "pb:versions": [link(found.version(row.application, row.number), "Version", row.number) for row in rows],
            **hal.page_links(here, part, total),
        },
    }


@get("/pacticipants/{name:str}/versions", READ, answers.Versions, asks=PAGES, summary="List versions")
async def get_versions(request: Call, name: FromPath[str]) -> Answer:
    """Newest first, in parts."""
    found, part = urls(request), page(query(request), size=_VERSIONS_SHOWN)

    def job(db: Db) -> Document:
        pk = catalog.application(db, name).pk
        rows = queries.versions(db, pk, offset=part.offset, limit=part.limit)
        here = found.to("pacticipants", name, "versions")
        return _versions(db, found, rows, here, part, queries.count_versions(db, pk))

    return answer(await parts(request).services.read(job, heavy=True))


@get("/pacticipants/{name:str}/versions/{number:str}", READ, answers.Version, summary="Read a version")
async def get_version(request: Call, name: FromPath[str], number: FromPath[str]) -> Answer:
    """With links to record its deployments and releases."""
    found = urls(request)
    return answer(
        await parts(request).services.read(
            lambda db: version_document(db, found, catalog.version(db, name, number)), heavy=True
        )
    )


async def _put_version(request: Call, name: str, number: str) -> Answer:
    shared, found, read = desk(request), urls(request), await body(request)

    def job(db: Db) -> tuple[Document, bool]:
        one, new = catalog.put_version(db, shared.actor, name, number, read, shared.options)
        return version_document(db, found, one), new

    document, new = await parts(request).services.write(job)
    return answer(document, 201, location=found.version(name, number)) if new else answer(document)


@put(
    "/pacticipants/{name:str}/versions/{number:str}",
    WRITE,
    requests.Version,
    answers.Version,
    summary="Create or change a version",
)
async def put_version(request: Call, name: FromPath[str], number: FromPath[str]) -> Answer:
    """Build URL, branch, tags."""
    return await _put_version(request, name, number)


@patch(
    "/pacticipants/{name:str}/versions/{number:str}",
    WRITE,
    requests.Version,
    answers.Version,
    summary="Change a version",
)
async def patch_version(request: Call, name: FromPath[str], number: FromPath[str]) -> Answer:
    """As PUT: what the body does not say stays."""
    return await _put_version(request, name, number)


@delete("/pacticipants/{name:str}/versions/{number:str}", DELETE, summary="Delete a version")
async def delete_version(request: Call, name: FromPath[str], number: FromPath[str]) -> None:
    """With its pacts, results and records."""
    actor = actor_of(request)
    await parts(request).services.write(lambda db: catalog.delete_version(db, actor, name, number))


async def _newest(request: Call, name: str, tag: str | None = None) -> Answer:
    found = urls(request)
    return answer(
        await parts(request).services.read(
            lambda db: version_document(db, found, catalog.newest(db, name, tag)), heavy=True
        )
    )


@get("/pacticipants/{name:str}/latest-version", READ, answers.Version, summary="Read the newest version")
async def get_latest_version(request: Call, name: FromPath[str]) -> Answer:
    """Of all branches."""
    return await _newest(request, name)


@get(
    "/pacticipants/{name:str}/latest-version/{tag:str}",
    READ,
    answers.Version,
    summary="Read the newest version with a tag",
)
async def get_latest_tagged_version(request: Call, name: FromPath[str], tag: FromPath[str]) -> Answer:
    """404 when there is none."""
    return await _newest(request, name, tag)


@get(
    "/pacticipants/{name:str}/tags/{tag:str}/versions",
    READ,
    answers.Versions,
    asks=PAGES,
    summary="List versions with a tag",
)
async def get_tagged_versions(request: Call, name: FromPath[str], tag: FromPath[str]) -> Answer:
    """Newest first."""
    found, part = urls(request), page(query(request), size=_VERSIONS_SHOWN)

    def job(db: Db) -> Document:
        pk = catalog.application(db, name).pk
        rows = queries.tagged_versions(db, pk, tag, offset=part.offset, limit=part.limit)
        total = queries.count_tagged_versions(db, pk, tag)
        return _versions(db, found, rows, found.to("pacticipants", name, "tags", tag, "versions"), part, total)

    return answer(await parts(request).services.read(job, heavy=True))


@get(
    "/pacticipants/{name:str}/environments/{uuid:str}/versions",
    READ,
    answers.Versions,
    summary="List versions in an environment",
)
async def get_versions_in_environment(request: Call, name: FromPath[str], uuid: FromPath[str]) -> Answer:
    """Deployed or released there now."""
    found = urls(request)

    def job(db: Db) -> Document:
        place = deployments.environment(db, uuid)
        there = queries.versions_by_pk(db, environments.versions_in(db, catalog.application(db, name).pk, place.pk))
        rows = sorted(there.values(), key=lambda row: -row.position)
        here = found.to("pacticipants", name, "environments", uuid, "versions")
        return _versions(db, found, rows, here, Page(), len(rows))

    return answer(await parts(request).services.read(job, heavy=True))


# tags


@get("/pacticipants/{name:str}/versions/{number:str}/tags/{tag:str}", READ, answers.Tag, summary="Read a tag")
async def get_tag(request: Call, name: FromPath[str], number: FromPath[str], tag: FromPath[str]) -> Answer:
    """404 when the version has none of that name."""
    found = urls(request)
    return answer(await parts(request).services.read(lambda db: hal.tag(found, catalog.tag(db, name, number, tag))))


@put(
    "/pacticipants/{name:str}/versions/{number:str}/tags/{tag:str}",
    WRITE,
    requests.Nothing,
    answers.Tag,
    summary="Tag a version",
)
async def put_tag(request: Call, name: FromPath[str], number: FromPath[str], tag: FromPath[str]) -> Answer:
    """Version and application are created where missing."""
    shared, found = desk(request), urls(request)
    one, new = await parts(request).services.write(
        lambda db: catalog.put_tag(db, shared.actor, name, number, tag, shared.options)
    )
    document = hal.tag(found, one)
    return answer(document, 201, location=document["_links"]["self"]["href"]) if new else answer(document)


@delete("/pacticipants/{name:str}/versions/{number:str}/tags/{tag:str}", DELETE, summary="Take a tag off")
async def delete_tag(request: Call, name: FromPath[str], number: FromPath[str], tag: FromPath[str]) -> None:
    """404 when the version has none of that name."""
    actor = actor_of(request)
    await parts(request).services.write(lambda db: catalog.delete_tag(db, actor, name, number, tag))


# branches


@get("/pacticipants/{name:str}/branches", READ, answers.Branches, asks=(CONTAINING, *PAGES), summary="List branches")
async def get_branches(request: Call, name: FromPath[str]) -> Answer:
    """The last changed first; `q` narrows."""
    asked, found = query(request), urls(request)
    part, containing = page(asked, size=_VERSIONS_SHOWN), str(asked.get("q") or "")

    def job(db: Db) -> Document:
        pk = catalog.application(db, name).pk
        rows = queries.branches(db, pk, containing=containing, offset=part.offset, limit=part.limit)
        total = queries.count_branches(db, pk, containing=containing)
        here = found.to("pacticipants", name, "branches")
        return {
            "_embedded": {"branches": [hal.branch(found, row) for row in rows]},
            "page": hal.page_of(part, total),
            "_links": {
                "self": link(here),
                **hal.page_links(here, part, total, containing),
                "curies": hal.curies(found, "branches"),
            },
        }

    return answer(await parts(request).services.read(job, heavy=True))


@delete(
    "/pacticipants/{name:str}/branches",
    DELETE,
    answers.Notices,
    asks=(_KEPT,),
    summary="Delete branches",
    status_code=202,
)
async def delete_branches(request: Call, name: FromPath[str]) -> Answer:
    """All but the main branch and those in `exclude[]`; their versions stay."""
    actor, excluded = actor_of(request), query(request).get("exclude")
    if not excluded:
        raise InvalidFields({"exclude": ["must name at least one branch to keep"]})
    kept = frozenset(str(each) for each in listed(excluded))
    removed = await parts(request).services.write(lambda db: catalog.delete_branches(db, actor, name, kept))
    return answer({"notices": [{"type": "success", "text": f"{len(removed)} branches were deleted"}]}, 202)


@get("/pacticipants/{name:str}/branches/{branch:str}", READ, answers.Branch, summary="Read a branch")
async def get_branch(request: Call, name: FromPath[str], branch: FromPath[str]) -> Answer:
    """404 when there is none."""
    found = urls(request)
    return answer(await parts(request).services.read(lambda db: hal.branch(found, catalog.branch(db, name, branch))))


@delete("/pacticipants/{name:str}/branches/{branch:str}", DELETE, summary="Delete a branch")
async def delete_branch(request: Call, name: FromPath[str], branch: FromPath[str]) -> None:
    """Its versions stay."""
    actor = actor_of(request)
    await parts(request).services.write(lambda db: catalog.delete_branch(db, actor, name, branch))


@get(
    "/pacticipants/{name:str}/branches/{branch:str}/versions",
    READ,
    answers.Versions,
    asks=PAGES,
    summary="List versions of a branch",
)
async def get_branch_versions(request: Call, name: FromPath[str], branch: FromPath[str]) -> Answer:
    """The last added first."""
    found, part = urls(request), page(query(request), size=_VERSIONS_SHOWN)

    def job(db: Db) -> Document:
        pk = catalog.branch(db, name, branch).pk
        rows = queries.branch_versions(db, pk, offset=part.offset, limit=part.limit)
        here = found.to("pacticipants", name, "branches", branch, "versions")
        return _versions(db, found, rows, here, part, queries.count_branch_versions(db, pk))

    return answer(await parts(request).services.read(job, heavy=True))


@get(
    "/pacticipants/{name:str}/branches/{branch:str}/latest-version",
    READ,
    answers.Version,
    summary="Read the head of a branch",
)
async def get_branch_head(request: Call, name: FromPath[str], branch: FromPath[str]) -> Answer:
    """The version that was added last."""
    found = urls(request)

    def job(db: Db) -> Document:
        return version_document(db, found, catalog.head(db, name, branch))

    return answer(await parts(request).services.read(job, heavy=True))


@get(
    "/pacticipants/{name:str}/branches/{branch:str}/versions/{number:str}",
    READ,
    answers.BranchVersion,
    summary="Read a version on a branch",
)
async def get_branch_version(
    request: Call, name: FromPath[str], branch: FromPath[str], number: FromPath[str]
) -> Answer:
    """404 when it is not on the branch."""
    found = urls(request)
    one = await parts(request).services.read(lambda db: catalog.branch_version(db, name, branch, number))
    return answer(hal.branch_version(found, one, branch))


@put(
    "/pacticipants/{name:str}/branches/{branch:str}/versions/{number:str}",
    WRITE,
    requests.BranchVersion,
    answers.BranchVersion,
    summary="Put a version on a branch",
)
async def put_branch_version(
    request: Call, name: FromPath[str], branch: FromPath[str], number: FromPath[str]
) -> Answer:
    """Everything missing is created."""
    shared, found, read = desk(request), urls(request), await body(request)
    one, new = await parts(request).services.write(
        lambda db: catalog.put_branch_version(db, shared.actor, name, branch, number, read, shared.options)
    )
    document = hal.branch_version(found, one, branch)
    return answer(document, 201, location=document["_links"]["self"]["href"]) if new else answer(document)


@delete(
    "/pacticipants/{name:str}/branches/{branch:str}/versions/{number:str}",
    DELETE,
    summary="Take a version off a branch",
)
async def delete_branch_version(
    request: Call, name: FromPath[str], branch: FromPath[str], number: FromPath[str]
) -> None:
    """The version itself stays."""
    actor = actor_of(request)
    await parts(request).services.write(lambda db: catalog.remove_from_branch(db, actor, name, branch, number))


HANDLERS: list[ControllerRouterHandler] = [
    get_versions,
    get_version,
    put_version,
    patch_version,
    delete_version,
    get_latest_version,
    get_latest_tagged_version,
    get_tagged_versions,
    get_versions_in_environment,
    get_tag,
    put_tag,
    delete_tag,
    get_branches,
    delete_branches,
    get_branch,
    delete_branch,
    get_branch_versions,
    get_branch_head,
    get_branch_version,
    put_branch_version,
    delete_branch_version,
]
