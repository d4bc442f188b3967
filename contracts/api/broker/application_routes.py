"""`/pacticipants…`, `/labels`: applications and their labels."""

from __future__ import annotations

from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from contracts import catalog
from contracts.api.broker import answers, hal, requests
from contracts.api.broker.hal import Document, link
from contracts.api.broker.parts import (
    CONTAINING,
    DELETE,
    PAGES,
    READ,
    READ_ALL,
    READ_SOME,
    WRITE,
    WRITE_SOME,
    Answer,
    answer,
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
    require,
    sees,
    sees_every,
    urls,
)
from contracts.queries import applications as queries
from contracts.queries.applications import Application
from contracts.urls import Urls
from registry.security.access import Action
from registry.security.guard import actor_of
from registry.services import Call
from registry.store.engine import Db


def _application(db: Db, found: Urls, one: Application) -> Document:
    return hal.application(found, one, queries.labels(db, [one.pk]).get(one.pk, ()))


# applications


async def _listed(request: Call, label: str | None = None) -> Answer:
    asked, found = query(request), urls(request)
    part, containing = page(asked), str(asked.get("q") or "")
    every, seen = sees_every(request), sees(request)

    def job(db: Db) -> Document:
        if every:
            rows = queries.applications(db, containing=containing, label=label, offset=part.offset, limit=part.limit)
            total = queries.count_applications(db, containing=containing, label=label)
        else:  # what may be seen is picked before the page is cut
            found_rows = queries.applications(db, containing=containing, label=label, offset=0, limit=-1)
            visible = [row for row in found_rows if seen(row.name)]
            rows = visible[part.offset :][: part.limit if part.limit >= 0 else None]
            total = len(visible)
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


@get("/pacticipants", READ_SOME, answers.Applications, asks=(CONTAINING, *PAGES), summary="List applications")
async def get_applications(request: Call) -> Answer:
    """By name; `q` narrows, `page` and `size` take a part."""
    return await _listed(request)


@get(
    "/pacticipants/label/{label:str}",
    READ_SOME,
    answers.Applications,
    asks=(CONTAINING, *PAGES),
    summary="List applications with a label",
)
async def get_labelled(request: Call, label: FromPath[str]) -> Answer:
    """By name."""
    return await _listed(request, label)


@post(
    "/pacticipants",
    WRITE_SOME,
    requests.Application,
    answers.Application,
    summary="Create an application",
    status_code=201,
)
async def post_application(request: Call) -> Answer:
    """On purpose: its name may read like an existing one's."""
    shared, found, read = desk(request), urls(request), await body(request)
    require(request, Action.WRITE, str(read.get("name")))

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
]
