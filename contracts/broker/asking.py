"""Whether something can be deployed: the matrix of a question and its verdict."""

from __future__ import annotations

from collections.abc import Iterable

from contracts import bidirectional, matrix
from contracts.errors import UnknownApplications, UnknownEnvironment
from contracts.matrix import Matrix
from contracts.options import Options
from contracts.queries import applications, environments, pacts
from contracts.queries.matrix import StoredFacts
from contracts.questions import Question
from contracts.verdict import Verdict, verdict
from registry.clock import now_ms
from registry.store.engine import Db


def ask(db: Db, question: Question, options: Options) -> tuple[Matrix, Verdict]:
    """The matrix of a question, and whether it can be deployed. Raises UnknownApplications, UnknownEnvironment."""
    names = [selector.application for selector in question.selectors]
    known = applications.known(db, names)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UnknownApplications(unknown)
    places = {question.destination.environment, *(selector.environment for selector in question.selectors)}
    for place in sorted(name for name in places if name):
        if environments.environment_named(db, place) is None:
            raise UnknownEnvironment(place)
    found = matrix.ask(question, StoredFacts(db, now_ms), options.soundness)
    found = bidirectional.joined(db, found, warnings_pass=options.warnings_pass)
    return found, verdict(found)


def shas_of(db: Db, content_pks: Iterable[int]) -> dict[int, str]:
    """The shas of contents by key."""
    return pacts.shas(db, content_pks)
