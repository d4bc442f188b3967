"""Handles the records of any transport: decode, upcast, once only, handler; retries, and a quarantine. Asynchronous.

    consumer = AsyncConsumer(orders, handle, name="billing", quarantine=sink)
    outcome  = await consumer.process(Record(value, headers, key, {"topic": "orders", "offset": "17"}))

A record may be acknowledged when `process` returns, and only then: it was handled, it had been handled before, or the
quarantine has it, whole. What may pass is retried by stamina, with exponential backoff and jitter; when records in a
row fail for reasons that are not theirs, the circuit (pybreaker) opens, and the consumer waits instead of emptying
the topic into the quarantine. Payload is never logged: reports name stage, rule and type of error.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterable, Callable
from typing import Any

from tenor import events
from tenor._async.codec import AsyncCodec
from tenor._async.concurrency import callable_here, settled, sleep
from tenor._async.seen import AsyncSeen, AsyncWork
from tenor.consuming import Failure, Outcome, QuarantinedRecord, Record, Retries, Stage, identity, judged, quarantined
from tenor.consuming.failures import PASSING
from tenor.errors import Erased, MissingExtra, RecordBusy, Unprocessed
from tenor.events import Event
from tenor.observing import Observer, unobserved

try:
    import pybreaker
    import stamina
except ModuleNotFoundError as error:
    raise MissingExtra(purpose="a consumer", package=str(error.name), extra="consuming") from error

AsyncHandler = Callable[..., Any]
"""What to do with an event: `handle(event)`, or `handle(event, connection)` with a store in SQL. A plain function or a
coroutine function, as the two below."""
AsyncQuarantine = Callable[[QuarantinedRecord], Any]
"""Where poison goes. When it returns, the record must be safe there."""
AsyncUpcast = Callable[[Event], Any]
"""Makes an event of an older version one that the handler knows."""

_now = time.monotonic
_log = logging.getLogger("tenor.consuming")
_ATTEMPTS_OF_A_SINK = 5
_SHORTEST_PAUSE = 0.01


class _Again(Exception):
    """Tells stamina and the circuit that a try failed. Its text is all that their reports can show."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.told)


class AsyncConsumer:
    """Handles records, each once and none lost.

    `codec`       of `AsyncRegistry.events`, `decode_only=True` will do
    `handler`     an error that it raises is poison, unless it is one of `passing`, which may pass
    `name`        the consumer's group: what another consumer handled is new to this one
    `quarantine`  a function of one QuarantinedRecord: produce it, store it; any error it raises keeps the record
    `seen`        a store of `tenor._async.seen`; without one, each delivery is handled
    `upcast`      the seam for upcasters: what it raises is UPCAST_TODO
    `identify`    what makes two events the same; None is never the same
    """

    def __init__(
        self,
        codec: AsyncCodec,
        handler: AsyncHandler,
        *,
        name: str,
        quarantine: AsyncQuarantine,
        seen: AsyncSeen | None = None,
        upcast: AsyncUpcast | None = None,
        retries: Retries | None = None,
        passing: tuple[type[Exception], ...] = PASSING,
        identify: Callable[[Event], str | None] = identity,
        observer: Observer | None = None,
    ) -> None:
        for function in (handler, quarantine, upcast):
            callable_here(function)
        self.name = name
        self._codec, self._handler, self._quarantine = codec, handler, quarantine
        self._seen, self._upcast, self._identify = seen, upcast, identify
        self._retries = retries or Retries()
        self._passing = passing
        self._observer = observer or unobserved
        self._circuit = pybreaker.CircuitBreaker(
            fail_max=self._retries.trips,
            reset_timeout=self._retries.rest,
            exclude=[lambda error: not isinstance(error, _Again)],
            throw_new_error_on_trip=False,
        )

    async def run(self, records: AsyncIterable[Record]) -> None:
        """Handle record after record, and acknowledge each that may be. Raises Unprocessed, and stops."""
        try:
            async for record in records:
                await self.process(record)
                if record.ack is not None:
                    await settled(record.ack())
        finally:
            if (close := getattr(records, "aclose", None)) is not None:
                await close()  # a generator commits what was acknowledged when it is closed

    async def process(self, record: Record, handler: AsyncHandler | None = None) -> Outcome:
        """Handle one record, however often it takes. Raises Unprocessed: then it must not be acknowledged.

        `handler` takes the place of the consumer's own for this record, where a framework calls the handler.
        """
        record = record.kept()
        with self._observer.processing(self._codec.subject, self.name, record.headers) as span:
            outcome, failure = await self._processed(record, handler or self._handler)
            span.ended(outcome, failure)
            return outcome

    async def _processed(self, record: Record, handler: AsyncHandler) -> tuple[Outcome, Failure | None]:
        give_up, attempts = _now() + self._retries.patience, 0
        last: Failure | None = None
        while True:
            tried, result = await self._through_circuit(record, handler)
            attempts += tried
            if isinstance(result, Outcome):
                return result, None
            opened = self._circuit.current_state == pybreaker.STATE_OPEN
            if result is not None:
                last = result
                if result.held and not result.retryable:
                    raise self._unprocessed(record, result) from result.error
                if result.reason is not None and not (result.retryable and opened):
                    await self._set_aside(record, result, attempts)
                    return Outcome.QUARANTINED, result
            if (left := give_up - _now()) <= 0:
                raise self._unprocessed(record, last)
            pause = self._retries.rest if opened else self._retries.longest
            await sleep(min(max(pause, _SHORTEST_PAUSE), left))

    async def _through_circuit(self, record: Record, handler: AsyncHandler) -> tuple[int, Outcome | Failure | None]:
        """Some tries, or none (and no result) while the circuit is open because of other records."""
        tried = 0
        result: Outcome | Failure | None = None
        try:
            with self._circuit.calling():
                tried, result = await self._tried(record, handler)
                if isinstance(result, Failure) and result.retryable and not isinstance(result.error, RecordBusy):
                    raise _Again(result)
        except (pybreaker.CircuitBreakerError, _Again):
            pass
        return tried, result

    async def _tried(self, record: Record, handler: AsyncHandler) -> tuple[int, Outcome | Failure]:
        """One try, and more of them if it failed for a reason that may pass: how many, and how the last one ended."""
        result = await self._attempt(record, handler)
        if isinstance(result, Outcome) or not result.retryable or self._retries.attempts == 1:
            return 1, result
        tried = 0
        try:
            async for attempt in stamina.retry_context(
                on=_Again,
                attempts=self._retries.attempts,
                timeout=None,
                wait_initial=self._retries.first,
                wait_max=self._retries.longest,
                wait_jitter=self._retries.first,
            ):
                with attempt:
                    tried = attempt.num
                    if tried > 1:  # the first one was made above: only failures pay for the machinery
                        result = await self._attempt(record, handler)
                    if isinstance(result, Failure) and result.retryable:
                        raise _Again(result)
        except _Again:
            pass
        return tried, result

    async def _attempt(self, record: Record, handler: AsyncHandler) -> Outcome | Failure:
        stage = Stage.DECODE
        raised: list[Exception] = []
        try:
            event = await self._codec.decode(record.value, record.headers, record_key=record.key, topic=record.place())
            if self._upcast is not None:
                stage = Stage.UPCAST
                decoded, event = event, await settled(self._upcast(event))
                if event is not decoded:
                    self._observer.count("upcast", subject=self._codec.subject)
            stage = Stage.STORE
            new = await self._once(event, lambda with_: self._handled(handler, event, with_, raised))
        except Exception as error:
            if stage is Stage.DECODE and isinstance(error, Erased) and error.drop:
                return Outcome.DROPPED
            # The handler's own errors came through the store, which may raise others of the same types.
            return judged(error, Stage.HANDLER if raised and error is raised[0] else stage, self._passing)
        return Outcome.HANDLED if new else Outcome.DUPLICATE

    async def _once(self, event: Event, work: AsyncWork) -> bool:
        """Do the work for an event that is new, or that nothing tells from others; whether it was done."""
        if self._seen is None:
            await work(None)
        elif (found := self._identify(event)) is not None:
            return await self._seen.once(self.name, found, work)
        elif (unmarked := getattr(self._seen, "unmarked", None)) is not None:
            await unmarked(work)
        else:
            await work(None)
        return True

    async def _handled(self, handler: AsyncHandler, event: Event, transaction: Any, raised: list[Exception]) -> None:
        try:
            if self._seen is not None and self._seen.transactional:
                await settled(handler(event, transaction))
            else:
                await settled(handler(event))
        except Exception as error:
            raised.append(error)
            raise

    async def _set_aside(self, record: Record, failure: Failure, attempts: int) -> None:
        """Put a record into the quarantine, unless the rule that refused it did. Raises Unprocessed if that fails."""
        if getattr(failure.error, "dead_lettered", False):
            _log.warning("dead-lettered %s: rule %s", record.where(), failure.rule)
            return
        poison = quarantined(record, failure, consumer=self.name, time=events.now(), attempts=attempts)
        try:
            async for attempt in stamina.retry_context(
                on=_Again,
                attempts=min(_ATTEMPTS_OF_A_SINK, self._retries.attempts),
                timeout=None,
                wait_initial=self._retries.first,
                wait_max=self._retries.longest,
                wait_jitter=self._retries.first,
            ):
                with attempt:
                    try:
                        await settled(self._quarantine(poison))
                    except Exception as error:
                        raise _Again(Failure(Stage.STORE, error, None)) from error
        except _Again as again:
            sink = again.failure.error
            reason = f"the quarantine failed ({type(sink).__name__})"
            raise Unprocessed(position=record.where(), reason=reason, failure=failure) from sink
        _log.warning("quarantined %s: %s, rule %s", record.where(), poison.verdict.reason, poison.verdict.rule)

    def _unprocessed(self, record: Record, failure: Failure | None) -> Unprocessed:
        reason = failure.told if failure is not None else "the circuit is open"
        return Unprocessed(position=record.where(), reason=reason, failure=failure)
