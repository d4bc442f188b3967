"""The matrix and its verdict: worked examples, what never may happen, and how questions are read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import matrix, nested_query, questions
from contracts.errors import InvalidQuery
from contracts.matrix import Matrix, Row, Soundness
from contracts.questions import Ignore, Question
from contracts.verdict import Verdict, verdict
from tests.unit.contracts.examples import EXAMPLES, G1, Example, env, q
from tests.unit.contracts.ledger import Ledger


def asked(given: str, query: str, soundness: Soundness = Soundness.SOUND) -> Matrix:
    return matrix.ask(questions.question(nested_query.parse(query)), Ledger.told(given), soundness)


def told(row: Row) -> str:
    provider = row.provider_version
    result = {True: " ok", False: " FAIL", None: "?"}[row.success]
    number = provider.number if provider else ""
    return f"{row.consumer.application}@{row.consumer.number}-{row.provider}@{number}{result}"


def names(reasons: Any) -> tuple[str, ...]:
    return tuple(type(reason).__name__ for reason in reasons)


def check(example: Example, soundness: Soundness) -> None:
    found = asked(example.given, example.asked, soundness)
    answer = verdict(found)
    assert answer.deployable is example.deployable, answer
    assert sorted(names(answer.reasons)) == sorted(example.reasons), answer
    if example.warnings is not None:
        assert names(answer.warnings) == example.warnings
    if example.counts is not None:
        assert (answer.success, answer.failed, answer.unknown, answer.ignored) == example.counts
    if example.integrations is not None:
        assert len(found.integrations) == example.integrations
    if example.resolved is not None:
        assert len(found.resolved) == example.resolved
    if example.rows is not None:
        assert tuple(map(told, found.shown)) == example.rows
    for words in example.words:
        assert words in answer.reason


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.id)
def test_the_worked_examples_have_their_answers(example: Example) -> None:
    check(example, Soundness.SOUND)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.id)
def test_the_reference_setting_gives_the_references_answers(example: Example) -> None:
    check(replace(example, **example.reference), Soundness.REFERENCE)


def deployment(given: str, query: str) -> Verdict:
    return verdict(matrix.ask(questions.deployment_question(nested_query.parse(query)), Ledger.told(given)))


def test_can_i_deploy_asks_in_one_sentence() -> None:
    answer = deployment(G1, "pacticipant=Foo&version=1&environment=production")  # H1
    assert (answer.deployable, names(answer.reasons)) == (True, ("AllVerified",))
    assert (answer.success, answer.failed, answer.unknown) == (1, 0, 0)
    answer = deployment(
        f"{G1}; Foo@1 -> Baz: FAIL(Baz@99)", "pacticipant=Foo&version=1&environment=production&ignore[]=Baz"
    )  # H3
    assert (answer.deployable, answer.success, answer.failed, answer.unknown, answer.ignored) == (True, 1, 0, 0, 1)
    assert deployment(G1, "pacticipant=Foo&version=1&to=prod").deployable is True


BAD_DEPLOYMENT_QUESTIONS = (
    ("", 3),  # H2
    ("pacticipant=Foo&version=1", 1),
    ("pacticipant=Foo&version=1&to=prod&environment=prod", 1),
    ("version=1&to=prod", 1),
)


def test_can_i_deploy_refuses_half_a_question() -> None:
    for query, faults in BAD_DEPLOYMENT_QUESTIONS:
        with pytest.raises(InvalidQuery) as refused:
            questions.deployment_question(nested_query.parse(query))
        assert len(refused.value.reasons) == faults, query


BAD_QUESTIONS = (
    ("", "one or more version selectors"),
    ("q[][version]=1", "pacticipant name"),
    ("q[][pacticipant]=A&q[][version]=1&q[][latest]=true", "latest flag"),
    ("q[][pacticipant]=A&tag=x&environment=y", "Only one of"),
    ("q[][pacticipant]=A&mainBranch=true&environment=y", "Only one of"),
    ("q[][pacticipant]=A&latest=true&environment=y", "latest and environment"),
    ("q[][pacticipant]=A&limit=0", "limit"),
    ("q[][pacticipant]=A&limit=x", "limit"),
    ("q[][pacticipant]=A&limit=99999999999999999999", "limit"),
    ("q[][pacticipant]=A&days=-1", "days"),
    ("q[][pacticipant]=A&latestby=zzz", "latestby"),
    ("q[][pacticipant]=A&success=maybe", "success"),
)


def test_questions_that_contradict_themselves_are_refused_with_a_sentence() -> None:
    for query, words in BAD_QUESTIONS:
        with pytest.raises(InvalidQuery) as refused:
            questions.question(nested_query.parse(query))
        assert words in str(refused.value), query


def test_all_shapes_of_a_question_read_alike() -> None:
    nested = questions.question(
        nested_query.parse("q%5B%5D%5Bpacticipant%5D=A+b&q%5B%5D%5Bversion%5D=1&q[][pacticipant]=B")
    )
    flat = questions.question(nested_query.parse("q[]pacticipant=A%20b&q[]version=1&q[]pacticipant=B"))
    assert nested == flat
    assert [one.application for one in nested.selectors] == ["A b", "B"]
    read = questions.question(nested_query.parse("q[][pacticipant]=A&success[]=true&success[]=null&ignore[]=X&days=3"))
    assert (read.success, read.ignore, read.days) == (frozenset({True, None}), (Ignore("X"),), 3)
    assert nested_query.parse("options[x]=1&options[y]=2&a=1&b[]=1&b[]=2&c[d=1&[x]=2") == {
        "options": {"x": "1", "y": "2"},
        "a": "1",
        "b": ["1", "2"],
        "c[d": "1",
        "[x]": "2",
    }


# what never may happen

APPLICATIONS = ("A", "B", "C")


@st.composite
def graphs(draw: st.DrawFn) -> str:
    statements: list[str] = []
    for _ in range(draw(st.integers(1, 6))):
        consumer, provider = draw(st.permutations(APPLICATIONS))[:2]
        results = "".join(
            f" {draw(st.sampled_from(['ok', 'FAIL']))}({provider}@{draw(st.integers(1, 3))})"
            for _ in range(draw(st.integers(0, 3)))
        )
        statements.append(f"{consumer}@{draw(st.integers(1, 3))} -> {provider}:{results}")
    for application in APPLICATIONS:
        for instance in range(draw(st.integers(0, 2))):
            statements.append(f"dep({application}@{draw(st.integers(1, 3))},prod,i{instance})")
    return ";".join(statements)


QUERIES = st.sampled_from(
    [f"{q(f'{name}@{number}')}&{env('prod')}" for name in "ABC" for number in (1, 2)]
    + [f"{q('A@1')}&environment=prod&latestby=cvp", q("A@1", "B@1"), q("A"), f"{q('B@1')}&latest=true&latestby=cvp"]
)


@given(graphs(), QUERIES)
def test_adding_a_passing_row_never_turns_yes_to_no(graph: str, query: str) -> None:
    found = asked(graph, query)
    before = verdict(found)
    for row in found.rows:
        if row.result is not None and before.deployable is True:
            passing = Row(row.publication, replace(row.result, success=True, number=999))
            assert verdict(replace(found, rows=(*found.rows, passing))).deployable is True


@given(graphs(), QUERIES)
def test_removing_a_needed_row_never_turns_dont_know_to_yes(graph: str, query: str) -> None:
    """A needed row carries a result that is owed: take the result away and the answer is no better."""
    ledger = Ledger.told(graph)
    question = questions.question(nested_query.parse(query))
    before = verdict(matrix.ask(question, ledger)).deployable
    for result in tuple(ledger.verifications):
        ledger.verifications.remove(result)
        after = verdict(matrix.ask(question, ledger)).deployable
        if result.success and question.latest_by is not None and not _hid_a_result(ledger, result):
            assert not (before is not True and after is True)
        ledger.verifications.append(result)
        ledger.verifications.sort(key=lambda one: one.number)


def _hid_a_result(ledger: Ledger, result: Any) -> bool:
    """Whether the result was a repetition: the one before it counts again when it goes."""
    return any(
        other.content == result.content and other.provider.application == result.provider.application
        for other in ledger.verifications
    )


@given(graphs(), QUERIES)
def test_rows_taken_out_of_the_matrix_leave_a_needed_integration_unknown(graph: str, query: str) -> None:
    found = asked(graph, query)
    required = {(one.consumer, one.provider) for one in found.integrations if one.required}
    for pair in required:
        rows = tuple(row for row in found.rows if (row.consumer.application, row.provider) != pair)
        assert verdict(replace(found, rows=rows)).deployable is not True


@given(graphs(), QUERIES)
def test_a_sound_answer_is_never_better_than_the_references(graph: str, query: str) -> None:
    sound, reference = verdict(asked(graph, query)), verdict(asked(graph, query, Soundness.REFERENCE))
    if sound.deployable is True:
        assert reference.deployable is True


@given(graphs(), st.sampled_from("ABC"), st.integers(1, 3))
def test_yes_to_an_environment_means_a_result_for_every_pair_there(graph: str, name: str, number: int) -> None:
    ledger = Ledger.told(graph)
    question = questions.question(nested_query.parse(f"{q(f'{name}@{number}')}&{env('prod')}"))
    if verdict(matrix.ask(question, ledger)).deployable is not True:
        return
    there = {version.id for (application, _, _), version in ledger.deployed.items() if application != name}
    asked_for = {one.id for one in ledger.all if (one.application, one.number) == (name, str(number))}
    for pact in ledger.pacts:
        providers = [one for one in ledger.all if one.application == pact.provider]
        for provider in providers:
            pair = {pact.consumer.id, provider.id}
            if pair & asked_for and pair <= asked_for | there:
                last = [r for r in ledger.verifications if (r.content, r.provider.id) == (pact.content, provider.id)]
                assert last, (pact, provider)
                assert last[-1].success


@given(graphs(), QUERIES)
def test_the_counts_add_up(graph: str, query: str) -> None:
    found = asked(graph, query)
    answer = verdict(found)
    assert answer.success + answer.failed + answer.unknown >= len(found.rows)
    assert answer.ignored is None
    assert (answer.deployable is True) <= (answer.failed == 0 and answer.unknown == 0)
    assert len({(notice.level, notice.text) for notice in answer.notices}) == len(answer.notices)


def test_a_limit_cuts_what_is_shown_and_not_what_is_judged() -> None:
    question: Question = replace(questions.question(nested_query.parse(q("A"))), limit=1)
    found = matrix.ask(question, Ledger.told("A@1 -> B: FAIL(B@1); A@2 -> B: ok(B@1)"))
    assert [told(row) for row in found.shown] == ["A@2-B@1 ok"]
    assert verdict(found).deployable is False
