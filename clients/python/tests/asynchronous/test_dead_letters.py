"""Dead letters: what a rule refuses lies where it says, and holds nothing that a seal would hide. Asynchronous."""

from __future__ import annotations

import json
import pickle
from typing import Any

import httpx
import pytest
from fake_keys import FakeKeys
from sealing import ADA, CUSTOMER, KMS, PARAMS, PEPPER, avro, pii, plain, rule, rules, secrets

from tenor import AsyncConsumer, AsyncRegistry, Compression, Keys, Outcome, Record, Retries, Retry, Sanitise, errors
from tenor.consuming import DeadLetter, restored, verdict_of

pytestmark = pytest.mark.anyio

QUICK = Retries(attempts=2, first=0.0, longest=0.0, trips=3, rest=0.01, patience=0.0)


def client(fake: FakeKeys, letters: Any, **keys: Any) -> AsyncRegistry:
    http = httpx.AsyncClient(transport=httpx.MockTransport(fake))
    config = Keys(**{"kms": KMS, "pepper": PEPPER, "jitter": 0.0, **keys})
    return AsyncRegistry("http://registry.test", http=http, retry=Retry(rounds=1), keys=config, dead_letters=letters)


def no(expr: str = "message.city != 'London'", **more: Any) -> dict[str, Any]:
    """A condition that Ada does not keep."""
    return {
        "name": "outside",
        "kind": "CONDITION",
        "type": "CEL",
        "mode": "WRITE",
        "expr": expr,
        "params": {"dlq.topic": "dead"},
        "onFailure": "DLQ",
        **more,
    }


def fake_with(*domain: Any, text: str = CUSTOMER, encoding: Any = ()) -> FakeKeys:
    fake = FakeKeys()
    fake.add("s", text, ruleSet=rules(*domain, encoding=encoding))
    return fake


async def refused(
    fake: FakeKeys, event: Any = ADA, letters: Any = None, **options: Any
) -> tuple[Any, list[DeadLetter]]:
    """The error, and the letters that were sent."""
    sent: list[DeadLetter] = []
    registry = client(fake, sent.append if letters is None else letters)
    codec = await registry.events("s", **options)
    with pytest.raises(errors.RuleFailed) as caught:
        await codec.encode_when_ready(event, record_key=b"k", headers={"x": "y"}, topic="customers")
    return caught.value, sent


def says(letter: DeadLetter) -> dict[str, str]:
    return {name: value.decode() if isinstance(value, bytes) else str(value) for name, value in letter.headers}


async def test_what_a_rule_refuses_is_sent_and_refused_all_the_same() -> None:
    fake = fake_with(no())
    error, (letter,) = await refused(fake)
    assert (error.dead_lettered, error.pending, error.action, error.dead_letter) == (True, False, "DLQ", "dead")
    assert str(error).endswith("It was sent to the dead-letter topic 'dead'.")
    assert (letter.topic, letter.key) == ("dead", b"k")
    told = says(letter)
    assert {name: told[f"tenor-quarantine-{name}"] for name in ("reason", "rule", "error", "stage", "content")} == {
        "reason": "INVALID",
        "rule": "outside",
        "error": "RuleFailed",
        "stage": "encode",
        "content": "encoded",
    }
    assert json.loads(told["tenor-quarantine-position"]) == {"topic": "customers", "subject": "s"}
    assert {name: text for name, text in told.items() if name.startswith("__rule.")} == {
        "__rule.name": "outside",
        "__rule.mode": "WRITE",
        "__rule.subject": "s",
        "__rule.topic": "customers",
        "__rule.exception": "The rule outside (CEL) failed: its condition does not hold.",
    }
    assert (told["x"], told["ce_type"]) == ("y", "demo.Customer")
    assert verdict_of(letter.headers) == letter.verdict
    back = restored(letter.headers)
    assert not [name for name, _ in back if name.startswith(("__rule.", "tenor-quarantine-"))]
    assert (await (await client(fake, None).events("s")).decode(letter.value, letter.headers)).data == ADA
    assert pickle.loads(pickle.dumps(error)).dead_lettered


async def test_a_codec_that_cannot_wait_says_so() -> None:
    sent: list[DeadLetter] = []
    codec = await client(fake_with(no()), sent.append).events("s")
    for encode in (codec.encode, codec.encode_value):
        sent.clear()
        with pytest.raises(errors.RuleFailed) as caught:
            encode(ADA)
        if caught.value.pending:
            assert "encode_when_ready" in str(caught.value)
            assert sent == []
            pending = caught.value
            with pytest.raises(errors.RuleFailed) as caught:
                await codec.dead_letter(pending, ADA)
        assert caught.value.dead_lettered
        assert len(sent) == 1
    await codec.prepare(ADA)  # gets keys, and says nothing of rules
    assert len(sent) == 1


SEALS = [
    {"domain": [rule(type_), no()]} for type_ in ("ENCRYPT", "SEAL")
] + [
    {"domain": [no()], "encoding": [rule(type_, tags=[])]} for type_ in ("ENCRYPT_PAYLOAD", "SEAL_PAYLOAD")
] + [{"domain": [no(), rule("ENCRYPT")]}]  # fmt: skip


def bytes_of(letter: DeadLetter) -> bytes:
    return b"\n".join([letter.value or b"", letter.key or b"", *map(str.encode, says(letter).values())])


@pytest.mark.parametrize(
    "given", SEALS, ids=lambda given: str([each["type"] for part in given.values() for each in part])
)
async def test_a_letter_is_sealed_as_the_event_would_have_been(given: Any) -> None:
    domain = [each if each["type"] == "CEL" else {**each, "name": "closed"} for each in given["domain"]]
    fake = fake_with(*domain, encoding=given.get("encoding", ()))
    event = {**ADA, "email": "ada@example.org"}
    error, (letter,) = await refused(fake, event)
    assert error.dead_lettered
    assert says(letter)["tenor-quarantine-content"] == "encoded"
    for secret in secrets():
        assert secret not in bytes_of(letter)
    assert (await (await client(fake, None).events("s")).decode(letter.value, letter.headers)).data == event


@pytest.mark.parametrize(
    "given", SEALS, ids=lambda given: str([each["type"] for part in given.values() for each in part])
)
async def test_what_cannot_be_sealed_is_withheld(given: Any) -> None:
    """The transform fails, so that there is nothing to encode."""
    wrong = no("null", kind="TRANSFORM", name="change", type="JSONATA")
    seals = [each for each in given["domain"] if each["type"] != "CEL"]
    fake = fake_with(wrong, *seals, encoding=given.get("encoding", ()))
    event = {**ADA, "labels": {"Countess": "v"}}
    error, (letter,) = await refused(fake, event)
    assert (error.rule, error.dead_lettered) == ("change", True)
    told = says(letter)
    assert (told["tenor-quarantine-content"], told["content-type"], told["x"]) == ("withheld", "application/json", "y")
    for secret in secrets():
        assert secret not in bytes_of(letter)
    shown = json.loads(letter.value or b"")
    assert set(shown) == set(ADA)
    assert shown["city"] == ("London" if seals else "<withheld>")
    assert {shown[name] for name in ("email", "token", "phone")} == {"<withheld>"}


async def test_a_secret_in_the_wrong_place_is_withheld_too() -> None:
    odd = {**ADA, "emial": "ada@example.org", "city": "London", "Countess": 1, "id": {"Countess": "Countess"}}
    error, (letter,) = await refused(fake_with(no(kind="TRANSFORM", type="JSONATA", expr="null"), rule("SEAL")), odd)
    assert error.dead_lettered
    for secret in secrets():
        assert secret not in bytes_of(letter)
    for event in ("ada@example.org", b"Countess", ["Countess"], 7.5):
        error, (letter,) = await refused(fake_with(no("null", kind="TRANSFORM", type="JSONATA"), rule("SEAL")), event)
        assert json.loads(letter.value or b"") in ("<withheld>", ["<withheld>"])


async def test_without_a_rule_that_seals_only_tagged_values_are_withheld() -> None:
    error, (letter,) = await refused(fake_with(no("null", kind="TRANSFORM", type="JSONATA")))
    shown = json.loads(letter.value or b"")
    assert (shown["id"], shown["city"], shown["email"]) == (42, "London", "<withheld>")
    assert error.dead_lettered


async def test_keys_that_are_not_to_be_had_leave_a_letter_without_secrets() -> None:
    """A letter is no way around a person's erasure: for the erased nothing is sealed, and so nothing sent."""
    text = avro(plain("customer", "string"), pii("email", "string"), plain("city", "string"))
    fake = fake_with(no(), rule("SEAL", params={"tenor.dataSubject": "$.customer"}), text=text)
    event = {"customer": "c~1", "email": "ada@example.org", "city": "London"}
    error, (letter,) = await refused(fake, event)
    assert says(letter)["tenor-quarantine-content"] == "encoded"
    ((kek, handle),) = fake.persons
    fake.erase(kek, handle)
    error, (letter,) = await refused(fake, event)
    assert (error.rule, error.dead_lettered) == ("outside", True)
    assert says(letter)["tenor-quarantine-content"] == "withheld"
    assert b"ada@" not in bytes_of(letter)
    assert json.loads(letter.value or b"")["city"] == "London"


def full(letter: DeadLetter) -> None:
    raise OSError("no space left on the broker")


async def test_a_sink_that_fails_hides_nothing() -> None:
    error, _ = await refused(fake_with(no()), letters=full)
    assert isinstance(error, errors.DeadLetterFailed)
    assert (error.rule, error.kind, error.dead_lettered, error.retryable) == ("outside", "DEAD_LETTER", False, True)
    assert isinstance(error.__cause__, OSError)
    assert "outside" in str(error)
    assert "could not be sent to 'dead': OSError" in str(error)
    assert "space" not in str(error)


async def test_without_a_sink_the_error_says_that_nothing_was_sent() -> None:
    codec = await client(fake_with(no()), None).events("s")
    said = r"Nothing was sent to the dead-letter topic 'dead': Registry\(dead"
    for encode in (codec.encode, codec.encode_value):
        with pytest.raises(errors.RuleFailed, match=said):
            encode(ADA)
    with pytest.raises(errors.RuleFailed, match=said):
        await codec.encode_when_ready(ADA)


async def test_a_rule_that_holds_may_ask_for_a_letter_and_one_that_errs_sends_none() -> None:
    holds = no("true", onFailure="ERROR", onSuccess="DLQ", params={})
    error, (letter,) = await refused(fake_with(holds))
    assert (error.dead_lettered, letter.topic) == (True, "")
    error, sent = await refused(fake_with(no(onFailure="ERROR")))
    assert (error.dead_lettered, error.dead_letter, sent) == (False, "", [])


async def test_bounds_apply_to_letters() -> None:
    text = avro(plain("note", "string", **{"confluent:tags": ["HTML"]}), plain("city", "string"))
    fake = fake_with(no(), text=text)
    sent: list[DeadLetter] = []
    codec = await client(fake, sent.append).events("s", sanitise=Sanitise(html="redact", html_tags={"HTML"}))
    event = {"note": "<script>alert(1)</script>", "city": "London"}
    with pytest.raises(errors.RuleFailed):
        await codec.encode_when_ready(event)
    with pytest.raises(errors.RuleFailed):
        await codec.encode_when_ready(event, topic="t")
    assert len(sent) == 2
    assert not [letter for letter in sent if b"script" in bytes_of(letter)]


# --- reading ---------------------------------------------------------------------------------------------------


async def test_what_a_rule_refuses_on_reading_is_sent_as_it_came() -> None:
    fake = fake_with({**rule("SEAL")}, no(mode="READ", name="late"))
    sent: list[DeadLetter] = []
    registry = client(fake, sent.append)
    codec = await registry.events("s")
    message = codec.encode(ADA)
    with pytest.raises(errors.RuleFailed) as caught:
        await codec.decode(message.value, message.headers, record_key=b"k", topic="customers")
    (letter,) = sent
    assert (caught.value.dead_lettered, letter.value, letter.key, letter.topic) == (True, message.value, b"k", "dead")
    told = says(letter)
    assert (told["tenor-quarantine-content"], told["tenor-quarantine-stage"]) == ("original", "decode")
    assert (told["__rule.mode"], told["__rule.name"]) == ("READ", "late")
    assert restored(letter.headers)[:-1] == message.headers
    for secret in secrets():
        assert secret not in bytes_of(letter)
    with pytest.raises(errors.RuleFailed, match="is not sent again"):  # who reads the letter makes no other
        await codec.decode(letter.value, letter.headers)
    assert len(sent) == 1


@pytest.mark.parametrize("mode", ["WRITE", "WRITEREAD", "READ"])
async def test_who_looks_into_a_dead_letter_topic_reads_what_was_refused(mode: str) -> None:
    fake = fake_with(
        {**rule("SEAL"), "name": "closed"}, no(mode=mode, onFailure="DLQ,DLQ" if mode == "WRITEREAD" else "DLQ")
    )
    sent: list[DeadLetter] = []
    codec = await client(fake, sent.append).events("s")

    async def write_and_read() -> None:
        message = await codec.encode_when_ready(ADA)
        await codec.decode(message.value, message.headers)

    with pytest.raises(errors.RuleFailed, match="was sent"):
        await write_and_read()
    (letter,) = sent
    reader = await client(fake, sent.append).events("s", decode_only=True, read_letters=True)
    assert (await reader.decode(letter.value, letter.headers)).data == ADA
    if mode != "WRITE":  # what is no letter is judged as ever
        with pytest.raises(errors.RuleFailed):
            await reader.decode(letter.value, restored(letter.headers))


async def test_a_letter_of_what_was_compressed_holds_the_bytes_as_they_came() -> None:
    fake = fake_with(no(mode="READ"), text=avro(plain("city", "string"), plain("note", "string")))
    sent: list[DeadLetter] = []
    registry = client(fake, sent.append)
    codec = await registry.events("s", compression=Compression(least=1))
    event = {"city": "London", "note": "n" * 500}
    message = codec.encode(event)
    with pytest.raises(errors.RuleFailed, match="was sent"):
        await codec.decode(message.value, message.headers)
    (letter,) = sent
    assert letter.value == message.value
    assert restored(letter.headers)[:-1] == message.headers
    reader = await registry.events("s", compression=Compression(), read_letters=True)
    assert (await reader.decode(letter.value, letter.headers)).data == event


async def test_no_value_passes_for_a_letters_frame() -> None:
    fake = fake_with(no(mode="READ"))
    reader = await client(fake, None).events("s", decode_only=True, read_letters=True)
    value = (await client(fake, None).events("s")).encode(ADA).value or b""
    with pytest.raises(errors.RuleFailed) as caught:
        await reader.decode(value)
    letter = [("tenor-quarantine-reason", b"INVALID")]
    assert (await reader.decode(value, letter)).data == ADA
    assert caught.value.action == "DLQ"
    for length in (6, 17):
        with pytest.raises(errors.NotFramed):
            await reader.decode((b"letter".ljust(length) + value[:5])[:length])
        with pytest.raises(errors.NotFramed):
            await reader.decode(b"letter" + value[:5])


async def test_what_lies_beneath_a_tag_is_withheld_with_it() -> None:
    home = {"type": "record", "name": "demo.Home", "fields": [plain("street", "string")]}
    text = avro(pii("home", home), plain("city", "string"))
    event = {"home": {"street": "Countess"}, "city": "London"}
    _, (letter,) = await refused(fake_with(no("null", kind="TRANSFORM", type="JSONATA"), text=text), event)
    assert json.loads(letter.value or b"") == {"home": "<withheld>", "city": "London"}


async def test_a_consumer_sets_a_record_aside_once_where_the_rule_says() -> None:
    fake = fake_with(no(mode="READ"))
    sent: list[DeadLetter] = []
    aside: list[Any] = []
    for letters, outcome in ((sent.append, Outcome.QUARANTINED), (None, Outcome.QUARANTINED)):
        codec = await client(fake, letters).events("s")
        consumer = AsyncConsumer(codec, print, name="group", quarantine=aside.append, retries=QUICK)
        value = codec.encode(ADA).value
        assert await consumer.process(Record(value, None, b"k", {"topic": "customers"})) is outcome
        assert (len(sent), len(aside)) == ((1, 0) if letters else (1, 1))
    assert sent[0].verdict.position == {"topic": "customers", "subject": "s"}
    codec = await client(fake, full).events("s")
    consumer = AsyncConsumer(codec, print, name="group", quarantine=aside.append, retries=QUICK)
    with pytest.raises(errors.Unprocessed):  # nobody has it: it must come again
        await consumer.process(Record(value, None))
    assert len(aside) == 1


async def test_a_value_that_does_not_open_tells_its_own_reason() -> None:
    one = rule("ENCRYPT", onFailure="ERROR,DLQ", params={"dlq.topic": "dead"})
    fake = fake_with(one, text=avro(pii("email", "string")))
    sent: list[DeadLetter] = []
    codec = await client(fake, sent.append).events("s")
    value = codec.encode({"email": "ada@example.org"}).value
    with pytest.raises(errors.RuleFailed) as caught:
        await codec.decode(value[:-3] + b"AAA")
    assert isinstance(caught.value.__cause__, errors.AuthenticationFailed)
    (letter,) = sent
    assert (letter.verdict.reason, letter.verdict.error) == ("AUTH_FAILED", "AuthenticationFailed")
    assert "__rule.name" not in says(letter)  # stock clients that send it on would skip the rule that seals
    assert PARAMS["encrypt.kek.name"] not in str(letter.verdict)
    consumer = AsyncConsumer(codec, print, name="group", quarantine=sent.append, retries=QUICK)
    assert await consumer.process(Record(value[:-3] + b"AAA", None)) is Outcome.QUARANTINED


async def test_headers_that_steer_rules_are_not_passed_on() -> None:
    codec = await client(fake_with(rule("SEAL")), None).events("s")
    headers = {"__rule.name": "seal", "a": "b"}
    message = codec.encode(ADA, headers=headers)
    assert [name for name, _ in message.headers if name.startswith("__rule")] == []
    assert message.headers[-1] == ("a", b"b")
    assert (await codec.decode(message.value, [*message.headers, ("__rule.name", b"seal")])).data == ADA
