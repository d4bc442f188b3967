"""Compression of whole values, for transports that do none themselves. Pure.

    orders = registry.events("orders-value", compression=Compression("zstd"))

The value is compressed with its frame and the header `content-encoding` says how. Readers need the same option:
stock clients do not know it. Length tells about content: do not compress what an attacker writes together with what
he must not learn. Where fields or payloads are sealed, little is left to gain; sealing has its own compression.

Decompression stops at `limit` bytes, whatever a header or a frame promises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tenor.errors import MissingExtra, Undecodable
from tenor.wire import Headers

HEADER: Final = "content-encoding"
ALGORITHMS: Final = ("zstd", "lz4", "gzip", "snappy")
_LEVELS: Final = {"zstd": 1, "gzip": 1}
"""Fast ones: the next levels take twice the time for a few percent."""
_FIRST_GUESS: Final = 8
"""Times the compressed size: as far as text is usually compressed."""


@dataclass(frozen=True, slots=True)
class Compression:
    """How values are compressed. Without an algorithm they are only read.

    `least`  smaller values stay as they are: they would grow    `limit`  bytes that one value may decompress to
    """

    algorithm: str | None = "zstd"
    level: int | None = None
    least: int = 256
    limit: int = 64 * 1024 * 1024

    def __post_init__(self) -> None:
        if self.algorithm is not None and self.algorithm not in ALGORITHMS:
            raise ValueError(f"{self.algorithm!r} is not among {', '.join(ALGORITHMS)}")
        _cramjam()

    def compress(self, value: bytes) -> tuple[bytes, str | None]:
        """The value, smaller if that is possible, and the name of the algorithm that was used."""
        if self.algorithm is None or len(value) < self.least:
            return value, None
        level = self.level if self.level is not None else _LEVELS.get(self.algorithm)
        module = getattr(_cramjam(), self.algorithm)
        small = bytes(module.compress(value) if level is None else module.compress(value, level))
        return (small, self.algorithm) if len(small) < len(value) else (value, None)

    def decompress(self, value: bytes, encoding: str) -> bytes:
        """The value as it was. Raises Undecodable for an unknown encoding, bad bytes, or more than `limit`."""
        if encoding not in ALGORITHMS:
            raise Undecodable(schema="unread", reason=f"the content-encoding {encoding[:20]!r} is unknown")
        module = getattr(_cramjam(), encoding)
        size = min(self.limit, max(4096, _FIRST_GUESS * len(value)))
        while True:
            buffer = bytearray(size)
            try:
                length = module.decompress_into(value, buffer)
            except Exception as error:
                if "whole buffer" not in str(error) or "fill" in str(error):
                    raise Undecodable(schema="unread", reason=f"it is no {encoding} ({error})") from error
            else:
                return bytes(memoryview(buffer)[:length])
            if size >= self.limit:
                raise Undecodable(schema="unread", reason=f"it decompresses to more than {self.limit} bytes")
            size = min(self.limit, size * _FIRST_GUESS)


def encoding_of(headers: Headers) -> str | None:
    """The content-encoding that headers tell."""
    if not headers:
        return None
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    found = next((value for name, value in pairs if name.lower() == HEADER), None)
    return found.decode("latin-1") if isinstance(found, bytes) else found


def _cramjam() -> Any:
    try:
        import cramjam
    except ModuleNotFoundError as error:
        raise MissingExtra(purpose="compression", package="cramjam", extra="compression") from error
    return cramjam
