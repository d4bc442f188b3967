"""Consumer version selectors: what a provider asks to verify, and which pacts that chooses. Pure.

    {"mainBranch": true}                       head of each consumer's main branch
    {"branch": "feat/x", "fallbackBranch": "main"}   head of the branch ({"branch": true}: of every branch)
    {"matchingBranch": true}                   head of the branch named like the provider's
    {"tag": "prod", "latest": true}            newest version with the tag ({"tag": "prod"}: every one)
    {"latest": true}                           newest version with a pact
    {"deployed": true}, {"released": true}, {"deployedOrReleased": true}   + "environment"
    {"environment": "prod"}                    deployed or released there
    + "consumer": "N"                          any of them, for one consumer

A head is the version itself: when it published no pact, the selector yields nothing for that consumer (unlike
`GET …/latest/TAG`, which looks for the newest pact that carries the tag). Deviation from the reference: it checks
`fallbackBranch` and then ignores it; here it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from contracts import nested_query
from contracts.errors import InvalidSelectors

FIELD = "consumerVersionSelectors"


@dataclass(frozen=True, slots=True)
class Selector:
    """One selector. `branch` and `tag` are a name, or True for any."""

    main_branch: bool = False
    branch: str | bool | None = None
    fallback_branch: str | None = None
    matching_branch: bool = False
    tag: str | bool | None = None
    latest: bool | None = None
    fallback_tag: str | None = None
    deployed: bool = False
    released: bool = False
    deployed_or_released: bool = False
    environment: str | None = None
    consumer: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The selector as a body writes it."""
        return {
            key: value
            for name, key in _KEYS.items()
            if (value := getattr(self, name)) is not None and (value is not False or name == "latest")
        }

    def __str__(self) -> str:
        """In words: "latest from branch main", "all tagged prod", "currently deployed to production"."""
        words = _in_words(self)
        return f"{words} of {self.consumer}" if self.consumer else words


_KEYS = {
    "main_branch": "mainBranch",
    "branch": "branch",
    "fallback_branch": "fallbackBranch",
    "matching_branch": "matchingBranch",
    "tag": "tag",
    "latest": "latest",
    "fallback_tag": "fallbackTag",
    "deployed": "deployed",
    "released": "released",
    "deployed_or_released": "deployedOrReleased",
    "environment": "environment",
    "consumer": "consumer",
}
_NAMES = {key: name for name, key in _KEYS.items()} | {
    # The older snake_case of GET queries.
    "fallback_tag": "fallback_tag",
    "fallback_branch": "fallback_branch",
    "main_branch": "main_branch",
    "matching_branch": "matching_branch",
    "deployed_or_released": "deployed_or_released",
}
_FLAGS = frozenset({"main_branch", "matching_branch", "latest", "deployed", "released", "deployed_or_released"})
_NAMED_OR_ANY = frozenset({"branch", "tag"})


def _in_words(selector: Selector) -> str:
    where = f" to {selector.environment}" if selector.environment else ""
    if selector.deployed:
        return f"currently deployed{where}"
    if selector.released:
        return f"currently released{where}"
    if selector.deployed_or_released or selector.environment:
        return f"currently deployed or released{where}"
    if selector.main_branch:
        return "latest from main branch"
    if selector.matching_branch:
        return "latest from the branch named like the provider's"
    if selector.branch is not None:
        name = "each branch" if selector.branch is True else f"branch {selector.branch}"
        return f"latest from {name}"
    if selector.tag is not None:
        name = "each tag" if selector.tag is True else f"tag {selector.tag}"
        return f"latest with {name}" if selector.latest else f"all with {name}"
    return "latest"


@dataclass(frozen=True, slots=True)
class Request:
    """What a verifier asks for. `since` turns work in progress on."""

    selectors: tuple[Selector, ...] = ()
    provider_branch: str | None = None
    provider_tags: tuple[str, ...] = ()
    pending: bool = False
    since: datetime | None = None


def from_body(body: object, environments: Iterable[str] = ()) -> Request:
    """Read the JSON body of a POST; an absent one asks for the default. Raises InvalidSelectors, all faults at once."""
    if body is None:
        body = {}
    if not isinstance(body, Mapping):
        raise InvalidSelectors({"body": ["must be a JSON object"]})
    faults: dict[str, list[str]] = {}
    pending = body.get("includePendingStatus")
    if pending is not None and nested_query.truthy(pending) is None:
        faults["includePendingStatus"] = ["must be a boolean"]
    branch = body.get("providerVersionBranch")
    if branch is not None and not isinstance(branch, str):
        faults["providerVersionBranch"] = ["must be a string"]
        branch = None
    return _request(
        faults,
        body.get(FIELD),
        branch=branch,
        tags=body.get("providerVersionTags"),
        pending=nested_query.truthy(pending) is True,
        since=body.get("includeWipPactsSince"),
        environments=environments,
    )


def from_query(query: Mapping[str, Any], environments: Iterable[str] = ()) -> Request:
    """Read the older GET query (already nested, `nested_query.parse`); snake_case names. Raises InvalidSelectors."""
    branch = query.get("provider_version_branch")
    return _request(
        {},
        query.get("consumer_version_selectors"),
        branch=branch if isinstance(branch, str) else None,
        tags=query.get("provider_version_tags"),
        pending=nested_query.truthy(query.get("include_pending_status")) is True,
        since=query.get("include_wip_pacts_since"),
        environments=environments,
    )


def _request(
    faults: dict[str, list[str]],
    selectors: object,
    *,
    branch: str | None,
    tags: object,
    pending: bool,
    since: object,
    environments: Iterable[str],
) -> Request:
    listed = nested_query.listed(tags)
    if not all(isinstance(tag, str) for tag in listed):
        faults["providerVersionTags"] = ["must be a list of strings"]
        listed = []
    when = _since(since, faults)
    if branch == "" and (pending or when is not None) and not listed:
        faults["providerVersionBranch"] = ["can't be blank when pending or work in progress pacts are asked for"]
    chosen: list[Selector] = []
    sentences: list[str] = []
    if selectors is not None and not isinstance(selectors, list):
        sentences.append("must be a list of selectors")
    for index, entry in enumerate(selectors if isinstance(selectors, list) else ()):
        selector = _selector(entry, f"at index {index}", sentences)
        sentences.extend(f"{fault} (at index {index})" for fault in _contradictions(selector, branch, environments))
        chosen.append(selector)
    if sentences:
        faults[FIELD] = sentences
    if faults:
        raise InvalidSelectors(faults)
    return Request(tuple(chosen), branch or None, tuple(listed), pending, when)


def _since(value: object, faults: dict[str, list[str]]) -> datetime | None:
    if value is None or value == "":
        return None
    try:
        text = str(value)
        parsed = (
            datetime.fromisoformat(text) if len(text) > 10 else datetime.combine(date.fromisoformat(text), _MIDNIGHT)
        )
    except ValueError:
        faults["includeWipPactsSince"] = ["must be a date or a date and time in ISO 8601 form, like 2024-01-31"]
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


_MIDNIGHT = datetime.min.time()


def _selector(entry: object, where: str, sentences: list[str]) -> Selector:
    if not isinstance(entry, Mapping):
        sentences.append(f"each selector must be an object ({where})")
        return Selector()
    read: dict[str, Any] = {}
    for key, value in entry.items():
        name = _NAMES.get(str(key))
        if name is None or value is None:
            continue  # unknown members are let pass: newer clients send more
        flag = nested_query.truthy(value)
        if name in _FLAGS:
            if flag is None:
                sentences.append(f"{key} must be a boolean ({where})")
            else:
                read[name] = flag
        elif name in _NAMED_OR_ANY and flag is True:
            read[name] = True
        elif not isinstance(value, str) or value == "":
            sentences.append(f"{key} must be a name ({where})")
        else:
            read[name] = value
    return Selector(**read)


def _contradictions(selector: Selector, provider_branch: str | None, environments: Iterable[str]) -> Iterator[str]:
    given = {key for key in selector.as_json() if key not in ("consumer",)}
    environment_keys = given & {"deployed", "released", "deployedOrReleased", "environment"}
    if selector.main_branch and given != {"mainBranch"}:
        yield "mainBranch can only be combined with consumer"
    if selector.matching_branch and given != {"matchingBranch"}:
        yield "matchingBranch can only be combined with consumer"
    if selector.matching_branch and not provider_branch:
        yield "matchingBranch needs the providerVersionBranch"
    if selector.branch is not None and selector.tag is not None:
        yield "a branch and a tag can't be specified at the same time"
    if selector.branch is not None and selector.latest is False:
        yield "latest can't be false for a branch: only the latest version of a branch is chosen"
    if selector.fallback_tag is not None and not (selector.tag and selector.latest):
        yield "a fallbackTag needs a tag and latest=true"
    if selector.fallback_branch is not None and selector.branch is None:
        yield "a fallbackBranch needs a branch"
    if len(given & {"deployed", "released", "deployedOrReleased"}) > 1:
        yield "deployed, released and deployedOrReleased exclude each other"
    if environment_keys and given & {"tag", "fallbackTag", "branch", "fallbackBranch", "latest", "mainBranch"}:
        yield f"{', '.join(sorted(environment_keys))} can't be combined with tag, branch or latest"
    if selector.environment is not None and selector.environment not in set(environments):
        yield f"environment with name '{selector.environment}' does not exist"
    if not given or (given == {"latest"} and selector.latest is False):
        yield "at least one of tag, branch, latest, mainBranch, deployed, released or environment must be there"


# choosing


@dataclass(frozen=True, slots=True)
class Candidate:
    """A consumer version that published a pact with the provider, and how it stands today.

    `order`        creation order of the version
    `heads`        branches of which this very version is the head
    `branches`     all its branches
    `tags`         all its tags; `newest_of` those whose newest version it is
    `deployed`, `released`   names of the environments where it is now
    `main_branch`  the consumer's main branch, if it has one
    """

    consumer: str
    number: str
    order: int
    sha: str
    published: datetime
    main_branch: str | None = None
    heads: frozenset[str] = frozenset()
    branches: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    newest_of: frozenset[str] = frozenset()
    deployed: frozenset[str] = frozenset()
    released: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Choice:
    """A selector and the version that it chose. `fallback` when it had to fall back."""

    selector: Selector
    version: Candidate
    fallback: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """One pact content to verify, with everything that chose it, newest version first."""

    consumer: str
    sha: str
    choices: tuple[Choice, ...] = field(default=())

    @property
    def newest(self) -> Candidate:
        return self.choices[0].version


DEFAULT = (Selector(main_branch=True), Selector(deployed=True), Selector(released=True))


def choose(request: Request, candidates: Sequence[Candidate]) -> tuple[Chosen, ...]:
    """The pacts that a request's selectors choose, each content once, by consumer and then newest first.

    Without selectors: per consumer the latest of its main branch (else of the tag of that name, else the latest of
    all), and what is deployed and released.
    """
    choices: list[Choice] = []
    for consumer, versions in _by_consumer(candidates).items():
        if not request.selectors:
            choices.extend(_default_choices(versions))
        for selector in request.selectors:
            if selector.consumer in (None, consumer):
                choices.extend(_choices(selector, versions, request.provider_branch))
    return merged(choices)


def merged(choices: Iterable[Choice]) -> tuple[Chosen, ...]:
    """Choices gathered by content."""
    contents: dict[tuple[str, str], list[Choice]] = {}
    for choice in choices:
        listed = contents.setdefault((choice.version.consumer, choice.version.sha), [])
        if choice not in listed:
            listed.append(choice)
    ordered = [
        Chosen(consumer, sha, tuple(sorted(listed, key=lambda choice: -choice.version.order)))
        for (consumer, sha), listed in contents.items()
    ]
    return tuple(sorted(ordered, key=lambda chosen: (chosen.consumer, -chosen.newest.order)))


def _by_consumer(candidates: Sequence[Candidate]) -> dict[str, list[Candidate]]:
    found: dict[str, list[Candidate]] = {}
    for candidate in sorted(candidates, key=lambda one: (one.consumer, -one.order)):
        found.setdefault(candidate.consumer, []).append(candidate)
    return found


def _default_choices(versions: Sequence[Candidate]) -> Iterator[Choice]:
    main = versions[0].main_branch
    selectors = [Selector(main_branch=True)]
    if main is not None:
        selectors.append(Selector(tag=main, latest=True))
    selectors.append(Selector(latest=True))
    for selector in selectors:
        found = list(_choices(selector, versions, None))
        if found:
            yield from found
            break
    for selector in DEFAULT[1:]:
        yield from _choices(selector, versions, None)


def _choices(selector: Selector, versions: Sequence[Candidate], provider_branch: str | None) -> Iterator[Choice]:
    """What one selector chooses of one consumer's versions, newest first."""
    picked = [version for version in versions if _picks(selector, version, provider_branch)]
    if selector.latest and selector.tag is None and selector.branch is None:
        picked = picked[:1]
    if picked:
        yield from (Choice(selector, version) for version in picked)
        return
    for fallen in _fallbacks(selector):
        for version in versions:
            if _picks(fallen, version, provider_branch):
                yield Choice(selector, version, fallback=True)


def _fallbacks(selector: Selector) -> Iterator[Selector]:
    if selector.fallback_tag is not None:
        yield replace(selector, tag=selector.fallback_tag, fallback_tag=None)
    if selector.fallback_branch is not None:
        yield replace(selector, branch=selector.fallback_branch, fallback_branch=None)


def _picks(selector: Selector, version: Candidate, provider_branch: str | None) -> bool:
    if selector.main_branch:
        return version.main_branch is not None and version.main_branch in version.heads
    if selector.matching_branch:
        return provider_branch is not None and provider_branch in version.heads
    if selector.branch is not None:
        return bool(version.heads) if selector.branch is True else selector.branch in version.heads
    if selector.tag is not None:
        tags = version.newest_of if selector.latest else version.tags
        return bool(tags) if selector.tag is True else selector.tag in tags
    if selector.deployed:
        return _there(selector, version.deployed)
    if selector.released:
        return _there(selector, version.released)
    if selector.deployed_or_released or selector.environment is not None:
        return _there(selector, version.deployed | version.released)
    return bool(selector.latest)


def _there(selector: Selector, environments: frozenset[str]) -> bool:
    return bool(environments) if selector.environment is None else selector.environment in environments
