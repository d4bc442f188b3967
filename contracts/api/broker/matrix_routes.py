"""`/matrix…`, `/can-i-deploy`: who verified whose pacts, and whether it can be deployed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar.openapi.spec import OpenAPIType
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from contracts import broker, questions
from contracts.api.broker import answers, hal
from contracts.api.broker.hal import Document, link
from contracts.api.broker.parts import (
    READ_PACT,
    READ_SOME,
    Answer,
    answer,
    asked,
    get,
    parts,
    query,
    require,
    text,
    time,
    urls,
)
from contracts.matrix import NO_CONTENT, Matrix, Row
from contracts.queries import applications, environments
from contracts.queries.applications import Marks
from contracts.questions import LatestBy, Question, Selector
from contracts.urls import Urls
from contracts.verdict import Verdict
from registry.clock import now_ms
from registry.security.access import Action
from registry.services import Call
from registry.store.engine import Db

_QUESTION = (
    asked("q[][pacticipant]", "an application; with the members behind it a selector, and selectors may be repeated"),
    asked("q[][version]", "this version of it"),
    asked("q[][branch]", "its versions from a branch"),
    asked("q[][tag]", "its versions with a tag"),
    asked("q[][latest]", "the newest of these", OpenAPIType.BOOLEAN),
    asked("q[][mainBranch]", "its versions from the main branch", OpenAPIType.BOOLEAN),
    asked("q[][environment]", "its versions in an environment"),
    asked("latestby", "what collapses to its newest row", enum=[choice.value for choice in LatestBy]),
    asked("environment", "where to: beside what is deployed or released there"),
    asked("tag", "where to: beside versions with a tag"),
    asked("mainBranch", "where to: beside main branches", OpenAPIType.BOOLEAN),
    asked("latest", "the newest of the versions there", OpenAPIType.BOOLEAN),
    asked("ignore[][pacticipant]", "an application whose rows don't count; may be repeated"),
    asked("ignore[][version]", "this version of it only"),
    asked("success[]", "only rows with this result", enum=["true", "false", "null"]),
    asked("limit", "how many rows are shown", OpenAPIType.INTEGER, minimum=1),
    asked("days", "only what was published in the last days", OpenAPIType.INTEGER, minimum=1),
)
_DEPLOYMENT = (
    asked("pacticipant", "the application; needed"),
    asked("version", "its version; needed"),
    asked("environment", "where to: an environment, or"),
    asked("to", "where to: beside the newest versions with a tag"),
    asked("ignore[]", "an application whose rows don't count; may be repeated"),
)


def _ms(moment: Any) -> int:
    return int(moment.timestamp() * 1000)


def summary(found: Verdict) -> Document:
    """The verdict in numbers and one text."""
    told: Document = {
        "deployable": found.deployable,
        "reason": found.reason,
        "success": found.success,
        "failed": found.failed,
        "unknown": found.unknown,
    }
    if found.ignored is not None:
        told["ignored"] = found.ignored
    return told


def matrix_document(db: Db, found: Urls, matrix: Matrix, verdict: Verdict) -> Document:
    """The matrix with its verdict."""
    shown = matrix.shown
    pks = {version.id for row in shown for version in (row.consumer, row.provider_version) if version is not None}
    marks = applications.marks(db, sorted(pks))
    places = {place.name: place for place in environments.environments(db)}
    shas = broker.shas_of(db, [row.publication.content for row in shown])
    return {
        "summary": summary(verdict),
        "notices": [{"type": notice.level, "text": notice.text} for notice in verdict.notices],
        "matrix": [_row(found, row, marks, places, shas) for row in shown],
    }


def _row(found: Urls, row: Row, marks: dict[int, Marks], places: dict[str, Any], shas: dict[int, str]) -> Document:
    consumer, provider = row.consumer, row.provider_version
    sha, no_pact = shas.get(row.publication.content, ""), row.publication.content == NO_CONTENT
    document: Document = {
        "consumer": {
            "name": consumer.application,
            "version": hal.matrix_version(found, consumer.application, consumer.number, marks[consumer.id], places),
            "_links": {"self": link(found.application(consumer.application))},
        },
        "provider": {
            "name": row.provider,
            "version": hal.matrix_version(found, row.provider, provider.number, marks[provider.id], places)
            if provider
            else None,
            "_links": {"self": link(found.application(row.provider))},
        },
        "pact": {
            "createdAt": time(_ms(row.publication.published)),
            "_links": {
                "self": link(
                    found.version(consumer.application, consumer.number)
                    if no_pact
                    else found.pact(row.provider, consumer.application, consumer.number)
                )
            },
        },
        "verificationResult": None,
    }
    if row.result is not None:
        here = found.results(row.provider, consumer.application, sha, str(row.result.number))
        document["verificationResult"] = {
            "success": row.result.success,
            "verifiedAt": time(_ms(row.result.at)),
            "_links": {"self": link(here)},
        }
        document["verificationType"] = "CDCT"
    elif row.static is not None:
        document["verificationType"] = "BDCT"
        if row.static.success is not None:
            document["verificationResult"] = {
                "success": row.static.success,
                "verifiedAt": time(now_ms()),
                "_links": {"self": link(found.version(row.provider, provider.number if provider else ""))},
            }
        if row.static.reasons:
            document["reasons"] = list(row.static.reasons)
    if row.ignored:
        document["ignored"] = True
    return document


def _table(matrix: Matrix) -> str:
    """The matrix as text, for people at a terminal."""
    head = ("CONSUMER", "C.VERSION", "PROVIDER", "P.VERSION", "SUCCESS?")
    words = {True: "true", False: "false", None: "???"}
    rows = [
        (
            row.consumer.application,
            row.consumer.number,
            row.provider,
            row.provider_version.number if row.provider_version else "???",
            words[row.success] + (" [ignored]" if row.ignored else ""),
        )
        for row in matrix.shown
    ]
    widths = [max(len(line[column]) for line in (head, *rows)) for column in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        return " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()

    return "\n".join((line(head), "-|-".join("-" * width for width in widths), *map(line, rows))) + "\n"


async def _ask(request: Call, question: Question, *, rows: bool = True) -> Answer:
    shared, found = parts(request), urls(request)
    plain = "text/plain" in request.headers.get("accept", "")

    def job(db: Db) -> Document | str:
        matrix, verdict = broker.ask(db, question, shared.options)
        if plain:
            return f"{_table(matrix)}\n{verdict.reason}\n"
        document = matrix_document(db, found, matrix, verdict)
        if not rows:
            document["_links"] = {"self": link(found.to("can-i-deploy"))}
        return document

    told = await shared.services.read(job, heavy=True)
    return text(told, "text/plain") if isinstance(told, str) else answer(told)


def _permitted(request: Call, question: Question) -> Question:
    """The question, if the caller may read every application that it names. Their partners show in the answer."""
    require(request, Action.READ, *(each.application for each in question.selectors))
    return question


@get("/matrix", READ_SOME, answers.Matrix, asks=_QUESTION, summary="The matrix of a question, with its verdict")
async def get_matrix(request: Call) -> Answer:
    """What `can-i-deploy` of the command line tools asks."""
    return await _ask(request, _permitted(request, questions.question(query(request))))


@get(
    "/matrix/provider/{provider:str}/consumer/{consumer:str}", READ_PACT, answers.Matrix, summary="The matrix of a pair"
)
async def get_matrix_of_pair(request: Call, provider: FromPath[str], consumer: FromPath[str]) -> Answer:
    """All versions, collapsed by consumer and provider version."""
    asked = Question((Selector(consumer), Selector(provider)), latest_by=LatestBy.CVPV)
    return await _ask(request, asked)


@get("/can-i-deploy", READ_SOME, answers.Matrix, asks=_DEPLOYMENT, summary="Can a version be deployed")
async def get_can_i_deploy(request: Call) -> Answer:
    """One version, to a tag or an environment."""
    return await _ask(request, _permitted(request, questions.deployment_question(query(request))), rows=False)


HANDLERS: list[ControllerRouterHandler] = [get_matrix, get_matrix_of_pair, get_can_i_deploy]
