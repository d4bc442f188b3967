"""How far long work is: a bar on a terminal, drawn by rich and wiped when the work is done; elsewhere, and where rich
is not installed, a line every few seconds. Always on stderr.

    with output.progress("copying", total=120) as progress:
        progress.advance()                        # copying ━━━━━╸━━━━━━━━━ 45 of 120  0:00:03
        progress.at(70, detail="2 failed")
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any, Final, Self, TextIO

if TYPE_CHECKING:
    import rich.progress

EVERY: Final = 5.0
"""Seconds between two lines."""
REDRAWN: Final = 0.05
"""Seconds between two changes of a bar: work that takes microseconds a piece is not slowed down by it."""


class Progress:
    """Work that is under way. `total` is None while nobody knows it; a `quiet` one shows nothing."""

    def __init__(self, what: str, total: int | None, stream: TextIO, *, quiet: bool = False) -> None:
        self._what, self._total, self._done, self._detail = what, total, 0, ""
        self._stream, self._quiet = stream, quiet
        self._bar: rich.progress.Progress | None = None
        self._next = time.monotonic() + EVERY

    def __enter__(self) -> Self:
        if not self._quiet and self._stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown"):
            self._bar = _bar(self._stream)
        if self._bar is not None:
            self._bar.add_task(self._what, total=self._total, told=self._told())
            self._bar.start()
            self._next = 0.0
        return self

    def __exit__(self, *ending: object) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def advance(self, count: int = 1) -> None:
        """So much more is done."""
        self.at(self._done + count)

    def at(self, done: int, total: int | None = None, *, what: str = "", detail: str = "") -> None:
        """So much is done, of a total that may be known by now; `what` begins another stretch of the work."""
        begun = bool(what) and what != self._what
        self._done, self._what = done, what or self._what
        self._total = total if total is not None or begun else self._total
        self._detail = detail or self._detail
        now = time.monotonic()
        if self._quiet or (now < self._next and not (begun and self._bar is not None)):
            return
        if self._bar is not None:
            self._next = now + REDRAWN
            task = self._bar.tasks[0].id
            self._bar.update(task, description=self._what, completed=done, total=self._total, told=self._told())
        elif now >= self._next:
            self._next = now + EVERY
            print(f"{self._what}: {self._told()}", file=self._stream, flush=True)

    def say(self, text: str) -> None:
        """Chatter, above the bar."""
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        elif not self._quiet:
            print(text, file=self._stream)

    def _told(self) -> str:
        count = f"{self._done} of {self._total}" if self._total is not None else str(self._done or "")
        return ", ".join(filter(None, (count, self._detail)))


def _bar(stream: TextIO) -> Any:
    """A bar that is wiped at the end; None without rich, which is in the extra `cli`."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    except ModuleNotFoundError:
        return None
    text = "{task.description}", "{task.fields[told]}"
    columns = (TextColumn(text[0], markup=False), BarColumn(), TextColumn(text[1], markup=False), TimeElapsedColumn())
    # What others print at the same terminal stands above the bar; a stdout that leads elsewhere is not touched.
    beside = sys.stdout.isatty()
    return Progress(
        *columns, console=Console(file=stream), transient=True, redirect_stdout=beside, redirect_stderr=True
    )
