"""Webhooks: what is refused, which events fire, what goes out, and where it may not go."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import webhooks
from contracts.errors import InvalidWebhook
from contracts.webhooks import MASK, Event, Occasion, ProviderVersion, Request, Rules, Target, Webhook

BODY: dict[str, Any] = {
    "description": "build",
    "events": [{"name": "contract_content_changed"}, {"name": "provider_verification_failed"}],
    "consumer": {"name": "shop"},
    "provider": {"label": "core"},
    "request": {
        "method": "post",
        "url": "https://ci.example.org/run?c=${pactbroker.consumerName}",
        "headers": {"Authorization": "Bearer abc", "X-Plain": "1"},
        "body": {"sha": "${pactbroker.consumerVersionNumber}", "list": ["${pactbroker.pactUrl}"]},
        "username": "u",
        "password": "p",
    },
}


def request(**changes: Any) -> dict[str, Any]:
    return {**BODY, "request": {**BODY["request"], **changes}}


def test_a_webhook_is_read() -> None:
    read = webhooks.webhook(BODY)
    assert read.events == {Event.CONTENT_CHANGED, Event.VERIFICATION_FAILED}
    assert (read.consumer, read.provider) == (Target(name="shop"), Target(label="core"))
    assert (read.request.method, read.request.password, read.enabled) == ("POST", "p", True)
    bare = webhooks.webhook({"request": {"method": "POST", "url": "https://x"}})
    assert bare.events == {Event.CONTENT_CHANGED}
    assert bare.consumer == Target()


REFUSED: tuple[tuple[Any, str | None], ...] = (
    ([], "body"),
    ({}, "request"),
    ({**BODY, "events": []}, "events"),
    ({**BODY, "events": [{"name": "lunch"}]}, "events"),
    ({**BODY, "consumer": {"name": "a", "label": "b"}}, "consumer"),
    ({**BODY, "provider": {}}, "provider"),
    ({**BODY, "uuid": "short"}, "uuid"),
    ({**BODY, "uuid": "has spaces in its name"}, "uuid"),
    ({**BODY, "enabled": "yes"}, "enabled"),
    (request(method="DELETE"), "request.method"),
    (request(url=None), "request.url"),
    (request(url="ci.example.org"), "request.url"),
    (request(url="http://ci.example.org"), "request.url"),
    (request(url="file:///etc/passwd"), "request.url"),
    (request(url="https://${pactbroker.consumerName}.example.org/"), "request.url"),
    (request(url="https://user:pw@example.org/"), "request.url"),
    (request(url="https://[::1"), "request.url"),
    (request(url="https://x/${pactbroker.lunch}"), "request.url"),
    (request(headers={"A": "x\r\nB: y"}), "request.headers"),
    (request(headers=[]), None),
    (request(headers=["x"]), "request.headers"),
)


def test_webhooks_that_could_not_or_must_not_be_sent_are_refused_by_field() -> None:
    for body, name in REFUSED:
        if name is None:
            webhooks.webhook(body)
            continue
        with pytest.raises(InvalidWebhook) as refused:
            webhooks.webhook(body)
        assert set(refused.value.fields) == {name}, body
    open_rules = Rules(schemes=("http", "https"), methods=("GET", "POST"), hosts=("*.example.org",))
    assert (
        webhooks.webhook(request(method="GET", url="http://ci.example.org:8080/x"), open_rules).request.method == "GET"
    )
    with pytest.raises(InvalidWebhook):
        webhooks.webhook(request(url="https://elsewhere.net/"), open_rules)


def test_starred_secrets_keep_what_is_stored() -> None:
    stored = webhooks.webhook(BODY)
    shown = webhooks.masked(stored.request)
    assert shown.headers == {"Authorization": MASK, "X-Plain": "1"}
    assert shown.password == MASK
    again = webhooks.webhook(request(headers=dict(shown.headers), password=MASK), stored=stored)
    assert again.request.headers == stored.request.headers
    assert again.request.password == "p"
    changed = webhooks.webhook(request(headers={"authorization": MASK}, password="new"), stored=stored)
    assert (changed.request.headers, changed.request.password) == ({"authorization": "Bearer abc"}, "new")


HOOK = Webhook(Request("POST", "https://x"), frozenset({Event.CONTENT_CHANGED}))
SHOP = Occasion(Event.CONTENT_CHANGED, "shop", "api", ("web",), ("core", "eu"))
FIRES = (
    (HOOK, SHOP, True),
    (replace(HOOK, enabled=False), SHOP, False),
    (HOOK, replace(SHOP, event=Event.CONTRACT_PUBLISHED), False),
    (replace(HOOK, consumer=Target("shop")), SHOP, True),
    (replace(HOOK, consumer=Target("other")), SHOP, False),
    (replace(HOOK, provider=Target(label="eu")), SHOP, True),
    (replace(HOOK, provider=Target(label="us")), SHOP, False),
    (replace(HOOK, consumer=Target("shop"), provider=Target(label="us")), SHOP, False),
)


def test_events_fire_the_webhooks_that_are_about_them() -> None:
    for hook, occasion, fires in FIRES:
        assert webhooks.fires(hook, occasion) is fires, (hook, occasion)
    assert webhooks.publication_events(changed=True) == (Event.CONTRACT_PUBLISHED, Event.CONTENT_CHANGED)
    assert webhooks.publication_events(changed=False) == (Event.CONTRACT_PUBLISHED,)
    assert webhooks.verification_events(success=True)[1] is Event.VERIFICATION_SUCCEEDED
    assert webhooks.verification_events(success=False)[1] is Event.VERIFICATION_FAILED


def test_each_provider_version_that_owes_a_result_is_asked_once() -> None:
    versions = (
        ProviderVersion("9", "latest version from branch main", False),
        ProviderVersion("9", "currently deployed to prod", False),
        ProviderVersion("8", "currently released to app-store", True),
        ProviderVersion("7", "currently deployed to test", False),
    )
    assert webhooks.versions_requiring(versions) == (
        ("9", ("latest version from branch main", "currently deployed to prod")),
        ("7", ("currently deployed to test",)),
    )


def test_templates_are_filled_and_escaped_where_they_stand() -> None:
    read = webhooks.webhook(BODY).request
    values = {"consumerName": "a b/&?é", "consumerVersionNumber": '1"2', "pactUrl": "http://p"}
    sent = webhooks.prepare(read, values)
    assert sent.url == "https://ci.example.org/run?c=a%20b%2F%26%3F%C3%A9"
    assert json.loads(sent.body) == {"sha": '1"2', "list": ["http://p"]}
    assert sent.headers["Content-Type"] == "application/json"
    text = replace(
        read,
        body="v=${pactbroker.consumerVersionNumber};${pactbroker.lunch}",
        headers={"X": "${pactbroker.consumerName}"},
    )
    sent = webhooks.prepare(text, {**values, "consumerName": "a\r\nEvil: 1"})
    assert (sent.body, sent.headers) == ('v=1"2;', {"X": "a Evil: 1"})
    assert webhooks.prepare(replace(text, body=None), {}).body == ""


@given(st.text(max_size=20))
def test_no_value_changes_the_host_or_adds_a_header(value: str) -> None:
    read = Request("POST", "https://ci.example.org/${pactbroker.consumerName}", {"X": "${pactbroker.consumerName}"})
    sent = webhooks.prepare(read, {"consumerName": value})
    assert sent.url.startswith("https://ci.example.org/")
    assert not {"\r", "\n"} & set(sent.headers["X"])


def test_each_code_host_has_its_words() -> None:
    assert webhooks.statuses(True)["bitbucketVerificationStatus"] == "SUCCESSFUL"
    assert webhooks.statuses(False)["gitlabVerificationStatus"] == "failed"
    assert set(webhooks.statuses(None).values()) == {"pending", "INPROGRESS"}


def test_attempts_follow_the_schedule_and_end() -> None:
    assert [webhooks.next_attempt(number) for number in (0, 1, 6, 7)] == [
        None,
        timedelta(seconds=10),
        timedelta(seconds=1200),
        None,
    ]
    assert [webhooks.delivered(status) for status in (199, 200, 206, 207, 302, 500)] == [
        False,
        True,
        True,
        False,
        False,
        False,
    ]


PLACES = (
    # host, addresses, rules, allowed
    ("example.org", ("93.184.215.14",), Rules(), True),
    ("example.org", (), Rules(), False),
    ("localhost", ("127.0.0.1",), Rules(), False),
    ("localhost", ("127.0.0.1",), Rules(private=True), True),
    ("localhost", ("127.0.0.1",), Rules(hosts=("localhost",)), True),
    ("sneaky.org", ("93.184.215.14", "10.0.0.1"), Rules(), False),
    ("inner.org", ("10.1.2.3",), Rules(hosts=("10.0.0.0/8",)), False),
    ("10.1.2.3", ("10.1.2.3",), Rules(hosts=("10.0.0.0/8",)), True),
    ("meta", ("169.254.169.254",), Rules(), False),
    ("six", ("::1",), Rules(), False),
    ("six", ("fe80::1%eth0",), Rules(), False),
    ("six", ("::ffff:10.0.0.1",), Rules(), False),
    ("six", ("64:ff9b::a00:1",), Rules(), False),
    ("six", ("2606:2800:21f:cb07:6820:80da:af6b:8b2c",), Rules(), True),
    ("cast", ("224.0.0.1",), Rules(), False),
    ("odd", ("not an address",), Rules(), False),
    ("a.example.org", ("93.184.215.14",), Rules(hosts=("*.example.org",)), True),
    ("example.org", ("93.184.215.14",), Rules(hosts=("*.example.org",)), False),
    ("ci-7.example.org", ("93.184.215.14",), Rules(hosts=(r"/ci-\d+\.example\.org/",)), True),
    ("ci-7.example.org.evil", ("93.184.215.14",), Rules(hosts=(r"/ci-\d+\.example\.org/",)), False),
)


def test_webhooks_stay_away_from_private_addresses_and_unlisted_hosts() -> None:
    for host, addresses, rules, allowed in PLACES:
        reason = webhooks.forbidden(host, addresses, rules)
        assert (reason is None) is allowed, (host, addresses, rules, reason)
