"""Feed old events to a handler as today's version: each event of FILE is upcast with PLAN and handed to it.

FILE is read as by `tenor upcast run`. With --kafka the events are a slice of a topic, decoded by the registry and
brought up to --as-version by its proven plans; nothing is committed. The first failure is reported with its position
and ends the replay; with --quarantine FILE every event that fails is kept there, its bytes as they were, and the replay
goes on. Progress goes to stderr. Exit code 1: something failed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from tenor.cli import SAFE, UNSAFE, topic_slice
from tenor.cli.output import Output, one_line
from tenor.cli.plan_file import Read, events_of, function_of, handler_of, read_plan
from tenor.cli.progress import Progress
from tenor.cli.running import UsageError
from tenor.consuming import Failure, Reason, Record, Stage, judged, quarantined
from tenor.consuming.file import FileQuarantine
from tenor.errors import PlanError, TenorError, Undecodable


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("file", metavar="FILE", nargs="?", help="old events; - for standard input")
    parser.add_argument("--plan", metavar="PLAN", action="append", default=[], help="of one hop; may be repeated")
    parser.add_argument("--handler", metavar="MODULE:FUNCTION", required=True, help="is given each new event")
    parser.add_argument("--quarantine", metavar="FILE", help="keep what fails there, and go on")
    parser.add_argument("--steps", action="append", default=[], metavar="PACKAGE", help="where hand-written steps are")
    topic_slice.configure(parser)
    parser.add_argument("--skip", type=int, default=0, metavar="N", help="pass over the first N events")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Replay."""
    if arguments.skip < 0:
        raise UsageError(f"--skip: {arguments.skip} is less than 0")
    upcast, handle = _upcast(arguments), handler_of(arguments.handler)
    quarantine = None if arguments.quarantine is None else FileQuarantine(arguments.quarantine)
    count = _Count()
    if (arguments.file is None) == (arguments.kafka is None):
        raise UsageError("give either FILE or --kafka (see tenor replay --help)")
    with _events(arguments) as events, output.progress("replaying") as shown:
        _replay(arguments, events, upcast, handle, quarantine, count, shown)
    document = {"handled": count.handled, "failed": count.failed, "first_failure": count.first}
    output.result(document, f"{count.handled} handled, {count.failed} failed")
    return UNSAFE if count.failed else SAFE


@contextmanager
def _events(arguments: argparse.Namespace) -> Iterator[Iterator[Read]]:
    if arguments.kafka is None:
        yield events_of(arguments.file)
        return
    from tenor.cli.connection import connect

    with connect(arguments) as registry:
        yield topic_slice.events(arguments, registry)


def _replay(
    arguments: argparse.Namespace,
    events: Iterator[Read],
    upcast: Callable[[Any], Any],
    handle: Callable[[Any], Any],
    quarantine: FileQuarantine | None,
    count: _Count,
    shown: Progress,
) -> None:
    for read in events:
        count.seen += 1
        if count.seen <= arguments.skip:
            continue
        if (failure := _handled(read, upcast, handle)) is None:
            count.handled += 1
        else:
            count.failed += 1
            if count.first is None:
                count.first = {**read.position, "stage": failure.stage.value, "reason": _reason(failure)}
                shown.say(f"{read.where}: {failure.stage.value} failed: {_reason(failure)}")
            if quarantine is None:
                break
            record = Record(
                read.raw,
                position=read.position if arguments.file is None else {"file": arguments.file, **read.position},
            )
            now = datetime.now(UTC).isoformat()
            quarantine(quarantined(record, failure, consumer="tenor replay", time=now, attempts=1))
        shown.at(count.seen, detail=f"{count.failed} failed, {count.rate():.0f} a second")


class _Count:
    """How far a replay is."""

    def __init__(self) -> None:
        self.seen = self.handled = self.failed = 0
        self.first: dict[str, str] | None = None
        self._began = time.monotonic()

    def rate(self) -> float:
        """Events a second, so far."""
        return self.seen / max(time.monotonic() - self._began, 1e-6)


def _upcast(arguments: argparse.Namespace) -> Callable[[Any], Any]:
    """The plans of all hops as one function."""
    from tenor.plans.fusion import fuse

    plans = [read_plan(path) for path in arguments.plan]
    if not plans:
        return lambda event: event
    try:
        plan = plans[0] if len(plans) == 1 else fuse(plans)
    except PlanError as error:
        raise UsageError(f"--plan: {error}") from error
    return function_of(plan, arguments.steps)


def _handled(read: Read, upcast: Callable[[Any], Any], handle: Callable[[Any], Any]) -> Failure | None:
    if read.error is not None:
        if isinstance(read.error, TenorError) and not isinstance(read.error, PlanError):
            return judged(read.error, Stage.DECODE)
        error = Undecodable(schema="(none)", reason=str(read.error))
        return Failure(Stage.DECODE, error, Reason.INVALID)
    stage = Stage.UPCAST
    try:
        event = upcast(read.event)
        stage = Stage.HANDLER
        handle(event)
    except Exception as error:  # a handler may raise anything; the event is kept, with its reason
        return judged(error, stage)
    return None


def _reason(failure: Failure) -> str:
    return one_line(f"{type(failure.error).__name__}: {failure.error}")
