# Generated from tests/asynchronous/test_persons.py by generate_sync.py: change that file, not this one.

"""Persons' keys: who is sealed for whom, and what is left of it once a key is destroyed. Synchronous."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from concurrency import together
from fake_keys import PERSONS, FakeKeys
from sealing import KMS, PEPPER, avro, pii, plain, rule, rules

from tenor import Consumer, Keys, Outcome, Record, Registry, Retry, Upcasting, errors
from tenor._sync.concurrency import sleep
from tenor.sealing.persons import handle

TEXT = avro(plain("customer", "string"), pii("email", ["null", "string"]), pii("name", "string"), plain("n", "int"))
ADA = {"customer": "c~1", "email": "ada@example.org", "name": "Ada", "n": 1}
BOB = {"customer": "c~2", "email": "bob@example.org", "name": "Bob", "n": 2}


def client(fake: FakeKeys, *, keys: Any = None, **options: Any) -> Registry:
    http = httpx.Client(transport=httpx.MockTransport(fake))
    config = Keys(**{"kms": KMS, "pepper": PEPPER, "jitter": 0.0, **(keys or {})})
    return Registry("http://registry.test", http=http, retry=Retry(rounds=1), keys=config, **options)


def personal(type_: str = "ENCRYPT", text: str = TEXT, **params: Any) -> FakeKeys:
    days = {} if type_.startswith("SEAL") else {"encrypt.dek.expiry.days": 30}
    one = rule(
        type_,
        tags=[] if type_.endswith("PAYLOAD") else ["PII"],
        params={**days, "tenor.dataSubject": "$.customer", **params},
    )
    fake = FakeKeys()
    fake.add("s", text, ruleSet=rules(encoding=[one]) if type_.endswith("PAYLOAD") else rules(one))
    return fake


def of(person: str) -> str:
    return handle(PEPPER, "person", person).hex()


def sealed(codec: Any, *events: Any) -> list[bytes]:
    codec.prepare(*events)
    return [codec.encode(event).value for event in events]


TYPES = ["ENCRYPT", "SEAL", "ENCRYPT_PAYLOAD", "SEAL_PAYLOAD"]


@pytest.mark.parametrize("type_", TYPES)
def test_each_person_has_a_key_and_no_id_reaches_the_registry(type_: str) -> None:
    fake = personal(type_)
    codec = client(fake).events("s")
    values = sealed(codec, ADA, BOB)
    assert {row["version"] for row in fake.persons.values()} == {PERSONS + 1, PERSONS + 2}
    assert {handle for _, handle in fake.persons} == {of("c~1"), of("c~2")}
    said = b"".join(request.content for request in fake.requests)
    assert b"c~" not in said
    for reader in (codec, client(fake).events("s", decode_only=True)):
        assert [(reader.decode(value)).data for value in values] == [ADA, BOB]


def test_a_registry_without_persons_serves_them_as_versions() -> None:
    fake = personal()
    values = sealed(client(fake).events("s"), ADA, BOB)
    fake.native = False
    reader = client(fake).events("s", decode_only=True)
    assert [(reader.decode(value)).data for value in values] == [ADA, BOB]
    fake.erase("kek1", of("c~1"))
    reader = client(fake).events("s", decode_only=True)
    event = reader.decode(values[0])
    assert (event.data["email"], event.erased) == (None, ("email", "name"))
    with pytest.raises(errors.KeyMissing, match="keeps no persons' keys"):
        (client(fake).events("s")).prepare(ADA)


def test_many_are_resolved_in_one_call() -> None:
    fake = personal()
    events = [{**ADA, "customer": f"c{number}"} for number in range(50)]
    values = sealed(client(fake).events("s"), *events)
    reader = client(fake).events("s", decode_only=True)
    fake.calls.clear()
    read = reader.decode_many([(value, None) for value in [*values, None]])
    assert [event.data for event in read] == [*events, None]
    assert sum("persons:resolve" in call for call in fake.calls) == 1


POLICIES = [
    ("null", {"email": None, "name": "[erased]"}),
    ("sentinel", {"email": "[erased]", "name": "[erased]"}),
]


@pytest.mark.parametrize(("policy", "left"), POLICIES)
@pytest.mark.parametrize("type_", ["ENCRYPT", "SEAL"])
def test_erased_values_are_what_the_schema_says(type_: str, policy: str, left: Any) -> None:
    fake = personal(type_, **{"tenor.erased": policy})
    ada, bob = sealed(client(fake).events("s"), ADA, BOB)
    fake.erase("kek1", of("c~1"))
    reader = client(fake).events("s", decode_only=True)
    event = reader.decode(ada)
    assert event.data == {**ADA, **left}
    assert event.erased == ("email", "name")
    assert ((reader.decode(bob)).data, (reader.decode(bob)).erased) == (BOB, ())


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize(("policy", "drop"), [("drop", True), ("raise", False)])
def test_erased_events_stop_or_are_left_out(type_: str, policy: str, drop: bool) -> None:
    fake = personal(type_, **{"tenor.erased": policy})
    (value,) = sealed(client(fake).events("s"), ADA)
    fake.erase("kek1", of("c~1"))
    with pytest.raises(errors.Erased) as caught:
        (client(fake).events("s", decode_only=True)).decode(value)
    assert (caught.value.kind, caught.value.drop) == ("ERASED", drop)


@pytest.mark.parametrize("type_", ["ENCRYPT_PAYLOAD", "SEAL_PAYLOAD"])
def test_an_erased_body_is_nothing(type_: str) -> None:
    fake = personal(type_)
    (value,) = sealed(client(fake).events("s"), ADA)
    fake.erase("kek1", of("c~1"))
    event = (client(fake).events("s", decode_only=True)).decode(value)
    assert (event.data, event.erased) == (None, ("",))


def test_who_was_erased_is_erased_in_every_context() -> None:
    fake = personal("SEAL")
    fake.add(":.dev:s", TEXT, ruleSet=fake.subjects["s"][0]["ruleSet"])
    codec = client(fake).events(":.dev:s")
    ada, bob = [(codec.encode_when_ready(each)).value for each in (ADA, BOB)]
    reader = client(fake).events(":.dev:s", decode_only=True)
    assert (reader.decode(ada)).data == ADA
    fake.erase("kek1", of("c~1"))
    other = client(fake).events(":.dev:s", decode_only=True)
    event = other.decode(ada)
    assert (event.data["email"], event.erased) == (None, ("email", "name"))
    assert (other.decode(bob)).data == BOB


def test_many_who_seal_for_one_person_at_once_ask_once() -> None:
    fake = personal("SEAL")
    codec = client(fake).events("s")
    together([lambda: codec.encode_when_ready(ADA)] * 20)
    assert [call for call in fake.calls if "resolve" in call] == ["POST people kek1/persons:resolve"] * 2  # and made it


def test_of_an_erased_body_there_is_nothing_to_bring_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def upcaster(*_: Any) -> Any:
        return lambda data: {**data, "new": 1}

    monkeypatch.setattr(Registry, "_upcaster", upcaster)
    fake = personal("SEAL_PAYLOAD")
    codec = client(fake).events("s")
    ada, bob = [(codec.encode_when_ready(each)).value for each in (ADA, BOB)]
    fake.erase("kek1", of("c~1"))
    reader = client(fake).events("s", version=1, upcast=Upcasting())
    event = reader.decode(ada)
    assert (event.data, event.erased) == (None, ("",))
    assert (reader.decode(bob)).data == {**BOB, "new": 1}


BESIDE = [
    ("header:customer-id", {"headers": {"customer-id": "c~1"}}),
    ("header:customer-id", {"headers": [("Customer-ID", b"c~1"), ("customer-id", b"c~1"), ("x", None)]}),
    ("key", {"record_key": b"c~1"}),
    ("key", {"record_key": "c~1"}),
    ("key:$.customer.id", {"record_key": b'{"customer": {"id": "c~1"}}'}),
    ("key:$.customer.id", {"record_key": {"customer": {"id": "c~1"}}}),
]


@pytest.mark.parametrize(("place", "beside"), BESIDE)
@pytest.mark.parametrize("type_", TYPES)
def test_the_person_may_stand_beside_the_event(type_: str, place: str, beside: Any) -> None:
    fake = personal(type_, **{"tenor.dataSubject": place})
    codec = client(fake).events("s")
    codec.prepare(BOB, **beside)
    message = codec.encode(BOB, **beside)
    assert [handle for _, handle in fake.persons] == [of("c~1")]  # one person, wherever the id stands
    assert (codec.encode_when_ready(BOB, **beside)).value is not None
    assert codec.encode_value(BOB, **beside) is not None
    event = (client(fake).events("s", decode_only=True)).decode(message.value)  # who reads needs nothing
    assert event.data == BOB
    fake.erase("kek1", of("c~1"))
    erased = (client(fake).events("s", decode_only=True)).decode(message.value, message.headers)
    assert erased.erased


NOBODY = [
    ("header:customer-id", {}),
    ("header:customer-id", {"headers": {"customer": "c~1"}}),
    ("header:customer-id", {"headers": {"customer-id": ""}}),
    ("header:customer-id", {"headers": {"customer-id": b"\xff\xfe"}}),
    ("header:customer-id", {"headers": {"customer-id": None}}),
    ("header:customer-id", {"headers": [("customer-id", b"c~1"), ("CUSTOMER-ID", b"c~2")]}),
    ("key", {}),
    ("key", {"record_key": b""}),
    ("key", {"record_key": b"\0\0\0\0\x01\x08c~1"}),
    ("key", {"record_key": {"id": "c~1"}}),
    ("key:$.id", {"record_key": b"c~1"}),
    ("key:$.id", {"record_key": b'{"id": null}'}),
    ("key:$.id", {"record_key": b'{"customer": "c~1"}'}),
    ("key:$.id", {}),
]


@pytest.mark.parametrize(("place", "beside"), NOBODY)
def test_nobody_beside_the_event_seals_nothing(place: str, beside: Any) -> None:
    codec = client(personal(**{"tenor.dataSubject": place})).events("s")
    for encode in (codec.encode, codec.encode_value):
        with pytest.raises(errors.InvalidEvent, match="nobody") as caught:
            encode(ADA, **beside)
        assert caught.value.violations[0].rule == "dataSubject"
        assert "c~" not in str(caught.value)


def test_a_field_may_have_its_own_person_beside_the_event() -> None:
    text = avro(plain("customer", "string"), pii("email", "string", **{"tenor.dataSubject": "header:who"}))
    fake = personal("SEAL", text)
    codec = client(fake).events("s")
    headers = {"who": "c~9"}
    message = codec.encode_when_ready({"customer": "c~1", "email": "x"}, headers=headers)
    assert [handle for _, handle in fake.persons] == [of("c~9")]
    assert message.headers[-1] == ("who", b"c~9")
    with pytest.raises(errors.UnusableRule, match="is a path"):
        client(personal("SEAL", text.replace("header:who", "who"))).events("s")


def test_nothing_is_sealed_for_the_erased_or_for_nobody() -> None:
    fake = personal()
    codec = client(fake).events("s")
    codec.prepare(ADA)
    fake.erase("kek1", of("c~1"))
    other = client(fake).events("s")
    with pytest.raises(errors.Erased):
        other.prepare(ADA)
    for nobody in ("",):
        with pytest.raises(errors.InvalidEvent, match="nobody"):
            codec.encode({**ADA, "customer": nobody})


def test_an_erasure_reaches_a_warm_reader_within_the_time_to_live() -> None:
    fake = personal()
    reader = client(fake, keys={"ttl": 0.05}).events("s")
    (value,) = sealed(reader, ADA)
    assert (reader.decode(value)).data == ADA
    fake.erase("kek1", of("c~1"))
    sleep(0.06)
    assert (reader.decode(value)).erased == ("email", "name")


def test_the_feed_of_erasures_is_followed() -> None:
    fake = personal()
    registry = client(fake)
    codec = registry.events("s")
    ada, bob = sealed(codec, ADA, BOB)
    fake.erase("kek1", of("c~1"))
    registry.keys._followed = -1e9
    registry.keys.ready([])
    assert (codec.decode(ada)).erased == ("email", "name")
    assert (codec.decode(bob)).data == BOB


def test_each_item_of_a_list_may_be_of_another_person() -> None:
    line = {"type": "record", "name": "demo.Line", "fields": [
        plain("who", "long"), pii("name", "string", **{"tenor.dataSubject": "@.who"}),
    ]}  # fmt: skip
    text = avro(plain("customer", "string"), plain("lines", {"type": "array", "items": line}))
    fake = personal("SEAL", text)
    codec = client(fake).events("s")
    event = {"customer": "c~1", "lines": [{"who": 1, "name": "x"}, {"who": 2, "name": "y"}]}
    (value,) = sealed(codec, event)
    assert (codec.decode(value)).data == event
    fake.erase("kek1", of("1"))
    read = (client(fake).events("s", decode_only=True)).decode(value)
    assert read.data["lines"] == [{"who": 1, "name": "[erased]"}, {"who": 2, "name": "y"}]


LIES = [
    {"version": 5},
    {"algorithm": "AES128_GCM"},
    {"state": "unknown"},
    {"handle": "00" * 16},
    {"commitment": "AAAA"},
]


@pytest.mark.parametrize("lie", LIES)
def test_a_registry_that_lies_about_persons_is_not_believed(lie: Any) -> None:
    fake = personal()
    fake.lies = lambda body: {**body, **lie} if body.get("state") == "live" else body
    with pytest.raises((errors.KeyMismatch, errors.KeyMissing)):
        (client(fake).events("s")).prepare(ADA)


SETTINGS = [
    ({"encrypt.dek.expiry.days": 0}, "does not name its key"),
    ({"tenor.dataSubject": "customer"}, "is a path"),
    ({"tenor.dataSubject": "header:"}, "is a path"),
    ({"tenor.dataSubject": "header:a b"}, "is a path"),
    ({"tenor.dataSubject": "key:id"}, "is a path"),
    ({"tenor.dataSubject": "keys"}, "is a path"),
    ({"tenor.bind": "key"}, "cannot bind"),
    ({"tenor.erased": "forget"}, "is one of"),
    ({"tenor.datasubject": "$.customer"}, "there is no setting tenor.datasubject"),
]


@pytest.mark.parametrize(("params", "reason"), SETTINGS)
def test_rules_that_make_no_sense_stop_the_codec(params: Any, reason: str) -> None:
    with pytest.raises(errors.UnusableRule, match=reason):
        client(personal(**params)).events("s")


@pytest.mark.parametrize("type_", TYPES)
def test_a_setting_from_the_future_stops_writers_and_no_reader(type_: str) -> None:
    fake = personal(type_)
    (value,) = sealed(client(fake).events("s"), ADA)
    part = "encodingRules" if type_.endswith("PAYLOAD") else "domainRules"
    fake.ids[1]["ruleSet"][part][0]["params"]["tenor.other"] = "1"
    with pytest.raises(errors.UnusableRule, match=r"no setting tenor\.other"):
        client(fake).events("s")
    assert ((client(fake).events("s", decode_only=True)).decode(value)).data == ADA


def test_a_pepper_is_needed() -> None:
    with pytest.raises(errors.UnusableRule, match="pepper"):
        client(personal(), keys={"pepper": b"short"}).events("s")


def test_an_unprepared_person_is_waited_for_or_refused() -> None:
    """Whoever can wait does; an synchronous codec says what to first."""
    fake = personal()
    codec = client(fake).events("s")
    try:
        value = codec.encode(ADA).value
    except errors.KeyNotReady:
        (value,) = sealed(codec, ADA)
    assert (codec.decode(value)).data == ADA


def test_a_consumer_leaves_out_what_the_schema_says_is_left_out() -> None:
    fake = personal("SEAL", **{"tenor.erased": "drop"})
    ada, bob = sealed(client(fake).events("s"), ADA, BOB)
    fake.erase("kek1", of("c~1"))
    handled: list[Any] = []
    set_aside: list[Any] = []
    codec = client(fake).events("s", decode_only=True)
    consumer = Consumer(codec, lambda event: handled.append(event.data), name="group", quarantine=set_aside.append)
    outcomes = [consumer.process(Record(value, None)) for value in (ada, bob)]
    assert outcomes == [Outcome.DROPPED, Outcome.HANDLED]
    assert (handled, set_aside) == ([BOB], [])
