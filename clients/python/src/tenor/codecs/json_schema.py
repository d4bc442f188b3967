"""JSON events: validated by jsonschema-rs, written and read by orjson.

An event consists of what JSON has: dict with text keys, list or tuple, str, int, float, bool, None; a Decimal is
written as a number. Anything else (a datetime, a set, bytes) is refused rather than turned into some text.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote, urljoin

import jsonschema_rs
import msgspec
import orjson

from tenor.codecs import Body, Options, Plain, Read, Write
from tenor.codecs.fields import Node, tags_in
from tenor.codecs.json_fields import Documents, Tree
from tenor.codecs.json_nulls import finite_where_null
from tenor.codecs.shown import pointer, shown
from tenor.errors import InvalidEvent, Undecodable, UnusableSchema, Violation
from tenor.schemas import JSON, Schema

BASE: Final = "tenor:///"
"""Where a schema without `$id` stands, so that its relative references resolve to something."""
MAX_VIOLATIONS: Final = 100
MAX_DEPTH: Final = 254
"""orjson writes no deeper."""
# What orjson would write in a form of its own choice is refused instead.
_STRICT: Final = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_MASK: Final = "\x00"
"""Stands for the value in the validator's sentences, which would otherwise print all of it."""
_OF_URIS: Final = "%/:?#[]@!$&'()*+,;=~"
"""What a URI may hold besides letters, digits and -._ (RFC 3986)."""
VALUES: Final = frozenset({"const", "enum", "default", "examples"})
"""Keywords below which there are no schemas."""
_NESTED: Final = {"anyOf", "oneOf"}
_packed: Final = msgspec.msgpack.Encoder().encode
_odd_float: Final = re.compile(rb"\xcb[\x7f\xff][\xf0-\xff]").search
"""A MessagePack float64 whose exponent is all ones, or nearly."""


def compile(schema: Schema, references: Mapping[str, Schema], options: Options) -> Plain:
    """Compile a JSON Schema. Raises UnusableSchema."""
    return JsonBody(schema, references, options)


class JsonBody:
    """A compiled JSON Schema."""

    format = JSON
    indexes = None

    def __init__(self, schema: Schema, references: Mapping[str, Schema], options: Options) -> None:
        self._options = options
        try:
            self._document = _with_uris(json.loads(schema.text))
            self._documents = {
                _as_uri(name): _with_uris(json.loads(reference.text)) for name, reference in references.items()
            }
        except ValueError as error:
            raise UnusableSchema(format=JSON, reason=f"it is no JSON ({error})") from error
        if not isinstance(self._document, dict | bool):
            raise UnusableSchema(format=JSON, reason="it is neither an object nor a boolean")
        title = self._document.get("title") if isinstance(self._document, dict) else None
        self.record = title if isinstance(title, str) else ""
        self._label = self.record or "of type JSON"
        self.validator = self._validator()

    def _validator(self, mask: str | None = None) -> jsonschema_rs.Validator:
        """A validator that fetches nothing: what is not among the references does not exist."""
        # Without `$schema` the other clients mean draft 7.
        unmarked = isinstance(self._document, bool) or "$schema" not in self._document
        make: Callable[..., jsonschema_rs.Validator] = (
            jsonschema_rs.Draft7Validator if unmarked else jsonschema_rs.validator_for
        )
        try:
            return make(
                self._document,
                validate_formats=self._options.check_formats,
                retriever=_Shelf(self._document, self._documents),
                base_uri=BASE,
                mask=mask,
            )
        except (ValueError, TypeError) as error:
            raise UnusableSchema(format=JSON, reason=" ".join(str(error).split())[:200]) from error

    @cached_property
    def _explainer(self) -> jsonschema_rs.Validator:
        return self._validator(mask=_MASK)

    def writer(self, head: bytes) -> Write:
        valid = self._valid
        return lambda event: head + valid(event)

    @cached_property
    def _valid(self) -> Write:
        """A function that validates an event and writes it. Raises InvalidEvent."""
        is_valid, subject = self.validator.is_valid, self._options.subject
        dumps = orjson.dumps
        surely_finite = finite_where_null(self._document) or finite

        def write(event: Any) -> bytes:
            # Written first: orjson stops at 254 levels, which keeps the validator's recursion short too.
            try:
                body = dumps(event, _as_number, _STRICT)
            except TypeError as error:
                raise InvalidEvent(self._inexpressible(event, error), subject) from error
            try:
                valid = is_valid(event)
            except (ValueError, TypeError) as error:
                raise InvalidEvent(self._inexpressible(event, error), subject) from error
            if not valid:
                raise InvalidEvent(_not_finite(event) or self.violations(event), subject)
            # orjson and the validator both take NaN and the infinities for null.
            if b"null" in body and not surely_finite(event) and (found := _not_finite(event)):
                raise InvalidEvent(found, subject)
            return body

        return write

    def reader(self, indexes: tuple[int, ...] | None, reads_as: Body | None, *, raw: bool = False) -> Read:
        if reads_as is not None and not isinstance(reads_as, JsonBody):
            raise UnusableSchema(format=JSON, reason=f"it cannot be read as {reads_as.format}")
        judge = self if reads_as is None else reads_as
        is_valid = judge.validator.is_valid if self._options.check_reads and not raw else None
        loads, label, subject = orjson.loads, self._label, self._options.subject

        def read(data: bytes, at: int) -> Any:
            try:
                event = loads(data[at:] if at else data)
            except ValueError as error:
                raise Undecodable(schema=label, reason=str(error)) from error
            if is_valid is not None and not is_valid(event):
                raise InvalidEvent(judge.violations(event), subject)
            return event

        return read

    def name_of(self, data: bytes, at: int, indexes: tuple[int, ...] | None) -> str:
        return self.record

    def located(self, data: bytes, at: int, indexes: tuple[int, ...] | None) -> tuple[None, int]:
        return None, at

    def tree(self, indexes: tuple[int, ...] | None = None, relaxed: frozenset[str] = frozenset()) -> Node:
        """The schema as rules see it; constraints of the `relaxed` properties are no help to tell branches apart."""
        return self._tree(relaxed).root

    def documents(self) -> tuple[str, Documents]:
        """The URI at which the schema stands, and what hands out documents by theirs."""
        uri = urljoin(BASE, _id(self._document) or BASE)
        shelf = _Shelf(self._document, self._documents)

        def document(wanted: str) -> Any:
            return self._document if wanted in (uri, BASE) else shelf(wanted)

        return uri, document

    def _tree(self, relaxed: frozenset[str]) -> Tree:
        return Tree(*self.documents(), relaxed)

    def stray_tags(self) -> frozenset[str]:
        """Inline tags that stand on no property that a rule reaches: on a definition, under patternProperties, …"""
        tree = self._tree(frozenset())
        reached = {place for places in tree.places.values() for place in places}
        found: frozenset[str] = frozenset()
        for uri in tree.documents:
            for place, tags in tags_in(tree.document(uri)):
                if (uri, place) not in reached:
                    found |= tags
        return found

    def as_dict(self, event: Any) -> Any:
        return event

    @cached_property
    def checked(self) -> Callable[[Any], Any]:
        """A function to the event, if it is valid. Raises InvalidEvent."""
        valid = self._valid

        def checked(event: Any) -> Any:
            valid(event)
            return event

        return checked

    def serializer(self, head: bytes, indexes: tuple[int, ...] | None = None) -> Write:
        """A function that writes an event that was checked, and perhaps sealed, before."""
        dumps, subject = orjson.dumps, self._options.subject

        def write(event: Any) -> bytes:
            try:
                return head + dumps(event, _as_number, _STRICT)
            except TypeError as error:
                raise InvalidEvent(self._inexpressible(event, error), subject) from error

        return write

    def judge(self, event: Any) -> None:
        """Validate what was read and opened. Raises InvalidEvent."""
        if self._options.check_reads and not self.validator.is_valid(event):
            raise InvalidEvent(self.violations(event), self._options.subject)

    def violations(self, event: Any) -> list[Violation]:
        """Everything that is wrong with an event, at most a hundred of it."""
        found: list[Violation] = []
        for error in self._explainer.iter_errors(event):
            found.extend(_violations(error))
            if len(found) >= MAX_VIOLATIONS:
                break
        return found[:MAX_VIOLATIONS]

    def _inexpressible(self, event: Any, error: Exception) -> list[Violation]:
        found = _not_json(event)
        return found or [Violation("", "type", shown(event), f"the event is no JSON: {error}")]


class _Shelf:
    """Hands out the referenced documents, by the URI that a `$ref` resolves to."""

    def __init__(self, document: Any, documents: Mapping[str, Any]) -> None:
        self._documents = dict(documents)
        self._by_uri = {urljoin(BASE, name): document for name, document in documents.items()}
        for base in filter(None, map(_id, [document, *documents.values()])):
            for name, referred in documents.items():
                self._by_uri.setdefault(urljoin(base, name), referred)
        self._by_uri |= {uri: referred for referred in documents.values() if (uri := _id(referred))}

    def __call__(self, uri: str) -> Any:
        wanted = uri.partition("#")[0]
        if wanted in self._by_uri:
            return self._by_uri[wanted]
        for name in sorted(self._documents, key=len, reverse=True):
            if wanted.endswith("/" + name.lstrip("/")):
                return self._documents[name]
        raise ValueError("it is not among the schema's references, and nothing is fetched")


def _as_uri(name: str) -> str:
    return quote(name, safe=_OF_URIS)


def _with_uris(document: Any) -> Any:
    """A document whose `$ref`s are URIs, as validators want them: registries take names such as `ä b.json`, too."""
    waiting = [document]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            if isinstance(reference := node.get("$ref"), str):
                node["$ref"] = _as_uri(reference)
            waiting += [each for keyword, each in node.items() if keyword not in VALUES]
    return document


def _id(document: Any) -> str:
    uri = (document.get("$id") or document.get("id")) if isinstance(document, dict) else None
    return uri.partition("#")[0] if isinstance(uri, str) else ""


def _as_number(value: Any) -> Any:
    """orjson's hook for what it does not know: a Decimal is a number."""
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"{type(value).__name__} is no JSON")


def _violations(error: jsonschema_rs.ValidationError, depth: int = 0) -> list[Violation]:
    """An error of the validator as violations: of an alternative, those of the branch that comes closest."""
    kind: Any = error.kind
    path = pointer(*error.instance_path)
    if kind.name == "required":
        return [Violation(f"{path}{pointer(kind.property)}", "required", "", f"the field '{kind.property}' is missing")]
    if kind.name in ("additionalProperties", "unevaluatedProperties"):
        return [
            Violation(
                f"{path}{pointer(name)}", kind.name, shown(error.instance.get(name)), f"no field '{name}' is allowed"
            )
            for name in kind.unexpected
            if isinstance(error.instance, dict)
        ]
    own = Violation(path, kind.name, shown(error.instance), _sentence(error))
    if kind.name in _NESTED and depth < 4:
        branches = [branch for branch in getattr(kind, "context", []) if branch]
        # A branch that only fails further inside, or by a rule of its own, is the one that was meant.
        meant = [
            branch
            for branch in branches
            if not (branch[0].kind.name == "type" and branch[0].instance_path == error.instance_path)
        ]
        if len(meant) == 1 or (meant and len(branches) == 1):
            return [violation for inner in meant[0] for violation in _violations(inner, depth + 1)]
    return [own]


def _sentence(error: jsonschema_rs.ValidationError) -> str:
    return error.message.replace(_MASK, shown(error.instance))[:300]


def finite(event: Any) -> bool:
    """Whether surely no float of an event is NaN or infinite; a no is to be looked into.

    Packs the event with MessagePack, where such floats keep their bits: a tenth of the price of a walk. Text cannot
    be taken for one, because 0xcb with 0x7f or 0xff behind it is no UTF-8; some integers can.
    """
    try:
        return _odd_float(_packed(event)) is None
    except (TypeError, ValueError, OverflowError, RecursionError):
        return False


# --- what JSON cannot say --------------------------------------------------------------------------------------

Wrong = Callable[[Any], "tuple[str, str] | None"]
"""value → rule and sentence, or None."""


def _not_finite(event: Any) -> list[Violation]:
    def wrong(value: Any) -> tuple[str, str] | None:
        if isinstance(value, float) and not math.isfinite(value):
            return "number", f"{value} is no JSON number"
        return None

    return _search(event, wrong)


def _not_json(event: Any) -> list[Violation]:
    def wrong(value: Any) -> tuple[str, str] | None:
        match value:
            case None | bool() | float() | list() | tuple():
                return None
            case int() if not -(2**63) <= value < 2**64:
                return "range", f"{shown(value)} does not fit 64 bits, beyond which JSON numbers are not portable"
            case str() if not _encodable(value):
                return "encoding", "the string holds half of a surrogate pair, which UTF-8 cannot express"
            case dict():
                bad = [key for key in value if not isinstance(key, str) or not _encodable(key)]
                return ("key", f"the key {shown(bad[0])} is not a valid string") if bad else None
            case int() | str():
                return None
            case Decimal() if value.is_finite():
                return None
        return "json", f"{shown(value)} ({type(value).__name__}) has no form in JSON"

    return _search(event, wrong)


def _search(event: Any, wrong: Wrong) -> list[Violation]:
    """The places of an event that are wrong; walks without recursion, so that depth is no danger."""
    found: list[Violation] = []
    rest: list[tuple[str, Any, int]] = [("", event, 0)]
    while rest and len(found) < MAX_VIOLATIONS:
        path, value, depth = rest.pop()
        if depth > MAX_DEPTH:
            return [Violation(path[:100] + "…", "depth", "…", f"the event is nested deeper than {MAX_DEPTH} levels")]
        if (problem := wrong(value)) is not None:
            found.append(Violation(path, problem[0], shown(value), problem[1]))
        elif isinstance(value, dict):
            rest += [(path + pointer(key), item, depth + 1) for key, item in value.items()]
        elif isinstance(value, list | tuple):
            rest += [(f"{path}/{index}", item, depth + 1) for index, item in enumerate(value)]
    return found


def _encodable(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)
