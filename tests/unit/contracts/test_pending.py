"""Pending and work in progress: who decides, since when, and what verifiers are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from contracts.pending import Line, Provider, Success, is_pending, pending_for, to_verify, work_in_progress
from contracts.selectors import Request, Selector, choose
from tests.unit.contracts.test_selectors import version

DAY = timedelta(days=1)
T0 = datetime(2024, 5, 1, tzinfo=UTC)
MAIN = Provider("api", branch=Line("main", T0))
FEATURE = Provider("api", branch=Line("feat", T0 + 5 * DAY))
NEW = Provider("api", branch=Line("fresh"))
TAGGED = Provider("api", tags=(Line("dev", T0), Line("prod", T0 + 5 * DAY)))
BARE = Provider("api")


def success(day: int, branches: str = "", tags: str = "", *, wip: bool = False) -> Success:
    return Success("sha", T0 + day * DAY, frozenset(branches.split()), frozenset(tags.split()), wip)


PENDING = (
    # provider, successes, pending
    (MAIN, (), True),
    (MAIN, (success(1, "main"),), False),
    (MAIN, (success(1, "other"),), True),
    (FEATURE, (success(1, "main"),), False),  # before this branch began
    (FEATURE, (success(6, "main"),), True),
    (FEATURE, (success(6, "feat"),), False),
    (NEW, (success(6, "main"),), False),  # a branch without versions begins now
    (NEW, (), True),
    (MAIN, (success(1, "main", wip=True),), True),  # a WIP success ends nothing
    (MAIN, (success(1),), True),
    (TAGGED, (success(1, tags="dev"),), False),  # before prod was first used
    (TAGGED, (success(6, tags="dev"),), True),
    (TAGGED, (success(6, tags="dev prod"),), False),
    (TAGGED, (success(6, "main"),), True),
    (BARE, (), True),
    (BARE, (success(1),), False),
    (BARE, (success(1, wip=True),), True),
)


def test_pending_is_judged_by_branch_else_by_tags_else_by_any_success() -> None:
    for provider, successes, pending in PENDING:
        assert is_pending(provider, successes) is pending, (provider, successes)
    assert pending_for(TAGGED, (success(6, tags="dev"),)) == ("prod",)


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["", "main", "feat"])), max_size=5), st.integers(0, 9))
def test_another_success_never_makes_a_pact_pending(told: list[tuple[int, str]], day: int) -> None:
    successes = [success(at, branches) for at, branches in told]
    for provider in (MAIN, FEATURE, NEW, BARE):
        if not is_pending(provider, successes):
            assert not is_pending(provider, [*successes, success(day, "main")])


HEADS = (
    version("shop", "1", 1, heads="main", main_branch="main"),
    version("shop", "2", 2, heads="feat/a"),
    version("shop", "3", 9, heads="feat/b", newest_of="b"),
    version("shop", "4", 10),
)
SINCE = T0 + 2 * DAY
WIP = Request((Selector(main_branch=True),), "main", pending=True, since=SINCE)


def wip(
    request: Request = WIP, provider: Provider = MAIN, successes: dict[str, list[Success]] | None = None
) -> list[str]:
    found = work_in_progress(request, provider, HEADS, choose(request, HEADS), successes or {})
    return [one.newest.number for one in found]


def test_work_in_progress_is_what_nobody_chose_and_nobody_passed() -> None:
    assert wip() == ["3", "2"]
    assert wip(replace(WIP, since=SINCE + DAY)) == ["3"]
    assert wip(replace(WIP, since=None)) == []
    assert wip(provider=BARE) == []
    assert wip(provider=TAGGED) == ["3", "2"]
    assert wip(replace(WIP, selectors=(Selector(branch="feat/a"),))) == ["3"]
    assert wip(successes={"sha-shop-3": [success(9, "main")]}) == ["2"]
    assert wip(successes={"sha-shop-3": [success(9, "main", wip=True)]}) == ["3", "2"]


def test_verifiers_are_told_why_and_what_follows() -> None:
    answer = to_verify(WIP, MAIN, HEADS, choose(WIP, HEADS), {"sha-shop-1": [success(3, "main")]})
    by_number = {one.chosen.newest.number: one for one in answer}
    known, fresh = by_number["1"], by_number["2"]
    assert (known.pending, known.wip, known.short) == (False, None, "latest from main branch")
    assert "verified successfully" in known.notices[1].text
    assert (fresh.pending, fresh.wip, fresh.short) == (True, True, "latest from branch feat/a")
    assert {notice.when for notice in fresh.notices} == {
        "before_verification",
        "after_verification:success_true_published_true",
        "after_verification:success_true_published_false",
        "after_verification:success_false_published_true",
        "after_verification:success_false_published_false",
    }
    assert "since 2024-05-03" in fresh.notices[0].text
    assert "until a selector chooses it" in next(
        n.text for n in fresh.notices if n.when.endswith("true_published_true")
    )


def test_pending_is_told_only_on_request() -> None:
    plain = replace(WIP, pending=False, since=None)
    (one,) = to_verify(plain, MAIN, HEADS, choose(plain, HEADS), {})
    assert (one.pending, one.wip, len(one.notices)) == (None, None, 1)
    (one,) = to_verify(replace(WIP, since=None), TAGGED, HEADS, choose(WIP, HEADS), {})
    assert one.pending is True
    assert "tag 'dev' and 'prod'" in one.notices[1].text
    assert "no longer pending" in next(n.text for n in one.notices if n.when.endswith("true_published_true"))


def test_the_default_choice_and_fallbacks_are_named() -> None:
    (one,) = to_verify(Request(), BARE, HEADS, choose(Request(), HEADS), {})
    assert "the default" in one.notices[0].text
    fallen = Request((Selector(branch="gone", fallback_branch="main"),))
    (one,) = to_verify(fallen, BARE, HEADS, choose(fallen, HEADS), {})
    assert one.short == "latest from branch gone (fallback main)"
