"""What an operator may watch: OpenTelemetry spans and metrics of producing and consuming, off unless asked for.

    registry = tenor.Registry(url, observer=tenor.Observer())

    tenor.events.validated    events written              subject
    tenor.events.rejected     events refused              subject, rule
    tenor.events.redacted     events with parts taken out subject, rule
    tenor.events.read         events read                 subject
    tenor.events.sealed       events with sealed fields   subject
    tenor.events.upcast       events upcast               subject
    tenor.events.consumed     records that came to an end subject, consumer, outcome
    tenor.events.quarantined  records set aside           subject, consumer, reason, rule
    tenor.cache.lookups       schemas asked for           cache, hit

Spans: `tenor.encode` (producer), `tenor.process` (consumer, with a link to the producer's), `tenor.learn` (a schema
met for the first time). No attribute holds anything of an event but what is named above. A client that is given no
observer pays nothing on its warm path: what observes is another class, chosen when a codec is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

from tenor.consuming import Failure, Outcome
from tenor.consuming.failures import rule_of
from tenor.errors import InvalidEvent, MissingExtra, TenorError
from tenor.wire import Headers

COUNTERS: Final = {
    "validated": "events written",
    "rejected": "events refused, by rule",
    "redacted": "events with parts taken out, by rule",
    "read": "events read",
    "sealed": "events with sealed fields",
    "upcast": "events upcast",
    "consumed": "records that came to an end, by outcome",
    "quarantined": "records set aside, by reason",
}
LOOKUPS: Final = "tenor.cache.lookups"
MOST_RULES: Final = 8
"""Rules of one refused event that are counted apart, so that a hostile event makes no thousand series."""


class Processing(Protocol):
    """A record in the works."""

    def ended(self, outcome: Outcome, failure: Failure | None) -> None:
        """It may be acknowledged now."""
        ...


class _Unobserved:
    """Watches nothing."""

    def ended(self, outcome: Outcome, failure: Failure | None) -> None: ...

    def count(self, name: str, **attributes: str) -> None: ...

    @contextmanager
    def processing(self, subject: str, consumer: str, headers: Headers) -> Iterator[Processing]:
        yield self


class Observer:
    """Counts and traces through OpenTelemetry's API; with no SDK set up, that does nothing.

    Without providers the application's global ones are used. Raises MissingExtra without opentelemetry-api.
    """

    def __init__(self, tracer_provider: Any = None, meter_provider: Any = None) -> None:
        try:
            from opentelemetry import metrics, trace
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ModuleNotFoundError as error:
            raise MissingExtra(purpose="an observer", package="opentelemetry-api", extra="otel") from error
        self._trace = trace
        self._propagator = TraceContextTextMapPropagator()
        self._tracer = trace.get_tracer("tenor", tracer_provider=tracer_provider)
        meter = metrics.get_meter("tenor", meter_provider=meter_provider)
        self._counters = {
            name: meter.create_counter(f"tenor.events.{name}", description=text) for name, text in COUNTERS.items()
        }
        self._lookups = meter.create_counter(LOOKUPS, description="schemas asked for, by cache and whether it had them")

    def count(self, name: str, **attributes: str) -> None:
        """One more of what COUNTERS names."""
        self._counters[name].add(1, attributes)

    def looked_up(self, cache: str, *, hit: bool) -> None:
        """A schema was asked for."""
        self._lookups.add(1, {"cache": cache, "hit": hit})

    def rejected(self, subject: str, error: Exception) -> None:
        """An event was refused: one count a rule, with nothing of its values."""
        broken = [violation.rule for violation in error.violations] if isinstance(error, InvalidEvent) else []
        for rule in list(dict.fromkeys(broken or [rule_of(error)]))[:MOST_RULES]:
            self.count("rejected", subject=subject, rule=rule)

    @contextmanager
    def span(self, name: str, subject: str) -> Iterator[Any]:
        """A span of this library. An error is told by its type alone: its text may quote the event."""
        with self._tracer.start_as_current_span(
            name, attributes={"tenor.subject": subject}, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except Exception as error:
                self._failed(span, error)
                raise

    def trace_headers(self) -> dict[str, str]:
        """`traceparent` and `tracestate` of the current span; nothing outside of any."""
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier

    @contextmanager
    def processing(self, subject: str, consumer: str, headers: Headers) -> Iterator[Processing]:
        """A record in the works: a consumer's span, linked to the producer's."""
        attributes = {"tenor.subject": subject, "tenor.consumer": consumer}
        with self._tracer.start_as_current_span(
            "tenor.process",
            kind=self._trace.SpanKind.CONSUMER,
            attributes=attributes,
            links=self._links(headers),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield _Watched(self, span, subject, consumer)
            except Exception as error:
                self._failed(span, error)
                raise

    def _links(self, headers: Headers) -> list[Any]:
        from tenor.events import read_metadata

        metadata = read_metadata(headers)
        carrier = {"traceparent": metadata.traceparent or "", "tracestate": metadata.tracestate or ""}
        context = self._trace.get_current_span(self._propagator.extract(carrier)).get_span_context()
        return [self._trace.Link(context)] if metadata.traceparent and context.is_valid else []

    def _failed(self, span: Any, error: Exception) -> None:
        kind = error.kind if isinstance(error, TenorError) else type(error).__name__
        span.set_status(self._trace.Status(self._trace.StatusCode.ERROR, kind))


class _Watched:
    """A record in the works, as an observer sees it."""

    def __init__(self, observer: Observer, span: Any, subject: str, consumer: str) -> None:
        self._observer, self._span = observer, span
        self._told = {"subject": subject, "consumer": consumer}

    def ended(self, outcome: Outcome, failure: Failure | None) -> None:
        self._span.set_attribute("tenor.outcome", outcome.value)
        self._observer.count("consumed", outcome=outcome.value, **self._told)
        if failure is not None and failure.reason is not None:
            self._span.set_attribute("tenor.reason", failure.reason.value)
            self._observer.count("quarantined", reason=failure.reason.value, rule=failure.rule, **self._told)


unobserved: Final = _Unobserved()
"""Stands where no observer was given."""
