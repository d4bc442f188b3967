"""Which lines of the code that touches an event were reached, and which that touch it were not."""

from __future__ import annotations

import dis
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

from tenor.events import Event
from tenor.testing.watching import Watched

_FOREIGN: Final = tuple(
    str(Path(each).resolve()) + "/"
    for each in {*map(sysconfig.get_path, ("stdlib", "platstdlib", "purelib", "platlib"))}
)
_OURS: Final = str(Path(__file__).resolve().parent) + "/"
_LOADS: Final = (
    "LOAD_FAST",
    "LOAD_DEREF",
    "LOAD_CLOSURE",
    "LOAD_FAST_CHECK",
    "LOAD_FAST_LOAD_FAST",
    "LOAD_FAST_BORROW",
)
_STORES: Final = ("STORE_FAST", "STORE_DEREF")


@dataclass(slots=True)
class Lines:
    """What ran, over many runs: lines by code, and the local names that ever held a part of the event.

    `others` are names that held something else; None and booleans may be parts of the event and are not to be told.
    """

    reached: dict[CodeType, set[int]] = field(default_factory=dict)
    names: dict[CodeType, set[str]] = field(default_factory=dict)
    others: dict[CodeType, set[str]] = field(default_factory=dict)

    @contextmanager
    def traced(self) -> Iterator[None]:
        """Note what runs in the block; whoever traced before goes on afterwards."""
        before = sys.gettrace()
        sys.settrace(self._call)
        try:
            yield
        finally:
            sys.settrace(before)

    def missed(self) -> list[tuple[str, int]]:
        """Lines that touch the event and never ran, as (file, line), in functions that held a part of it."""
        found = []
        for code, names in self.names.items():
            if names:
                lines = _touching(code, names, self.others[code] - names)
                found += [(code.co_filename, line) for line in lines - self.reached[code]]
        return sorted(set(found))

    def _call(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        code = frame.f_code
        file = code.co_filename
        if file.startswith((*_FOREIGN, _OURS)) or not file.endswith(".py"):
            return None
        reached = self.reached.setdefault(code, set())
        names = self.names.setdefault(code, set())
        others = self.others.setdefault(code, set())

        def local(frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
            if event == "line":
                reached.add(frame.f_lineno)
            for name, value in frame.f_locals.items():
                if isinstance(value, Watched | Event):
                    names.add(name)
                elif value is not None and not isinstance(value, bool):
                    others.add(name)
            return local

        return local


def _touching(code: CodeType, names: set[str], others: set[str]) -> set[int]:
    """Lines that read one of these names, or one that was made of them and never held anything else."""
    loads: dict[int, set[str]] = {}
    stores: dict[int, set[str]] = {}
    line = code.co_firstlineno
    for instruction in dis.get_instructions(code):
        if instruction.positions and instruction.positions.lineno:
            line = instruction.positions.lineno
        operands = set(instruction.argval if isinstance(instruction.argval, tuple) else (instruction.argval,))
        if instruction.opname in _LOADS:
            loads.setdefault(line, set()).update(operands)
        elif instruction.opname in _STORES:
            stores.setdefault(line, set()).update(operands)
    held = set(names)
    while made := {
        name for line, read in loads.items() if read & held for name in stores.get(line, set()) - held - others
    }:
        held |= made
    return {line for line, read in loads.items() if read & held}
