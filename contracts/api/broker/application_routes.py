"""`/pacticipants…`, `/labels`: applications, versions, branches, tags, labels."""

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
    READ_ALL,
    WRITE,
    WRITE_ALL,
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
    post,
    put,
    query,
    urls,
)
from contracts.catalog import Page
from contracts.errors import InvalidFields
from contracts.nested_query import listed
from contracts.queries import applications as queries
from contracts.queries import environments, pacts
from contracts.queries.applications import Application, Version
from contracts.urls import Urls
from registry.security.guard import actor_of
from registry.services import Call
from registry.store.engine import Db

_VERSIONS_SHOWN = 100
_KEPT = asked("exclude[]", "a branch to keep; at least one, may be repeated")


def _application(db: Db, found: Urls, one: Application) -> Document:
    return hal.application(found, one, queries.labels(db, [one.pk]).get(one.pk, ()))


def version_document(db: Db, found: Urls, one: Version) -> Document:
    """A version with its marks, pacts and links."""
    published = pacts.of_version(db, one.pk)
    return hal.version(found, one, queries.marks(db, [one.pk])[one.pk], environments.environments(db), published)


# applications


async def _listed(request: Call, label: str | None = None) -> Answer:
    asked, found = query(request), urls(request)
    part, containing = page(asked), str(asked.get("q") or "")

    def job(db: Db) -> Document:
        rows = queries.applications(db, containing=containing, label=label, offset=part.offset, limit=part.limit)
        total = queries.count_applications(db, containing=containing, label=label)
        labels = queries.labels(db, [row.pk for row in rows])
        documents = [hal.application(found, row, labels.get(row.pk, ())) for row in rows]
        here = found.to("pacticipants") if label is None else found.to("pacticipants", "label", label)
        return {
            # The deprecated form is what `list-pacticipants` reads.
            "pacticipants": documents,
            "_embedded": {"pacticipants": documents},
            "page": hal.page_of(part, total),
            "_links": {
                "self": link(here),
                "pb:pacticipants": [link(found.application(row.name), "Pacticipant", row.name) for row in rows],
                **hal.page_links(here, part, total, containing),
                "curies": hal.curies(found, "pacticipants"),
            },
        }

    return answer(await parts(request).services.read(job, heavy=True))


@get("/pacticipants", READ_ALL, answers.Applications, asks=(CONTAINING, *PAGES), summary="List applications")
async def get_applications(request: Call) -> Answer:
    """By name; `q` narrows, `page` and `size` take a part."""
    return await _listed(request)


@get(
    "/pacticipants/label/{label:str}",
    READ_ALL,
    answers.Applications,
    asks=(CONTAINING, *PAGES),
    summary="List applications with a label",
)
async def get_labelled(request: Call, label: FromPath[str]) -> Answer:
    """By name."""
    return await _listed(request, label)


@post(
    "/pacticipants",
    WRITE_ALL,
    requests.Application,
    answers.Application,
    summary="Create an application",
    status_code=201,
)
async def post_application(request: Call) -> Answer:
    """On purpose: its name may read like an existing one's."""
    shared, found, read = desk(request), urls(request), await body(request)

    def job(db: Db) -> tuple[Document, str]:
        one = catalog.create_application(db, shared.actor, read, shared.options)
        return _application(db, found, one), found.application(one.name)

    document, location = await parts(request).services.write(job)
    return answer(document, 201, location=location)


@get("/pacticipants/{name:str}", READ, answers.Application, summary="Read an application")
async def get_application(request: Call, name: FromPath[str]) -> Answer:
    """With the links that lead to its versions, branches and tags."""
    found = urls(request)
    return answer(await parts(request).services.read(lambda db: _application(db, found, catalog.application(db, name))))


async def _change(request: Call, name: str, *, whole: bool) -> Answer:
    shared, found, read = desk(request), urls(request), await body(request)

    def job(db: Db) -> tuple[Document, bool]:
        one, new = catalog.update_application(db, shared.actor, name, read, shared.options, whole=whole)
        return _application(db, found, one), new

    document, new = await parts(request).services.write(job)
    return answer(document, 201, location=found.application(name)) if new else answer(document)


@put(
    "/pacticipants/{name:str}",
    WRITE,
    requests.ApplicationChange,
    answers.Application,
    summary="Replace or create an application",
)
async def put_application(request: Call, name: FromPath[str]) -> Answer:
    """What the body does not say becomes empty."""
    return await _change(request, name, whole=True)


@patch(
    "/pacticipants/{name:str}",
    WRITE,
    requests.ApplicationChange,
    answers.Application,
    summary="Change or create an application",
)
async def patch_application(request: Call, name: FromPath[str]) -> Answer:
    """What the body does not say stays."""
    return await _change(request, name, whole=False)


@delete("/pacticipants/{name:str}", DELETE, summary="Delete an application")
async def delete_application(request: Call, name: FromPath[str]) -> None:
    """With everything that is about it."""
    actor = actor_of(request)
    await parts(request).services.write(lambda db: catalog.delete_application(db, actor, name))


# labels


@get("/labels", READ_ALL, answers.Labels, summary="List labels")
async def get_labels(request: Call) -> Answer:
    """Every label in use."""
    found = urls(request)
    names = await parts(request).services.read(queries.all_labels)
    return answer(
        {"_embedded": {"labels": [{"name": name} for name in names]}, "_links": {"self": link(found.to("labels"))}}
    )


def _label(found: Urls, name: str, label: str) -> Document:
    return {
        "name": label,
        "_links": {
            "self": link(found.to("pacticipants", name, "labels", label), "Label", label),
            "pacticipant": link(found.application(name), "Pacticipant", name),
        },
    }


@get("/pacticipants/{name:str}/labels/{label:str}", READ, answers.Named, summary="Read a label")
async def get_label(request: Call, name: FromPath[str], label: FromPath[str]) -> Answer:
    """Whether the application has it."""
    await parts(request).services.read(lambda db: catalog.label(db, name, label))
    return answer(_label(urls(request), name, label))


@put(
    "/pacticipants/{name:str}/labels/{label:str}",
    WRITE,
    requests.Nothing,
    answers.Named,
    summary="Label an application",
)
async def put_label(request: Call, name: FromPath[str], label: FromPath[str]) -> Answer:
    """Webhooks can be about labels."""
    shared = desk(request)
    new = await parts(request).services.write(
        lambda db: catalog.put_label(db, shared.actor, name, label, shared.options)
    )
    return answer(_label(urls(request), name, label), 201 if new else 200)


@delete("/pacticipants/{name:str}/labels/{label:str}", DELETE, summary="Take a label away")
async def delete_label(request: Call, name: FromPath[str], label: FromPath[str]) -> None:
    """404 when it has none of that name."""
    actor = actor_of(request)
    await parts(request).services.write(lambda db: catalog.delete_label(db, actor, name, label))


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
    get_applications,
    get_labelled,
    post_application,
    get_application,
    put_application,
    patch_application,
    delete_application,
    get_labels,
    get_label,
    put_label,
    delete_label,
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
