"""The wrapped keys of a bundle keep sealing and opening going while no registry answers. Asynchronous."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from bundles import bundle_of, keys_of
from fake_keys import PERSONS, FakeKeys
from sealing import ADA, CUSTOMER, KMS, PEPPER, avro, pii, plain, rule, rules, secrets

from tenor import AsyncRegistry, Keys, Retry, errors
from tenor._async import keys as keys_module
from tenor._async.concurrency import sleep
from tenor.bundle import Bundle

pytestmark = pytest.mark.anyio

DAY = 86_400.0
TYPES = ["ENCRYPT", "ENCRYPT_PAYLOAD", "SEAL", "SEAL_PAYLOAD"]


def client(fake: FakeKeys, bundle: Bundle | None = None, **keys: Any) -> AsyncRegistry:
    http = httpx.AsyncClient(transport=httpx.MockTransport(fake))
    config = Keys(**{"kms": KMS, "pepper": PEPPER, "jitter": 0.0, **keys})
    return AsyncRegistry("http://registry.test", http=http, retry=Retry(rounds=1), keys=config, bundle=bundle)


def customers(type_: str = "ENCRYPT", *, days: int = 1, **params: Any) -> FakeKeys:
    payload = type_.endswith("PAYLOAD")
    one = rule(type_, tags=[] if payload else ["PII"], params={"encrypt.dek.expiry.days": days, **params})
    fake = FakeKeys()
    fake.add("customers-value", CUSTOMER, ruleSet=rules(*([] if payload else [one]), encoding=[one] if payload else []))
    return fake


def away() -> FakeKeys:
    return FakeKeys(failures=[httpx.ConnectError("gone")] * 10_000)


async def written(fake: FakeKeys, **options: Any) -> bytes:
    value = (await client(fake).events("customers-value", **options)).encode(ADA).value
    assert value is not None
    return value


def held_version(orders: Any) -> int:
    (cell,) = orders._writing.compiled.sealing._ring.cells()
    return int(cell.held.key.version)


@pytest.mark.parametrize("type_", TYPES)
async def test_a_client_starts_seals_with_the_newest_key_and_opens_what_older_ones_sealed(
    type_: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, start = customers(type_), time.time()
    old = await written(fake)
    monkeypatch.setattr(keys_module, "_wall", lambda: start + 40 * DAY)
    fake.clock = lambda: start + 40 * DAY
    await written(fake)
    assert {key[3] for key in fake.deks} == {1, 2}
    orders = await client(away(), bundle_of(fake, **keys_of(fake))).events("customers-value")
    assert held_version(orders) == 2
    value = orders.encode(ADA).value
    assert not any(secret in value for secret in secrets())
    for each in (old, value):
        assert (await orders.decode(each)).data == ADA
    assert (await (await client(fake).events("customers-value")).decode(value)).data == ADA


async def test_a_key_that_is_too_old_seals_no_more_and_still_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    fake, start = customers(), time.time()
    value = await written(fake)
    bundle = bundle_of(fake, **keys_of(fake))
    monkeypatch.setattr(keys_module, "_wall", lambda: start + 2 * DAY)
    with pytest.raises(errors.KeySpent, match="older than 1 days, and the registry does not answer") as caught:
        await client(away(), bundle).events("customers-value")
    assert "ada" not in str(caught.value)
    reader = await client(away(), bundle).events("customers-value", decode_only=True)
    assert (await reader.decode(value)).data == ADA


async def test_uses_are_bounded_and_told_when_the_registry_is_back() -> None:
    fake = customers(**{"tenor.dek.max.uses": 1600})
    await written(fake)
    before = dict(fake.leased)
    gone = away()
    registry = client(gone, bundle_of(fake, **keys_of(fake)))
    orders, sealed = await registry.events("customers-value"), 0
    while sealed < 1000:
        try:
            await orders.encode_when_ready(ADA)
        except errors.KeySpent as error:
            assert "as often as it may while the registry does not answer" in str(error)  # noqa: PT017 # it ends a loop
            break
        sealed += 6
    assert 85 <= sealed <= 100  # a sixteenth of the limit, of six values each
    gone.failures.clear()
    gone.keks, gone.deks, gone.leased, gone.reserved = fake.keks, fake.deks, fake.leased, fake.reserved
    gone.subjects, gone.ids = fake.subjects, fake.ids
    await orders.prepare(ADA)
    assert orders.encode(ADA).value
    (key,) = before
    assert gone.leased[key] >= before[key] + sealed


async def test_the_key_system_is_asked_with_the_clients_own_credentials() -> None:
    fake = customers()
    value = await written(fake)
    bundle = bundle_of(fake, **keys_of(fake))
    for kms, error in (
        ({"local-kms": {"secret": "another"}}, errors.AuthenticationFailed),
        ({"local-kms": {"secret": ""}}, errors.KmsError),
    ):
        with pytest.raises(error):
            await client(away(), bundle, kms=kms).events("customers-value")
        reader = await client(away(), bundle, kms=kms).events("customers-value", decode_only=True)
        with pytest.raises(error):
            await reader.decode(value)


async def test_keys_that_only_the_registry_unwraps_are_told_exactly() -> None:
    fake = customers()
    fake.keks["kek1"] = {"name": "kek1", "kmsType": "local-kms", "kmsKeyId": "mykey", "shared": True}
    value = await written(fake)
    bundle = bundle_of(fake, keks=keys_of(fake)["keks"])
    for action in (
        lambda: client(away(), bundle).events("customers-value"),
        lambda: opened(client(away(), bundle), value),
    ):
        with pytest.raises(errors.KeyMissing) as caught:
            await action()
        told = "There is no key kek1/customers-value/AES256_GCM: kek1 is shared, so that only the registry unwraps its "
        assert str(caught.value) == told + "keys, and that does not answer."


async def opened(registry: AsyncRegistry, value: bytes) -> Any:
    return (await (await registry.events("customers-value", decode_only=True)).decode(value)).data


async def test_without_the_keys_a_bundle_is_what_it_was() -> None:
    fake = customers()
    value = await written(fake)
    for content in ({}, {"keks": keys_of(fake)["keks"]}):
        bundle = bundle_of(fake, **content)
        with pytest.raises(errors.Unreachable):
            await client(away(), bundle).events("customers-value")
        with pytest.raises(errors.Unreachable):
            await opened(client(away(), bundle), value)


# --- what is gone stays gone ---------------------------------------------------------------------------------------


async def test_nobody_who_was_erased_comes_back_with_a_bundle() -> None:
    fake = FakeKeys()
    text = avro(plain("id", "long"), pii("email", "string"))
    one = rule("SEAL", params={"tenor.dataSubject": "$.id"})
    fake.add("customers-value", text, ruleSet=rules(one))
    orders = await client(fake).events("customers-value")
    value = (await orders.encode_when_ready({"id": 1, "email": "ada@example.org"})).value
    bundle = bundle_of(fake, **keys_of(fake))
    reader = await client(away(), bundle).events("customers-value", decode_only=True)
    with pytest.raises(errors.Unreachable):
        await reader.decode(value)
    (person,) = fake.persons.values()
    dek = {"kekName": "kek1", "subject": "customers-value", "algorithm": "AES256_GCM", "ts": 1}
    dek |= {"version": person["version"], "encryptedKeyMaterial": person["encrypted_key_material"]}
    with pytest.raises(errors.BadBundle):
        bundle_of(fake, keks=keys_of(fake)["keks"], deks=[dek])


ILL: list[dict[str, Any]] = [
    {"version": 0},
    {"version": PERSONS},
    {"version": "1"},
    {"keyMaterial": "AAAA"},
    {"encryptedKeyMaterial": ""},
    {"encryptedKeyMaterial": "no base64"},
    {"encryptedKeyMaterial": None},
    {"kekName": 7},
    {"ts": None},
]


async def test_a_bundle_that_holds_what_it_may_not_is_refused() -> None:
    fake = customers()
    await written(fake)
    (good,) = fake.deks.values()
    for ill in ILL:
        with pytest.raises(errors.BadBundle):
            bundle_of(fake, keks=keys_of(fake)["keks"], deks=[{**good, **ill}])
    for keks in ([{"name": "kek1"}], [7], [{"name": 1, "kmsType": "a", "kmsKeyId": "b"}]):
        with pytest.raises(errors.BadBundle):
            bundle_of(fake, keks=keks)


async def test_a_row_that_means_nothing_is_told() -> None:
    fake = customers()
    fake.subjects["customers-value"][0]["ruleSet"] = {"domainRules": [7]}
    with pytest.raises(errors.BadBundle, match="is no answer"):
        await client(away(), bundle_of(fake)).events("customers-value")


async def test_what_the_registry_said_is_gone_a_bundle_does_not_bring_back() -> None:
    fake = customers()
    value = await written(fake)
    bundle = bundle_of(fake, **keys_of(fake))
    fake.deks.clear()
    registry = client(fake, bundle, ttl=0.3)
    reader = await registry.events("customers-value", decode_only=True)
    with pytest.raises(errors.KeyMissing):
        await reader.decode(value)
    fake.failures = [httpx.ConnectError("gone")] * 100
    await sleep(0.35)
    with pytest.raises(errors.Unreachable):
        await reader.decode(value)


async def test_a_deleted_key_opens_and_seals_no_more() -> None:
    fake = customers()
    value = await written(fake)
    (dek,) = fake.deks.values()
    content = {"keks": keys_of(fake)["keks"], "deks": [{**dek, "deleted": True}]}
    bundle = bundle_of(fake, **content)
    assert await opened(client(away(), bundle), value) == ADA
    with pytest.raises(errors.Unreachable):
        await client(away(), bundle).events("customers-value")


# --- one that runs -------------------------------------------------------------------------------------------------


async def test_a_running_client_goes_on_with_the_key_that_a_bundle_vouches_for() -> None:
    fake = customers(days=30)
    await written(fake)
    bundle = bundle_of(fake, **keys_of(fake))
    for vouched in (bundle, bundle_of(fake), None):
        registry = client(fake, vouched, ttl=0.01, grace=0.05)
        orders = await registry.events("customers-value", version=1)
        fake.failures = [httpx.ConnectError("gone")] * 1000
        await sleep(0.1)
        if vouched is bundle:
            assert (await orders.encode_when_ready(ADA)).value
        else:
            with pytest.raises(errors.Unreachable):
                await orders.encode_when_ready(ADA)
        fake.failures.clear()


async def test_a_bundle_tells_no_newest_key_to_whom_the_registry_told_one(monkeypatch: pytest.MonkeyPatch) -> None:
    fake, start = customers(), time.time()
    await written(fake)
    bundle = bundle_of(fake, **keys_of(fake))
    monkeypatch.setattr(keys_module, "_wall", lambda: start + 1.5 * DAY)
    fake.clock = lambda: start + 1.5 * DAY
    registry = client(fake, bundle, ttl=0.01, grace=0.05)
    orders = await registry.events("customers-value", version=1)
    assert held_version(orders) == 2
    fake.failures = [httpx.ConnectError("gone")] * 1000
    await sleep(0.1)
    with pytest.raises(errors.Unreachable):  # not back to version 1
        await orders.encode_when_ready(ADA)


async def test_material_is_not_shown() -> None:
    fake = customers()
    await written(fake)
    (dek,) = fake.deks.values()
    bundle = bundle_of(fake, **keys_of(fake))
    assert dek["encryptedKeyMaterial"] not in repr(bundle)
    assert bundle.keys.shown() == [
        {"kek": "kek1", "subject": "customers-value", "algorithm": "AES256_GCM", "versions": [1]}
    ]
