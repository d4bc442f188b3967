"""Events of a schema for tests: valid ones, edges in particular, and invalid ones with the reason.

def test_orders(tenor_samples):                                     # of a subject of `tenor_registry`
    for event in tenor_samples("orders-value", kinds=["edge"]): ...

@pytest.mark.tenor_payloads("schemas/order.avsc")                    # of a file; the test runs once for each event
def test_handler(tenor_payload): ...

@pytest.mark.tenor_payloads("schemas/order.avsc", invalid=True)
def test_refusals(tenor_payload):
    with pytest.raises(ValueError): place(tenor_payload.event)       # .path, .rule and .reason say what is wrong

Kinds: the *minimal* event, a *maximal* one, the *edge*s (bounds, nulls, long and odd texts, each symbol, each branch,
defaults, each optional member), then *random* ones. The same seed gives the same events. They are as a codec of the
schema encodes them.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import pytest

from tenor.testing.served import needed_command

if TYPE_CHECKING:
    from tenor import Registry
    from tenor.calls import Call
    from tenor.codecs import Plain
    from tenor.codecs.fields import Change, Field
    from tenor.testing.invalid import Invalid

Samples = Callable[..., list[Any]]

MARKER: Final = "tenor_payloads"
FIXTURE: Final = "tenor_payload"
KINDS: Final = ("minimal", "maximal", "edge")
MOST: Final = 1000
_FIRST: Final = 200
_FORMATS: Final = {".avsc": "AVRO", ".json": "JSON", ".proto": "PROTOBUF"}
_BASES: Final = 60
_SECONDS: Final = 60.0
_MADE: Final = pytest.StashKey["dict[str, list[Any]]"]()


class Sample(NamedTuple):
    """An event, its kind, and what is special about it."""

    event: Any
    kind: str
    note: str = ""


@pytest.fixture
def tenor_samples(tenor_registry: Registry, tenor_server: str) -> Iterator[Samples]:
    """A function that gives events: `tenor_samples("orders-value", count=10, seed=0)`.

    `kinds` chooses among minimal, maximal, edge and random. `count` is how many at the most: ten, or all of them if
    kinds are given without the random ones, of which there are any number. Of Protobuf they are events of the first
    message that no other one of the file holds. 1,000 is the most that are looked at.
    """

    from tenor import Registry

    with Registry(tenor_server) as whole:

        def samples(
            subject: str,
            *,
            version: int = -1,
            count: int | None = None,
            seed: int = 0,
            kinds: Collection[str] = (),
        ) -> list[Any]:
            schema = Registered(whole, tenor_registry, subject, version)
            return [each.event for each in _chosen(schema, kinds, count, seed)]

        yield samples


@pytest.fixture
def tenor_invalid(tenor_registry: Registry, tenor_server: str) -> Iterator[Callable[..., list[Invalid]]]:
    """A function that gives invalid events, each with path, rule and reason: `tenor_invalid("orders-value")`.

    A codec of the subject decides; `fill_defaults` and `check_formats` are what `Registry.events` takes.
    """

    from tenor import Registry

    with Registry(tenor_server) as whole:

        def samples(
            subject: str, *, version: int = -1, count: int | None = None, seed: int = 0, **options: bool
        ) -> list[Invalid]:
            return list(islice(_invalid(Registered(whole, tenor_registry, subject, version), seed, options), count))

        yield samples


@pytest.fixture
def tenor_payload(request: pytest.FixtureRequest) -> Any:
    """One event of the schema that the test's mark `tenor_payloads` names. See `tenor.testing.samples`."""
    if not hasattr(request, "param"):
        pytest.fail(f'which events? mark the test: @pytest.mark.{MARKER}("schemas/order.avsc")', pytrace=False)
    return request.param


def generate(metafunc: pytest.Metafunc) -> None:
    """Give a test each event that its mark asks for."""
    marks = list(metafunc.definition.iter_markers(MARKER))
    if FIXTURE not in metafunc.fixturenames or not marks:
        return
    known = metafunc.config.stash.setdefault(_MADE, {})
    parameters = []
    for mark in reversed(marks):
        key = repr((mark.args, mark.kwargs))
        if key not in known:
            known[key] = _parameters(metafunc.config, *mark.args, **mark.kwargs)
        parameters += known[key]
    metafunc.parametrize(FIXTURE, parameters, indirect=True)


def _parameters(
    config: pytest.Config,
    file: str,
    *,
    kinds: Collection[str] = KINDS,
    count: int | None = None,
    seed: int = 0,
    invalid: bool = False,
    references: Mapping[str, str] | None = None,
    **options: bool,
) -> list[Any]:
    """The events of a schema in a file, which the engine makes without a server.

    `references` are files by the names that texts use, each after those it refers to itself; `options` are what a codec
    may be told that decides what is invalid: fill_defaults, check_formats.
    """
    from tenor.errors import TenorError

    try:
        if strange := options.keys() - {"fill_defaults", "check_formats"}:
            raise ValueError(f"no such option: {', '.join(sorted(strange))}")
        schema = Written(config.rootpath, file, references or {})
        if invalid:
            return [
                pytest.param(each, id=f"invalid: {each}") for each in islice(_invalid(schema, seed, options), count)
            ]
        chosen = _chosen(schema, kinds, count, seed)
    except (TenorError, ValueError, subprocess.TimeoutExpired) as error:
        raise pytest.Collector.CollectError(f"{MARKER}: {error}") from None
    return [pytest.param(each.event, id=f"{each.kind}: {each.note}" if each.note else each.kind) for each in chosen]


class Sampled(Protocol):
    """A schema whose events can be had."""

    def samples(self, count: int, seed: int) -> list[Sample]:
        """Valid events as JSON. The first of Protobuf names its message in the note."""
        ...

    def codec(self, message: str, options: Mapping[str, Any]) -> Plain:
        """What writes events of the schema, of a message if it is Protobuf."""
        ...


class Written:
    """A schema in a file. Raises ValueError for a file that cannot be read, and with what the engine says."""

    def __init__(self, folder: Path, file: str, references: Mapping[str, str]) -> None:
        format = _FORMATS.get(Path(file).suffix.lower())
        if format is None:
            raise ValueError(f"{file}: the name does not tell the type of the schema ({', '.join(_FORMATS)})")
        self._file, self._format = file, format
        self._texts = {name: _text(folder / path) for name, path in references.items()}
        below: list[Any] = []
        for name, each in self._texts.items():  # a chain: each sees the one before it and, through that, all the others
            below = [[name, {"text": each, "references": below}]]
        self._schema = {"format": format, "text": _text(folder / file), "references": below}

    def samples(self, count: int, seed: int) -> list[Sample]:
        """Valid events as JSON."""
        question = {"do": "sample", "schema": self._schema, "count": count, "seed": seed}
        return [Sample(**each) for each in _answer(question, self._file)["samples"]]

    def codec(self, message: str, options: Mapping[str, Any]) -> Plain:
        """What writes them. Raises TenorError."""
        from tenor.codecs import Options, compile
        from tenor.schemas import PROTOBUF, Schema

        text, texts = self._schema["text"], self._texts
        if self._format == PROTOBUF:  # a codec takes descriptors, which the engine makes
            described = _answer({"do": "descriptors", "schema": self._schema}, self._file)
            text, texts = described["descriptor"], described["references"]
        needed = {name: Schema(each, self._format) for name, each in texts.items()}
        return compile(Schema(str(text), self._format), needed, Options(message=message, **options))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None


def _answer(question: Mapping[str, Any], file: str) -> Any:
    """An answer of `tenor-server check`. Raises ValueError with what it says."""
    command = needed_command()
    done = subprocess.run(
        [command, "check"], input=json.dumps(question).encode(), capture_output=True, timeout=_SECONDS, check=False
    )
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        said = done.stderr.decode(errors="replace").strip()[-500:]
        raise ValueError(f"{command} check gave no answer (exit code {done.returncode}): {said}") from None
    if (error := answer.get("error")) is not None:
        place = ":".join(str(each) for each in (file, error.get("line"), error.get("column")) if each is not None)
        raise ValueError(f"{place}: {error['message']}")
    return answer


class Registered:
    """A version of a subject. `whole` is the registry of which `registry` may be a context.

    Raises NotFound, also where a registry has no API of Tenor's.
    """

    def __init__(self, whole: Registry, registry: Registry, subject: str, version: int) -> None:
        self._whole, self._registry, self._subject = whole, registry, subject
        self._registered = registry.version(subject, version)

    def samples(self, count: int, seed: int) -> list[Sample]:
        """Valid events as JSON."""
        from tenor.calls import Call

        # Tenor's own API knows no context in the path: what the schema refers to has to name it.
        url = self._registry.url
        context = f":{name}:" if (name := url.rpartition("/contexts/")[2]) != url else ""
        schema = self._registered.schema.body()
        for reference in schema.get("references", ()):
            if not reference["subject"].startswith(":."):
                reference["subject"] = context + reference["subject"]
        call: Call[list[Sample]] = Call(
            "POST",
            "/api/v1/sample",
            lambda answer: [Sample(**each) for each in answer["samples"]],
            {"schema": schema, "count": count, "seed": seed},
            headers={"Accept": "application/json", "Content-Type": "application/json"},
        )
        return self._whole.send(call)

    def codec(self, message: str, options: Mapping[str, Any]) -> Plain:
        """What writes them."""
        codec = self._registry.events(self._subject, version=self._registered.version, message=message, **options)
        compiled: Any = codec._writing.body
        plain: Plain = getattr(compiled, "logical", compiled)
        return plain


def _chosen(schema: Sampled, kinds: Collection[str], count: int | None, seed: int) -> list[Sample]:
    """Events of these kinds, as a codec takes them."""
    if strange := set(kinds) - {*KINDS, "random"}:
        raise ValueError(f"no such kind: {', '.join(sorted(strange))}; there are {', '.join(KINDS)}, random")
    most = 10 if count is None and (not kinds or "random" in kinds) else count
    found: list[Sample] = []
    chosen: list[Sample] = []
    for asked in (_FIRST, MOST) if kinds else (min(most or 10, MOST),):
        found = schema.samples(asked, seed)
        chosen = [each for each in found if not kinds or each.kind in kinds]
        all_of_them = "random" not in kinds and bool(found) and found[-1].kind == "random"
        if len(found) < asked or all_of_them or (most is not None and len(chosen) >= most):
            break
    return _as_written(schema, found, chosen[:most])


def _invalid(schema: Sampled, seed: int, options: Mapping[str, Any]) -> Iterator[Invalid]:
    from tenor.testing.invalid import invalid, judge_of

    found = schema.samples(_BASES, seed)
    plain = schema.codec(_message_of(found), options)
    return invalid(judge_of(plain), map(unpacking(plain), (each.event for each in found)))


def _as_written(schema: Sampled, found: list[Sample], chosen: list[Sample]) -> list[Sample]:
    if not chosen:
        return []
    unpack = unpacking(schema.codec(_message_of(found), {}))
    return [each._replace(event=unpack(each.event)) for each in chosen]


def _message_of(found: list[Sample]) -> str:
    """The message of Protobuf that samples are of: the note of the smallest."""
    return found[0].note if found and found[0].kind == "minimal" else ""


def unpacking(body: Any) -> Callable[[Any], Any]:
    """A function from a sample, which is JSON, to the event that it stands for, as a codec takes it.

    The registry writes bytes in base64, and floats that JSON has no number for as texts.
    """
    from tenor.codecs.fields import Hands, Node, Slot, walker
    from tenor.schemas import JSON, PROTOBUF

    if body.format == JSON:
        return lambda event: event
    if body.format == PROTOBUF:
        return lambda event: _message(body, event)
    whole = Node("record", slots=[Slot("event", "event", body.tree())])
    unpack = walker(whole, _unpacked, lambda slot: slot.tags, Hands.COPY)
    return (lambda event: event) if unpack is None else lambda event: unpack({"event": event}, None, None)["event"]


def _message(plain: Any, event: Any) -> Any:
    """An event of Protobuf's JSON form, in which numbers may be texts, as the dict that a codec takes."""
    from google.protobuf.json_format import ParseDict

    from tenor.codecs.protobuf.descriptors import message_at, message_class

    cls = message_class(message_at(plain._file, plain.indexes))
    return plain.as_dict(ParseDict(event, cls()))


def _unpacked(field: Field) -> Change | None:
    if field.leaf.type in ("BYTES", "FIXED"):
        return lambda value, record, state: base64.b64decode(value) if isinstance(value, str) else value
    if field.leaf.type in ("FLOAT", "DOUBLE"):
        return lambda value, record, state: float(value) if value in _NO_NUMBERS else value
    return None


_NO_NUMBERS = ("NaN", "Infinity", "-Infinity")
