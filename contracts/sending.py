"""Sending one prepared webhook over HTTP: to a checked address, within a deadline, without following anything.

The host is resolved once, every address is checked, and the connection goes to an address that was checked, so that a
name which changes its mind in between leads nowhere. Blocking; runs on a thread.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from contracts.webhooks import Prepared, Rules, delivered, forbidden, listed_host

DEADLINE = 10.0
"""Longest time for one attempt, in seconds."""

_MOST = 16_384
_PORTS = {"http": 80, "https": 443}

Resolve = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Sent:
    """What an attempt came to. `final`: trying again could not help."""

    success: bool
    log: str
    final: bool = False


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host."""
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def send(prepared: Prepared, rules: Rules, *, addresses: Resolve = resolve, deadline: float = DEADLINE) -> Sent:
    """Send a request and say what came of it. Never raises for what the other side or the network does."""
    parts = urlsplit(prepared.url)
    host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 443)
    told = f"{prepared.method} {parts.scheme}://{parts.netloc}{parts.path}"
    if parts.scheme not in rules.schemes:
        return Sent(False, f"{told}: not sent, {parts.scheme} is not an allowed scheme", final=True)
    try:
        found = addresses(host, port)
        reason = forbidden(host, found, rules)
        if reason is not None:
            return Sent(False, f"{told}: not sent, {reason}", final=bool(found))
        status, body = _exchange(prepared, parts.scheme, host, port, found[0], deadline)
    except (OSError, http.client.HTTPException, ValueError) as problem:
        return Sent(False, f"{told}: {type(problem).__name__}: {problem}")
    log = f"{told}: {status}"
    if 300 <= status < 400:
        log += " (redirects are not followed)"
    if listed_host(host, rules.hosts):
        log += f"\n{body}"
    return Sent(delivered(status), log)


def _exchange(prepared: Prepared, scheme: str, host: str, port: int, address: str, deadline: float) -> tuple[int, str]:
    connection = http.client.HTTPConnection(host, port, timeout=deadline)
    plain = socket.create_connection((address, port), timeout=deadline)
    # A peer that sends a byte now and then would reset every timeout: this ends it whatever it does.
    timer = threading.Timer(deadline, _cut, [plain])
    timer.daemon = True
    timer.start()
    try:
        connection.sock = (
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) if scheme == "https" else plain
        )
        connection.request(prepared.method, _target(prepared.url), prepared.body.encode(), _headers(prepared))
        answer = connection.getresponse()
        return answer.status, answer.read(_MOST).decode("utf-8", "replace")
    finally:
        timer.cancel()
        connection.close()
        plain.close()


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is closed already
        connection.shutdown(socket.SHUT_RDWR)


def _target(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"


def _headers(prepared: Prepared) -> dict[str, str]:
    headers = {"User-Agent": "Tenor webhook", "Connection": "close", **prepared.headers}
    if prepared.username is not None:
        credentials = f"{prepared.username}:{prepared.password or ''}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(credentials).decode()}"
    return {name: value.encode("latin-1", "replace").decode("latin-1") for name, value in headers.items()}
