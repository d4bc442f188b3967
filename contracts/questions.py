"""Questions about the matrix: what `GET /matrix` and `GET /can-i-deploy` may ask, read to values. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from contracts import nested_query
from contracts.errors import InvalidQuery

DEFAULT_LIMIT = 100


class LatestBy(StrEnum):
    """What is collapsed to its newest row: consumer version and provider version, without provider version, neither."""

    CVPV = "cvpv"
    CVP = "cvp"
    CP = "cp"


@dataclass(frozen=True, slots=True)
class Selector:
    """Which versions of one application are meant. Nothing but the name: any version."""

    application: str
    version: str | None = None
    branch: str | None = None
    tag: str | None = None
    latest: bool = False
    main_branch: bool = False
    environment: str | None = None

    @property
    def any_version(self) -> bool:
        return self == Selector(self.application)


@dataclass(frozen=True, slots=True)
class Ignore:
    """An application, or one version of it, whose rows don't count."""

    application: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to: what the versions of all other applications are inferred from."""

    environment: str | None = None
    tag: str | None = None
    branch: str | None = None
    main_branch: bool = False
    latest: bool = False

    @property
    def named(self) -> bool:
        """Whether it says where, rather than only "the latest"."""
        return bool(self.environment or self.tag or self.branch or self.main_branch)

    def selector(self, application: str) -> Selector:
        """What this destination means for one application."""
        if self.environment:
            return Selector(application, environment=self.environment)
        return Selector(application, tag=self.tag, branch=self.branch, main_branch=self.main_branch, latest=self.latest)


@dataclass(frozen=True, slots=True)
class Question:
    """A matrix query. `success` filters rows by result (None stands for no result); `days` bounds history queries."""

    selectors: tuple[Selector, ...]
    ignore: tuple[Ignore, ...] = ()
    latest_by: LatestBy | None = None
    destination: Destination = Destination()
    success: frozenset[bool | None] | None = None
    limit: int = DEFAULT_LIMIT
    days: int | None = None


def question(query: Mapping[str, Any]) -> Question:
    """Read the parameters of `GET /matrix` (already nested). Raises InvalidQuery with every fault."""
    faults: list[str] = []
    selectors = tuple(_selectors(query.get("q"), faults))
    if not selectors:
        faults.append("Please provide one or more version selectors (q[][pacticipant]=…&q[][version]=…).")
    latest_by = _latest_by(query.get("latestby"), faults)
    destination = Destination(
        environment=_text(query.get("environment")),
        tag=_text(query.get("tag")),
        branch=_text(query.get("branch")),
        main_branch=nested_query.truthy(query.get("mainBranch")) is True,
        latest=nested_query.truthy(query.get("latest")) is True,
    )
    faults.extend(_destination_faults(destination))
    success = _success(query.get("success"), faults)
    limit = _number(query.get("limit"), "limit", faults)
    days = _number(query.get("days"), "days", faults)
    if faults:
        raise InvalidQuery(faults)
    return Question(
        selectors=selectors,
        ignore=tuple(_ignores(query.get("ignore"))),
        latest_by=latest_by,
        destination=destination,
        success=success,
        limit=DEFAULT_LIMIT if limit is None else limit,
        days=days,
    )


def deployment_question(query: Mapping[str, Any]) -> Question:
    """Read the parameters of `GET /can-i-deploy`: one version, `to` a tag or an `environment`. Raises InvalidQuery."""
    application, version = _text(query.get("pacticipant")), _text(query.get("version"))
    to, environment = _text(query.get("to")), _text(query.get("environment"))
    faults = [
        sentence
        for broken, sentence in (
            (application is None, "Please provide the name of the pacticipant (pacticipant)."),
            (version is None, "Please provide the version number of the pacticipant (version)."),
            (to is None and environment is None, "Please provide a tag (to) or an environment (environment)."),
            (to is not None and environment is not None, "Please provide a tag (to) or an environment, not both."),
        )
        if broken
    ]
    if faults or application is None:
        raise InvalidQuery(faults)
    return Question(
        selectors=(Selector(application, version=version),),
        ignore=tuple(_ignores(query.get("ignore"))),
        latest_by=LatestBy.CVPV if environment else LatestBy.CVP,
        destination=Destination(environment=environment, tag=to, latest=to is not None),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _selectors(listed: object, faults: list[str]) -> Iterable[Selector]:
    for entry in nested_query.listed(listed):
        read = entry if isinstance(entry, Mapping) else {}
        application = _text(read.get("pacticipant"))
        if application is None:
            faults.append("Please specify the pacticipant name of each selector.")
            continue
        selector = Selector(
            application,
            version=_text(read.get("version")),
            branch=_text(read.get("branch")),
            tag=_text(read.get("tag")),
            latest=nested_query.truthy(read.get("latest")) is True,
            main_branch=nested_query.truthy(read.get("mainBranch")) is True,
            environment=_text(read.get("environment")),
        )
        if selector.version is not None and selector.latest:
            faults.append("A version number and latest flag cannot both be specified for the same selector.")
        yield selector


def _ignores(listed: object) -> Iterable[Ignore]:
    """`ignore[][pacticipant]=X&ignore[][version]=1`, or the short form `ignore[]=X` of can-i-deploy."""
    for entry in nested_query.listed(listed):
        if isinstance(entry, str) and entry:
            yield Ignore(entry)
        elif isinstance(entry, Mapping) and _text(entry.get("pacticipant")):
            yield Ignore(str(entry["pacticipant"]), _text(entry.get("version")))


def _latest_by(value: object, faults: list[str]) -> LatestBy | None:
    if value in (None, ""):
        return None
    try:
        return LatestBy(str(value))
    except ValueError:
        faults.append("latestby must be one of cvpv, cvp and cp.")
        return None


def _destination_faults(destination: Destination) -> Iterable[str]:
    if sum((bool(destination.tag), bool(destination.environment), destination.main_branch)) > 1:
        yield "Only one of tag, environment and mainBranch may be specified."
    if destination.latest and destination.environment:
        yield "latest and environment cannot both be specified."


def _success(value: object, faults: list[str]) -> frozenset[bool | None] | None:
    listed = nested_query.listed(value)
    known: dict[str, bool | None] = {"true": True, "false": False, "null": None, "": None}
    wrong = [entry for entry in listed if str(entry).lower() not in known]
    if wrong:
        faults.append("success must be true, false or null.")
        return None
    return frozenset(known[str(entry).lower()] for entry in listed) if listed else None


def _number(value: object, name: str, faults: list[str]) -> int | None:
    if value in (None, ""):
        return None
    text = str(value)
    if text.isascii() and text.isdigit() and 1 <= len(text) < 10 and int(text) >= 1:
        return int(text)
    faults.append(f"The {name} must be a whole number of at least 1.")
    return None
