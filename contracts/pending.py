"""Which pacts are pending for a provider, which are work in progress, and what verifiers are told. Pure.

A pact is *pending* while no version of this provider line (its branch, else its tags, else anything) has verified it
successfully: its failure does not break the provider's build. A *work in progress* pact is pending and was chosen by
nobody: the heads of consumer branches and tags, newer than a date. A success recorded while a pact was work in
progress does not end its pending state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from contracts.selectors import Candidate, Choice, Chosen, Request, Selector, merged


@dataclass(frozen=True, slots=True)
class Success:
    """A successful verification of a pact content by one provider version."""

    sha: str
    at: datetime
    branches: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    wip: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A provider's branch or tag, and when its first version came; None if it has none yet."""

    name: str
    born: datetime | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """Who asks: the branch, else the tags."""

    name: str
    branch: Line | None = None
    tags: tuple[Line, ...] = ()


def is_pending(provider: Provider, successes: Iterable[Success]) -> bool:
    """Whether a pact content is pending for this provider. `successes` are those of that content."""
    return (
        bool(pending_for(provider, successes))
        if provider.tags and provider.branch is None
        else not _passed(provider, successes)
    )


def pending_for(provider: Provider, successes: Iterable[Success]) -> tuple[str, ...]:
    """The provider tags for which a content is pending; each is judged for itself."""
    counted = [success for success in successes if not success.wip]
    return tuple(line.name for line in provider.tags if not _verified_on(line, counted, "tags"))


def _passed(provider: Provider, successes: Iterable[Success]) -> bool:
    counted = [success for success in successes if not success.wip]
    if provider.branch is None:
        return bool(counted)
    return _verified_on(provider.branch, counted, "branches")


def _verified_on(line: Line, successes: Iterable[Success], kind: str) -> bool:
    """Whether the line itself, or another one before this line began, verified successfully."""
    for success in successes:
        names: frozenset[str] = getattr(success, kind)
        if line.name in names:
            return True
        if names and (line.born is None or success.at < line.born):
            return True
    return False


def work_in_progress(
    request: Request,
    provider: Provider,
    candidates: Sequence[Candidate],
    chosen: Iterable[Chosen],
    successes: Mapping[str, Sequence[Success]],
) -> tuple[Chosen, ...]:
    """The work in progress pacts: heads of branches and tags published since the date, that nobody chose or passed.

    `successes` by content sha. Nothing without `since`, or without a provider branch or tags.
    """
    if request.since is None or not (provider.branch or provider.tags):
        return ()
    taken = {(one.consumer, one.sha) for one in chosen}
    choices = [
        choice
        for candidate in candidates
        if candidate.published >= request.since
        and (candidate.consumer, candidate.sha) not in taken
        and is_pending(provider, successes.get(candidate.sha, ()))
        for choice in _heads(candidate)
    ]
    return merged(choices)


def _heads(candidate: Candidate) -> Iterable[Choice]:
    for branch in sorted(candidate.heads):
        yield Choice(Selector(branch=branch), candidate)
    for tag in sorted(candidate.newest_of):
        yield Choice(Selector(tag=tag, latest=True), candidate)


@dataclass(frozen=True, slots=True)
class VerificationNotice:
    """A text that verifiers print, and when: `before_verification` or after a kind of result."""

    when: str
    text: str


@dataclass(frozen=True, slots=True)
class ToVerify:
    """A pact as the verifier gets it. `pending` and `wip` are None where the request did not ask."""

    chosen: Chosen
    short: str
    pending: bool | None = None
    wip: bool | None = None
    notices: tuple[VerificationNotice, ...] = field(default=())


def to_verify(
    request: Request,
    provider: Provider,
    candidates: Sequence[Candidate],
    chosen: Sequence[Chosen],
    successes: Mapping[str, Sequence[Success]],
) -> tuple[ToVerify, ...]:
    """The answer to a provider: the chosen pacts, then the work in progress, each with its notices."""
    selected = [_selected(request, provider, one, successes.get(one.sha, ())) for one in chosen]
    wip = work_in_progress(request, provider, candidates, chosen, successes)
    return (*selected, *(_in_progress(request, provider, one) for one in wip))


def _selected(request: Request, provider: Provider, chosen: Chosen, successes: Sequence[Success]) -> ToVerify:
    pending = is_pending(provider, successes) if request.pending else None
    notices = [VerificationNotice("before_verification", _why(request, chosen))]
    if pending is True:
        notices.append(VerificationNotice("before_verification", _why_pending(provider, successes)))
        notices.extend(_after_pending(provider))
    elif pending is False:
        notices.append(VerificationNotice("before_verification", _not_pending(provider)))
    return ToVerify(chosen, _short(chosen), pending, None, tuple(notices))


def _in_progress(request: Request, provider: Provider, chosen: Chosen) -> ToVerify:
    notices = (
        VerificationNotice("before_verification", _why_wip(request, chosen)),
        VerificationNotice("before_verification", _why_pending(provider, ())),
        *_after_pending(provider, wip=True),
    )
    return ToVerify(chosen, _short(chosen), True, True, notices)


def _short(chosen: Chosen) -> str:
    """How a pact is called in one line: `latest from main branch, currently deployed`."""
    return ", ".join(dict.fromkeys(_words(choice) for choice in chosen.choices))


def _words(choice: Choice) -> str:
    if not choice.fallback:
        return str(choice.selector)
    instead = choice.selector.fallback_branch or choice.selector.fallback_tag
    return f"{choice.selector} (fallback {instead})"


def _versions(chosen: Chosen) -> str:
    numbers = list(dict.fromkeys(choice.version.number for choice in chosen.choices))
    noun = "version" if len(numbers) == 1 else "versions"
    return f"{noun} {', '.join(numbers)} of {chosen.consumer}"


def _why(request: Request, chosen: Chosen) -> str:
    if not request.selectors:
        return (
            f"This pact is verified because it belongs to {_versions(chosen)}: {_short(chosen)} "
            "(the default where a provider gives no consumer version selectors)."
        )
    return f"This pact is verified because it belongs to {_versions(chosen)}, chosen by: {_short(chosen)}."


def _why_wip(request: Request, chosen: Chosen) -> str:
    since = "" if request.since is None else f" since {request.since.date().isoformat()}"
    return (
        f"This pact is verified as work in progress: it belongs to {_versions(chosen)} ({_short(chosen)}), was "
        f"published{since}, and no consumer version selector chose it."
    )


def _line(provider: Provider, tags: Sequence[str] = ()) -> str:
    if provider.branch is not None:
        return f"a version of {provider.name} from branch '{provider.branch.name}'"
    names = tags or [line.name for line in provider.tags]
    if names:
        return f"a version of {provider.name} with tag {' and '.join(f'{name!r}' for name in names)}"
    return f"any version of {provider.name}"


def _why_pending(provider: Provider, successes: Sequence[Success]) -> str:
    line = _line(provider, pending_for(provider, successes) if provider.branch is None else ())
    return (
        f"This pact is pending, because it has not yet been verified successfully by {line}. "
        "If the verification fails, the build of the provider does not."
    )


def _not_pending(provider: Provider) -> str:
    return (
        f"This pact was verified successfully by {_line(provider)} before. "
        "If the verification fails now, so does the build of the provider."
    )


def _after_pending(provider: Provider, *, wip: bool = False) -> tuple[VerificationNotice, ...]:
    line = _line(provider)
    ended = f"This pact is no longer pending for {line}: the successful result was published."
    if wip:
        ended = f"The successful result was published. The pact stays pending for {line} until a selector chooses it."
    return (
        VerificationNotice(
            "after_verification:success_true_published_false",
            f"This pact is still pending for {line}: the successful result was not published.",
        ),
        VerificationNotice(
            "after_verification:success_false_published_false",
            f"This pact is still pending for {line}: it failed.",
        ),
        VerificationNotice(
            "after_verification:success_true_published_true",
            ended,
        ),
        VerificationNotice(
            "after_verification:success_false_published_true",
            f"This pact is still pending for {line}: it failed, and the result was published.",
        ),
    )
