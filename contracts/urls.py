"""Addresses of the broker's resources below a base URL: absolute, every name percent-encoded. Pure.

Urls("https://host/prefix/pact").to("pacticipants", "a/b")  →  https://host/prefix/pact/pacticipants/a%2Fb
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode


def segment(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")


@dataclass(frozen=True, slots=True)
class Urls:
    """Builds addresses below `base`, which has no slash at its end."""

    base: str

    def to(self, *names: str, **query: str) -> str:
        """The address of a path of names."""
        path = "".join(f"/{segment(name)}" for name in names)
        return f"{self.base}{path}{f'?{urlencode(query)}' if query else ''}" if names else f"{self.base}/"

    def template(self, path: str) -> str:
        """A templated address; `path` begins with a slash."""
        return f"{self.base}{path}"

    def application(self, name: str) -> str:
        return self.to("pacticipants", name)

    def version(self, name: str, number: str) -> str:
        return self.to("pacticipants", name, "versions", number)

    def pact(self, provider: str, consumer: str, number: str) -> str:
        """The pact of a consumer version."""
        return self.to("pacts", "provider", provider, "consumer", consumer, "version", number)

    def pair(self, provider: str, consumer: str, *rest: str) -> str:
        """Anything below a provider and a consumer."""
        return self.to("pacts", "provider", provider, "consumer", consumer, *rest)

    def content(self, provider: str, consumer: str, sha: str, metadata: str = "") -> str:
        """A pact content, with what tells the server later why it was fetched."""
        more = ("metadata", metadata) if metadata else ()
        return self.pair(provider, consumer, "pact-version", sha, *more)

    def results(self, provider: str, consumer: str, sha: str, *rest: str) -> str:
        """Results of a content; `rest`: a number, or "latest"."""
        return self.pair(provider, consumer, "pact-version", sha, "verification-results", *rest)

    def environment(self, uuid: str) -> str:
        return self.to("environments", uuid)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Why a verifier got a pact: as work in progress, for which consumer versions."""

    wip: bool = False
    numbers: Sequence[str] = ()

    def encoded(self) -> str:
        """As a part of an address; empty when there is nothing to say."""
        if not self.wip and not self.numbers:
            return ""
        told: dict[str, Any] = {"w": True} if self.wip else {}
        if self.numbers:
            told["cv"] = list(self.numbers)
        text = json.dumps(told, separators=(",", ":"), ensure_ascii=False)
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def circumstances(metadata: str) -> Circumstances:
    """What an address says; nothing for what cannot be read, since other brokers' addresses look different."""
    try:
        told = json.loads(base64.urlsafe_b64decode(metadata + "=" * (-len(metadata) % 4)))
    except (ValueError, binascii.Error):
        return Circumstances()
    if not isinstance(told, dict):
        return Circumstances()
    numbers = told.get("cv")
    listed = [number for number in numbers if isinstance(number, str)] if isinstance(numbers, list) else []
    return Circumstances(told.get("w") is True, tuple(listed))
