"""Events through generated models and back: what the tests of `tenor.modelling` share."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from itertools import count
from types import ModuleType
from typing import Any, Final
from uuid import UUID

import msgspec
import pydantic

from registry import examine, offline
from tenor import codecs
from tenor.codecs import Options
from tenor.errors import InvalidEvent
from tenor.modelling import Models, generate
from tenor.schemas import JSON, PROTOBUF, Schema
from tenor.testing.samples import unpacking

_numbers = count()


@dataclass(frozen=True)
class Subject:
    """A schema as a file has it, and as the codec takes it."""

    data: dict[str, Any]
    schema: Schema
    references: dict[str, Schema]

    def body(self) -> Any:
        """The codec of its events."""
        return codecs.compile(self.schema, self.references, Options())

    def samples(self, most: int, seed: int = 0) -> list[Any]:
        """Valid events, as the codec takes them."""
        events = [each["event"] for each in examine.sample(self.data, most, seed)]
        return [*map(unpacking(self.body()), events)]


def subject(format: str, text: str, references: Sequence[tuple[str, str]] = ()) -> Subject:
    """A schema with those it refers to, each of which may refer to those before it."""
    below: list[Any] = []
    for name, referred in references:
        below = [[name, {"text": referred, "references": below}]]
    data = {"format": format, "text": text, "references": below}
    if format != PROTOBUF:
        return Subject(data, Schema(text, format), {name: Schema(each, format) for name, each in references})
    answer, found = offline.answered(json.dumps({"do": "descriptors", "schema": data}).encode())
    assert found, answer
    needed = {name: Schema(each, format) for name, each in answer["references"].items()}
    return Subject(data, Schema(answer["descriptor"], format), needed)


@contextmanager
def imported(models: Models) -> Iterator[ModuleType]:
    """The module of generated models."""
    module = ModuleType(f"generated_{next(_numbers)}")
    sys.modules[module.__name__] = module
    # Before Python 3.12 pydantic takes this one only, which is otherwise the same.
    text = models.text.replace(", TypedDict\n", "\nfrom typing_extensions import TypedDict\n")
    text = text.replace("import TypedDict\n", "import TypedDict as _\nfrom typing_extensions import TypedDict\n")
    try:
        exec(compile(text, module.__name__, "exec"), module.__dict__)
        yield module
    finally:
        del sys.modules[module.__name__]


def through(kind: str, model: Any) -> Callable[[Any], Any]:
    """A function from an event through its model back to an event."""
    if kind == "msgspec":
        return lambda event: msgspec.to_builtins(msgspec.convert(event, model), builtin_types=_BUILTIN)
    adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(model)
    # What a dataclass leaves out is None in it, which no dump can tell from null.
    return lambda event: adapter.dump_python(
        adapter.validate_python(event), by_alias=True, exclude_unset=kind == "pydantic", warnings="error"
    )


_BUILTIN: Final = (bytes, datetime, date, time, Decimal, UUID)


def lost(kind: str, one: Subject, most: int, seed: int = 0) -> list[str]:
    """What becomes of events of a schema that its models do not give back as they were, each as a sentence."""
    models = generate(one.schema, one.references, kind)
    body = one.body()
    write = body.writer(b"")
    read = body.reader(body.indexes, None)
    found, passed = [], 0
    with imported(models) as module:
        model = getattr(module, models.name)
        trip = through(kind, model)
        for sample in one.samples(most, seed):
            try:
                data = write(sample)
            except InvalidEvent:  # numbers beyond 64 bits, bytes in a union with text
                continue
            event = read(data, 0)
            try:
                back = trip(event)
                alike = held(kind, back, event) if one.schema.format == JSON else _same(write(back), data, read)
            except Exception as error:
                found.append(f"{event!r:.200}: {type(error).__name__}: {error!s:.300}")
                continue
            if not alike:
                found.append(f"{event!r:.200} came back as {back!r:.200}")
            passed += 1
    return found if passed else [*found, "no event"]


def _same(back: bytes, data: bytes, read: Any) -> bool:
    # Where the bytes are not the same the events are: Protobuf's maps have no order.
    return back == data or _alike(read(back, 0), read(data, 0))


def _alike(one: Any, other: Any) -> bool:
    match one, other:
        case dict(), dict():
            return one.keys() == other.keys() and all(_alike(value, other[key]) for key, value in one.items())
        case list(), list():
            return len(one) == len(other) and all(map(_alike, one, other))
    return bool(one == other) or (one != one and other != other)  # not a number


def held(kind: str, back: Any, event: Any) -> bool:
    """Whether JSON came back: of what only pydantic keeps, members that the schema does not name, the rest did."""
    match back, event:
        case dict(), dict():
            known = {key: value for key, value in back.items() if value is not None or key in event}
            same_keys = known.keys() == event.keys() if kind == "pydantic" else known.keys() <= event.keys()
            return same_keys and all(held(kind, value, event[key]) for key, value in known.items())
        case list(), list():
            return len(back) == len(event) and all(held(kind, *pair) for pair in zip(back, event, strict=True))
    return bool(back == event) and isinstance(back, bool) == isinstance(event, bool)
