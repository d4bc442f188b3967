"""Messages that travel together, for transports that make no batches themselves. Asynchronous.

    batches = AsyncBatches(batch_sender(client, url), most=10)
    await batches.send(orders.encode({…}))            # returns when the batch it was in has arrived

A batch leaves when it is full, or when its first message has waited long enough; batches leave one after another, and
what comes meanwhile makes the next one larger. Both bounds adapt: batches shrink by half while sending takes longer
than `aim`, and grow by a quarter while they leave full; the wait is halved while nobody joins, down to nothing worth
mentioning, and doubled up to `delay` while somebody does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from tenor._async.concurrency import Event, Lock, settled, spawn, waited
from tenor.events import Message

_now = time.monotonic


class _Batch:
    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.bytes = 0
        self.full, self.done = Event(), Event()
        self.error: Exception | None = RuntimeError("sending the batch was interrupted")


class AsyncBatches:
    """Collects messages and sends them together; safe to share.

    `send`        sends a batch, whole or not at all: a function or coroutine function of a sequence of messages
    `most`        messages in a batch, `most_bytes` of their values and headers; a larger message goes alone
    `delay`       seconds that a message waits for company at most
    `aim`         seconds that sending a batch should take at most
    """

    def __init__(
        self,
        send: Callable[[Sequence[Message]], Any],
        *,
        most: int = 100,
        most_bytes: int = 256 * 1024,
        delay: float = 0.01,
        aim: float = 0.5,
    ) -> None:
        if most < 1 or most_bytes < 1 or delay < 0 or aim <= 0:
            raise ValueError("a batch holds at least one message, and takes time")
        self._deliver, self._most, self._most_bytes, self._delay, self._aim = send, most, most_bytes, delay, aim
        self.size, self.wait = max(1, most // 4), delay
        self._open: _Batch | None = None
        self._state, self._sending = Lock(), Lock()

    async def send(self, message: Message) -> None:
        """Send a message with others; returns when it has arrived. Raises what sending its batch raised.

        A task that is cancelled meanwhile has sent it nevertheless.
        """
        weight = len(message.value or b"") + sum(len(name) + len(value) for name, value in message.headers)
        async with self._state:
            batch = self._open
            if batch is not None and batch.bytes + weight > self._most_bytes:
                batch.full.set()
                batch = None
            if batch is None:
                batch = self._open = _Batch()
                spawn(self._departure(batch))
            batch.messages.append(message)
            batch.bytes += weight
            if len(batch.messages) >= self.size or batch.bytes >= self._most_bytes:
                batch.full.set()
                self._open = None
        await batch.done.wait()
        if batch.error is not None:
            raise batch.error

    def _departure(self, batch: _Batch) -> Callable[[], Any]:
        async def leave() -> None:
            try:
                filled = await waited(batch.full, self.wait)
                async with self._sending:
                    async with self._state:
                        if self._open is batch:
                            self._open = None
                    start = _now()
                    try:
                        await settled(self._deliver(batch.messages))
                        batch.error = None
                    except Exception as error:
                        batch.error = error
                    finally:
                        self._adapt(len(batch.messages), filled, _now() - start)
            finally:  # who was interrupted sent nothing, as far as anybody knows
                batch.done.set()

        return leave

    def _adapt(self, count: int, filled: bool, took: float) -> None:
        if took > self._aim:
            self.size = max(1, min(self.size, count) // 2)
        elif count >= self.size:
            self.size = min(self._most, self.size + max(1, self.size // 4))
        if not filled:
            self.wait = self.wait / 2 if count == 1 else min(self._delay, max(self.wait * 2, self._delay / 64))
