"""Events whose fields or bodies are sealed, through a codec, against a registry in memory. Asynchronous."""

from __future__ import annotations

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import httpx
import pytest
from concurrency import together
from confluent_kafka.schema_registry.confluent import meta_pb2
from fake_keys import FakeKeys
from fake_registry import error
from fastavro import schemaless_reader
from google.protobuf import descriptor_pb2
from sealing import ADA, CUSTOMER, KMS, PEPPER, avro, pii, plain, rule, rules, secrets

from tenor import AsyncRegistry, Keys, Retry, Sanitise, Schema, Upcasting, errors
from tenor._async import codec as codec_module
from tenor._async import keys as keys_module
from tenor._async.concurrency import sleep
from tenor._async.confluent import AsyncDeserializer, AsyncSerializer
from tenor.keys.kms import Driver
from tenor.plans import Plan, compile_plan
from tenor.plans.nodes import Convert, Custom, Table, Take
from tenor.sealing.wire import wired

pytestmark = pytest.mark.anyio


def client(fake: FakeKeys, *, keys: Any = None, **options: Any) -> AsyncRegistry:
    http = httpx.AsyncClient(transport=httpx.MockTransport(fake))
    config = Keys(**{"kms": KMS, "pepper": PEPPER, "jitter": 0.0, **(keys or {})})
    return AsyncRegistry("http://registry.test", http=http, retry=Retry(rounds=1), keys=config, **options)


async def eventually(condition: Any) -> None:
    for _ in range(300):
        if condition():
            return
        await sleep(0.005)
    raise AssertionError("it did not happen within a second and a half")


def customers(*domain: Any, encoding: Any = (), text: str = CUSTOMER, format: str = "AVRO", **more: Any) -> FakeKeys:
    fake = FakeKeys()
    fake.add("customers-value", text, format, ruleSet=rules(*domain, encoding=encoding), **more)
    return fake


ALGORITHMS = ["AES256_GCM", "AES128_GCM", "AES256_SIV"]
FIELDS = [
    pytest.param(type_, {"encrypt__dek__algorithm": algorithm, **extra}, id=f"{type_}-{algorithm}-{len(extra)}")
    for type_ in ("ENCRYPT", "ENCRYPT_PAYLOAD")
    for algorithm in ALGORITHMS
    for extra in ({}, {"encrypt__dek__expiry__days": 30})
] + [
    pytest.param(type_, {"tenor__suite": suite, "tenor__searchable": "true"}, id=f"{type_}-{suite}")
    for type_ in ("SEAL", "SEAL_PAYLOAD")
    for suite in ("01", "02", "03", "04")
]


@pytest.mark.parametrize(("type_", "params"), FIELDS)
@pytest.mark.parametrize("framing", ["id-prefix", "guid-header"])
async def test_what_was_sealed_opens_and_nothing_else_is_seen(type_: str, params: Any, framing: str) -> None:
    payload = type_.endswith("PAYLOAD")
    one = rule(type_, params=params, tags=[] if payload else ["PII"])
    fake = customers(*([] if payload else [one]), encoding=[one] if payload else [])
    orders = await client(fake).events("customers-value", framing=framing)
    before = json.dumps(ADA, default=repr)
    message = orders.encode(ADA)
    assert json.dumps(ADA, default=repr) == before
    assert not any(secret in message.value for secret in secrets())
    assert (b"London" in message.value) is not payload
    assert (await orders.decode(message.value, message.headers)).data == ADA
    stranger = await client(fake).events("customers-value", decode_only=True)
    assert (await stranger.decode(message.value, message.headers)).data == ADA
    same = orders.encode(ADA).value == message.value
    assert same is (params.get("encrypt__dek__algorithm") == "AES256_SIV" or params.get("tenor__suite") == "02")


async def test_the_warm_path_asks_nobody() -> None:
    fake = customers(rule())
    orders = await client(fake).events("customers-value")
    await orders.decode(orders.encode(ADA).value)
    asked = len(fake.requests)
    for _ in range(20):
        await orders.decode(orders.encode(ADA).value)
    assert len(fake.requests) == asked


async def test_null_and_nothing_pass() -> None:
    fake = customers(rule())
    orders = await client(fake).events("customers-value")
    event = {**ADA, "phone": None, "nicknames": [], "labels": {}}
    assert (await orders.decode(orders.encode(event).value)).data == event


# --- fails closed (facts: encryption, section 8) -----------------------------------------------------------------


async def test_8_1_rules_run_however_the_schema_was_chosen() -> None:
    fake = FakeKeys()
    schema = Schema(CUSTOMER, rule_set=rules(rule()))
    registry = client(fake)
    for options in ({"schema": schema, "register": True}, {"schema": schema}, {}, {"version": 1}, {"id": 1}):
        value = (await registry.events("customers-value", **options)).encode(ADA).value
        assert b"ada@example.org" not in value


async def test_8_1_rules_that_the_registry_adds_run_too() -> None:
    fake = FakeKeys()
    fake.register = lambda subject, body: FakeKeys.register(fake, subject, {**body, "ruleSet": rules(rule())})  # type: ignore[method-assign]
    orders = await client(fake).events("customers-value", schema=Schema(CUSTOMER), register=True)
    assert b"ada@example.org" not in orders.encode(ADA).value


async def test_8_2_a_rule_that_lets_plaintext_out_is_refused_at_the_start() -> None:
    for failure in ("NONE", "NONE,ERROR"):
        fake = customers(rule(onFailure=failure))
        with pytest.raises(errors.UnusableRule, match="plaintext"):
            await client(fake).events("customers-value")


async def test_8_3_headers_steer_nothing() -> None:
    fake = customers(rule())
    orders = await client(fake).events("customers-value")
    message = orders.encode(ADA)
    headers = [("__rule.name", b"seal"), *message.headers]
    assert (await orders.decode(message.value, headers)).data == ADA


async def test_8_4_a_rule_that_is_added_reaches_a_running_producer() -> None:
    fake = FakeKeys()
    fake.add("customers-value", CUSTOMER)
    orders = await client(fake, latest_ttl=0.01).events("customers-value")
    assert b"ada@example.org" in orders.encode(ADA).value
    fake.add("customers-value", CUSTOMER, ruleSet=rules(rule()))
    await sleep(0.02)
    orders.encode(ADA)
    await eventually(lambda: orders.schema.version == 2)
    assert b"ada@example.org" not in orders.encode(ADA).value


BEHIND: list[tuple[str, dict[str, Any], Any, bool]] = [
    # what makes the newest schema unusable, its rules, keys of the client, whether the old one stops in the end
    ("its key system does not know the client", rules(rule()), {"kms": {"local-kms": {"secret": ""}}}, True),
    ("its key system is unknown", rules(rule(params={"encrypt.kms.type": "nothing-kms"})), {}, True),
    ("it seals by a rule of another age", rules(rule("SEAL_2")), {}, True),
    ("its rule would let plaintext out", rules(rule(onFailure="NONE")), {}, True),
    ("the KEK is another than the rule says", rules(rule(params={"encrypt.kms.key.id": "other"})), {}, True),
    ("it is not for this client", rules({**rule("CEL"), "kind": "CONDITION", "expr": "("}), {}, True),
    ("it seals nothing", {}, {}, False),
]


@pytest.mark.parametrize(("why", "rule_set", "keys", "stops"), BEHIND, ids=[case[0] for case in BEHIND])
async def test_a_producer_that_cannot_follow_to_sealing_stops_in_bounded_time(
    why: str, rule_set: dict[str, Any], keys: dict[str, Any], stops: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = [0.0]
    monkeypatch.setattr(codec_module, "_now", lambda: time.monotonic() + later[0])
    fake = FakeKeys()
    fake.keks["kek1"] = {"name": "kek1", "kmsType": "local-kms", "kmsKeyId": "mykey"}
    fake.add("customers-value", CUSTOMER)
    registry = client(fake, keys=keys, latest_ttl=0.01)
    orders = await registry.events("customers-value")
    fake.add("customers-value", CUSTOMER if rule_set else CUSTOMER.replace('"long"', '"nothing"'), ruleSet=rule_set)
    await sleep(0.02)
    assert orders.encode(ADA).value  # nobody knows yet
    if not stops:
        with pytest.raises(errors.UnusableSchema):
            await orders.refresh()
        assert orders._behind is None
        later[0] = 1000.0
        assert orders.encode(ADA).value
        return
    with pytest.raises(errors.StaleSchema):
        await orders.refresh()
    await eventually(lambda: orders._behind is not None)
    fake.failures = [httpx.ConnectError("gone")] * 50  # what was told stays told
    assert orders.encode(ADA).value
    later[0] = 290.0
    assert orders.encode(ADA).value
    later[0] = 301.0
    for _ in range(3):
        with pytest.raises(errors.StaleSchema, match="Version 2 of customers-value has rules") as caught:
            orders.encode(ADA)
        with pytest.raises(errors.StaleSchema):
            orders.encode_value(ADA)
    assert isinstance(caught.value.__cause__, errors.TenorError)
    assert "ada" not in str(caught.value)
    fake.failures.clear()
    fake.add("customers-value", CUSTOMER, ruleSet=rules({**rule(params={"encrypt.kek.name": "kek2"}), "name": "fits"}))
    registry.keys._config = Keys(kms=KMS)  # and the client is set right
    await orders.refresh()
    value = orders.encode(ADA).value
    assert not any(secret in value for secret in secrets())
    assert (await orders.decode(value)).data == ADA


async def test_while_no_registry_answers_nobody_is_behind() -> None:
    fake = FakeKeys()
    fake.add("customers-value", CUSTOMER)
    orders = await client(fake, latest_ttl=0.01, max_behind=0.01).events("customers-value")
    fake.failures = [httpx.ConnectError("gone")] * 50
    for _ in range(5):
        await sleep(0.02)
        assert orders.encode(ADA).value


async def test_8_5_the_same_event_can_be_sent_twice() -> None:
    fake = customers(rule())
    orders = await client(fake).events("customers-value")
    event = {**ADA, "nicknames": ["Ada"]}
    for _ in range(2):
        assert (await orders.decode(orders.encode(event).value)).data["nicknames"] == ["Ada"]


async def test_8_8_constraints_are_about_the_plaintext() -> None:
    text = json.dumps(
        {
            "type": "object",
            "properties": {
                "email": {"type": "string", "maxLength": 20, "pattern": "@", "confluent:tags": ["PII"]},
                "by": {
                    "oneOf": [
                        {
                            "type": "object",
                            "properties": {"mail": {"type": "string", "maxLength": 20, "confluent:tags": ["PII"]}},
                            "required": ["mail"],
                        },
                        {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
                    ]
                },
            },
        }
    )
    for type_ in ("ENCRYPT", "SEAL"):
        orders = await client(customers(rule(type_), text=text, format="JSON")).events("customers-value")
        event = {"email": "ada@example.org", "by": {"mail": "ada@example.org"}}
        value = orders.encode(event).value
        assert b"ada" not in value
        assert (await orders.decode(value)).data == event
        with pytest.raises(errors.InvalidEvent) as caught:
            orders.encode({"email": "no mail, and secret"})
        assert "secret" not in str(caught.value) + repr(caught.value.violations)
        assert caught.value.violations[0].path == "/email"


def proto(*tagged: str) -> str:
    """`message demo.Customer { string id = 1; string mail = 2 [… PII]; }` as a registry serializes it."""
    file = descriptor_pb2.FileDescriptorProto(name="c.proto", package="demo", syntax="proto3")
    message = file.message_type.add(name="Customer")
    for number, name in enumerate(("id", *tagged), 1):
        field = message.field.add(name=name, number=number, type=descriptor_pb2.FieldDescriptorProto.TYPE_STRING)
        field.label = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
        if number > 1:
            field.options.Extensions[meta_pb2.field_meta].tags.append("PII")
    return base64.b64encode(file.SerializeToString()).decode()


LATER = [
    ("AVRO", avro(plain("id", "string")), avro(plain("id", "string"), pii("mail", "string", default=""))),
    (
        "JSON",
        json.dumps({"type": "object", "properties": {"id": {"type": "string"}}}),
        json.dumps({"properties": {"id": {"type": "string"}, "mail": {"type": "string", "confluent:tags": ["PII"]}}}),
    ),
    ("PROTOBUF", proto(), proto("mail")),
]


@pytest.mark.parametrize(("format", "first", "second"), LATER, ids=[each[0] for each in LATER])
async def test_what_was_written_before_there_were_rules_is_read_as_a_schema_with_rules(
    format: str, first: str, second: str
) -> None:
    for own, refused in (
        ([rule()], False),
        ([rule("SEAL")], False),
        (reading("message.id == 'c1'"), False),
        (reading("message.id == 'c2'"), True),
    ):
        fake = customers(text=first, format=format)
        fake.add("customers-value", second, format, ruleSet=rules(*own))
        fake.serialized = {first: first, second: second}
        registry = client(fake)
        value = (await registry.events("customers-value", version=1)).encode({"id": "c1"}).value
        reader = await registry.events("customers-value", version=2)
        if refused:
            with pytest.raises(errors.RuleFailed):
                await reader.decode(value)
            continue
        data = (await reader.decode(value)).data
        assert data == ({"id": "c1"} if format == "JSON" else {"id": "c1", "mail": ""})


def reading(expr: str) -> list[Any]:
    return [{"name": "c", "kind": "CONDITION", "type": "CEL", "mode": "READ", "expr": expr, "onFailure": "ERROR"}]


READINGS = [
    pytest.param({"type": "enum", "name": "E", "symbols": ["OPEN", "ada"]}, ["OPEN"], [], id="resolution"),
    pytest.param("string", None, reading("duration(message.value) == duration('1s')"), id="a-quoted-value"),
    pytest.param("string", None, reading("{'a': true}[message.value]"), id="a-value-as-key"),
]


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize(("type_", "symbols", "conditions"), READINGS)
async def test_no_error_of_the_readers_schema_tells_a_sealed_value(
    type_: Any, symbols: Any, conditions: list[Any], sealed: bool
) -> None:
    own = rules(*[rule("SEAL")] * sealed)
    written = Schema(avro(pii("value", type_)), rule_set=own)
    fake = customers(*own["domainRules"], text=(wired(written, {}) if sealed else written).text)
    fake.add("customers-value", avro(plain("value", {**type_, "symbols": symbols} if symbols else type_)))
    fake.subjects["customers-value"][-1]["ruleSet"] = rules(*conditions)
    registry = client(fake)
    message = (await registry.events("customers-value", version=1)).encode({"value": "ada"})
    reader = await registry.events("customers-value", version=2)
    with pytest.raises((errors.Undecodable, errors.RuleFailed)) as caught:
        await reader.decode(message.value)
    assert ("ada" in f"{caught.value} {caught.value.__cause__}") is not sealed


async def test_no_failed_upcast_tells_a_sealed_value(monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[Any] = [
        Convert(Take(("email",)), "text_to_int", [-9, 9]),
        Table(Take(("email",)), (("x", 1),)),
        Custom("shop:first", "0" * 64, (Take(("email",)),)),
    ]

    def custom(text: str) -> Any:
        raise ValueError(f"{text} has no second part")

    for root, rules_ in [(root, rules_) for root in plans for rules_ in ((rule(),), ())]:
        upcast = compile_plan(Plan("AVRO", root), {"shop:first": custom})

        async def upcaster(*_: Any, upcast: Any = upcast) -> Any:
            return upcast

        monkeypatch.setattr(AsyncRegistry, "_upcaster", upcaster)
        reader = await client(customers(*rules_)).events("customers-value", version=1, upcast=Upcasting())
        with pytest.raises(errors.UpcastFailed) as caught:
            await reader.decode(reader.encode(ADA).value)
        assert ("ada@" in str(caught.value)) is not bool(rules_)
        assert caught.value.__cause__ is None or not rules_


async def test_no_error_tells_a_sealed_value() -> None:
    """Not where the key of a sealed map is an open field's name, nor where the bounds refuse it first."""
    text = {"type": "string", "maxLength": 20}
    labels = {"type": "object", "additionalProperties": text, "confluent:tags": ["PII"]}
    schema = json.dumps({"type": "object", "properties": {"note": text, "labels": labels}})
    secret, told = "a secret that is long", "something else that is long"
    for options in ({}, {"sanitise": Sanitise(max_string=20, unknown="reject")}):
        codec = await client(customers(rule(), text=schema, format="JSON")).events("customers-value", **options)
        for event in ({"labels": {"note": secret}}, {"labels": {"k": secret}}, {"lables": {"note": secret}}):
            if "lables" in event and not options:
                continue  # this schema allows them
            with pytest.raises(errors.InvalidEvent) as caught:
                codec.encode(event)
            assert "secret" not in str(caught.value) + repr(caught.value.violations)
        with pytest.raises(errors.InvalidEvent) as caught:
            codec.encode({"note": told})
        assert told in repr(caught.value.violations)


async def test_8_10_short_values_with_header_framing() -> None:
    fake = customers(rule(), text=avro(plain("n", "int"), pii("email", ["null", "string"])))
    orders = await client(fake).events("customers-value", framing="guid-header")
    message = orders.encode({"n": 1, "email": None})
    assert (await orders.decode(message.value, message.headers)).data == {"n": 1, "email": None}


async def test_8_11_secrets_belong_to_a_client() -> None:
    fake = customers(rule())
    value = (await client(fake).events("customers-value")).encode(ADA).value
    other = await client(fake, keys={"kms": {"local-kms": {"secret": "another"}}}).events("x", decode_only=True)
    with pytest.raises(errors.KeyMissing):
        await other.decode(value)
    wrong = client(fake, keys={"kms": {"local-kms": {"secret": "another"}}})
    with pytest.raises(errors.AuthenticationFailed, match="wrapped key"):
        await (await wrong.events("customers-value", decode_only=True)).decode(value)


async def test_8_13_a_tagged_number_stops_the_codec() -> None:
    for type_ in ("int", ["null", "long"], {"type": "string", "logicalType": "uuid"}, ["null", "string", "int"]):
        fake = customers(rule(), text=avro(pii("n", type_)))
        with pytest.raises(errors.UnusableRule, match=r"demo\.Customer\.n"):
            await client(fake).events("customers-value")


async def test_8_16_pins_hold_whatever_the_rules_become() -> None:
    fake = FakeKeys()
    fake.add("open", CUSTOMER)
    fake.add("disabled", CUSTOMER, ruleSet=rules(rule(disabled=True)))
    fake.add("gateway", CUSTOMER, ruleSet={**rules(rule()), "enableAt": "GATEWAY"})
    fake.add("reading", CUSTOMER, ruleSet=rules(rule(mode="READ")))
    fake.add("sealed", CUSTOMER, ruleSet=rules(rule()))
    undone = {
        "name": "undo", "kind": "TRANSFORM", "mode": "WRITE", "type": "CEL", "onFailure": "ERROR",
        "expr": "{'id': 1, 'email': 'ada@example.org', 'token': message.token, 'phone': null, "
        "'nicknames': [], 'labels': {}, 'city': ''}",
    }  # fmt: skip
    fake.add("undone", CUSTOMER, ruleSet=rules(rule(), undone))
    registry = client(fake)
    for subject in ("open", "disabled", "gateway", "reading"):
        with pytest.raises(errors.Unsealed):
            await registry.events(subject, must_encrypt=["PII"])
    assert (await registry.events("sealed", must_encrypt=["PII"])).encode(ADA).value
    with pytest.raises(errors.Unsealed, match="email"):
        (await registry.events("undone", must_encrypt="PII")).encode(ADA)


TAGGED = {"type": "string", "confluent:tags": ["PII"]}
NESTED = json.loads(avro(plain("n", "string"), name="demo.R"))
STRAY = [
    ("AVRO", avro(plain("n", TAGGED))),
    ("AVRO", avro(pii("r", NESTED))),
    ("AVRO", avro(pii("r", ["null", {"type": "array", "items": NESTED}]))),
    ("JSON", json.dumps({"type": "object", "additionalProperties": TAGGED})),
    ("JSON", json.dumps({"properties": {"n": {"$ref": "#/definitions/d"}}, "definitions": {"d": TAGGED}})),
]


@pytest.mark.parametrize(("format", "text"), STRAY)
async def test_tags_that_no_rule_sees_stop_the_codec(format: str, text: str) -> None:
    """Other clients overlook them, and send plaintext."""
    for type_ in ("ENCRYPT", "SEAL"):
        with pytest.raises(errors.UnusableRule, match=r"tags? "):
            await client(customers(rule(type_), text=text, format=format)).events("customers-value")
    with pytest.raises(errors.Unsealed):
        await client(customers(text=text, format=format)).events("customers-value", must_encrypt=["PII"])


async def test_readers_are_not_stopped_by_what_concerns_writers() -> None:
    fake = customers(encoding=[rule("ENCRYPT_PAYLOAD", tags=[])])
    value = (await client(fake).events("customers-value")).encode(ADA).value
    row = fake.ids[1]
    unknown = {**rule("NEW_TYPE", mode="WRITE"), "name": "new"}
    odd = rule(
        "ENCRYPT_PAYLOAD",
        tags=[],
        onFailure="NONE,ERROR",
        params={"tenor.dataSubject": "$.id", "encrypt.dek.expiry.days": 1},
    )
    row["ruleSet"] = {"encodingRules": [odd, {**unknown, "name": "other"}], "domainRules": [unknown]}
    reader = await client(fake, keys={"pepper": b""}).events("customers-value", decode_only=True)
    assert (await reader.decode(value)).data == ADA
    with pytest.raises(errors.UnusableRule):
        await client(fake).events("customers-value")


async def test_conditions_see_plaintext_and_their_errors_hide_it() -> None:
    condition = {
        "name": "c",
        "kind": "CONDITION",
        "mode": "WRITEREAD",
        "type": "CEL",
        "expr": "message.email == 'x' + 1",
    }
    orders = await client(customers(condition, rule())).events("customers-value")
    with pytest.raises(errors.RuleFailed) as caught:
        orders.encode(ADA)
    assert "ada" not in str(caught.value)
    good = {**condition, "expr": "message.email.endsWith('example.org')"}
    orders = await client(customers(good, rule())).events("customers-value")
    assert (await orders.decode(orders.encode(ADA).value)).data == ADA


# --- keys (facts: encryption, sections 3, 4, 11) -------------------------------------------------------------------


async def test_the_cold_sequence() -> None:
    fake = customers(rule())
    await client(fake).events("customers-value")
    assert fake.calls == [
        "GET kek1",
        "POST ",
        "GET kek1/deks/customers-value/versions/1",
        "POST people kek1/deks/customers-value/reservations",
        "POST kek1/deks/customers-value",
        "POST people kek1/deks/customers-value/leases",
    ]


async def test_registries_without_the_path_by_subject() -> None:
    fake = customers(rule())
    fake.older = True
    orders = await client(fake).events("customers-value")
    assert (await orders.decode(orders.encode(ADA).value)).data == ADA


async def test_a_shared_kek_needs_no_key_system() -> None:
    fake = customers(rule())
    fake.keks["kek1"] = {"name": "kek1", "kmsType": "local-kms", "kmsKeyId": "mykey", "shared": True}
    orders = await client(fake, keys={"kms": {}}).events("customers-value")
    assert (await orders.decode(orders.encode(ADA).value)).data == ADA


async def test_alternate_keys_are_tried_in_order() -> None:
    class Region(Driver):
        def __init__(self, key_id: str, config: Any) -> None:
            self._id = key_id

        def wrap(self, dek: bytes, context: Any = None) -> bytes:
            if self._id == "mykey":
                raise errors.KmsUnavailable(kms="region", action="wrap", reason="it burns")
            return self._id.encode() + b"|" + dek

        def unwrap(self, blob: bytes, context: Any = None) -> bytes:
            name, _, dek = blob.partition(b"|")
            if name != self._id.encode():
                raise errors.AuthenticationFailed(what="The wrapped key")
            return dek

    one = rule(params={"encrypt.kms.type": "region"})
    fake = customers(one)
    props = {"encrypt.alternate.kms.key.ids": "second, third"}
    fake.keks["kek1"] = {"name": "kek1", "kmsType": "region", "kmsKeyId": "mykey", "kmsProps": props}
    orders = await client(fake, keys={"drivers": {"region": Region}}).events("customers-value")
    assert (await orders.decode(orders.encode(ADA).value)).data == ADA
    (dek,) = fake.deks.values()
    assert base64.b64decode(dek["encryptedKeyMaterial"]).startswith(b"second|")


async def test_the_rule_and_the_registered_kek_must_agree() -> None:
    for wrong in ({"kmsType": "aws-kms"}, {"kmsKeyId": "another"}):
        fake = customers(rule())
        fake.keks["kek1"] = {"name": "kek1", "kmsType": "local-kms", "kmsKeyId": "mykey", **wrong}
        with pytest.raises(errors.KeyMismatch):
            await client(fake).events("customers-value")


async def test_13_a_kek_that_was_swapped_is_not_sealed_under() -> None:
    """Who may write rules could point them to a key of his own."""
    cases = [
        (("local-kms://mykey",), {}, True),
        (("local-kms://my*", "aws-kms://*"), {}, True),
        (("aws-kms://*",), {}, False),
        (("local-kms://mykey",), {"kmsProps": {"encrypt.alternate.kms.key.ids": "evil"}}, False),
        (("local-kms://mykey",), {"shared": True}, False),
        (("local-kms://mykey", "shared"), {"shared": True}, True),
    ]
    for trusted, more, allowed in cases:
        fake = customers(rule())
        fake.keks["kek1"] = {"name": "kek1", "kmsType": "local-kms", "kmsKeyId": "mykey", **more}
        registry = client(fake, keys={"trusted": trusted})
        if allowed:
            assert (await registry.events("customers-value")).encode(ADA).value
        else:
            with pytest.raises(errors.KeyMismatch, match="trusts"):
                await registry.events("customers-value")


async def test_8_16_the_drop_in_takes_no_overrides() -> None:
    registry = client(customers(rule()))
    for option in ({"rule_registry": object()}, {"rule_conf": {"secret": "s"}}):
        for make in (AsyncSerializer, AsyncDeserializer):
            with pytest.raises(ValueError, match="always run"):
                make(registry, **option)


LIES = [
    ("kekName", "other"), ("subject", "other"), ("algorithm", "AES128_GCM"), ("version", 7), ("version", 2**20),
    ("encryptedKeyMaterial", base64.b64encode(bytes(62)).decode()),
    ("commitment", base64.b64encode(bytes(32)).decode()),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), LIES)
async def test_a_registry_that_lies_about_keys_is_not_believed(field: str, value: Any) -> None:
    fake = customers(rule())
    honest = (await client(fake).events("customers-value")).encode(ADA).value
    fake.lies = lambda body: {**body, field: value} if "kekName" in body else body
    with pytest.raises((errors.KeyMismatch, errors.AuthenticationFailed)):
        await client(fake).events("customers-value")
    with pytest.raises((errors.KeyMismatch, errors.AuthenticationFailed)):
        await (await client(fake).events("customers-value", decode_only=True)).decode(honest)


async def test_another_key_than_was_put_there_is_not_used() -> None:
    fake = customers(rule())
    fake.lies = lambda body: {**body, "encryptedKeyMaterial": "AAAA"} if "kekName" in body else body
    with pytest.raises(errors.KeyMismatch, match="another key"):
        await client(fake).events("customers-value")


async def test_who_cannot_reach_the_keys_learns_it_at_the_start() -> None:
    for type_, extra in (("local-kms", {}), ("nothing-kms", {"encrypt.kms.type": "nothing-kms"})):
        fake = customers(rule(params=extra))
        with pytest.raises(errors.EncryptionError) as caught:
            await client(fake, keys={"kms": {type_: {"secret": ""}}}).events("customers-value")
        assert caught.value.kind != "ENCRYPTION"
    fake = customers(rule())
    fake.route = lambda method, segments, query, body: (  # type: ignore[method-assign]
        error(503, 50301, "away")
        if segments[0] == "dek-registry"
        else FakeKeys.route(fake, method, segments, query, body)
    )
    with pytest.raises(errors.Unavailable):
        await client(fake).events("customers-value")


DAY = 86_400.0


async def at(monkeypatch: pytest.MonkeyPatch, moment: float) -> None:
    monkeypatch.setattr(keys_module, "_wall", lambda: moment)


async def test_keys_are_renewed_by_age_and_old_events_open(monkeypatch: pytest.MonkeyPatch) -> None:
    start = float(int(time.time()))
    for type_ in ("ENCRYPT", "SEAL"):
        fake = customers(rule(type_, params={"encrypt.dek.expiry.days": 1}))
        values = []
        for days, version in ((0, 1), (1.0, 1), (1.0001, 2), (2.5, 3)):
            fake.clock = lambda days=days: start + days * DAY
            await at(monkeypatch, start + days * DAY)
            orders = await client(fake).events("customers-value")
            values.append(orders.encode(ADA).value)
            assert max(key[3] for key in fake.deks) == version
        reader = await client(fake).events("customers-value", decode_only=True)
        for value in values:
            assert (await reader.decode(value)).data == ADA


async def test_a_running_producer_renews_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    start = time.time()
    fake = customers(rule(params={"encrypt.dek.expiry.days": 1}))
    orders = await client(fake, keys={"ttl": 0.01}).events("customers-value", version=1)
    fake.clock = lambda: start + 2 * DAY
    await at(monkeypatch, start + 2 * DAY)
    await sleep(0.02)
    first = orders.encode(ADA).value
    await eventually(lambda: len(fake.deks) == 2)
    await eventually(lambda: orders._writing.compiled.sealing._ring.cells()[0].held.key.version == 2)
    assert (await orders.decode(first)).data == (await orders.decode(orders.encode(ADA).value)).data == ADA


async def test_keys_are_renewed_by_count() -> None:
    fake = customers(rule(params={"encrypt.dek.expiry.days": 1, "tenor.dek.max.uses": 30}))
    orders = await client(fake).events("customers-value")
    for _ in range(10):  # six values each
        await orders.encode_when_ready(ADA)
    assert len(fake.deks) >= 2
    assert all(count <= 30 for count in fake.leased.values())


async def test_a_lost_race_leaves_nobody_on_the_old_key(monkeypatch: pytest.MonkeyPatch) -> None:
    start = time.time()
    fake = customers(rule(params={"encrypt.dek.expiry.days": 1}))
    first, second = client(fake), client(fake)
    await first.events("customers-value")
    await at(monkeypatch, start + 3 * DAY)
    fake.clock = lambda: start + 3 * DAY
    honest = fake.create

    def slower(name: str, subject: str, body: Any) -> httpx.Response:
        fake.create = honest  # type: ignore[method-assign]
        winner = fake.create(name, subject, body)  # somebody else is a moment earlier
        assert winner.status_code == 200
        return error(409, 40971, "it exists")

    fake.create = slower  # type: ignore[method-assign]
    orders = await second.events("customers-value")
    value = orders.encode(ADA).value
    assert sorted(key[3] for key in fake.deks) == [1, 2]
    assert (await (await first.events("customers-value", decode_only=True)).decode(value)).data == ADA
    assert orders._writing.compiled.sealing._ring.cells()[0].held.key.version == 2


class Counting(Driver):
    """A key system that counts what it is asked."""

    asked = 0

    def __init__(self, key_id: str, config: Any) -> None:
        pass

    def wrap(self, dek: bytes, context: Any = None) -> bytes:
        Counting.asked += 1
        return dek[::-1]

    def unwrap(self, blob: bytes, context: Any = None) -> bytes:
        return blob[::-1]


async def test_of_many_that_renew_at_once_one_asks_the_key_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Counting, "asked", 0)
    monkeypatch.setattr(keys_module, "WAITS", 400)  # the winner may be slow
    fake = customers(rule(params={"encrypt.kms.type": "counting"}))
    registries = [client(fake, keys={"drivers": {"counting": Counting}}) for _ in range(8)]
    await together([lambda one=one: one.events("customers-value") for one in registries])
    assert Counting.asked == 1


async def test_a_winner_that_died_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_module, "WAIT", 0.001)
    fake = customers(rule())
    fake.reserved.add(("kek1", "customers-value", "AES256_GCM", 1))
    assert (await client(fake).events("customers-value")).encode(ADA).value
    fake.native = False
    fake.deks.clear()
    assert (await client(fake).events("customers-value")).encode(ADA).value


async def test_a_race_without_a_winner_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = customers(rule(params={"encrypt.dek.expiry.days": 1}))
    await client(fake).events("customers-value")
    await at(monkeypatch, time.time() + 3 * DAY)
    fake.create = lambda name, subject, body: error(409, 40971, "it exists")  # type: ignore[method-assign]
    with pytest.raises(errors.KeyNotReady):
        await client(fake).events("customers-value")


async def test_keys_grow_old_and_are_looked_at_again() -> None:
    fake = customers(rule())
    orders = await client(fake, keys={"ttl": 0.01, "grace": 0.0}).events("customers-value", version=1)
    value = orders.encode(ADA).value
    await sleep(0.02)
    fake.deks.clear()
    with pytest.raises(errors.KeyMissing):
        await orders.decode(value)


async def test_a_key_outlives_the_registry_for_a_while_and_then_nothing_goes_out() -> None:
    fake = customers(rule())
    orders = await client(fake, keys={"ttl": 0.01, "grace": 0.15}).events("customers-value", version=1)
    honest = fake.route
    fake.route = lambda *rest: error(503, 50301, "away")  # type: ignore[method-assign]
    await sleep(0.03)
    assert orders.encode(ADA).value
    await sleep(0.2)
    with pytest.raises((errors.KeyNotReady, errors.Unavailable)):
        orders.encode(ADA)
    fake.route = honest  # type: ignore[method-assign]
    await orders.prepare(ADA)
    assert orders.encode(ADA).value


# --- the tolerant reader -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_rule_that_changed_leaves_old_events_readable(algorithm: str) -> None:
    fake = FakeKeys()
    versioned = rule(params={"encrypt.dek.expiry.days": 1, "encrypt.dek.algorithm": algorithm})
    bare = rule(params={"encrypt.dek.algorithm": algorithm})
    fake.add("customers-value", CUSTOMER, ruleSet=rules(versioned))
    fake.add("customers-value", CUSTOMER, ruleSet=rules(bare))
    registry = client(fake)
    ways = [await registry.events("customers-value", version=number) for number in (1, 2)]
    for written in ways:
        for framed in (b"\x00\x00\x00\x00\x01", b"\x00\x00\x00\x00\x02"):
            value = framed + written.encode(ADA).value[5:]
            reader = await client(fake).events("customers-value", decode_only=True)
            assert (await reader.decode(value)).data == ADA


# --- the reader's schema -------------------------------------------------------------------------------------------


async def test_the_writers_rules_open_what_a_reader_reads_as_something_else() -> None:
    fake = customers(rule())
    writer = await client(fake).events("customers-value")
    other = avro(
        plain("id", "long"), {"name": "mail", "type": "string", "aliases": ["email"]}, plain("n", "int", default=7)
    )
    fake.add("customers-value", other)
    reader = await client(fake).events("customers-value", version=2)
    assert (await reader.decode(writer.encode(ADA).value)).data == {"id": 42, "mail": "ada@example.org", "n": 7}


async def test_two_rules_on_one_field_seal_it_twice() -> None:
    other = {**rule(tags=["PII2"], params={"encrypt.kek.name": "kek2"}), "name": "second"}
    fake = customers(rule(), other, text=avro(pii("email", "string", **{"confluent:tags": ["PII", "PII2"]})))
    orders = await client(fake).events("customers-value")
    value = orders.encode({"email": "ada@example.org"}).value
    assert (await orders.decode(value)).data == {"email": "ada@example.org"}
    assert len(value) > 100


async def test_subjects_of_a_context() -> None:
    fake = FakeKeys()
    fake.add(":.dev:customers", CUSTOMER, ruleSet=rules(rule()))
    orders = await client(fake).events(":.dev:customers")
    assert (await orders.decode(orders.encode(ADA).value)).data == ADA
    assert any("context=.dev" in path for path in fake.paths())


# --- many at once --------------------------------------------------------------------------------------------------


async def test_many_that_need_a_key_make_it_once() -> None:
    fake = customers(rule(params={"encrypt.dek.expiry.days": 1}))
    registry = client(fake)
    codecs = await together([lambda: registry.events("customers-value") for _ in range(30)])
    assert sum(call.startswith("POST kek1/deks") for call in fake.calls) == 1
    values = [codec.encode(ADA).value for codec in codecs]
    read = await together([lambda value=value: codecs[0].decode(value) for value in values])
    assert all(event.data == ADA for event in read)


async def test_a_hundred_threads_share_one_codec() -> None:
    fake = customers(rule(), text=avro(plain("n", "int"), pii("email", "string")))
    codec = await client(fake).events("customers-value")

    def work(worker: int) -> list[bytes | None]:
        return [codec.encode({"n": worker, "email": f"{worker}@example.org"}).value for _ in range(20)]

    with ThreadPoolExecutor(100) as pool:
        values = [value for some in pool.map(work, range(100)) for value in some]
    read = [(await codec.decode(value)).data for value in values]
    assert read == [{"n": worker, "email": f"{worker}@example.org"} for worker in range(100) for _ in range(20)]
    sealed = [
        schemaless_reader(BytesIO(value[5:]), json.loads(avro(plain("n", "int"), pii("email", "string"))), None)
        for value in values
    ]
    assert len({base64.b64decode(event["email"])[:12] for event in sealed}) == len(values)  # no nonce twice


async def test_nothing_of_a_key_or_an_event_is_in_an_error_or_a_repr() -> None:
    fake = customers(rule())
    registry = client(fake)
    orders = await registry.events("customers-value")
    held = orders._writing.compiled.sealing._ring.cells()[0].held
    (dek,) = fake.deks.values()
    shown = repr(held) + repr(registry.keys._config) + repr(orders)
    for wrong in ({**ADA, "email": 5}, {**ADA, "token": "x"}, {**ADA, "extra": "ada@example.org"}, {**ADA, "phone": 7}):
        with pytest.raises(errors.InvalidEvent) as caught:
            orders.encode(wrong)
        shown += str(caught.value) + repr(caught.value.violations)
    for secret in (
        "ada@example.org",
        "mysecret",
        held.raw.hex(),
        repr(held.raw),
        dek["encryptedKeyMaterial"],
        "pepper of",
    ):
        assert secret not in shown


async def test_values_of_open_fields_are_still_shown() -> None:
    orders = await client(customers(rule())).events("customers-value")
    with pytest.raises(errors.InvalidEvent, match="'nowhere'"):
        orders.encode({**ADA, "id": "nowhere"})
