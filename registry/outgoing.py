"""Requests that the server itself sends (webhooks, key sets): to a checked address, within a deadline, no further.

The host is resolved once, every address is checked, and the connection goes to an address that was checked, so that a
name which changes its mind in between leads nowhere. Blocking; runs on a thread.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443}

Resolve = Callable[[str, int], Sequence[str]]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class NotAllowed(Exception):
    """Where a request may not go; the sentence says why."""


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host."""
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def is_public(address: str) -> bool:
    """Whether an address belongs to the open Internet, those hidden in other addresses included."""
    try:
        parsed = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    except ValueError:
        return False
    inner = getattr(parsed, "ipv4_mapped", None) or getattr(parsed, "sixtofour", None)
    if parsed in _NAT64:
        inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
    if inner is not None and not inner.is_global:
        return False
    return parsed.is_global and not parsed.is_multicast


def exchange(
    method: str,
    url: str,
    address: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    deadline: float,
    most: int,
) -> tuple[int, bytes]:
    """One request to an address that the URL's host resolved to; status and at most so many bytes of the answer.

    Raises OSError, http.client.HTTPException or ValueError for what the other side or the network does.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 443)
    connection = http.client.HTTPConnection(host, port, timeout=deadline)
    plain = socket.create_connection((address, port), timeout=deadline)
    # A peer that sends a byte now and then would reset every timeout: this ends it whatever it does.
    timer = threading.Timer(deadline, _cut, [plain])
    timer.daemon = True
    timer.start()
    try:
        connection.sock = (
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) if parts.scheme == "https" else plain
        )
        target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        connection.request(method, target, body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read(most)
    finally:
        timer.cancel()
        connection.close()
        plain.close()


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is closed already
        connection.shutdown(socket.SHUT_RDWR)


def fetch(
    url: str, *, private: bool = False, deadline: float = 10.0, most: int = 1_000_000, addresses: Resolve = resolve
) -> bytes:
    """The document at an https URL on a public address; `private` allows any address, and http.

    Raises NotAllowed, or OSError for whatever else keeps the document from coming.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        raise NotAllowed(f"{parts.scheme}:// is not an allowed scheme")
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    found = addresses(host, port)
    if not found:
        raise NotAllowed(f"the host {host} has no address")
    for address in found:
        if not private and not is_public(address):
            raise NotAllowed(f"{host} leads to {address}, which is not a public address")
    try:
        status, body = exchange(
            "GET",
            url,
            found[0],
            headers={"Accept": "application/json", "Connection": "close"},
            deadline=deadline,
            most=most + 1,
        )
    except (http.client.HTTPException, ValueError) as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
    if status != 200:
        raise OSError(f"the answer is {status}; redirects are not followed")
    if len(body) > most:
        raise OSError(f"the answer is larger than {most} bytes")
    return body
