"""Consumer version selectors: how they are read, and what they choose."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import nested_query, selectors
from contracts.errors import InvalidSelectors
from contracts.selectors import Candidate, Request, Selector, choose

NOW = datetime(2024, 5, 1, tzinfo=UTC)


def version(consumer: str, number: str, order: int, sha: str = "", **more: Any) -> Candidate:
    sets = {name: frozenset(value.split()) for name, value in more.items() if name != "main_branch"}
    return Candidate(
        consumer,
        number,
        order,
        sha or f"sha-{consumer}-{number}",
        NOW + timedelta(days=order),
        main_branch=more.get("main_branch"),
        **sets,
    )


SHOP = (
    version("shop", "1", 1, tags="prod v1", newest_of="v1", branches="main", main_branch="main", deployed="prod"),
    version("shop", "2", 2, tags="prod", newest_of="prod", branches="feat/x", heads="feat/x", main_branch="main"),
    version("shop", "3", 3, branches="main", heads="main", main_branch="main", released="app-store"),
    version("shop", "4", 4, branches="feat/y", heads="feat/y", main_branch="main"),
)
OLD = (
    version("old", "1", 1, tags="master dev", newest_of="", main_branch="master"),
    version("old", "2", 2, tags="master", newest_of="master", main_branch="master"),
    version("old", "3", 3, deployed="prod test", main_branch="master"),
)
ALL = (*SHOP, *OLD)

CHOICES = (
    # selector, numbers chosen as consumer@number
    ({"mainBranch": True}, "shop@3"),
    ({"branch": "feat/x"}, "shop@2"),
    ({"branch": True}, "shop@2 shop@3 shop@4"),
    ({"branch": "gone", "fallbackBranch": "main"}, "shop@3"),
    ({"branch": "gone"}, ""),
    ({"matchingBranch": True}, "shop@4"),
    ({"tag": "prod", "latest": True}, "shop@2"),
    ({"tag": "prod"}, "shop@1 shop@2"),
    ({"tag": "gone", "latest": True, "fallbackTag": "master"}, "old@2"),
    ({"tag": True}, "old@1 old@2 shop@1 shop@2"),
    ({"latest": True}, "old@3 shop@4"),
    ({"latest": True, "consumer": "old"}, "old@3"),
    ({"deployed": True}, "old@3 shop@1"),
    ({"deployed": True, "environment": "test"}, "old@3"),
    ({"released": True}, "shop@3"),
    ({"deployedOrReleased": True}, "old@3 shop@1 shop@3"),
    ({"environment": "app-store"}, "shop@3"),
    ({"environment": "prod", "consumer": "shop"}, "shop@1"),
)
ENVIRONMENTS = ("prod", "test", "app-store")


def chosen(request: Request) -> str:
    found = {f"{c.version.consumer}@{c.version.number}" for one in choose(request, ALL) for c in one.choices}
    return " ".join(sorted(found))


def test_each_selector_chooses_what_it_says() -> None:
    for selector, numbers in CHOICES:
        body = {"consumerVersionSelectors": [selector], "providerVersionBranch": "feat/y"}
        assert chosen(selectors.from_body(body, ENVIRONMENTS)) == numbers, selector


def test_without_selectors_the_main_branch_and_what_is_out_there_is_chosen() -> None:
    # `old` has no head of its main branch: the tag of that name stands in.
    assert chosen(selectors.from_body({})) == "old@2 old@3 shop@1 shop@3"
    assert chosen(selectors.from_body(None)) == chosen(selectors.from_body({"consumerVersionSelectors": []}))
    lonely = (version("lone", "1", 1), version("lone", "2", 2))
    assert [one.newest.number for one in choose(Request(), lonely)] == ["2"]


def test_one_content_is_given_once_with_all_that_chose_it() -> None:
    same = (
        version("a", "1", 1, "same", deployed="prod"),
        version("a", "2", 2, "same", heads="main", main_branch="main"),
    )
    (one,) = choose(Request((Selector(main_branch=True), Selector(deployed=True))), same)
    assert (one.sha, one.newest.number) == ("same", "2")
    assert [str(choice.selector) for choice in one.choices] == ["latest from main branch", "currently deployed"]


def test_the_body_with_every_selector_kind_is_read() -> None:
    read = selectors.from_body(
        {
            "providerVersionBranch": "main",
            "providerVersionTags": ["pt1"],
            "includePendingStatus": True,
            "includeWipPactsSince": "2024-01-01",
            "consumerVersionSelectors": [
                {"mainBranch": True},
                {"deployedOrReleased": True},
                {"matchingBranch": True},
                {"tag": "prod", "fallbackTag": "dev", "latest": True},
                {"consumer": "c", "branch": "feat/x", "fallbackBranch": "main"},
                {"deployed": True, "environment": "prod"},
                {"released": True},
                {"latest": True},
            ],
        },
        ENVIRONMENTS,
    )
    assert len(read.selectors) == 8
    assert (read.provider_branch, read.provider_tags, read.pending) == ("main", ("pt1",), True)
    assert read.since == datetime(2024, 1, 1, tzinfo=UTC)
    assert [str(one) for one in read.selectors][3:6] == [
        "latest with tag prod",
        "latest from branch feat/x of c",
        "currently deployed to prod",
    ]
    for one in read.selectors:
        body = {"consumerVersionSelectors": [one.as_json()], "providerVersionBranch": "main"}
        assert selectors.from_body(body, ENVIRONMENTS).selectors == (one,)


def test_the_older_get_query_is_read() -> None:
    query = (
        "provider_version_tags[]=a&provider_version_tags[]=b&include_pending_status=true"
        "&consumer_version_selectors[][tag]=prod&consumer_version_selectors[][latest]=true"
        "&consumer_version_selectors[][fallback_tag]=dev&consumer_version_selectors[][tag]=x"
        "&consumer_version_selectors[][consumer]=c&include_wip_pacts_since=2024-01-01T10:00:00%2B01:00"
    )
    read = selectors.from_query(nested_query.parse(query))
    assert read.selectors == (Selector(tag="prod", latest=True, fallback_tag="dev"), Selector(tag="x", consumer="c"))
    assert (read.provider_tags, read.pending) == (("a", "b"), True)
    assert read.since == datetime(2024, 1, 1, 9, tzinfo=UTC)
    assert selectors.from_query({}) == Request()


BAD: tuple[tuple[Any, str], ...] = (
    ({"mainBranch": True, "latest": True}, "mainBranch can only be combined with consumer"),
    ({"mainBranch": True, "branch": "x"}, "mainBranch can only"),
    ({"branch": "b", "tag": "t"}, "a branch and a tag"),
    ({"branch": "b", "latest": False}, "latest can't be false"),
    ({"fallbackTag": "t"}, "a fallbackTag needs"),
    ({"tag": "t", "fallbackTag": "u"}, "a fallbackTag needs"),
    ({"fallbackBranch": "b"}, "a fallbackBranch needs"),
    ({"deployed": True, "released": True}, "exclude each other"),
    ({"environment": "nowhere"}, "does not exist"),
    ({"deployed": True, "tag": "t"}, "can't be combined"),
    ({"environment": "prod", "latest": True}, "can't be combined"),
    ({"matchingBranch": True}, "needs the providerVersionBranch"),
    ({}, "at least one of"),
    ({"latest": False}, "at least one of"),
    ({"consumer": "c"}, "at least one of"),
    ({"tag": ""}, "must be a name"),
    ({"tag": 7}, "must be a name"),
    ({"latest": "perhaps"}, "must be a boolean"),
    ("main", "must be an object"),
)


def test_contradictions_are_refused_by_name() -> None:
    for selector, words in BAD:
        with pytest.raises(InvalidSelectors) as refused:
            selectors.from_body({"consumerVersionSelectors": [selector]}, ENVIRONMENTS)
        assert any(words in one for one in refused.value.fields["consumerVersionSelectors"]), selector


BAD_BODIES: tuple[tuple[Any, str], ...] = (
    ({"consumerVersionSelectors": "x"}, "consumerVersionSelectors"),
    ({"includePendingStatus": "perhaps"}, "includePendingStatus"),
    ({"includeWipPactsSince": "soon"}, "includeWipPactsSince"),
    ({"providerVersionTags": [1]}, "providerVersionTags"),
    ({"providerVersionBranch": 1}, "providerVersionBranch"),
    ({"providerVersionBranch": "", "includePendingStatus": True}, "providerVersionBranch"),
    ([], "body"),
)


def test_bodies_of_the_wrong_shape_are_refused_field_by_field() -> None:
    for body, name in BAD_BODIES:
        with pytest.raises(InvalidSelectors) as refused:
            selectors.from_body(body)
        assert set(refused.value.fields) == {name}, body


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["tag", "branch", "latest", "x"]), inner)
    ),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from(["consumerVersionSelectors", "includeWipPactsSince", "providerVersionTags"]), JSON)
)
def test_any_body_is_read_or_refused(body: dict[str, Any]) -> None:
    try:
        read = selectors.from_body(body)
    except InvalidSelectors as problem:
        refused = problem.fields
    else:
        refused = {}
        assert choose(read, ALL) is not None
    assert set(refused) <= set(body)
