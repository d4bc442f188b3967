"""Verdicts as headers, and the quarantine in a file."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenor import AsyncConsumer, Consumer, Event, errors
from tenor._sync.concurrency import settled
from tenor.consuming import Failure, Reason, Record, Retries, Stage, judged, quarantined, restored, verdict_of
from tenor.consuming.failures import BY_KIND
from tenor.consuming.file import FileQuarantine
from tenor.errors import TenorError

FAILURE = Failure(Stage.DECODE, ValueError("secret"), Reason.INVALID, "maxLength")

names = st.text(min_size=1, max_size=20).filter(lambda name: not name.lower().startswith("tenor-"))
headers = st.lists(st.tuples(names, st.binary(max_size=20) | st.none()))


def poison(value: bytes | None = b"v", given: object = (("a", b"1"),), key: bytes | None = None):
    return quarantined(Record(value, given, key), FAILURE, consumer="billing", time="t", attempts=1)


@given(st.none() | st.binary(), headers)
def test_sending_again_restores_bytes_and_headers(value: bytes | None, given_headers: list[tuple[str, bytes]]) -> None:
    kept = poison(value, given_headers)
    assert kept.value == value
    assert restored(kept.headers) == [*given_headers, ("tenor-redriven", b"1")]


def test_headers_of_other_kinds_are_kept_as_text(tmp_path: Path) -> None:
    kept = poison(given={"x-death": [{"count": 1}], "priority": 7})
    assert kept.headers[:2] == [("x-death", "[{'count': 1}]"), ("priority", "7")]
    file = FileQuarantine(tmp_path / "q.jsonl")
    file(kept)
    [(_, record)] = file.pending()
    assert record.headers[1] == ("priority", b"7")


def test_how_often_a_record_was_sent_again_is_counted() -> None:
    first = poison()
    second = quarantined(Record(b"v", restored(first.headers)), FAILURE, consumer="c", time="t", attempts=1)
    assert (first.verdict.redriven, second.verdict.redriven) == (0, 1)
    assert restored(second.headers) == [("a", b"1"), ("tenor-redriven", b"2")]


def test_a_verdict_that_a_producer_pretends_is_replaced() -> None:
    kept = poison(given=[("Tenor-Quarantine-Reason", b"HANDLER"), ("tenor-quarantine-position", b"[" * 10**5)])
    assert verdict_of(kept.headers) == kept.verdict
    assert kept.verdict.reason == "INVALID"
    assert len([name for name, _ in kept.headers if "reason" in name.lower()]) == 1


@pytest.mark.parametrize(
    "given_headers",
    [None, [], {"x": b"1"}, [("tenor-quarantine-rule", b"x")]],
    ids=repr,
)
def test_what_is_no_verdict_is_none(given_headers: object) -> None:
    assert verdict_of(given_headers) is None


def test_a_verdict_of_nonsense_is_read_as_far_as_it_goes() -> None:
    bad = {"reason": b"\xff", "position": b"[" * 10**5, "attempts": b"9" * 99, "time": b""}
    found = verdict_of({f"tenor-quarantine-{name}": value for name, value in bad.items()})
    assert found is not None
    assert (found.reason, found.position, found.attempts) == ("�", {}, 0)


def subclasses(cls: type[TenorError]) -> list[type[TenorError]]:
    return [cls, *(found for each in cls.__subclasses__() for found in subclasses(each))]


@pytest.mark.parametrize("cls", subclasses(TenorError), ids=lambda cls: cls.__name__)
def test_every_error_of_this_library_has_a_treatment(cls: type[TenorError]) -> None:
    """Poison has a reason, everything else is held; no error is both or neither."""
    error = cls.__new__(cls)
    error.violations = ()
    failure = judged(error, Stage.DECODE)
    assert (failure.reason is None) == failure.held
    absent = (errors.SchemaNotFound, errors.SubjectNotFound, errors.VersionNotFound)
    if issubclass(cls, errors.RegistryError):
        assert failure.held is not issubclass(cls, absent)
    if issubclass(cls, errors.EncryptionError) and failure.reason is not None:
        assert failure.reason in (Reason.KEY_MISSING, Reason.AUTH_FAILED, Reason.ERASED) or cls is errors.Unsealed
    if failure.reason is not None and cls.kind not in BY_KIND:
        assert failure.reason is Reason.INVALID


def test_patience_makes_sense() -> None:
    for wrong in ({"attempts": 0}, {"trips": 0}, {"first": -1.0}, {"patience": -1.0}):
        with pytest.raises(ValueError, match="at least once"):
            Retries(**wrong)


# --- the file --------------------------------------------------------------------------------------------------


def test_a_file_keeps_records_until_they_were_sent_again(tmp_path: Path) -> None:
    kept = FileQuarantine(tmp_path / "q.jsonl")
    assert list(kept.pending()) == []
    first, second = kept(poison(b"\x00\xff", [("a", b"\xff"), ("b", None), ("c", "text")], b"k")), kept(poison(None))
    [(name, record), (other, tombstone)] = kept.pending()
    assert (name, other) == (first, second)
    assert (record.value, record.key, record.headers[:3]) == (
        b"\x00\xff",
        b"k",
        [("a", b"\xff"), ("b", None), ("c", b"text")],
    )
    assert (record.verdict.reason, tombstone.value) == ("INVALID", None)
    kept.redriven(first)
    assert [name for name, _ in FileQuarantine(kept.path).pending()] == [second]


def test_a_line_that_was_cut_short_costs_only_itself(tmp_path: Path) -> None:
    kept = FileQuarantine(tmp_path / "q.jsonl")
    kept(poison(b"1"))
    whole = kept.path.read_bytes()
    kept.path.write_bytes(whole + whole[: len(whole) // 2])
    kept(poison(b"2"))
    assert [record.value for _, record in kept.pending()] == [b"1", b"2"]
    kept.path.write_bytes(kept.path.read_bytes() + b"[]\n\xff\xfe\nnull\n")
    assert len(list(kept.pending())) == 2


def test_what_comes_back_meanwhile_waits_for_the_next_time(tmp_path: Path) -> None:
    kept = FileQuarantine(tmp_path / "q.jsonl")
    kept(poison(b"1"))
    assert [kept(record) and record.value for _, record in kept.pending()] == [b"1"]
    assert [record.value for _, record in kept.pending()] == [b"1"] * 2


def test_threads_share_a_file(tmp_path: Path) -> None:
    kept = FileQuarantine(tmp_path / "q.jsonl")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: kept(poison(b"%d" % number)), range(64)))
    assert sorted(int(record.value or b"") for _, record in kept.pending()) == list(range(64))
    assert all(json.loads(line) for line in kept.path.read_bytes().splitlines())


def test_a_disk_that_says_no_is_heard(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="directory"):
        FileQuarantine(tmp_path)(poison())


def test_a_coroutine_function_is_not_for_the_synchronous_consumer() -> None:
    async def handle(event: Event) -> None: ...

    codec = SimpleNamespace(subject="orders")
    with pytest.raises(TypeError, match="coroutine function"):
        Consumer(codec, handle, name="n", quarantine=print)
    with pytest.raises(TypeError, match="coroutine function"):
        Consumer(codec, print, name="n", quarantine=handle)
    AsyncConsumer(codec, handle, name="n", quarantine=handle)
    with pytest.raises(TypeError, match="client for coroutines"):
        settled(handle(Event(None, None)))
