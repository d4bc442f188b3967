"""OpenTelemetry traces of the server, when `TENOR_OTEL` is on; nothing imports this module otherwise.

    GET /subjects/{subject}/versions          a request, by its route (continues the caller's `traceparent`)
    ├─ store.read                             waiting for a reader and reading
    └─ store.write                            waiting in the queue, and for the commit
       └─ store.batch                         one transaction of several writes, linked to the other requests
          └─ store.lock                       waiting for the write lock
    POST webhook                              one attempt at a delivery (`contracts.tracing`)

Where spans go and which are kept say OpenTelemetry's own variables (`OTEL_EXPORTER_OTLP_ENDPOINT`,
`OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER`, `OTEL_SERVICE_NAME` …). A span tells routes, status codes, kinds of
resources, numbers and hosts; never a path, a query, a body, a credential or a text of an error, which may quote one.
What has no cause in a request, such as sealing, makes no spans.

Nothing of the server asks whether it is traced: `create_app` puts these classes in the place of the plain ones.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import Span, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import tenor
from registry.http.asgi import App, Message, Receive, Scope, Send
from registry.http.dialect import Dialect
from registry.metrics import Counts
from registry.store.base import Job
from registry.store.engine import Db, PostgreSQLStore, SQLiteStore, Store, open_store

T = TypeVar("T")

READ: Final = "store.read"
WRITE: Final = "store.write"
BATCH: Final = "store.batch"
LOCK: Final = "store.lock"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER: Final = "_OTHER"  # as OpenTelemetry's conventions name a method that is none


class Tracing:
    """Makes spans and sends them on, in the background, in batches; a collector that is away costs spans alone."""

    def __init__(self) -> None:
        named = {SERVICE_VERSION: tenor.__version__}
        if "OTEL_SERVICE_NAME" not in os.environ and SERVICE_NAME not in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", ""):
            named[SERVICE_NAME] = "tenor-server"
        # The server ends when it is told to, not with the interpreter: `close` is what sends the rest.
        self._provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("tenor-server", tenor.__version__)
        self._propagator = TraceContextTextMapPropagator()

    def close(self) -> None:
        """Send what is left and stop."""
        self._provider.shutdown()

    @contextmanager
    def span(
        self,
        name: str,
        kind: SpanKind = SpanKind.INTERNAL,
        *,
        context: Context | None = None,
        links: Sequence[Link] = (),
        attributes: Mapping[str, str | int] | None = None,
    ) -> Iterator[trace.Span]:
        """A span around a block; of an error that leaves it, the type alone is told."""
        with self._tracer.start_as_current_span(
            name,
            context,
            kind,
            attributes,
            links,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(Status(StatusCode.ERROR))
                raise

    @contextmanager
    def inside(self, name: str, attributes: Mapping[str, str | int]) -> Iterator[None]:
        """A span of a part of something traced; none outside of any, and none within its own like."""
        current = trace.get_current_span()
        if not current.get_span_context().is_valid or (isinstance(current, Span) and current.name == name):
            yield
            return
        with self.span(name, attributes=attributes):
            yield

    def caller(self, scope: Scope) -> Context:
        """The context that a request comes with; an empty one when it says none that can be read."""
        carrier: dict[str, str] = {}
        for name, value in scope["headers"]:
            if name in (b"traceparent", b"tracestate"):
                text = value.decode("latin-1")
                # Of several parents none counts; a state may come in parts.
                carrier[name.decode()] = f"{carrier[name.decode()]},{text}" if name.decode() in carrier else text
        return self._propagator.extract(carrier, Context())

    def headers(self) -> Mapping[str, str]:
        """`traceparent` (and `tracestate`) of the current span, for a request that goes out."""
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier

    def app(self, app: App, dialects: Iterable[Dialect]) -> App:
        """An app whose requests are spans, with the routes of its dialects."""
        return _TracedApp(app, self, kinds(dialects))

    def counts(self, counts: Counts) -> Counts:
        """Counts requests, and tells the current span what a request turned out to be."""
        return _TracedCounts(counts)

    def open_store(self, url: str) -> Store:
        """The store behind a URL, traced. Raises StoreFailed as `registry.store.engine.open_store` does."""
        store = open_store(url, sqlite=_TracedSQLite, postgresql=_TracedPostgreSQL)
        assert isinstance(store, _TracedStore)
        store.tracing = self
        return store


class _TracedCounts:
    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def count(self, template: str, method: str, status: int, seconds: float) -> None:
        """One answered request."""
        self._counts.count(template, method, status, seconds)
        span = trace.get_current_span()
        span.update_name(f"{_method(method)} {template}")
        span.set_attributes({"http.route": template, "http.response.status_code": status})
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))


class _TracedApp:
    def __init__(self, app: App, tracing: Tracing, kinds: Mapping[str, str]) -> None:
        self._app = app
        self._tracing = tracing
        self._kinds = kinds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, self._last(send))
            return
        method, context = _method(scope["method"]), self._tracing.caller(scope)
        with self._tracing.span(
            method, SpanKind.SERVER, context=context, attributes={"http.request.method": method}
        ) as span:
            try:
                await self._app(scope, receive, send)
            finally:
                if isinstance(span, Span) and (kind := self._kinds.get(span.name)):
                    span.set_attribute("tenor.kind", kind)

    def _last(self, send: Send) -> Send:
        """Spans go out before the server says that it has stopped: its process ends then."""

        async def sending(message: Message) -> None:
            if message["type"] == "lifespan.shutdown.complete":
                await asyncio.to_thread(self._tracing.close)
            await send(message)

        return sending


def _method(method: str) -> str:
    return method if method in _METHODS else _OTHER


def kinds(dialects: Iterable[Dialect]) -> Mapping[str, str]:
    """Which kind of resource (subject, context, application …) each route is about: by method and template."""
    return {
        f"{method} {route.path_format}": needs.kind
        for dialect in dialects
        for route in getattr(dialect.app, "routes", ())
        for handler in getattr(route, "route_handlers", ())
        if (needs := handler.opt.get("needs")) is not None
        for method in (*handler.http_methods, *(("HEAD",) if "GET" in handler.http_methods else ()))
    }


class _Asked:
    """A writing job that remembers which span asked for it."""

    def __init__(self, run: Callable[[Db], Any], context: SpanContext) -> None:
        self._run = run
        self.context = context

    def __call__(self, db: Db) -> Any:
        return self._run(db)


class _TracedStore(Store):
    """What a traced store does besides."""

    tracing: Tracing

    @property
    def _system(self) -> Mapping[str, str]:
        return {"db.system.name": self.dialect}

    async def read(self, job: Callable[[Db], T], *, heavy: bool = False) -> T:
        with self.tracing.inside(READ, self._system):
            return await super().read(job, heavy=heavy)

    def read_now(self, job: Callable[[Db], T], *, snapshot: bool = True) -> T:
        with self.tracing.inside(READ, self._system):
            return super().read_now(job, snapshot=snapshot)

    async def _written(self, job: Job) -> Any:
        with self.tracing.inside(WRITE, self._system):
            return await super()._written(job)

    def _queue(self, job: Job) -> None:
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            job.run = _Asked(job.run, context)
        super()._queue(job)

    def _commit_together(self, jobs: list[Job]) -> list[Any]:
        asked = [job.run.context for job in jobs if isinstance(job.run, _Asked)]
        if not asked:
            return super()._commit_together(jobs)
        first = next((each for each in asked if each.trace_flags.sampled), asked[0])
        with self.tracing.span(
            BATCH,
            context=trace.set_span_in_context(NonRecordingSpan(first), Context()),
            links=[Link(each) for each in asked if each is not first],
            attributes={**self._system, "tenor.jobs": len(jobs)},
        ):
            return super()._commit_together(jobs)

    def _begin(self, db: Any, *, writing: bool) -> None:
        if not writing:
            super()._begin(db, writing=False)
            return
        with self.tracing.inside(LOCK, self._system):
            super()._begin(db, writing=True)


class _TracedSQLite(_TracedStore, SQLiteStore):
    pass


class _TracedPostgreSQL(_TracedStore, PostgreSQLStore):
    pass
