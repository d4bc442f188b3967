"""What makes an answer one that can be kept: keys of posted bodies, entity tags, headers."""

from __future__ import annotations

import hashlib

from registry.http.asgi import Headers, Pairs


def posted(body: bytes) -> bytes:
    """A posted body as part of a key: its SHA-256, so that ready answers do not hold every schema twice."""
    return hashlib.sha256(body).digest()


def kept_type(headers: Headers) -> bool:
    """Whether headers still name a content type of their own."""
    return any(name.lower() == b"content-type" for name, _ in headers)


def etag(body: bytes) -> bytes:
    """A validator of an answer; weak, because only the media type's label depends on the request."""
    return b'W/"' + hashlib.blake2b(body, digest_size=12).hexdigest().encode() + b'"'


def freshness(seconds: int) -> bytes:
    """Cache-Control of an answer that holds for so long; 0 means that a cache has to ask each time."""
    return b"no-cache" if seconds == 0 else b"max-age=%d" % seconds


def names_etag(headers: Headers, tag: bytes) -> bool:
    """Whether If-None-Match names a tag (weak comparison) or any (`*`)."""
    opaque = tag.removeprefix(b"W/")
    named = (each for name, value in headers if name == b"if-none-match" for each in value.split(b","))
    return any(each.strip().removeprefix(b"W/") in (opaque, b"*") for each in named)


def without_body(headers: Headers) -> Pairs:
    """The headers of an answer that is sent without its body."""
    return [pair for pair in headers if pair[0].lower() not in (b"content-length", b"content-type")]
