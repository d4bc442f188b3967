"""Framing: what other clients write, what comes back, and what is refused."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenor import wire
from tenor.errors import FramingError, InvalidMessageIndexes, InvalidSchemaId, NotFramed, TruncatedFrame

GUID = UUID("89791762-2336-4186-9674-299b90a802e2")

# (schema id, indexes, bytes): framed by hand from the description of the format.
IDS = [
    (1, None, "0000000001"),
    (0, None, "0000000000"),
    (258, None, "0000000102"),
    (2**31 - 1, None, "007fffffff"),
    (1, (0,), "000000000100"),
    (1, (1,), "00000000010202"),
    (1, (2, 0), "0000000001040400"),
    (1, (0, 0), "0000000001040000"),
    (1, (64,), "0000000001028001"),
    (1, (300, 1, 2), "000000000106d8040204"),
]


@pytest.mark.parametrize(("schema_id", "indexes", "framed"), IDS)
def test_an_id_prefix_is_written_and_read(schema_id: int, indexes: tuple[int, ...] | None, framed: str) -> None:
    assert wire.id_head(schema_id, indexes).hex() == framed
    frame = wire.read_head(bytes.fromhex(framed) + b"body", protobuf=indexes is not None)
    assert (frame.schema, frame.indexes, frame.body) == (schema_id, indexes, len(framed) // 2)


def test_a_guid_is_read_from_header_or_prefix_and_the_header_goes_first() -> None:
    head = wire.guid_head(GUID)
    assert head == b"\x01" + GUID.bytes == wire.guid_head(str(GUID))
    assert wire.read(head + b"body") == (GUID, 17, None, False)
    framed = wire.id_head(7) + b"body"
    assert wire.read(framed, {"__value_schema_id": head}) == (GUID, 0, None, True)
    assert wire.read(framed, {"__value_schema_id": head}, part="key").schema == 7
    assert wire.read(framed, [("__key_schema_id", head), ("other", None)], part="key").schema == GUID
    assert wire.read(b"", {"__value_schema_id": head}).body == 0  # an empty body is a body


def test_a_repeated_header_counts_with_its_last_value() -> None:
    first, last = wire.guid_head(GUID), wire.guid_head(UUID(int=1))
    assert wire.read(b"", [("__value_schema_id", first), ("__value_schema_id", last)]).schema == UUID(int=1)


def test_a_header_that_came_as_text_keeps_its_bytes() -> None:
    head = wire.guid_head(GUID)
    assert wire.read(b"", {"__value_schema_id": head.decode("latin-1")}).schema == GUID


def test_message_indexes_ride_in_the_header() -> None:
    head = wire.guid_head(GUID, (2, 1))
    assert wire.read(b"x", {"__value_schema_id": head}, protobuf=True) == (GUID, 0, (2, 1), True)
    assert wire.read(b"x", {"__value_schema_id": head}, protobuf=None).indexes is None
    with pytest.raises(InvalidSchemaId, match="3 bytes too long"):
        wire.read(b"x", {"__value_schema_id": head})


def test_an_empty_path_is_read_as_the_first_message() -> None:
    assert wire.read_indexes(b"\x00rest", 0) == ((0,), 1)


HOSTILE = [
    (b"", False, TruncatedFrame),
    (b"\x00", False, TruncatedFrame),
    (b"\x00\x00\x00\x01", False, TruncatedFrame),
    (b"\x01" + bytes(15), False, TruncatedFrame),
    (b"{}", False, NotFramed),
    (b"\x02" + bytes(40), False, NotFramed),
    (b"\x00\xff\xff\xff\xff", False, InvalidSchemaId),
    (b"\x00\x80\x00\x00\x00", False, InvalidSchemaId),
    (b"\x00\x00\x00\x00\x01", True, TruncatedFrame),
    (b"\x00\x00\x00\x00\x01\x80", True, TruncatedFrame),
    (b"\x00\x00\x00\x00\x01\x04\x02", True, TruncatedFrame),
    (b"\x00\x00\x00\x00\x01\x01", True, InvalidMessageIndexes),  # count -1
    (b"\x00\x00\x00\x00\x01\xfe\xff\xff\xff\x0f" + bytes(50), True, InvalidMessageIndexes),  # count 2^31 - 1
    (b"\x00\x00\x00\x00\x01\x02\x01", True, InvalidMessageIndexes),  # position -1
    (b"\x00\x00\x00\x00\x01" + b"\xff" * 40, True, InvalidMessageIndexes),
    (b"\x00\x00\x00\x00\x01" + b"\xff" * 4 + b"\x7f", True, InvalidMessageIndexes),  # more than 32 bits
]


@pytest.mark.parametrize(("data", "protobuf", "kind"), HOSTILE)
def test_hostile_frames_are_refused_by_type(data: bytes, protobuf: bool, kind: type[FramingError]) -> None:
    with pytest.raises(kind) as caught:
        wire.read_head(data, protobuf=protobuf)
    assert caught.value.kind == "FRAMING"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("schema_id", [-1, 2**31, 2**40])
def test_an_id_outside_int32_is_never_written(schema_id: int) -> None:
    with pytest.raises(InvalidSchemaId):
        wire.id_head(schema_id)


@pytest.mark.parametrize("guid", ["", "x", "89791762", 7, None])
def test_what_is_no_guid_is_never_written(guid: object) -> None:
    with pytest.raises(InvalidSchemaId):
        wire.guid_head(guid)  # type: ignore[arg-type] # on purpose


@pytest.mark.parametrize("indexes", [(), (-1,), (2**31,), tuple(range(101))])
def test_bad_indexes_are_never_written(indexes: tuple[int, ...]) -> None:
    with pytest.raises(InvalidMessageIndexes):
        wire.indexes_to_bytes(indexes)


@pytest.mark.parametrize(
    "header", [b"", b"\x00\x00\x00\x00\x01", b"\x02" + bytes(16), b"\x01" + bytes(15), bytes(99), 17, True, [b"\x01"]]
)
def test_a_schema_header_that_holds_no_guid_is_an_error_not_a_guess(header: Any) -> None:
    with pytest.raises(FramingError):
        wire.read(wire.id_head(1) + b"body", {"__value_schema_id": header})


@given(st.integers(0, wire.MAX_ID), st.lists(st.integers(0, wire.MAX_ID), min_size=1, max_size=8), st.binary())
def test_what_is_written_is_read_back(schema_id: int, indexes: list[int], body: bytes) -> None:
    framed = wire.id_head(schema_id, indexes) + body
    frame = wire.read_head(framed, protobuf=True)
    assert (frame.schema, frame.indexes) == (schema_id, tuple(indexes))
    assert framed[frame.body :] == body


@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_are_read_or_refused_by_a_framing_error(data: bytes, protobuf: bool) -> None:
    try:
        frame = wire.read(data, protobuf=protobuf)
    except FramingError:
        return
    assert 0 < frame.body <= len(data)
