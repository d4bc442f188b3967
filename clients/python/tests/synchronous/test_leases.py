# Generated from tests/asynchronous/test_leases.py by generate_sync.py: change that file, not this one.

"""Uses of a key are leased of the registry, so that a fleet and not a process is what a limit bounds. Synchronous."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import httpx
import pytest
from concurrency import together
from fake_keys import FakeKeys
from fake_registry import error
from sealing import KMS, PEPPER, avro, pii, rule, rules

from tenor import Keys, Registry, Retry, errors
from tenor._sync.concurrency import sleep
from tenor.sealing import keyring
from tenor.sealing.keyring import FIRST_BLOCK, MOST_BLOCK, Held
from tenor.sealing.sources import HARD_LIMIT, MAX_USES, Key

MAIL = avro(pii("email", "string"))
EVENT = {"email": "ada@example.org"}
KEY = ("kek1", "mails-value", "AES256_GCM")


def mails(most: int | None = None, **params: Any) -> FakeKeys:
    """A subject whose every event is one use of its key, of which all clients have `most`."""
    given = {"encrypt.dek.expiry.days": 30, **params} | ({} if most is None else {"tenor.dek.max.uses": most})
    fake = FakeKeys()
    fake.add("mails-value", MAIL, ruleSet=rules(rule(params=given)))
    return fake


def client(fake: FakeKeys, **keys: Any) -> Registry:
    http = httpx.Client(transport=httpx.MockTransport(fake))
    config = Keys(**{"kms": KMS, "pepper": PEPPER, "jitter": 0.0, **keys})
    return Registry("http://registry.test", http=http, retry=Retry(rounds=1), keys=config)


def codec(fake: FakeKeys, **keys: Any) -> Any:
    return client(fake, **keys).events("mails-value", version=1)


def held(orders: Any) -> Held:
    (cell,) = orders._writing.compiled.sealing._ring.cells()
    assert cell.held is not None
    return cell.held


def version(value: bytes | None) -> int:
    """Which key sealed an event: its text is base64 of 00 · version."""
    return int.from_bytes(b64decode((value or b"")[7:])[1:5], "big")


def away(fake: FakeKeys) -> Any:
    """Let nobody answer; call what comes back to end it."""
    honest = fake.route
    fake.route = lambda *rest: error(503, 50301, "away")  # type: ignore[method-assign]

    def back() -> None:
        fake.route = honest  # type: ignore[method-assign]

    return back


def eventually(condition: Any) -> None:
    for _ in range(300):
        if condition():
            return
        sleep(0.005)
    raise AssertionError("it did not happen within a second and a half")


def test_a_block_is_leased_with_the_key_and_nothing_is_asked_within_it() -> None:
    fake = mails()
    orders = codec(fake)
    asked = len(fake.requests)
    for _ in range(50):
        orders.encode(EVENT)
    assert len(fake.requests) == asked
    assert fake.leased == {(*KEY, 1): FIRST_BLOCK}
    assert (held(orders).uses, held(orders).stop) == (50, FIRST_BLOCK)


def test_the_next_block_is_leased_ahead_in_the_background() -> None:
    fake = mails(100_000)  # blocks of a 64th: 1562
    orders = codec(fake)
    for _ in range(1407):
        orders.encode(EVENT)
    assert fake.leased == {(*KEY, 1): 1562}
    orders.encode(EVENT)  # a tenth is left
    eventually(lambda: fake.leased == {(*KEY, 1): 2 * 1562})
    for _ in range(1000):
        assert version(orders.encode(EVENT).value) == 1
    assert held(orders).uses == 2408


def test_all_clients_together_stay_within_the_limit_and_end_on_one_new_key() -> None:
    fake = mails(3000)
    codecs = [codec(fake) for _ in range(4)]  # blocks of 1000: the fourth finds none
    assert fake.leased == {(*KEY, 1): 3000, (*KEY, 2): 1000}
    values = [orders.encode(EVENT).value for orders in codecs]
    assert [version(value) for value in values] == [1, 1, 1, 2]

    def write(orders: Any) -> None:
        for _ in range(999):
            orders.encode_when_ready(EVENT)

    together([lambda orders=orders: write(orders) for orders in codecs])
    assert sum(call.startswith("POST kek1/deks") for call in fake.calls) == len(fake.deks)  # each was made once
    assert all(count <= 3000 for count in fake.leased.values())
    reader = codec(fake)
    for orders, value in zip(codecs, values, strict=True):
        assert (reader.decode(value)).data == EVENT
        assert (reader.decode((orders.encode_when_ready(EVENT)).value)).data == EVENT


def test_the_last_use_is_the_last() -> None:
    """Of an synchronous codec that gives the background no turn."""
    fake = mails(10)
    orders = codec(fake)
    sealed, refused = 0, 0
    for _ in range(20):
        try:
            assert version(orders.encode(EVENT).value) == 1 + sealed // 10
        except errors.KeyNotReady:
            refused += 1
            orders.prepare(EVENT)
        else:
            sealed += 1
    assert all(count <= 10 for count in fake.leased.values())
    assert sealed + refused == 20


def test_without_a_successor_a_key_that_is_used_up_seals_no_more() -> None:
    fake = mails(**{"encrypt.dek.expiry.days": 0})
    assert (codec(fake)).encode(EVENT).value
    fake.leased[(*KEY, 1)] = HARD_LIMIT
    with pytest.raises(errors.KeySpent, match="no successor") as caught:
        codec(fake)
    assert "ada" not in str(caught.value)


# --- while nobody answers --------------------------------------------------------------------------------------------


def test_while_nobody_answers_some_uses_are_owed_and_then_nothing_goes_out() -> None:
    fake = mails(16_000)  # blocks of 1000, debts of 1000
    orders = codec(fake)
    back = away(fake)
    sent, refused = [], None
    while refused is None:
        try:
            sent.append((orders.encode_when_ready(EVENT)).value)
        except errors.KeySpent as error:
            refused = error
    assert 1900 < len(sent) <= 2000
    assert "does not answer" in str(refused)
    assert "ada" not in str(refused)
    assert refused.retryable
    assert fake.leased == {(*KEY, 1): 1000}
    back()
    orders.prepare(EVENT)
    assert orders.encode(EVENT).value
    assert fake.leased == {(*KEY, 1): held(orders).known}
    assert held(orders).known >= 3000  # what was owed was told
    for value in sent[::100]:
        assert (orders.decode(value)).data == EVENT


def test_a_registry_that_is_away_is_not_asked_with_every_event() -> None:
    fake = mails(64_000)
    orders = codec(fake)
    away(fake)
    for _ in range(1500):
        orders.encode_when_ready(EVENT)
    before = len(fake.requests)
    for _ in range(1000):
        orders.encode_when_ready(EVENT)
        sleep(0)
    assert len(fake.requests) - before < 40


def test_a_key_goes_on_being_used_while_its_renewal_gets_no_answer() -> None:
    fake = mails()
    orders = codec(fake, ttl=0.01, grace=60.0)
    away(fake)
    sleep(0.02)
    orders.prepare(EVENT)
    client_ready(orders)
    assert orders.encode(EVENT).value


def client_ready(orders: Any) -> None:
    """What the background does."""
    orders._source.keys().ready(orders._writing.compiled.sealing.sources)


# --- registries that keep no count -----------------------------------------------------------------------------------


def test_other_registries_leave_the_count_to_each_process() -> None:
    for change in ({"counts": False}, {"native": False}):
        fake = mails(30)
        for name, value in change.items():
            setattr(fake, name, value)
        orders = codec(fake)
        for _ in range(30):
            assert version((orders.encode_when_ready(EVENT)).value) == 1
        client_ready(orders)
        assert version((orders.encode_when_ready(EVENT)).value) == 2
        assert sum("leases" in path for path in fake.paths()) == 1


def test_who_may_not_lease_counts_alone_and_asks_again() -> None:
    fake = mails(30)
    honest = fake.lease
    fake.lease = lambda *rest: error(403, 40301, "the caller may not")  # type: ignore[method-assign]
    orders = codec(fake, ttl=0.01)
    for _ in range(10):
        orders.encode_when_ready(EVENT)
    assert fake.leased == {}
    fake.lease = honest  # type: ignore[method-assign]
    sleep(0.02)
    client_ready(orders)
    assert fake.leased == {(*KEY, 1): 30}  # what was sealed, and what is left
    assert held(orders).stop == 30


def test_a_key_that_is_gone_is_left_for_another() -> None:
    fake = mails(30)
    orders = codec(fake)
    for _ in range(28):
        orders.encode_when_ready(EVENT)
    fake.deks.clear()
    fake.reserved.clear()
    client_ready(orders)
    assert held(orders).known == 30
    assert held(orders).uses == 0


def test_a_registry_that_grants_more_than_was_asked_is_not_believed() -> None:
    fake = mails(100_000)
    honest = fake.lease
    fake.lease = lambda *rest: httpx.Response(200, json={**honest(*rest).json(), "uses": 2**40})  # type: ignore[method-assign]
    assert held(codec(fake)).stop == 1562
    for answer in ({"uses": -5, "leased": 0}, {"uses": "x", "leased": 0}, {}):
        fake.lease = lambda *rest, answer=answer: httpx.Response(200, json=answer)  # type: ignore[method-assign]
        try:
            orders = codec(fake)
        except (errors.KeyNotReady, errors.UnexpectedAnswer):
            continue
        assert held(orders).stop <= 100_000 // 16


# --- sizes -----------------------------------------------------------------------------------------------------------

# what all clients may use, how long blocks last, sizes of the blocks
SIZES: list[tuple[int, float, list[int]]] = [
    (MAX_USES, 10.0, [FIRST_BLOCK, FIRST_BLOCK * 4, MOST_BLOCK, MOST_BLOCK]),
    (MAX_USES, 3600.0, [FIRST_BLOCK, FIRST_BLOCK, FIRST_BLOCK]),
    (HARD_LIMIT, 10.0, [FIRST_BLOCK, FIRST_BLOCK * 4, MOST_BLOCK]),
    (100_000, 10.0, [1562, 1562]),
    (5000, 10.0, [1000, 1000]),
    (10, 10.0, [10, 10]),
    (1, 10.0, [1]),
]


def test_blocks_grow_while_they_last_shortly() -> None:
    for most, lasting, sizes in SIZES:
        key, now = Held(Key(*KEY, 1), bytes(32), 0.0, 0.0), 0.0
        for size in sizes:
            block = key.block(most, now)
            assert block == size, (most, lasting)
            key.granted(block, 0, block, now)
            assert key.uses < key.limit < key.stop or block == 1
            now += lasting
            key.uses = key.limit


def test_what_may_be_owed_leaves_room_for_a_fleet() -> None:
    key = Held(Key(*KEY, 1), bytes(32), 0.0, 0.0)
    key.granted(FIRST_BLOCK, 0, FIRST_BLOCK, 0.0)
    asked = 0
    while key.owe(MAX_USES):
        asked, key.uses = asked + 1, key.limit
    assert key.uses == FIRST_BLOCK + keyring.MOST_OWED
    assert asked <= 70
    assert MAX_USES + 240 * keyring.MOST_OWED <= HARD_LIMIT
    assert not Held(Key(*KEY, 1), bytes(32), 0.0, 0.0).owe(10)
