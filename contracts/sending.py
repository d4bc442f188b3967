"""Sending one prepared webhook over HTTP: to a checked address, within a deadline, without following anything.

Blocking; runs on a thread. How a request leaves is `registry.outgoing`; where it may go, `contracts.webhooks`.
"""

from __future__ import annotations

import base64
import http.client
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from contracts.webhooks import Prepared, Rules, delivered, forbidden, listed_host, signature
from registry.outgoing import PORTS, Resolve, exchange, resolve

DEADLINE = 10.0
"""Longest time for one attempt, in seconds."""

_MOST = 16_384


@dataclass(frozen=True, slots=True)
class Sent:
    """What an attempt came to. `final`: trying again could not help. `status`: what was answered, if anything was."""

    success: bool
    log: str
    final: bool = False
    status: int | None = None


def send(prepared: Prepared, rules: Rules, *, addresses: Resolve = resolve, deadline: float = DEADLINE) -> Sent:
    """Send a request and say what came of it. Never raises for what the other side or the network does."""
    parts = urlsplit(prepared.url)
    host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 443)
    told = f"{prepared.method} {parts.scheme}://{parts.netloc}{parts.path}"
    if parts.scheme not in rules.schemes:
        return Sent(False, f"{told}: not sent, {parts.scheme} is not an allowed scheme", final=True)
    try:
        found = addresses(host, port)
        reason = forbidden(host, found, rules)
        if reason is not None:
            return Sent(False, f"{told}: not sent, {reason}", final=bool(found))
        status, content = exchange(
            prepared.method,
            prepared.url,
            found[0],
            body=prepared.body.encode(),
            headers=_headers(prepared),
            deadline=deadline,
            most=_MOST,
        )
    except (OSError, http.client.HTTPException, ValueError) as problem:
        return Sent(False, f"{told}: {type(problem).__name__}: {problem}")
    log = f"{told}: {status}"
    if 300 <= status < 400:
        log += " (redirects are not followed)"
    if listed_host(host, rules.hosts):
        log += f"\n{content.decode('utf-8', 'replace')}"
    return Sent(delivered(status), log, status=status)


def _headers(prepared: Prepared) -> dict[str, str]:
    headers = {"User-Agent": "Tenor webhook", "Connection": "close", **prepared.headers}
    if prepared.username is not None:
        credentials = f"{prepared.username}:{prepared.password or ''}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(credentials).decode()}"
    if prepared.secret is not None:
        now = int(time.time())
        headers |= {
            "webhook-id": prepared.id,
            "webhook-timestamp": str(now),
            "webhook-signature": signature(prepared.id, now, prepared.body, prepared.secret),
        }
    return {name: value.encode("latin-1", "replace").decode("latin-1") for name, value in headers.items()}
