"""Where a request comes from: the peer's address, or what trusted proxies say about it. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(text: str) -> tuple[Network, ...]:
    """Addresses and networks separated by commas. Raises ValueError."""
    return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())


@lru_cache(1024)
def _within(address: str, trusted: tuple[Network, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return any((mapped or parsed) in network for network in trusted)


@dataclass(frozen=True, slots=True)
class Proxies:
    """Proxies whose word about clients counts."""

    trusted: tuple[Network, ...] = ()

    def trusts(self, address: str) -> bool:
        """Whether an address is one of them."""
        return _within(address, self.trusted)

    def client(self, peer: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """The address a request comes from: the last one in X-Forwarded-For that no trusted proxy has."""
        if not self.trusted or not self.trusts(peer):
            return peer
        hops = [
            hop.strip()
            for name, value in headers
            if name == b"x-forwarded-for"
            for hop in value.decode("latin-1").split(",")
        ]
        for hop in reversed(hops):
            if not _is_address(hop):
                break  # what is left of it was written by whoever sent this
            if not self.trusts(hop):
                return hop
        return peer


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
