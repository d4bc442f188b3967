"""What a caller may not see is not there for it: lists, ids, references, aliases, contracts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.integration.callers import ADMINS, bearer, guarded, token_of


def _avro(name: str, *fields: dict[str, Any]) -> str:
    return json.dumps({"type": "record", "name": name, "fields": list(fields)})


SECRET = _avro("Secret", {"name": "key", "type": "string"})


class Caller:
    """A caller of a registry; answers as (status, body)."""

    def __init__(self, client: httpx.Client, headers: dict[str, str]) -> None:
        self._client = client
        self._headers = headers

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = self._client.request(method, path, json=body, headers=self._headers)
        return answer.status_code, answer.json() if answer.content else None

    def get(self, path: str) -> Any:
        """A body that must be there."""
        status, body = self("GET", path)
        assert status == 200, (path, status, body)
        return body


@pytest.fixture(scope="module")
def client(engine_url: str) -> Iterator[httpx.Client]:
    with guarded(engine_url) as found:
        admin = Caller(found, ADMINS)
        for subject, schema in (("orders-a", '"int"'), ("orders-b", '"long"'), ("secret", SECRET),
                                (":.dev:orders-a", '"int"'), (":.dev:x", '"bytes"')):  # fmt: skip
            assert admin("POST", f"/subjects/{subject}/versions", {"schema": schema})[0] == 200
        referring = {"schema": _avro("Uses", {"name": "s", "type": "Secret"}),
                     "references": [{"name": "Secret", "subject": "secret", "version": 1}]}  # fmt: skip
        assert admin("POST", "/subjects/uses/versions", referring)[0] == 200
        assert admin("POST", "/subjects/shared/versions", {"schema": '"int"'})[0] == 200  # the id of orders-a
        yield found


@pytest.fixture(scope="module")
def admin(client: httpx.Client) -> Caller:
    return Caller(client, ADMINS)


@pytest.fixture(scope="module")
def team(client: httpx.Client) -> Caller:
    """May do everything to orders, reads nothing else."""
    return Caller(client, bearer(token_of(client, "team", "developer@subject:orders-*")))


@pytest.fixture(scope="module")
def dev(client: httpx.Client) -> Caller:
    """Reads one context."""
    return Caller(client, bearer(token_of(client, "dev", "reader@context:.dev")))


def _id(admin: Caller, subject: str) -> int:
    return int(admin.get(f"/subjects/{subject}/versions/1")["id"])


def test_lists_show_what_may_be_seen(admin: Caller, team: Caller, dev: Caller) -> None:
    everything = [":.dev:orders-a", ":.dev:x", "orders-a", "orders-b", "secret", "shared", "uses"]
    assert admin.get("/subjects?subjectPrefix=:*:") == everything
    for turn in range(2):  # the second time from what is ready
        assert team.get("/subjects?subjectPrefix=:*:") == ["orders-a", "orders-b"], turn
        assert dev.get("/subjects?subjectPrefix=:*:") == [":.dev:orders-a", ":.dev:x"], turn
        assert admin.get("/subjects?subjectPrefix=:*:") == everything, turn
    assert team.get("/subjects?offset=1&limit=5") == ["orders-b"]
    assert team.get("/subjects?subjectPrefix=secret") == []
    assert [each["subject"] for each in team.get("/schemas")] == ["orders-a", "orders-b"]
    assert [each["subject"] for each in team.get("/schemas?offset=1&limit=1")] == ["orders-b"]
    assert [each["subject"] for each in team.get("/api/v1/subjects")["items"]] == ["orders-a", "orders-b"]
    assert team.get("/api/v1/subjects?query=secret")["items"] == []
    assert team.get("/contexts") == ["."]
    assert dev.get("/contexts") == [".", ".dev"]
    assert admin.get("/contexts") == [".", ".dev"]


def test_cursors_say_nothing_of_what_may_not_be_seen(client: httpx.Client, admin: Caller) -> None:
    import base64

    some = Caller(client, bearer(token_of(client, "some", "developer@subject:orders-?", "developer@subject:uses")))

    def walked(ask: Callable[[str], Any]) -> tuple[list[str], list[str]]:
        names: list[str] = []
        cursors: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = ask(cursor)
            names += [each["subject"] for each in page.get("items", page.get("deleted"))]
            cursor = page["next_cursor"]
            if cursor:
                cursors.append(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode())
        return names, cursors

    def bulk(cursor: str) -> Any:
        body = {"prefix": ":.:", "limit": 1, "cursor": cursor or None}
        status, page = some("POST", "/api/v1/subjects:delete?dry_run=true", body)
        assert status == 200, page
        return page

    for ask in (lambda cursor: some.get(f"/api/v1/subjects?limit=1&cursor={cursor}"), bulk):
        names, cursors = walked(ask)
        assert names == ["orders-a", "orders-b", "uses"]
        assert len(cursors) == 2
        assert not any(hidden in cursor for cursor in cursors for hidden in ("secret", "shared", ":.dev"))
    names, _ = walked(lambda cursor: admin.get(f"/api/v1/subjects?limit=2&cursor={cursor}"))
    assert len(names) == 7


def test_an_id_is_seen_by_who_may_read_a_subject_of_it(admin: Caller, team: Caller, dev: Caller) -> None:
    mine, secret = _id(admin, "orders-a"), _id(admin, "secret")
    guid, hidden = (admin.get(f"/schemas/ids/{id}")["guid"] for id in (mine, secret))
    for turn in range(3):  # answered, then ready; for one caller after the other
        for path in ("", "/schema"):
            assert team("GET", f"/schemas/ids/{mine}{path}")[0] == 200, turn
            assert admin("GET", f"/schemas/ids/{secret}{path}")[0] == 200, turn
            for other in (secret, 9999):
                status, body = team("GET", f"/schemas/ids/{other}{path}")
                assert (status, body["error_code"], body["message"]) == (404, 40403, f"Schema {other} not found")
        for path in ("subjects", "versions"):
            assert team("GET", f"/schemas/ids/{secret}/{path}")[0] == 404
        assert team("GET", f"/schemas/ids/{secret}?subject=secret")[0] == 404
        assert team("GET", f"/schemas/guids/{hidden}")[0] == team("GET", f"/schemas/guids/{hidden}/ids")[0] == 404
        assert team("GET", f"/api/v1/schemas/{hidden}")[0] == team("GET", f"/api/v1/schemas/{secret}")[0] == 404
        assert team("GET", f"/schemas/guids/{guid}")[0] == team("GET", f"/api/v1/schemas/{mine}")[0] == 200
    # Of what is shared, one's own is seen.
    assert team.get(f"/schemas/ids/{mine}/subjects") == ["orders-a"]
    assert team.get(f"/schemas/ids/{mine}/versions") == [{"subject": "orders-a", "version": 1}]
    assert admin.get(f"/schemas/ids/{mine}/subjects") == ["orders-a", "shared"]
    uses = team.get(f"/api/v1/schemas/{mine}")
    assert "shared" not in json.dumps(uses)
    assert [each["context"] for each in dev.get(f"/schemas/guids/{guid}/ids")] == [".dev"]
    assert [each["context"] for each in admin.get(f"/schemas/guids/{guid}/ids")] == [".", ".dev"]


def test_what_was_ready_for_others_is_not_for_who_may_not(admin: Caller, team: Caller) -> None:
    """Each answer is warmed by the admin before the team asks."""
    secret = _id(admin, "secret")
    for path, body in (
        (f"/schemas/ids/{secret}", None),
        (f"/schemas/ids/{secret}?subject=secret", None),
        ("/subjects/secret/versions/1", None),
        ("/subjects/secret/versions/latest", None),
        ("/subjects/secret/versions", None),
        ("/subjects/secret", {"schema": SECRET}),
        ("/subjects/secret/versions", {"schema": SECRET}),
    ):
        method = "GET" if body is None else "POST"
        for _ in range(3):
            assert admin(method, path, body)[0] == 200, path
        for _ in range(2):
            assert team(method, path, body)[0] in (403, 404), path


def test_subjects_that_are_there_are_refused_like_those_that_are_not(team: Caller) -> None:
    for method, path in (
        ("GET", "/subjects/{}/versions"),
        ("GET", "/subjects/{}/versions/1"),
        ("GET", "/subjects/{}/versions/latest"),
        ("DELETE", "/subjects/{}"),
        ("GET", "/config/{}"),
        ("PUT", "/mode/{}"),
        ("GET", "/api/v1/subjects/{}"),
        ("GET", "/api/v1/subjects/{}/history"),
        ("POST", "/api/v1/subjects/{}/check"),
        ("POST", "/compatibility/subjects/{}/versions"),
        ("GET", "/contexts/.dev/subjects/{}/versions"),
        ("GET", "/subjects/:.:{}/versions"),
        ("GET", "/subjects/:.dev:{}/versions"),
    ):
        answers = []
        for subject in ("secret", "absent"):
            status, body = team(method, path.format(subject), {} if method in ("POST", "PUT") else None)
            answers.append((status, json.dumps(body).replace(subject, "?")))
        assert answers[0] == answers[1], path
        assert answers[0][0] == 403, path


def test_references_to_what_may_not_be_read_are_not_there(team: Caller, admin: Caller) -> None:
    def body(subject: str) -> dict[str, Any]:
        return {"schema": _avro("Mine", {"name": "s", "type": "Secret"}), "schemaType": "AVRO",
                "references": [{"name": "Secret", "subject": subject, "version": 1}]}  # fmt: skip

    for path in (
        "/subjects/orders-c/versions",
        "/subjects/orders-a",
        "/compatibility/subjects/orders-a/versions",
        "/compatibility/subjects/orders-a/versions/latest",
        "/api/v1/subjects/orders-c/versions",
        "/api/v1/subjects/orders-a/check",
        "/api/v1/lint",
    ):
        answers = [(status, json.dumps(found).replace(subject, "?")) for subject in ("secret", "absent")
                   for status, found in [team("POST", path, body(subject))]]  # fmt: skip
        assert answers[0] == answers[1], path
        assert answers[0][0] >= 400, path
    for path, wrap in (
        ("/api/v1/diff", ("new", "old")),
        ("/api/v1/check", ("new", "old")),
        ("/api/v1/sample", ("schema",)),
    ):
        asked = {name: body("secret") for name in wrap}
        assert team("POST", path, asked)[0] == 422, path
        assert admin("POST", path, asked)[0] == 200, path
    referring = admin.get("/subjects/secret/versions/1/referencedby")
    assert len(referring) == 1


def test_an_asyncapi_document_holds_what_may_be_seen(client: httpx.Client, team: Caller, admin: Caller) -> None:
    def messages(caller: Caller) -> list[str]:
        found = caller.get("/api/v1/asyncapi")["components"]["messages"]
        return sorted(each["x-tenor-subject"] for each in found.values())

    assert messages(admin) == [":.dev:orders-a", ":.dev:x", "orders-a", "orders-b", "secret", "shared", "uses"]
    assert messages(team) == ["orders-a", "orders-b"]
    uses = Caller(client, bearer(token_of(client, "uses", "reader@subject:uses")))
    schemas = uses.get("/api/v1/asyncapi")["components"]["schemas"]
    assert [each["schema"]["fields"][0]["type"] for each in schemas.values()] == ["Secret"]
    assert '"key"' in json.dumps(admin.get("/api/v1/asyncapi?prefix=uses")["components"]["schemas"])


def test_who_refers_to_a_subject_shows_to_who_may_see_it(client: httpx.Client, admin: Caller) -> None:
    only = Caller(client, bearer(token_of(client, "only", "reader@subject:secret")))
    assert admin.get("/subjects/secret/versions/1/referencedby") == [_id(admin, "uses")]
    assert only.get("/subjects/secret/versions/1/referencedby") == []
    both = Caller(client, bearer(token_of(client, "both", "reader@subject:secret", "reader@subject:uses")))
    assert both.get("/subjects/secret/versions/1/referencedby") == [_id(admin, "uses")]


def test_an_alias_opens_no_door(client: httpx.Client, team: Caller, admin: Caller) -> None:
    assert team("PUT", "/config/orders-door", {"alias": "secret"})[0] == 200  # its own settings
    for method, path, body in (
        ("GET", "/subjects/orders-door/versions", None),
        ("GET", "/subjects/orders-door/versions/1", None),
        ("GET", "/subjects/orders-door/versions/1/schema", None),
        ("POST", "/subjects/orders-door", {"schema": SECRET}),
        ("POST", "/subjects/orders-door/versions", {"schema": SECRET}),
        ("POST", "/compatibility/subjects/orders-door/versions", {"schema": SECRET}),
        ("DELETE", "/subjects/orders-door", None),
        ("GET", "/api/v1/subjects/orders-door", None),
        ("POST", "/api/v1/subjects/orders-door/versions", {"schema": SECRET}),
    ):
        assert team(method, path, body)[0] == 403, path
    assert team("GET", f"/schemas/ids/{_id(admin, 'secret')}?subject=orders-door")[0] == 404
    assert admin("GET", "/subjects/orders-door/versions")[0] == 200
    assert admin("DELETE", "/config/orders-door")[0] == 200


def test_a_look_up_does_not_wander_into_other_contexts(client: httpx.Client) -> None:
    caller = Caller(client, bearer(token_of(client, "plain", "reader@subject:x")))
    status, body = caller("POST", "/subjects/x", {"schema": '"bytes"'})  # :.dev:x has it
    assert (status, body["error_code"]) == (404, 40401)


def test_the_feed_and_bulk_work_are_about_what_may_be_seen(team: Caller, admin: Caller) -> None:
    import time

    deadline = time.monotonic() + 10
    while len(admin.get("/api/v1/changes?resource=subject:")["items"]) < 7:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    seen = {each["resource"] for each in team.get("/api/v1/changes?limit=200")["items"]}
    assert seen
    assert all(each.startswith(("subject:orders-", "scope:orders-")) for each in seen), seen
    status, body = team("POST", "/api/v1/subjects:delete?dry_run=true", {"prefix": ":.:"})
    assert status == 200
    assert {each["subject"] for each in body["deleted"]} | {each["subject"] for each in body["refused"]} <= {
        "orders-a", "orders-b", "orders-c",
    }  # fmt: skip
    status, body = team("POST", "/api/v1/subjects:delete?dry_run=true", {"subjects": ["secret", "absent"]})
    assert [each["problem"]["code"] for each in body["refused"]] == [40301, 40301]
    status, body = team("POST", "/api/v1/subjects:delete", {"subjects": ["orders-a"], "permanent": True})
    assert [each["problem"]["code"] for each in body["refused"]] == [40301]  # for good is another permission


def test_for_good_and_without_a_check_are_permissions_of_their_own(team: Caller, client: httpx.Client) -> None:
    for path in ("/subjects/orders-b?permanent=true", "/subjects/orders-b/versions/1?permanent=True",
                 "/subjects/orders-b?permanent=false&permanent=true"):  # fmt: skip
        assert team("DELETE", path)[0] == 403, path
    assert team("POST", "/subjects/orders-b/versions?force=true", {"schema": '"float"'})[0] == 403
    purger = token_of(client, "purger", "developer@subject:orders-*", "purge@subject:orders-*")
    assert Caller(client, bearer(purger))("DELETE", "/subjects/orders-b?permanent=true")[0] == 404  # is live


# Contracts.


def _pact(consumer: str, provider: str) -> dict[str, Any]:
    import base64

    content = {"consumer": {"name": consumer}, "provider": {"name": provider}, "interactions": [],
               "metadata": {"pactSpecification": {"version": "3.0.0"}}}  # fmt: skip
    return {
        "pacticipantName": consumer, "pacticipantVersionNumber": "1", "contracts": [
            {"consumerName": consumer, "providerName": provider, "specification": "pact",
             "contentType": "application/json", "content": base64.b64encode(json.dumps(content).encode()).decode()}
        ],
    }  # fmt: skip


@pytest.fixture(scope="module")
def billing(client: httpx.Client) -> Caller:
    """The team of one application, which deploys to staging."""
    admin = Caller(client, ADMINS)
    for consumer, provider in (("billing", "orders"), ("web", "orders"), ("web", "vault")):
        assert admin("POST", "/pact/contracts/publish", _pact(consumer, provider))[0] == 200
    assert admin("POST", "/pact/environments", {"name": "staging", "production": False})[0] == 201
    grants = ("consumer@application:billing", "deploy@environment:staging")
    return Caller(client, bearer(token_of(client, "billing-ci", *grants)))


def _names(found: Any) -> list[str]:
    return [each["name"] for each in found]


def test_a_team_sees_its_application_and_its_partners_contracts(billing: Caller, admin: Caller) -> None:
    assert _names(billing.get("/pact/pacticipants")["_embedded"]["pacticipants"]) == ["billing"]
    pacts = billing.get("/pact/pacts/latest")["pacts"]
    assert [each["_embedded"]["consumer"]["name"] for each in pacts] == ["billing"]
    assert len(billing.get("/pact/integrations")["_embedded"]["integrations"]) == 1
    assert len(billing.get("/pact/dashboard")["items"]) == 1
    assert len(admin.get("/pact/dashboard")["items"]) == 3
    assert billing("GET", "/pact/pacts/provider/orders/consumer/billing/latest")[0] == 200
    for provider, consumer in (("orders", "web"), ("vault", "web"), ("vault", "absent"), ("absent", "web")):
        assert billing("GET", f"/pact/pacts/provider/{provider}/consumer/{consumer}/latest")[0] == 403
    for name in ("web", "absent"):
        assert billing("GET", f"/pact/pacticipants/{name}")[0] == 403
    for path in ("/pact/metrics", "/pact/labels", "/pact/webhooks"):
        assert billing("GET", path)[0] == 403, path


def test_a_team_publishes_and_asks_for_its_own(billing: Caller) -> None:
    assert billing("POST", "/pact/contracts/publish", _pact("billing", "orders"))[0] == 200
    assert billing("POST", "/pact/contracts/publish", _pact("web", "orders"))[0] == 403
    assert billing("POST", "/pact/pacticipants", {"name": "another"})[0] == 403
    asked = "/pact/can-i-deploy?pacticipant={}&version=1&environment=staging"
    assert billing("GET", asked.format("billing"))[0] == 200
    for name in ("web", "absent"):
        assert billing("GET", asked.format(name))[0] == 403
    matrix = "/pact/matrix?q[][pacticipant]=billing&q[][pacticipant]={}"
    assert [billing("GET", matrix.format(name))[0] for name in ("web", "absent")] == [403, 403]


def test_each_environment_has_its_own_permission(billing: Caller, admin: Caller) -> None:
    places = {each["name"]: each["uuid"] for each in admin.get("/pact/environments")["_embedded"]["environments"]}
    assert _names(billing.get("/pact/environments")["_embedded"]["environments"]) == ["staging"]
    path = "/pact/pacticipants/{}/versions/1/deployed-versions/environment/{}"
    status, made = billing("POST", path.format("billing", places["staging"]), {})
    assert status == 201
    for application, uuid in (("billing", places["production"]), ("billing", "absent"), ("web", places["staging"]),
                              ("absent", places["staging"])):  # fmt: skip
        assert billing("POST", path.format(application, uuid), {})[0] == 403
    assert admin("POST", path.format("web", places["staging"]), {})[0] == 201
    here = billing.get(f"/pact/environments/{places['staging']}/deployed-versions/currently-deployed")
    assert len(here["_embedded"]["deployedVersions"]) == 1
    _, elsewhere = admin("POST", path.format("web", places["production"]), {})
    change = {"currentlyDeployed": False}
    assert billing("PATCH", f"/pact/deployed-versions/{elsewhere['uuid']}", change)[0] == 403
    assert billing("PATCH", f"/pact/deployed-versions/{made['uuid']}", change)[0] == 200
    # A tag named like an environment deploys where its caller may.
    tag = "/pact/pacticipants/billing/versions/1/tags/{}"
    for name, deployed in (("production", 0), ("staging", 1)):
        assert billing("PUT", tag.format(name), {})[0] in (200, 201)
        now = admin.get(f"/pact/environments/{places[name]}/deployed-versions/currently-deployed?pacticipant=billing")
        assert len(now["_embedded"]["deployedVersions"]) == deployed, name
