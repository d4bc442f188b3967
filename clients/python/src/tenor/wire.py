"""The framing of messages: which schema wrote these bytes, and where the body begins. Pure.

    id prefix     00 · schema id, int32 big-endian · [message indexes] · body        what every client writes
    guid header   record header `__value_schema_id` or `__key_schema_id` = 01 · 16 guid bytes · [message indexes];
                  the value is the bare body
    guid prefix   01 · 16 guid bytes · [message indexes] · body                      read, never written

Message indexes are there for Protobuf only: which message of the file, as a path of positions through nested
messages. They are zigzag varints, the count first; the path (0,), by far the commonest, is the single byte 00.

    (0,) → 00        (1,) → 02 02        (2, 0) → 04 04 00

The header goes before the prefix when both are there. This module imports nothing outside the standard library
and nothing slow inside it: the server and the command line use it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from tenor.errors import InvalidMessageIndexes, InvalidSchemaId, NotFramed, TruncatedFrame

ID_MAGIC: Final = 0
GUID_MAGIC: Final = 1
ID_HEAD: Final = 5
"""Length of an id prefix: the magic byte and an int32."""
GUID_HEAD: Final = 17
"""Length of a guid prefix or header: the magic byte and 16 bytes."""
MAX_ID: Final = 2**31 - 1
MAX_NESTING: Final = 100
"""protoc refuses deeper nesting of messages long before this."""
SCHEMA_HEADERS: Final = {"value": "__value_schema_id", "key": "__key_schema_id"}
"""The record header that carries the guid, by the part of the record."""

Headers = Mapping[str, "bytes | str | None"] | Iterable[tuple[str, "bytes | str | None"]] | None
"""Headers as transports hand them over: a mapping, or pairs in which a name may repeat."""

FIRST_MESSAGE: Final = (0,)


class Frame(NamedTuple):
    """What a frame says: `schema` is the id or the guid of the writer's schema, `body` where the body begins.

    `indexes` is None where nobody asked for them. `in_header` tells a guid header from a prefix.
    """

    schema: int | UUID
    body: int
    indexes: tuple[int, ...] | None = None
    in_header: bool = False


def id_head(schema_id: int, indexes: Sequence[int] | None = None) -> bytes:
    """The prefix for a schema id; with `indexes` for Protobuf. Raises InvalidSchemaId outside int32."""
    if not 0 <= schema_id <= MAX_ID:
        raise InvalidSchemaId(value=schema_id, reason=f"ids go from 0 to {MAX_ID}")
    head = b"\x00" + schema_id.to_bytes(4, "big")
    return head if indexes is None else head + indexes_to_bytes(indexes)


def guid_head(guid: UUID | str, indexes: Sequence[int] | None = None) -> bytes:
    """The value of a guid header; with `indexes` for Protobuf. Raises InvalidSchemaId if it is no guid."""
    try:
        head = b"\x01" + (guid if isinstance(guid, UUID) else UUID(guid)).bytes
    except (ValueError, AttributeError, TypeError):
        raise InvalidSchemaId(value=guid, reason="a guid has 32 hexadecimal digits") from None
    return head if indexes is None else head + indexes_to_bytes(indexes)


def read_head(data: bytes, *, protobuf: bool = False) -> Frame:
    """Read a prefix, or the value of a guid header.

    Raises NotFramed, TruncatedFrame, InvalidSchemaId, InvalidMessageIndexes.
    """
    if not data:
        raise TruncatedFrame(reason="the message is empty")
    schema: int | UUID
    match data[0]:
        case 0:
            if len(data) < ID_HEAD:
                raise TruncatedFrame(reason=f"a schema id takes {ID_HEAD} bytes, the message has {len(data)}")
            schema, end = int.from_bytes(data[1:ID_HEAD], "big"), ID_HEAD
            if schema > MAX_ID:
                raise InvalidSchemaId(value=schema, reason=f"ids go from 0 to {MAX_ID}")
        case 1:
            if len(data) < GUID_HEAD:
                raise TruncatedFrame(reason=f"a schema guid takes {GUID_HEAD} bytes, the message has {len(data)}")
            schema, end = UUID(bytes=bytes(data[1:GUID_HEAD])), GUID_HEAD
        case other:
            raise NotFramed(reason=f"it begins with byte 0x{other:02x}, not with 0x00 (id) or 0x01 (guid)")
    if not protobuf:
        return Frame(schema, end)
    indexes, end = read_indexes(data, end)
    return Frame(schema, end, indexes)


def read(data: bytes, headers: Headers = None, *, part: str = "value", protobuf: bool | None = False) -> Frame:
    """Find the writer's schema of a message: in its headers, or else in front of the body.

    `part` is `value` or `key`. `protobuf=None`: not known yet, message indexes are left unread.

    Raises what `read_head` raises; a header that holds no guid is an error too, because guessing on would hand the
    body to the wrong decoder.
    """
    if (header := schema_header(headers, part)) is None:
        return read_head(data, protobuf=bool(protobuf))
    if header[:1] != b"\x01":
        raise NotFramed(reason=f"the header {SCHEMA_HEADERS[part]} does not begin with byte 0x01")
    frame = read_head(header, protobuf=bool(protobuf))
    if protobuf is not None and frame.body != len(header):
        raise InvalidSchemaId(value=header.hex(), reason=f"the header is {len(header) - frame.body} bytes too long")
    return Frame(frame.schema, 0, frame.indexes, in_header=True)


def schema_header(headers: Headers, part: str = "value") -> bytes | None:
    """The value of the guid header, if there. A name that repeats counts with its last value, as in Kafka."""
    if not headers:
        return None
    name = SCHEMA_HEADERS[part]
    found: Any = None
    if isinstance(headers, Mapping):
        found = headers.get(name)
    else:
        for key, value in headers:
            if key == name:
                found = value
    if found is None or isinstance(found, bytes):
        return found
    # Some transports hand every header over as text; latin-1 keeps each byte.
    if isinstance(found, str):
        return found.encode("latin-1", "replace")
    return bytes(found) if isinstance(found, bytearray | memoryview) else b""  # AMQP has numbers: those are no guid


def indexes_to_bytes(indexes: Sequence[int]) -> bytes:
    """Encode the path to a Protobuf message. Raises InvalidMessageIndexes for an empty path or a bad position."""
    path = tuple(indexes)
    if path == FIRST_MESSAGE:
        return b"\x00"
    if not path or len(path) > MAX_NESTING:
        raise InvalidMessageIndexes(reason=f"a path has 1 to {MAX_NESTING} positions, not {len(path)}")
    if any(not 0 <= position <= MAX_ID for position in path):
        raise InvalidMessageIndexes(reason="a position is negative or too large")
    return b"".join(_zigzag(number) for number in (len(path), *path))


def read_indexes(data: bytes, at: int) -> tuple[tuple[int, ...], int]:
    """Decode the path to a Protobuf message; returns it and where it ends. The path () is read as (0,).

    Raises TruncatedFrame, InvalidMessageIndexes. A hostile count is refused before anything is allocated.
    """
    count, at = _read_zigzag(data, at)
    if not 0 <= count <= MAX_NESTING:
        raise InvalidMessageIndexes(reason=f"a path has 0 to {MAX_NESTING} positions, not {count}")
    if count == 0:
        return FIRST_MESSAGE, at
    path = []
    for _ in range(count):
        position, at = _read_zigzag(data, at)
        if position < 0:
            raise InvalidMessageIndexes(reason=f"the position {position} is negative")
        path.append(position)
    return tuple(path), at


def _zigzag(number: int) -> bytes:
    rest = number << 1  # positions are never negative
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def _read_zigzag(data: bytes, at: int) -> tuple[int, int]:
    raw = shift = 0
    for byte in data[at : at + 5]:  # five bytes hold any int32
        raw |= (byte & 0x7F) << shift
        shift += 7
        at += 1
        if byte < 0x80:
            value = raw >> 1 ^ -(raw & 1)
            if not -MAX_ID - 1 <= value <= MAX_ID:
                break
            return value, at
    if shift < 35 and at >= len(data):
        raise TruncatedFrame(reason="it ends inside the Protobuf message indexes")
    raise InvalidMessageIndexes(reason="a number does not fit an int32")
