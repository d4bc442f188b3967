"""The registry client against a registry in memory. Asynchronous."""

from __future__ import annotations

import httpx
import pytest
from fake_registry import FakeRegistry, answer, error

from tenor import AsyncRegistry, Reference, Retry, Schema, errors
from tenor.calls import subjects

pytestmark = pytest.mark.anyio

URL = "http://registry.test:8081"
SCHEMA = Schema('{"type":"record","name":"a.Order","fields":[{"name":"id","type":"string"}]}')
QUICK = Retry(rounds=3, first=0.0, longest=0.0)


def client(fake: FakeRegistry, url: str | list[str] = URL, **options: object) -> AsyncRegistry:
    http = httpx.AsyncClient(transport=httpx.MockTransport(fake))
    return AsyncRegistry(url, http=http, retry=QUICK, **options)  # type: ignore[arg-type] # a test's shorthand


async def test_registering_uses_tenors_own_api_where_it_is() -> None:
    fake = FakeRegistry()
    registry = client(fake)
    first = await registry.register("orders-value", SCHEMA, idempotency_key="once")
    again = await registry.register("orders-value", SCHEMA)
    assert (first.version, first.id, first.created, again.created) == (1, 1, True, False)
    assert first.changes[0]["sentence"] == "field x was added"
    assert fake.paths() == ["POST /api/v1/subjects/orders-value/versions"] * 2
    assert fake.requests[0].headers["idempotency-key"] == "once"


async def test_another_registry_is_asked_through_the_confluent_api_and_only_once_for_tenors() -> None:
    fake = FakeRegistry(native=False)
    registry = client(fake)
    for _ in range(2):
        assert (await registry.register("s", SCHEMA)).id == 1
    assert fake.paths() == [
        "POST /api/v1/subjects/s/versions",
        "POST /subjects/s/versions",
        "POST /subjects/s/versions",
    ]


async def test_a_proxy_that_forbids_unknown_paths_is_no_obstacle() -> None:
    fake = FakeRegistry(native=False, failures=[httpx.Response(403, text="<html>no</html>")])
    assert (await client(fake).register("s", SCHEMA)).id == 1


@pytest.mark.parametrize("native", [True, False])
async def test_a_dry_run_changes_nothing(native: bool) -> None:
    fake = FakeRegistry(native=native)
    registry = client(fake)
    rehearsed = await registry.register("s", SCHEMA, dry_run=True)
    assert (rehearsed.created, rehearsed.dry_run, rehearsed.id, fake.subjects) == (True, True, None, {})
    fake.add("s", SCHEMA.text)
    known = await registry.register("s", SCHEMA, dry_run=True)
    assert (known.created, known.version, known.id) == (False, 1, 1)


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("dry_run", [True, False])
async def test_an_incompatible_schema_is_refused_with_reasons(native: bool, dry_run: bool) -> None:
    fake = FakeRegistry(native=native, incompatible={"s": "id changed its type"})
    with pytest.raises(errors.Incompatible) as caught:
        await client(fake).register("s", SCHEMA, dry_run=dry_run)
    if native or dry_run:
        assert "id changed its type" in str(caught.value.findings)


async def test_what_cannot_change_is_asked_for_once() -> None:
    fake = FakeRegistry()
    row = fake.add("s", SCHEMA.text)
    registry = client(fake)
    for _ in range(3):
        by_id = await registry.schema(1)
        by_guid = await registry.schema(row["guid"])
        by_number = await registry.version("s", 1)
        looked_up = await registry.lookup("s", SCHEMA)
    assert by_id.schema == by_guid.schema == by_number.schema == looked_up.schema == SCHEMA
    assert (by_number.id, looked_up.version, by_guid.guid) == (1, 1, row["guid"])
    assert len(fake.requests) == 4


async def test_the_newest_version_is_always_asked_for() -> None:
    fake = FakeRegistry()
    fake.add("s", SCHEMA.text)
    registry = client(fake)
    assert (await registry.version("s")).version == 1
    fake.add("s", '"string"')
    assert (await registry.version("s")).version == 2
    assert await registry.versions("s") == (1, 2)


async def test_an_absence_is_believed_for_a_while_and_not_after_a_registration() -> None:
    fake = FakeRegistry()
    registry = client(fake)
    for _ in range(5):
        with pytest.raises(errors.SchemaNotFound, match="Schema 1 not found"):
            await registry.schema(1)
    assert len(fake.requests) == 1
    await registry.register("s", SCHEMA)
    assert (await registry.schema(1)).schema == SCHEMA


async def test_an_absence_is_not_believed_for_ever() -> None:
    fake = FakeRegistry()
    registry = client(fake, negative_ttl=0.0)
    with pytest.raises(errors.SchemaNotFound):
        await registry.schema(1)
    fake.add("s", SCHEMA.text)
    assert (await registry.schema(1)).schema == SCHEMA


async def test_a_failure_is_no_absence() -> None:
    fake = FakeRegistry(failures=[error(404, 404, "HTTP 404 Not Found")])
    fake.add("s", SCHEMA.text)
    registry = client(fake)
    with pytest.raises(errors.NotFound):
        await registry.schema(1)
    assert (await registry.schema(1)).schema == SCHEMA


RETRIED = [
    *(httpx.Response(status, text="busy") for status in (408, 429, 500, 502, 503, 504)),
    httpx.ConnectError("refused"),
    httpx.ReadTimeout("slow"),
    ConnectionResetError("reset"),
]


@pytest.mark.parametrize("failure", RETRIED, ids=repr)
async def test_what_may_pass_is_tried_again(failure: object) -> None:
    fake = FakeRegistry(failures=[failure, failure])
    fake.add("s", SCHEMA.text)
    assert (await client(fake).version("s")).version == 1
    assert len(fake.requests) == 3


async def test_giving_up_names_the_address_and_the_reason() -> None:
    fake = FakeRegistry(failures=[httpx.ConnectError("refused")] * 3)
    with pytest.raises(errors.Unreachable, match=r"http://registry.test:8081: refused") as caught:
        await client(fake).versions("s")
    assert isinstance(caught.value.__cause__, httpx.ConnectError)
    fake.failures = [error(503, 50003, "come back later")] * 3
    with pytest.raises(errors.Unavailable, match="come back later"):
        await client(fake).versions("s")
    assert len(fake.requests) == 6


async def test_an_error_of_the_program_is_not_taken_for_the_networks() -> None:
    fake = FakeRegistry(failures=[KeyError("bug")])
    with pytest.raises(KeyError):
        await client(fake).versions("s")


@pytest.mark.parametrize(
    ("failure", "tries"),
    [
        (httpx.ReadTimeout("slow"), 1),  # it may have happened
        (httpx.Response(500, text=""), 1),
        (httpx.Response(503, text=""), 3),  # it has not
        (httpx.ConnectError("refused"), 3),
    ],
    ids=repr,
)
async def test_what_must_not_happen_twice_is_sent_again_only_if_it_was_never_processed(
    failure: object, tries: int
) -> None:
    from tenor.calls import delete_subject

    fake = FakeRegistry(failures=[failure] * 3)
    with pytest.raises(errors.RegistryError):
        await client(fake).send(delete_subject("s"))
    assert len(fake.requests) == tries


async def test_the_next_address_is_tried_and_stays() -> None:
    fake = FakeRegistry(failures=[httpx.ConnectError("refused")])
    fake.add("s", SCHEMA.text)
    registry = client(fake, ["http://one.test", "http://two.test/contexts/.dev/"])
    await registry.version("s")
    await registry.version("s")
    hosts = [f"{request.url.host}{request.url.path}" for request in fake.requests]
    path = "/subjects/s/versions/latest"
    assert hosts == ["one.test" + path, *["two.test/contexts/.dev" + path] * 2]


AUTHENTICATION = [
    ({"auth": ("user", "pässword:x")}, URL, "Basic dXNlcjpww6Rzc3dvcmQ6eA=="),
    ({"token": "abc"}, URL, "Bearer abc"),
    ({}, "http://user:p%40ss@registry.test", "Basic dXNlcjpwQHNz"),
    ({}, URL, None),
]


@pytest.mark.parametrize(("options", "url", "sent"), AUTHENTICATION)
async def test_authentication(options: dict[str, object], url: str, sent: str | None) -> None:
    fake = FakeRegistry()
    fake.add("s", SCHEMA.text)
    registry = client(fake, url, **options)
    await registry.version("s")
    assert fake.requests[0].headers.get("authorization") == sent
    assert "@" not in str(fake.requests[0].url)
    assert "@" not in registry.url


@pytest.mark.parametrize("url", ["", "localhost:8081", "ftp://x", "http://", []])
async def test_an_address_that_is_none_is_refused_at_once(url: str | list[str]) -> None:
    with pytest.raises(ValueError, match="address"):
        client(FakeRegistry(), url)


async def test_two_ways_to_log_in_are_one_too_many() -> None:
    with pytest.raises(ValueError, match="not both"):
        client(FakeRegistry(), auth=("a", "b"), token="c")


async def test_subjects_and_search() -> None:
    fake = FakeRegistry()
    for name in ("orders-value", "orders-key", "payments-value"):
        fake.add(name, '"string"')
    registry = client(fake)
    assert await registry.subjects("orders") == ("orders-key", "orders-value")
    assert [item["subject"] for item in (await registry.search("value")).items] == ["orders-value", "payments-value"]
    assert await registry.send(subjects("", offset=1, limit=1)) == ("orders-value",)
    assert (await registry.compatibility("orders-value", SCHEMA)).compatible


async def test_the_subject_of_a_topic() -> None:
    fake = FakeRegistry(associations={("orders", "value"): "com.acme.Orders"})
    registry = client(fake)
    for _ in range(2):
        assert await registry.subject_for("orders") == "com.acme.Orders"
        assert await registry.subject_for("orders", "key") == "orders-key"
    assert len(fake.requests) == 2
    assert await registry.subject_for("orders", naming="topic-record", record="a.B") == "orders-a.B"
    with pytest.raises(ValueError, match="not a naming strategy"):
        await registry.subject_for("orders", naming="nonsense")


async def test_a_registry_without_associations_means_naming_by_topic() -> None:
    assert await client(FakeRegistry(associations_known=False)).subject_for("orders") == "orders-value"


async def test_a_registry_is_a_context_and_leaves_an_injected_client_open() -> None:
    http = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: answer([])))
    async with AsyncRegistry(URL, http=http) as registry:
        assert await registry.subjects() == ()
    assert not http.is_closed
    async with AsyncRegistry(URL):
        pass


async def test_references_are_sent_as_written() -> None:
    fake = FakeRegistry()
    await client(fake).register("s", Schema('"a.X"', "AVRO", (Reference("a.X", "x", 1),)))
    assert fake.subjects["s"][0]["references"] == [{"name": "a.X", "subject": "x", "version": 1}]


async def test_after_it_was_closed_nobody_answers() -> None:
    """What runs in the background may still ask: it is told by a typed error."""
    registry = AsyncRegistry("http://127.0.0.1:9", retry=Retry(rounds=1))
    await registry.aclose()
    with pytest.raises(errors.Unreachable, match="closed"):
        await registry.subjects()
