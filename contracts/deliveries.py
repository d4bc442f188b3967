"""The delivery worker: sends due webhooks, notes what came of it, tries again later.

Firings are rows written with the change they announce; this loop only reads what is committed, so nothing is sent for
what was rolled back, and a restart loses nothing. A firing is claimed before it is sent and may be sent twice when
a process dies in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from contracts import hooks, webhooks
from contracts.errors import CannotSeal
from contracts.options import Options
from contracts.queries import webhooks as queries
from contracts.queries.webhooks import FAILURE, SUCCESS, WAITING, Delivery
from contracts.sealing import Sealer
from contracts.sending import DEADLINE, Sent, send
from contracts.webhooks import Prepared, Rules
from registry.clock import now_ms
from registry.errors import RegistryError
from registry.store.engine import Db, Store

Sending = Callable[[Prepared, Rules], Sent]
_AT_ONCE = 8
_POLL = 1.0


def attempt(delivery: Delivery, sealer: Sealer, options: Options, sending: Sending) -> Sent:
    """Send one firing, on a thread."""
    try:
        request = hooks.prepared(delivery, sealer)
    except CannotSeal as problem:
        return Sent(False, str(problem), final=True)
    return sending(request, options.webhooks)


def settle(db: Db, delivery: Delivery, sent: Sent) -> None:
    """Note an attempt: done, to be tried again, or given up."""
    now, pause = now_ms(), webhooks.next_attempt(delivery.attempts + 1)
    if sent.success:
        status, due, log = SUCCESS, now, sent.log
    elif sent.final or pause is None:
        status, due, log = FAILURE, now, f"{sent.log}\nGiven up after {delivery.attempts + 1} attempt(s)."
    else:
        seconds = int(pause.total_seconds())
        status, due, log = WAITING, now + seconds * 1000, f"{sent.log}\nTried again in {seconds} s."
    queries.settle(db, delivery.uuid, status, due, success=sent.success, log=log, now=now)


class Deliveries:
    """Runs until cancelled. One a process; several processes share the work."""

    def __init__(
        self, store: Store, sealer: Sealer, options: Options, log: Callable[..., None], *, sending: Sending = send
    ) -> None:
        self.store = store
        self.sealer = sealer
        self.options = options
        self.log = log
        self.sending = sending
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="webhook")

    async def run(self) -> None:
        """Look for due firings, for ever."""
        try:
            while True:
                if not await self.round():
                    await asyncio.sleep(_POLL)
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def round(self) -> int:
        """Send what is due, a few at a time; how many."""
        try:
            if not await self.store.read(lambda db: queries.any_due(db, now_ms())):
                return 0
            claimed = await self.store.write(_claim)
        except RegistryError as error:
            self.log("webhooks wait", reason=str(error))
            return 0
        await asyncio.gather(*map(self._deliver, claimed))
        return len(claimed)

    async def _deliver(self, delivery: Delivery) -> None:
        work = partial(attempt, delivery, self.sealer, self.options, self.sending)
        sent = await asyncio.get_running_loop().run_in_executor(self._threads, work)
        try:
            await self.store.write(lambda db: settle(db, delivery, sent))
        except RegistryError as error:  # the claim ends by itself, and it is sent again
            self.log("webhook not settled", reason=str(error))


def _claim(db: Db) -> list[Delivery]:
    now = now_ms()
    return queries.claim(db, now, now + int(DEADLINE * 3000), _AT_ONCE)
