"""The verdict on a change: outcomes, evidence, waivers, windows, policies. What coverage says is written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from contracts.coverage import SITUATIONS, Covered
from contracts.coverage import Outcome as Coverage
from contracts.impact import (
    GAP,
    NO_CONTRACT,
    NOT_READABLE,
    NOWHERE,
    PARTIAL,
    UNMAPPED,
    Impact,
    Outcome,
    Place,
    Question,
    Reader,
    Unreadable,
    Verdict,
    impact,
    outcome,
)
from contracts.needs import ABSENT, ERASED, OTHER, Contract, Evidence, Need, When
from contracts.protection import Protect, Protection, Waiver, effective, holds_for, protection, scope, waives, written
from registry.errors import InvalidConfig, InvalidRequest
from registry.evolution import windows
from registry.evolution.windows import DAY, Registered, Retention, Window, held
from registry.examine import IMPACT

NOW = 1_800_000_000_000
PROD = (Place("prod", NOW - DAY, production=True),)

# need's `when`, coverage's outcome and situation → what it means
OUTCOMES: list[tuple[dict[str, When], Coverage, str, Outcome]] = [
    ({}, Coverage.GUARANTEED, "", Outcome.SAFE),
    ({ABSENT: When.FAILS}, Coverage.GUARANTEED, "", Outcome.SAFE),
    ({}, Coverage.IMPOSSIBLE, ABSENT, Outcome.BREAKS),
    ({}, Coverage.CONDITIONAL, ABSENT, Outcome.UNKNOWN),
    ({ABSENT: When.FAILS}, Coverage.CONDITIONAL, ABSENT, Outcome.BREAKS),
    ({ABSENT: When.CHANGES}, Coverage.CONDITIONAL, ABSENT, Outcome.DEGRADES),
    ({ABSENT: When.SAME}, Coverage.CONDITIONAL, ABSENT, Outcome.SAFE),
    ({ABSENT: When.SAME}, Coverage.CONDITIONAL, OTHER, Outcome.UNKNOWN),
    ({ABSENT: When.SAME}, Coverage.IMPOSSIBLE, ABSENT, Outcome.SAFE),
    ({ABSENT: When.CHANGES}, Coverage.IMPOSSIBLE, ABSENT, Outcome.DEGRADES),
    ({ABSENT: When.SAME}, Coverage.IMPOSSIBLE, "type", Outcome.BREAKS),
]


@pytest.mark.parametrize(("when", "covered", "situation", "expected"), OUTCOMES)
def test_what_coverage_means_to_a_reader(
    when: dict[str, When], covered: Coverage, situation: str, expected: Outcome
) -> None:
    assert outcome(Covered(Need("/a", when=when), covered, situation)) is expected


def judged(readers: Sequence[Reader], coverage: Coverage = Coverage.GUARANTEED, **more: object) -> Impact:
    """An impact in which coverage says the same of every need."""

    def cover(contracts: Sequence[Contract]) -> list[list[Covered]]:
        return [[Covered(need, coverage, ABSENT) for need in contract.needs] for contract in contracts]

    return impact(Question("s", NOW), readers, cover, **more)  # type: ignore[arg-type] # keywords of the rows


def contract(*paths: str, partial: bool = False, reasons: tuple[str, ...] = (), confirmed: int = NOW - DAY) -> Contract:
    return Contract(tuple(map(Need, paths)), Evidence.RECORDED, partial=partial, reasons=reasons, confirmed=confirmed)


# reader → verdict, and what the gravest row says
READERS: list[tuple[str, Reader, Verdict, str]] = [
    ("covered", Reader("a", "1", PROD, (contract("/x"),)), Verdict.SAFE, "every event has what it needs: /x"),
    ("nothing needed", Reader("a", "1", PROD, (contract(),)), Verdict.SAFE, "nothing of the event"),
    ("no contract", Reader("a", "1", PROD), Verdict.UNKNOWN, "published no contract"),
    ("seen only", Reader("a", "1", PROD, seen=NOW - 3 * DAY), Verdict.UNKNOWN, "3 day(s) ago"),
    ("seen in the future", Reader("a", "1", PROD, seen=NOW + DAY), Verdict.UNKNOWN, "today"),
    ("recorded in part", Reader("a", "1", PROD, (contract("/x", partial=True),)), Verdict.UNKNOWN, "never run"),
    ("a gap", Reader("a", "1", PROD, (contract("/x", reasons=("binary",)),)), Verdict.UNKNOWN, "binary"),
    ("nowhere", Reader("a", "1", (), (contract("/x"),)), Verdict.UNKNOWN, "never recorded"),
]


@pytest.mark.parametrize(("what", "reader", "verdict", "said"), READERS, ids=[each[0] for each in READERS])
def test_safe_needs_evidence(what: str, reader: Reader, verdict: Verdict, said: str) -> None:
    found = judged([reader])
    assert found.verdict is verdict
    assert said in found.rows[0].reason


def test_nobody_is_unknown_and_says_what_to_do() -> None:
    found = judged([])
    assert found.verdict is Verdict.UNKNOWN
    assert "Nobody is known to read s" in found.next[0]


def test_a_clock_that_went_backwards_leaves_the_age_open_and_says_so() -> None:
    reader = Reader("a", "1", PROD, (contract("/x", confirmed=NOW + 1),))
    row = judged([reader], Coverage.IMPOSSIBLE).rows[0]
    assert (row.outcome, row.age) == (Outcome.BREAKS, None)
    assert "clocks differ" in row.reason
    assert judged([reader]).rows[0].age is None


def test_the_same_version_in_many_places_is_told_once_and_production_first() -> None:
    qa = Reader("a", "2", (Place("qa", NOW),), (contract("/x"),))
    both = Reader(
        "b", "1", (*PROD, Place("prod", NOW, True, "blue"), Place("dr", NOW)), (contract("/x"), contract("/x"))
    )
    rows = judged([qa, both], Coverage.IMPOSSIBLE).rows
    assert [(row.consumer, row.environments) for row in rows] == [("b", ("prod", "dr")), ("a", ("qa",))]


def test_who_acts_is_named() -> None:
    found = judged([Reader("a", "1", PROD, (contract("/x"),), owner="team-a")], Coverage.IMPOSSIBLE)
    assert found.rows[0].act == "the owner of s, or team-a first"


@pytest.mark.parametrize(("known", "verdict"), [(True, Verdict.UNSAFE), (False, Verdict.UNKNOWN)])
def test_a_version_of_the_window_that_cannot_be_read(known: bool, verdict: Verdict) -> None:
    reader = Reader("a", "1", PROD, (contract("/x"),))
    found = judged([reader], unreadable=[Unreadable(1, "no default", "/x", known=known)])
    assert (found.verdict, found.rows[0].direction.value) == (verdict, "backward")


def test_a_waived_row_is_shown_and_does_not_count_until_its_date() -> None:
    reader = Reader("a", "1", PROD, (contract("/x/y"),))
    waiver = Waiver("s", NOW + 1, "why", "me", path="/x", consumer="a")
    found = judged([reader], Coverage.IMPOSSIBLE, waivers=[waiver])
    assert (found.verdict, found.rows[0].waiver) == (Verdict.SAFE, waiver)
    expired = Waiver("s", NOW, "why", "me")
    found = judged([reader], Coverage.IMPOSSIBLE, waivers=[expired])
    assert (found.verdict, found.rows[0].waiver, found.expired) == (Verdict.UNSAFE, None, (expired,))


def test_warnings_pass_where_that_is_set() -> None:
    need = Need("/x", when={ABSENT: When.CHANGES})
    reader = Reader("a", "1", PROD, (Contract((need,), Evidence.RECORDED),))
    assert judged([reader], Coverage.CONDITIONAL).verdict is Verdict.UNSAFE
    assert judged([reader], Coverage.CONDITIONAL, warnings_pass=True).verdict is Verdict.SAFE


# Properties.

WHENS = some.dictionaries(some.sampled_from([ABSENT, OTHER]), some.sampled_from(When), max_size=2)
NEEDS = some.builds(Need, some.sampled_from(["/a", "/b", "/b/c"]), when=WHENS)
CONTRACTS = some.builds(
    Contract,
    some.lists(NEEDS, max_size=3).map(tuple),
    some.sampled_from(Evidence),
    partial=some.booleans(),
    reasons=some.sampled_from([(), ("why",)]),
    confirmed=some.sampled_from([None, NOW - DAY, NOW + DAY]),
)
READER = some.builds(
    Reader,
    some.sampled_from(["a", "b"]),
    some.sampled_from(["1", "2"]),
    some.sampled_from([(), PROD]),
    some.none() | some.lists(CONTRACTS, min_size=1, max_size=3).map(tuple),
    seen=some.sampled_from([None, NOW - DAY]),
)
GRAVITY = {Verdict.UNSAFE: 2, Verdict.UNKNOWN: 1, Verdict.SAFE: 0}


@given(some.lists(READER, max_size=4), some.lists(READER, max_size=2), some.randoms(use_true_random=False))
def test_more_readers_never_make_it_safer(readers: list[Reader], more: list[Reader], chance: object) -> None:
    said = [Coverage.GUARANTEED, Coverage.CONDITIONAL, Coverage.IMPOSSIBLE]

    def cover(contracts: Sequence[Contract]) -> list[list[Covered]]:
        return [
            [Covered(need, said[len(repr(need)) % 3], (ABSENT, OTHER)[len(repr(need)) % 2]) for need in each.needs]
            for each in contracts
        ]

    few, many = (impact(Question("s", NOW), listed, cover) for listed in (readers, [*readers, *more]))
    if readers:
        assert GRAVITY[many.verdict] >= GRAVITY[few.verdict]
    else:
        assert few.verdict is Verdict.UNKNOWN
    if few.verdict is Verdict.UNSAFE:
        assert many.verdict is Verdict.UNSAFE
    if many.verdict is Verdict.SAFE:
        assert [*readers, *more]
        assert all(each.contracts and each.places for each in [*readers, *more])
        assert not any(part.partial or part.reasons for each in [*readers, *more] for part in each.contracts or ())


# Policies and waivers.


def test_the_nearest_policy_decides_member_by_member() -> None:
    window = Window(days=3)
    policies = {
        "": Protection(Protect.USED, window),
        "orders-*": Protection(Protect.EVERYTHING),
        "orders-value": Protection(readable_for=Window(forever=True)),
        "other": Protection(Protect.USED_OR_UNKNOWN),
    }
    assert effective(policies, "orders-value") == Protection(Protect.EVERYTHING, Window(forever=True))
    assert effective(policies, "orders-key") == Protection(Protect.EVERYTHING, window)
    assert effective(policies, "x") == Protection(Protect.USED, window)
    assert effective({}, "x").empty


@pytest.mark.parametrize(
    ("scope_", "subject", "holds"),
    [
        ("", "a", True),
        ("a*", "ab", True),
        ("a*", "b", False),
        ("a", "a", True),
        ("a", "ab", False),
        (":.dev:*", ":.dev:a", True),
    ],
)
def test_scopes(scope_: str, subject: str, holds: bool) -> None:
    assert holds_for(scope(scope_), subject) is holds


@pytest.mark.parametrize("text", ["a*b", "a\n", "*a*"])
def test_what_is_no_scope(text: str) -> None:
    with pytest.raises(InvalidRequest):
        scope(text)


@pytest.mark.parametrize(
    "body",
    [
        {"protect": "used"},
        {"readable_for": {"versions": 2}},
        {"readable_for": {"while_retained": "t"}, "protect": "everything"},
        {"readable_for": "forever"},
        {},
    ],
)
def test_a_policy_is_written_as_it_was_read(body: dict[str, object]) -> None:
    assert written(protection(body)) == body


@pytest.mark.parametrize(
    "body", [{"protect": "x"}, {"more": 1}, {"readable_for": {"days": 1, "versions": 1}}, {"readable_for": 3}]
)
def test_what_is_no_policy(body: dict[str, object]) -> None:
    with pytest.raises(InvalidConfig):
        protection(body)


@pytest.mark.parametrize(
    ("waiver", "row", "holds"),
    [
        (Waiver("s*", 1, "", ""), ("sub", "r", None, "c"), True),
        (Waiver("s", 1, "", "", path="/a"), ("s", "r", "/a/b", "c"), True),
        (Waiver("s", 1, "", "", path="/a"), ("s", "r", "/ab", "c"), False),
        (Waiver("s", 1, "", "", path="/a"), ("s", "r", None, "c"), False),
        (Waiver("s", 1, "", "", rule="x"), ("s", "r", None, "c"), False),
        (Waiver("s", 1, "", "", consumer="d"), ("s", "r", None, "c"), False),
    ],
)
def test_what_a_waiver_speaks_of(waiver: Waiver, row: tuple[str, str, str | None, str], holds: bool) -> None:
    assert waives(waiver, *row) is holds


# Windows.

VERSIONS = [Registered(1, NOW - 100 * DAY), Registered(2, NOW - 40 * DAY), Registered(3, NOW - 10 * DAY)]
HELD: list[tuple[str, Window, Retention | None, list[tuple[int, int | None]]]] = [
    ("versions", Window(versions=2), None, [(2, None), (3, None)]),
    ("more than there are", Window(versions=9), None, [(1, None), (2, None), (3, None)]),
    ("days", Window(days=30), None, [(2, NOW + 20 * DAY), (3, None)]),
    ("many days", Window(days=365), None, [(1, NOW + 325 * DAY), (2, NOW + 355 * DAY), (3, None)]),
    ("forever", Window(forever=True), None, [(1, None), (2, None), (3, None)]),
    ("unknown topic", Window(while_retained="t"), None, [(1, None), (2, None), (3, None)]),
    ("retention", Window(while_retained="t"), Retention("t", 30 * DAY, None, NOW), [(2, NOW + 20 * DAY), (3, None)]),
    ("kept for ever", Window(while_retained="t"), Retention("t", -1, None, NOW), [(1, None), (2, None), (3, None)]),
    ("oldest event", Window(while_retained="t"), Retention("t", -1, NOW - 20 * DAY, NOW), [(2, None), (3, None)]),
]


@pytest.mark.parametrize(("what", "window", "retention", "expected"), HELD, ids=[each[0] for each in HELD])
def test_which_versions_a_window_holds(
    what: str, window: Window, retention: Retention | None, expected: list[tuple[int, int | None]]
) -> None:
    found = held(window, VERSIONS, NOW, retention)
    assert [(each.version, each.until) for each in found] == expected
    assert {each.known for each in found} == {what != "unknown topic"}


@given(some.lists(some.integers(0, 200 * DAY), min_size=1, max_size=6), some.integers(1, 100))
def test_a_window_never_ends_early_whatever_the_clock_does(times: list[int], days: int) -> None:
    versions = [Registered(number + 1, NOW - at) for number, at in enumerate(times)]
    found = {each.version for each in held(Window(days=days), versions, NOW)}
    assert len(versions) in found
    for earlier, later in pairwise(versions):
        if later.at + days * DAY > NOW:
            assert earlier.version in found
    assert found == {each.version for each in held(Window(days=days), list(reversed(versions)), NOW)}


def test_a_window_says_when_it_ends() -> None:
    assert windows.written(Window(versions=2)) == {"versions": 2}
    assert "2 newer one(s)" in held(Window(versions=2), VERSIONS, NOW)[1].why


def test_every_rule_of_a_row_is_explained() -> None:
    rows = {NO_CONTRACT, PARTIAL, GAP, NOWHERE, UNMAPPED, NOT_READABLE}
    assert set(IMPACT) == {*SITUATIONS, ERASED, *rows, "reference"}
