"""Publishing: what is refused and in which words, what the publisher is told; names; badges; errors."""

from __future__ import annotations

import base64
import inspect
import json
from datetime import UTC, datetime, timedelta
from string import Formatter
from typing import Any
from xml.etree import ElementTree

import pytest

from contracts import applications, badges, errors, publishing
from contracts.errors import ContractError, InvalidFields, InvalidName
from contracts.merging import OnConflict, Publishing
from contracts.notices import Level
from contracts.publishing import Outcome


def encoded(body: Any) -> str:
    return base64.b64encode(json.dumps(body).encode()).decode()


PACT = {"consumer": {"name": "shop"}, "provider": {"name": "api"}, "interactions": []}
CONTRACT = {
    "consumerName": "shop",
    "providerName": "api",
    "specification": "pact",
    "contentType": "application/json",
    "content": encoded(PACT),
    "onConflict": "merge",
}
BODY = {
    "pacticipantName": "shop",
    "pacticipantVersionNumber": "1.4",
    "branch": "main",
    "tags": ["dev", "dev", "x"],
    "buildUrl": "http://ci",
    "contracts": [CONTRACT],
}


def test_a_publication_is_read() -> None:
    read = publishing.publication(BODY)
    assert (read.application, read.number, read.branch, read.tags) == ("shop", "1.4", "main", ("dev", "x"))
    (contract,) = read.contracts
    assert (contract.consumer, contract.provider, contract.on_conflict) == ("shop", "api", OnConflict.MERGE)
    assert contract.document.body == PACT
    bare = publishing.publication(
        {
            "pacticipantName": "shop",
            "pacticipantVersionNumber": "1",
            "contracts": [{key: value for key, value in CONTRACT.items() if key != "onConflict"}],
        }
    )
    assert (bare.branch, bare.tags, bare.build_url, bare.contracts[0].on_conflict) == (None, (), None, None)


def contract(**changes: Any) -> dict[str, Any]:
    return {**BODY, "contracts": [{**CONTRACT, **changes}]}


REFUSED: tuple[tuple[Any, str, str], ...] = (
    ([], "body", "must be a JSON object"),
    ({**BODY, "pacticipantName": None}, "pacticipantName", "is missing"),
    ({**BODY, "pacticipantName": " "}, "pacticipantName", "can't be blank"),
    ({**BODY, "pacticipantVersionNumber": "1\n2"}, "pacticipantVersionNumber", "one line"),
    ({**BODY, "branch": ""}, "branch", "can't be blank"),
    ({**BODY, "branch": 1}, "branch", "must be a string"),
    ({**BODY, "tags": "dev"}, "tags", "list of names"),
    ({**BODY, "contracts": []}, "contracts", "at least one"),
    ({**BODY, "contracts": ["x"]}, "contracts", "must be an object (at index 0)"),
    (contract(consumerName="other"), "contracts", "must be the pacticipantName ('shop')"),
    (contract(providerName=None), "contracts", "providerName is missing"),
    (contract(contentType="application/xml"), "contracts", "contentType must be application/json"),
    (contract(specification="oas"), "contracts", "specification must be pact"),
    (contract(onConflict="ignore"), "contracts", "overwrite or merge"),
    (contract(content="%%%"), "contracts", "strict base64"),
    (
        contract(content=base64.b64encode(b"{").decode()),
        "contracts",
        "content must hold a pact: the document must be JSON",
    ),
    (contract(content=encoded([])), "contracts", "must be a JSON object"),
    (contract(content=encoded({"consumer": {"name": "x"}})), "contracts", "the consumer name in the pact ('x')"),
    (contract(content=encoded({"provider": {"name": "x"}})), "contracts", "the provider name in the pact ('x')"),
)


def test_each_fault_of_a_publication_has_its_field_and_its_words() -> None:
    for body, name, words in REFUSED:
        with pytest.raises(InvalidFields) as refused:
            publishing.publication(body)
        assert set(refused.value.fields) == {name}, body
        assert words in " ".join(refused.value.fields[name]), refused.value.fields
        assert words in str(refused.value)


def test_the_publisher_is_told_what_became_of_each_pact() -> None:
    read = publishing.publication(BODY)
    told = publishing.notices(
        read, [Outcome("shop", "api", Publishing.CREATED, changed=True, first=True)], created=True
    )
    assert [notice.level for notice in told] == [Level.SUCCESS, Level.SUCCESS, Level.DEBUG, Level.PROMPT]
    assert told[0].text == "Created shop version 1.4 with branch main and tags dev, x"
    assert "webhook" in told[3].text
    for outcome, level, words in (
        (Outcome("shop", "api", Publishing.UNCHANGED, changed=False), Level.SUCCESS, "republished"),
        (Outcome("shop", "api", Publishing.MERGED, changed=True), Level.SUCCESS, "merged"),
        (Outcome("shop", "api", Publishing.OVERWRITTEN, changed=True), Level.WARNING, "overwritten"),
        (Outcome("shop", "api", Publishing.CONFLICT, changed=False), Level.ERROR, "refused"),
    ):
        told = publishing.notices(read, [outcome], created=False)
        assert told[0].text.startswith("Updated")
        assert (told[1].level, words in told[1].text) == (level, True)
    plain = publishing.publication({**BODY, "branch": None, "tags": None})
    assert publishing.notices(plain, (), created=True)[1].level is Level.WARNING


# names

SIMILAR = (
    ("OrderService", ("order-api", "Orders", "orders_provider", "billing"), 3),
    ("Order", ("Order",), 0),
    ("Service", ("Services", "api"), 1),
    ("HTTPServer", ("http-server", "ftp-server"), 1),
    ("a", ("b",), 0),
    ("Größe", ("größe", "grosse"), 1),
)


def test_names_that_read_alike_are_found() -> None:
    for name, existing, count in SIMILAR:
        assert len(applications.similar(name, existing)) == count, name


def test_names_have_rules() -> None:
    assert applications.version_number("1.0+x é") == "1.0+x é"
    assert applications.without_spaces("name", "prod-eu") == "prod-eu"
    assert applications.display_name("app-store_eu") == "App Store Eu"
    for number in ("", "1\n", None):
        with pytest.raises(InvalidName):
            applications.version_number(number)
    for name in ("a b", "", None):
        with pytest.raises(InvalidName):
            applications.without_spaces("name", name)


def test_the_first_main_like_branch_becomes_the_main_branch_and_an_early_tag_a_branch() -> None:
    assert applications.becomes_main_branch("main", None)
    assert not applications.becomes_main_branch("feat", None)
    assert not applications.becomes_main_branch("main", "develop")
    born = datetime(2024, 1, 1, tzinfo=UTC)
    early, late = born + timedelta(seconds=9), born + timedelta(seconds=11)
    assert applications.tag_becomes_branch(early, born, has_branch=False, has_tag=False)
    assert not applications.tag_becomes_branch(late, born, has_branch=False, has_tag=False)
    assert not applications.tag_becomes_branch(early, born, has_branch=True, has_tag=False)
    assert not applications.tag_becomes_branch(early, born, has_branch=False, has_tag=True)


# badges

BADGES = (
    (badges.verification("shop", "api", True), "shop/api", "verified", "brightgreen"),
    (badges.verification("shop", "api", False, consumer_tag="prod"), "shop (prod)/api", "failed", "red"),
    (badges.verification("shop", "api", None), "shop/api", "unknown", "lightgrey"),
    (badges.verification("my shop-x", "api", True, stale=True, initials=True), "msx/a", "changed", "lightgrey"),
    (badges.no_pact(), "pact", "not found", "lightgrey"),
    (badges.can_i_deploy("shop", True, to="prod"), "shop can-i-deploy to prod", "yes", "brightgreen"),
    (badges.can_i_deploy("shop", False), "shop can-i-merge", "no", "red"),
    (badges.can_i_deploy("shop", None, label="deploy?"), "deploy?", "unknown", "lightgrey"),
)


def test_badges_say_it_in_two_words_and_a_colour() -> None:
    for badge, label, message, colour in BADGES:
        assert (badge.label, badge.message, badge.colour.value) == (label, message, colour)
        assert ElementTree.fromstring(badge.svg()).tag.endswith("svg")
    assert (
        badges.can_i_deploy("a-b_c", True, to="x").redirect
        == "/badge/a--b__c%20can--i--deploy%20to%20x-yes-brightgreen.svg"
    )
    assert "<script>" not in badges.no_pact("<script>").svg()


# errors

DATA: dict[str, Any] = {
    "fields": {"name": ["is missing"]},
    "reasons": ["no"],
    "names": ["x"],
    "existing": ["y"],
    "interactions": ["i"],
    "at": 1,
    "conflicts": [errors.ApplicationExists(name="x")],
}


def every_error() -> list[type[ContractError]]:
    found, left = [], [ContractError]
    while left:
        found.append(left.pop())
        left.extend(found[-1].__subclasses__())
    return found


def test_every_error_makes_a_sentence_of_its_data() -> None:
    for kind in every_error():
        slots = {name for _, name, _, _ in Formatter().parse(kind.sentence) if name}
        parameters = inspect.signature(kind.__init__).parameters
        named = {name: DATA.get(name, "word") for name in parameters if name not in ("self", "data")}
        extra = {} if "data" not in parameters else dict.fromkeys(slots - set(named), "word")
        error = kind(**named, **extra)
        assert str(error), kind
        assert "{" not in str(error), kind


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    for kind in every_error():
        assert kind.__name__ in (errors.__doc__ or ""), kind
