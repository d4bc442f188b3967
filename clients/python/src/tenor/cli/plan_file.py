"""Plans and events in files, as the verbs about upcasters take them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from tenor.cli.running import UsageError
from tenor.cli.schema_file import read_text
from tenor.errors import CustomStepRefused, PlanError
from tenor.plans import Plan, Upcast, compile_plan, loads
from tenor.plans.custom import Customs
from tenor.plans.values import decode, encode

LONGEST: Final = 64 * 2**20
"""Bytes of one event's line."""
MOST_SAMPLES: Final = 100_000


class Read(NamedTuple):
    """One event of a file: where it stood, its bytes, and the event, or the error that kept it from being read."""

    position: dict[str, str]
    raw: bytes
    event: Any
    error: Exception | None = None

    @property
    def where(self) -> str:
        """The position in one line."""
        return " ".join(f"{name} {value}" for name, value in self.position.items())


def read_plan(path: str) -> Plan:
    """The plan of a file, also of what `tenor upcast new --output json` printed. Raises UsageError."""
    text = read_text(path)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON: {error}") from None
    if isinstance(data, dict) and isinstance(data.get("plan"), dict):
        text = json.dumps(data["plan"])
    try:
        return loads(text)
    except PlanError as error:
        raise UsageError(f"{path}: {error}") from error


def steps_of(plan: Plan, packages: Sequence[str]) -> dict[str, Callable[..., Any]]:
    """The hand-written steps of a plan, from these packages or the folder the verb is run in. Raises UsageError."""
    if packages:
        sys.path.insert(0, "")
    try:
        return Customs(packages).resolve(plan)
    except CustomStepRefused as error:
        raise UsageError(f"{error} Name its package with --steps.") from error


def function_of(plan: Plan, packages: Sequence[str]) -> Upcast:
    """The function of a plan. `packages`: where its hand-written steps may be looked for. Raises UsageError."""
    try:
        return compile_plan(plan, steps_of(plan, packages))
    except PlanError as error:
        raise UsageError(str(error)) from error


def handler_of(name: str) -> Callable[[Any], Any]:
    """A function by `package.module:function`, also of the folder the verb is run in. Raises UsageError."""
    from importlib import import_module

    module, colon, own = name.partition(":")
    if not colon or not module or not own:
        raise UsageError(f"--handler: '{name}' is not package.module:function")
    sys.path.insert(0, "")
    try:
        found = import_module(module)
    except ImportError as error:
        raise UsageError(f"--handler: {module} cannot be imported: {error}") from error
    function = getattr(found, own, None)
    if not callable(function):
        raise UsageError(f"--handler: {module} has no function '{own}'")
    return function  # type: ignore[no-any-return] # what it is was looked at above


def events_of(path: str) -> Iterator[Read]:
    """The events of a file: one JSON document a line (as plans write constants), or an Avro container (.avro).

    Raises UsageError for a file that cannot be read at all; what one line holds is told with it.
    """
    with _opened(path) as file:
        yield from _container(path, file) if path.endswith(".avro") else _lines(file)


def samples_of(path: str) -> list[Any]:
    """The events of a file as plans write constants. Raises UsageError for one that cannot be read."""
    found = []
    for read in islice(events_of(path), MOST_SAMPLES):
        if read.error is not None:
            raise UsageError(f"--samples: {path} {read.where}: {read.error}")
        found.append(encode(read.event))
    return found


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    if path == "-":
        yield sys.stdin.buffer
        return
    try:
        file = Path(path).open("rb")  # noqa: SIM115 # closed below; what happens to the events is no error of reading
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    with file:
        yield file


def _lines(file: BinaryIO) -> Iterator[Read]:
    number = 0
    while line := file.readline(LONGEST):
        number += 1
        raw = line.rstrip(b"\r\n")
        if not raw.strip():
            continue
        try:
            yield Read({"line": str(number)}, raw, decode(json.loads(raw)))
        except (ValueError, RecursionError, PlanError) as error:
            yield Read({"line": str(number)}, raw, None, error)


def _container(path: str, file: BinaryIO) -> Iterator[Read]:
    import fastavro

    try:
        for number, event in enumerate(fastavro.reader(file), 1):
            yield Read({"record": str(number)}, json.dumps(encode(event)).encode(), event)
    except (ValueError, EOFError, TypeError, KeyError) as error:
        raise UsageError(f"{path} is no Avro container, or is cut short: {error}") from error
