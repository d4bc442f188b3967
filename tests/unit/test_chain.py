"""The audit log's chain: whatever is changed, taken out or moved is named."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from tenor.chain import GENESIS, Checkpoint, Report, Sealed, canonical, chained, ed25519, key_id, verify

texts = st.text(st.characters(codec="utf-8"), max_size=30)


@given(st.lists(st.integers(-(2**62), 2**62) | texts, max_size=7))
def test_the_canonical_form_is_that_of_the_server(content: list[object]) -> None:
    assert canonical(content) == msgspec.json.encode(content)


def test_the_hash_of_a_known_event_never_changes() -> None:
    digest = chained(GENESIS, 1, 1_700_000_000_000, "me", "act", "r:1", '{"n":1}')
    assert digest.hex() == "8dd2def719a5468a29858c91b8354a840822546c3891fb2a89c94974751b6f13"
    assert digest != chained(GENESIS, 1, 1_700_000_000_000, "me", "act", "r:1", '{"n":1}', "10.0.0.1")
    # Texts cannot slide from one member into the next.
    assert chained(GENESIS, 1, 1, "a", "bc", "r", "{}") != chained(GENESIS, 1, 1, "ab", "c", "r", "{}")


def log(count: int) -> list[Sealed]:
    """A sound log."""
    events, previous = [], GENESIS
    for number in range(1, count + 1):
        origin = "10.0.0.1" if number % 3 else None
        content = (number, 1000 + number, "me", "act", f"r:{number % 4}", f'{{"n":{number}}}')
        previous = chained(previous, *content, origin)
        events.append(Sealed(*content, origin, previous))
    return events


SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = SIGNER.public_key().public_bytes_raw()
KEYS = {key_id(PUBLIC): PUBLIC}


def signed(event: Sealed) -> Checkpoint:
    """A checkpoint at an event."""
    assert event.sequence is not None
    assert event.hash is not None
    plain = Checkpoint(event.sequence, event.hash, 5000, key_id(PUBLIC), b"")
    return replace(plain, signature=SIGNER.sign(plain.signed()))


def told(report: Report) -> list[tuple[str, int]]:
    """Problems by kind and place."""
    return [(each.kind, each.sequence) for each in report.problems]


def test_a_log_that_was_not_changed_is_sound() -> None:
    events = log(50)
    tail = [replace(events[0], sequence=None, hash=None)] * 3
    report = verify([*events, *tail], [signed(events[9]), signed(events[49])], KEYS, holds=ed25519)
    assert report.sound
    assert (report.first, report.last, report.sealed, report.unsealed) == (1, 50, 50, 3)
    assert (report.checkpoints, report.signatures) == (2, 2)
    assert "nothing was changed: 50 sealed events (1 to 50)" in report.summary()
    assert "3 events are not sealed yet" in report.summary()
    part = verify(events[20:], previous=events[19].hash or b"", after=20)
    assert part.sound
    assert verify([]).sound


@pytest.mark.parametrize(
    "change",
    [{"at": 1}, {"actor": "you"}, {"action": "x"}, {"resource": "r:9"}, {"body": "{}"}, {"origin": "1.1.1.1"}],
)
@pytest.mark.parametrize("place", [0, 7, 19])
def test_an_edited_event_is_named_and_no_other(change: dict[str, object], place: int) -> None:
    events = log(20)
    events[place] = replace(events[place], **change)  # type: ignore[arg-type] # one member each
    assert told(verify(events)) == [("edited", place + 1)]


def test_a_removed_origin_is_an_edit() -> None:
    events = log(20)
    assert events[0].origin
    events[0] = replace(events[0], origin=None)
    assert told(verify(events)) == [("edited", 1)]


@given(st.integers(0, 19), st.integers(1, 5))
def test_deleted_events_are_named(place: int, count: int) -> None:
    events = log(25)
    report = verify(events[:place] + events[place + count :])
    assert told(report) == [("missing", place + 1)]
    expected = f"event {place + 1} is" if count == 1 else f"events {place + 1} to {place + count} are"
    assert report.problems[0].sentence == f"{expected} missing"


@given(st.integers(0, 19), st.integers(0, 19))
def test_swapped_events_are_named(one: int, other: int) -> None:
    events = log(20)
    events[one], events[other] = (
        replace(events[other], sequence=events[one].sequence),
        replace(events[one], sequence=events[other].sequence),
    )
    named = {sequence for kind, sequence in told(verify(events)) if kind == "edited"}
    assert ({one + 1, other + 1} <= named) or one == other
    assert named <= {one + 1, one + 2, other + 1, other + 2}


def test_events_out_of_order_or_twice_are_named() -> None:
    events = log(10)
    assert told(verify([*events[:5], events[4], *events[5:]])) == [("repeated", 5)]
    moved = [*events[:3], *events[4:8], events[3], *events[8:]]
    assert told(verify(moved)) == [("missing", 4), ("moved", 4)]


def test_a_lost_number_or_hash_is_named() -> None:
    events = log(10)
    assert ("missing", 4) in told(verify([*events[:3], replace(events[3], sequence=None), *events[4:]]))
    assert ("edited", 4) in told(verify([*events[:3], replace(events[3], hash=None), *events[4:]]))


def test_a_body_that_is_no_json_is_named_though_it_was_sealed_so() -> None:
    digest = chained(GENESIS, 1, 1, "me", "act", "r", "{")
    assert told(verify([Sealed(1, 1, "me", "act", "r", "{", None, digest)])) == [("unreadable", 1)]


def test_a_log_written_anew_contradicts_its_checkpoint() -> None:
    events = log(20)
    mark = signed(events[9])
    anew, previous = [], GENESIS
    for each in events:
        assert each.sequence is not None
        changed = replace(each, actor="you") if each.sequence == 3 else each
        previous = chained(previous, each.sequence, *_content(changed))
        anew.append(replace(changed, hash=previous))
    assert verify(anew).sound  # without a checkpoint nothing shows
    assert told(verify(anew, [mark], KEYS, holds=ed25519)) == [("checkpoint", 10)]


def _content(event: Sealed) -> tuple[int, str, str, str, str, str | None]:
    return event.at, event.actor, event.action, event.resource, event.body, event.origin


def test_a_log_that_was_cut_off_ends_before_its_checkpoint() -> None:
    events = log(20)
    assert told(verify(events[:15], [signed(events[19])], KEYS, holds=ed25519)) == [("truncated", 20)]
    assert told(verify(events[:4] + events[5:], [signed(events[4])])) == [("missing", 5), ("missing", 5)]


def test_a_forged_checkpoint_is_named() -> None:
    events = log(5)
    mark = signed(events[4])
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    public = other.public_key().public_bytes_raw()
    stranger = replace(mark, key_id=key_id(public))
    stranger = replace(stranger, signature=other.sign(stranger.signed()))
    forged = [replace(mark, signature=bytes(64)), replace(mark, signature=b""), replace(mark, at=1), stranger]
    for each in forged:
        assert told(verify(events, [each], KEYS, holds=ed25519)) == [("signature", 5)]
    assert verify(events, forged).signatures == 0  # nobody to trust: not looked at


def test_so_many_problems_are_listed_at_most() -> None:
    report = verify(replace(each, body="[]") for each in log(1500))
    assert len(report.problems) == 1000
    assert report.truncated
