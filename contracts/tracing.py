"""Spans of webhooks: one an attempt, that tells the host and what came of it, and reaches whom it is sent to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

from opentelemetry.trace import SpanKind, Status, StatusCode

from contracts.sending import Sent
from contracts.webhooks import Prepared, Rules
from registry.tracing import Tracing


def traced(send: Callable[[Prepared, Rules], Sent], tracing: Tracing) -> Callable[[Prepared, Rules], Sent]:
    """`send`, with a span around it. A `traceparent` that the webhook sets itself stays."""

    def sending(prepared: Prepared, rules: Rules) -> Sent:
        host = urlsplit(prepared.url).hostname or ""
        with tracing.span(
            "POST webhook" if prepared.method == "POST" else "webhook",
            SpanKind.CLIENT,
            attributes={"http.request.method": prepared.method, "server.address": host},
        ) as span:
            sent = send(replace(prepared, headers={**tracing.headers(), **_lowered(prepared)}), rules)
            if sent.status is not None:
                span.set_attribute("http.response.status_code", sent.status)
            if not sent.success:
                span.set_status(Status(StatusCode.ERROR))
                span.set_attribute("tenor.final", sent.final)
            return sent

    return sending


def _lowered(prepared: Prepared) -> dict[str, str]:
    """Headers, those of tracing under the names that ours have."""
    ours = ("traceparent", "tracestate")
    return {name.lower() if name.lower() in ours else name: value for name, value in prepared.headers.items()}
