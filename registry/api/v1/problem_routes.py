"""`GET /problems…`: what the types of problems mean, so that each leads somewhere."""

from __future__ import annotations

from litestar.params import FromPath

from registry import errors
from registry.api.v1 import wire
from registry.api.v1.errors import Kind, kinds
from registry.api.v1.routes import get
from registry.security.access import PUBLIC
from registry.services import Call


class NoSuchProblem(errors.NotFound):
    """A type that no problem has."""

    sentence = "There is no problem type '{slug}'."


def _told(kind: Kind, meaning: str) -> wire.ProblemType:
    return wire.ProblemType(kind.type, kind.title, kind.status, kind.code, meaning)


@get("/problems", PUBLIC, summary="Types of problems")
async def list_problems(request: Call) -> list[wire.ProblemType]:
    """All that this API answers with."""
    return [_told(*each) for each in kinds().values()]


@get("/problems/{slug:str}", PUBLIC, errors.NotFound, summary="Type of a problem")
async def get_problem(request: Call, slug: FromPath[str]) -> wire.ProblemType:
    """What the `type` of a problem leads to."""
    if (found := kinds().get(slug)) is None:
        raise NoSuchProblem(slug=slug)
    return _told(*found)


HANDLERS = [list_problems, get_problem]
