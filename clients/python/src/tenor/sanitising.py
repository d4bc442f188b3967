"""What an event may hold beyond what its schema says: rejected, or taken out and told, never changed in silence. Pure.

    orders = registry.events("orders-value", sanitise=Sanitise(max_string=10_000, control=REDACT))

`REJECT` refuses the event (InvalidEvent, with path and rule), `REDACT` puts REDACTED in place of a text, or leaves an
unknown field out, and the message says so in its header `tenor-redacted`: [["/note", "control"], …]. What is put in
place must fit the schema like any other value. The caller's object is never changed. Compiled once a schema.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from tenor.codecs.fields import Change, Field, Hands, Node, Tags, walker
from tenor.codecs.shown import pointer, shown
from tenor.errors import InvalidEvent, Violation
from tenor.schemas import JSON, Schema

ALLOW: Final = "allow"
REJECT: Final = "reject"
REDACT: Final = "redact"
REDACTED: Final = "[redacted]"
HEADER: Final = "tenor-redacted"
MOST_FINDINGS: Final = 100
MOST_IN_A_HEADER: Final = 50

# C0 and C1 without tab, line feed and carriage return; DEL; and what reverses the direction of text.
_control: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]").search
_html: Final = re.compile(r"<[a-zA-Z!/?]|&(#\d|#[xX]|[a-zA-Z])").search


@dataclass(frozen=True, slots=True)
class Sanitise:
    """Bounds of an event. None is no bound; the modes are ALLOW, REJECT and REDACT.

    `max_bytes`   of the written value             `control`  control characters in texts
    `max_depth`   of containers in containers      `unknown`  fields that the schema does not name
    `max_items`   of one list or map               `html`     markup in fields that have one of `html_tags`
    `max_string`  characters of a text, rejected or redacted as `long` says
    """

    max_bytes: int | None = 1_000_000
    max_depth: int | None = 64
    max_items: int | None = 100_000
    max_string: int | None = None
    long: str = REJECT
    control: str = REJECT
    unknown: str = REJECT
    html: str = REJECT
    html_tags: frozenset[str] = frozenset({"PLAIN_TEXT"})

    def __post_init__(self) -> None:
        for name in ("long", "control", "unknown", "html"):
            if getattr(self, name) not in (ALLOW, REJECT, REDACT):
                raise ValueError(f"{name} is {ALLOW}, {REJECT} or {REDACT}, not {getattr(self, name)!r}")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """An event as it may be written, and what was taken out of it."""

    event: Any
    redacted: tuple[Violation, ...] = ()

    def header(self) -> tuple[str, bytes]:
        """What was taken out, for the reader: places and rules, no values."""
        told = [[violation.path, violation.rule] for violation in self.redacted[:MOST_IN_A_HEADER]]
        return HEADER, json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")


class Sanitiser:
    """Bounds, compiled for one schema."""

    def __init__(self, bounds: Sanitise, root: Node, tags: Tags, schema: Schema, subject: str = "its schema") -> None:
        self._bounds, self._subject = bounds, subject
        self._texts = _Texts(bounds)
        self._look = walker(root, self._texts.looking, tags, Hands.LOOK)
        self._copy = walker(root, self._texts.redacting, tags, Hands.COPY)
        # Avro's and Protobuf's writers refuse unknown fields by themselves.
        looks = bounds.unknown != ALLOW and schema.format == JSON
        self._fields = _Fields(json.loads(schema.text)) if looks else None

    def clean(self, event: Any) -> Cleaned:
        """The event, or a copy without what is to be redacted. Raises InvalidEvent for what is rejected.

        An event of another shape than the schema's comes back as it is: validation has the better words for it.
        """
        found: list[Violation] = []
        self._measure(event, found)
        self._refuse(found)
        unknown: Found = []
        try:
            if self._fields is not None:
                self._fields.find(event, unknown)
            if self._look is not None:
                self._look(event, None, found)
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
            return Cleaned(event)
        found += [violation for _, _, violation in unknown]
        if not found:
            return Cleaned(event)
        self._refuse(found)
        try:
            if unknown:
                event = _without(event, {(id(container), name) for container, name, _ in unknown})
            if self._copy is not None:
                event = self._copy(event, None, None)
        except RecursionError:
            violation = Violation("", "max_depth", "", "it nests too deeply to take parts out of it")
            raise InvalidEvent([violation], self._subject) from None
        return Cleaned(event, tuple(found))

    def judge_size(self, value: bytes) -> None:
        """Raises InvalidEvent for a value that is too large."""
        if self._bounds.max_bytes is not None and len(value) > self._bounds.max_bytes:
            sentence = f"it takes {len(value)} bytes, {self._bounds.max_bytes} are allowed"
            raise InvalidEvent([Violation("", "max_bytes", "", sentence)], self._subject)

    def _refuse(self, found: list[Violation]) -> None:
        modes = {
            "max_string": self._bounds.long,
            "control": self._bounds.control,
            "unknown": self._bounds.unknown,
            "html": self._bounds.html,
        }
        if refused := [violation for violation in found if modes.get(violation.rule, REJECT) == REJECT]:
            raise InvalidEvent(refused[:MOST_FINDINGS], self._subject)

    def _measure(self, event: Any, found: list[Violation]) -> None:
        """Depth, and items of each container. Walks level by level, so that depth is no danger to itself."""
        deepest, most = self._bounds.max_depth, self._bounds.max_items
        if deepest is None and most is None:
            return
        level, depth = [event], 0
        while level:
            containers = [each for each in level if isinstance(each, Mapping | list | tuple)]
            if not containers:
                return
            depth += 1
            # A cycle has no end: whoever sets no bound still gets one.
            if depth > (deepest or 1000):
                found.append(Violation("", "max_depth", "", f"it nests deeper than {deepest or 1000} levels"))
                return
            for container in containers:
                if most is not None and len(container) > most:
                    sentence = f"a list or map has {len(container)} items, {most} are allowed"
                    found.append(Violation("", "max_items", "", sentence))
                    return
            level = [
                item
                for container in containers
                for item in (container.values() if isinstance(container, Mapping) else container)
            ]


class _Texts:
    """What to look for in the texts of a schema."""

    def __init__(self, bounds: Sanitise) -> None:
        self._bounds = bounds

    def looking(self, field: Field) -> Change | None:
        """Collects in the walk's state what is wrong."""
        if (wrong := self._wrong(field)) is None:
            return None
        path = pointer(*field.path.split("."))

        def look(value: Any, record: Any, state: list[Violation]) -> Any:
            if isinstance(value, str) and len(state) < MOST_FINDINGS and (rule := wrong(value)):
                state.append(Violation(path, rule, shown(value), _SENTENCES[rule]))
            return value

        return look

    def redacting(self, field: Field) -> Change | None:
        """Puts REDACTED in place of what is wrong; everything that is left is to be redacted."""
        if (wrong := self._wrong(field)) is None:
            return None
        return lambda value, record, state: REDACTED if isinstance(value, str) and wrong(value) else value

    def _wrong(self, field: Field) -> Callable[[str], str | None] | None:
        bounds = self._bounds
        if field.leaf.type != "STRING":
            return None
        longest = None if bounds.long == ALLOW else bounds.max_string
        control = bounds.control != ALLOW
        html = bounds.html != ALLOW and bool(field.tags & bounds.html_tags)
        if longest is None and not control and not html:
            return None

        def wrong(text: str) -> str | None:
            if longest is not None and len(text) > longest:
                return "max_string"
            if control and _control(text):
                return "control"
            return "html" if html and _html(text) else None

        return wrong


_SENTENCES: Final = {
    "max_string": "the text is longer than allowed",
    "control": "the text holds control characters",
    "html": "the text holds markup",
    "unknown": "the schema has no such field",
}

Found = list[tuple[dict[str, Any], str, Violation]]
"""The container, the name in it, and what to say of it."""


class _Fields:
    """Finds the fields of JSON events that no `properties` name: JSON Schema allows them unless told otherwise.

    An object is open where its schema says so (additionalProperties, patternProperties), has no properties at all,
    or refers to another document; everywhere else it has the fields that its schemas name together.
    """

    def __init__(self, document: Any) -> None:
        self._document = document
        self._root = (document,) if isinstance(document, dict) else ()
        self._shapes: dict[tuple[int, ...], _Shape] = {}

    def find(self, event: Any, found: Found) -> None:
        """Collect unknown fields. Walks without recursion."""
        rest: list[tuple[Any, tuple[Any, ...], str]] = [(event, self._root, "")]
        while rest and len(found) < MOST_FINDINGS:
            value, schemas, path = rest.pop()
            if not schemas or not isinstance(value, dict | list | tuple):
                continue
            shape = self._shape(schemas)
            if not isinstance(value, dict):
                rest += [(item, shape.items, path) for item in value]
                continue
            for name, item in value.items():
                where = path + pointer(name)
                if (inner := shape.names.get(name)) is not None:
                    rest.append((item, inner, where))
                elif not shape.open and len(found) < MOST_FINDINGS:
                    found.append((value, name, Violation(where, "unknown", shown(item), _SENTENCES["unknown"])))

    def _shape(self, schemas: tuple[Any, ...]) -> _Shape:
        key = tuple(map(id, schemas))
        if (known := self._shapes.get(key)) is None:
            known = self._shapes[key] = self._made(schemas)
        return known

    def _made(self, schemas: tuple[Any, ...]) -> _Shape:
        names: dict[str, tuple[Any, ...]] = {}
        items: tuple[Any, ...] = ()
        is_open, has_properties = False, False
        rest, seen = list(schemas), set[int]()
        while rest:
            schema = rest.pop()
            if not isinstance(schema, dict) or id(schema) in seen:
                continue
            seen.add(id(schema))
            is_open |= any(schema.get(each, False) is not False for each in _OPENING)
            if isinstance(ref := schema.get("$ref"), str):
                target = self._target(ref)
                is_open |= target is None
                rest.append(target)
            for keyword in ("allOf", "anyOf", "oneOf"):
                rest += schema[keyword] if isinstance(schema.get(keyword), list) else []
            rest += [schema.get("then"), schema.get("else")]
            if isinstance(properties := schema.get("properties"), dict):
                has_properties = True
                for name, inner in properties.items():
                    names[name] = (*names.get(name, ()), inner)
            for keyword in ("items", "prefixItems", "additionalItems"):
                given = schema.get(keyword)
                items += tuple(given) if isinstance(given, list) else (given,) if isinstance(given, dict) else ()
        return _Shape(names, items, is_open or not has_properties)

    def _target(self, ref: str) -> Any:
        if ref != "#" and not ref.startswith("#/"):
            return None
        place = self._document
        try:
            for step in ref.split("/")[1:]:
                name = unquote(step).replace("~1", "/").replace("~0", "~")
                place = place[int(name)] if isinstance(place, list) else place[name]
        except (KeyError, IndexError, ValueError, TypeError):
            return None
        return place


class _Shape(NamedTuple):
    """What a place of a JSON Schema says of a value: schemas by field, schemas of items, whether more is allowed."""

    names: Mapping[str, tuple[Any, ...]]
    items: tuple[Any, ...]
    open: bool


_OPENING: Final = ("additionalProperties", "patternProperties", "unevaluatedProperties", "propertyNames")


def _without(event: Any, gone: set[tuple[int, str]]) -> Any:
    """A copy of an event without some fields of some containers; what holds none of them stays the caller's own."""
    if isinstance(event, dict):
        kept = {name: _without(item, gone) for name, item in event.items() if (id(event), name) not in gone}
        same = len(kept) == len(event) and all(kept[name] is event[name] for name in kept)
        return event if same else kept
    if isinstance(event, list | tuple):
        items = [_without(item, gone) for item in event]
        return event if all(new is old for new, old in zip(items, event, strict=True)) else type(event)(items)
    return event
