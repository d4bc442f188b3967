"""What a typed model relies on, as a message of a V4 pact: pydantic, msgspec, dataclasses, TypedDict, attrs.

    class OrderPlaced(BaseModel):            /id      required  string
        id: str                              /status  required  string, "PAID" or "OPEN"
        status: Literal["PAID", "OPEN"]      /note    optional  string or null
        note: str | None = None

The model's library says as a JSON Schema what it accepts (pydantic's `model_json_schema`, `msgspec.json.schema`); each
place of it becomes a need. What needs cannot say becomes a reason, and with a reason the contract counts as unknown.

A model says what it makes of values that were sealed for a person whose key is destroyed (`when: erased`):

    phone: str | None                                    null may stand there: it takes it
    email: str | Literal["[erased]"]                     handled: the placeholder is a value of its own
    Field(json_schema_extra={"x-tenor-erased": "handled"})    handled, as msgspec says with Meta(extra_json_schema=…)
    status: Literal["PAID", "OPEN"]                      fails: it refuses the placeholder
    name: str                                            not said: a placeholder would be taken for a name
"""

from __future__ import annotations

import math
import re
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final

from tenor.schemas import AVRO, PROTOBUF
from tenor.testing.experiments import CHANGES, ERASED, FAILS, HANDLED, SAME
from tenor.testing.pacts import message
from tenor.testing.places import PLACEHOLDER

Json = dict[str, Any]

_UNSAID: Final = (
    "not",
    "if",
    "multipleOf",
    "uniqueItems",
    "contains",
    "prefixItems",
    "patternProperties",
    "allOf",
    "contentEncoding",
)
_UNSAID_OF_OBJECTS: Final = ("propertyNames", "minProperties", "maxProperties", "dependentRequired")
_FORMATS: Final[Mapping[str, tuple[str, str]]] = {
    # format: a regular expression that its whole texts match, and one of them
    "uuid": (
        r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    ),
    "date": (r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "2024-01-31"),
    "date-time": (
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})",
        "2024-01-31T10:11:12Z",
    ),
    "time": (r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})", "10:11:12Z"),
}
_DECODED: Final[Mapping[str, frozenset[str]]] = {
    # format: of what a decoder of Avro makes a value of this type
    "date": frozenset({"int:date"}),
    "time": frozenset({"int:time-millis", "long:time-micros"}),
    "date-time": frozenset(f"long:{zone}timestamp-{unit}" for zone in ("", "local-") for unit in ("millis", "micros")),
}
_ENCODINGS: Final[Mapping[str, frozenset[str]]] = {
    # JSON type: the types of Avro whose values are of it
    "null": frozenset({"null"}),
    "boolean": frozenset({"boolean"}),
    "integer": frozenset({"int", "long"}),
    "number": frozenset({"int", "long", "float", "double"}),
    "string": frozenset({"string", "string:uuid", "enum:*"}),
    "array": frozenset({"array"}),
    "object": frozenset({"map", "record:*"}),
}
UNTOLD: Final = "x-times"
"""A keyword of ours: some of the texts are times, and the schema does not say which."""
SAID: Final = "x-tenor-erased"
"""A keyword of ours: what code does with an erased value: handled, same, changes or fails."""
_KINDS: Final = ("null", "boolean", "integer", "number", "string", "array", "object")
_EXAMPLES: Final[Json] = {"null": None, "boolean": True, "integer": 1, "number": 1.5, "string": "text"}


class NoModel(Exception):
    """What was named is no model, or its library cannot say what it accepts."""


def load(name: str) -> Any:
    """The class that `pkg.mod:OrderPlaced` names. Raises NoModel."""
    module, colon, attribute = name.partition(":")
    if not (colon and module and attribute):
        raise NoModel(f"'{name}' is no model: say it as pkg.mod:OrderPlaced")
    try:
        found: Any = import_module(module)
    except ImportError as error:
        raise NoModel(f"cannot import {module}: {error}") from error
    for step in attribute.split("."):
        try:
            found = getattr(found, step)
        except AttributeError:
            raise NoModel(f"{module} has no {attribute}") from None
    return found


def json_schema(model: Any) -> Json:
    """What a model accepts, as its library says it. Raises NoModel."""
    made: Json
    if hasattr(model, "model_json_schema"):
        with warnings.catch_warnings():  # defaults that JSON cannot write are no part of what is accepted
            warnings.simplefilter("ignore")
            made = model.model_json_schema()
        return made
    pydantic = sys.modules.get("pydantic")
    if pydantic is not None and hasattr(model, "__pydantic_core_schema__"):
        made = pydantic.TypeAdapter(model).json_schema()
        return made
    if not isinstance(model, type):
        raise NoModel(f"{model!r:.80} is no class")
    import msgspec

    try:
        made = msgspec.json.schema(model)
    except TypeError as error:
        raise NoModel(f"{model.__qualname__}: {error}") from error
    return {**made, UNTOLD: True} if _has_times(model) else made


def _has_times(model: Any) -> bool:
    """Whether a model reads times that need no zone: of those msgspec's schema only says that they are texts."""
    import msgspec

    todo: list[Any] = [msgspec.inspect.type_info(model)]
    known: set[int] = set()
    while todo:
        each = todo.pop()
        if id(each) in known:
            continue
        known.add(id(each))
        if isinstance(each, msgspec.inspect.DateTimeType | msgspec.inspect.TimeType) and each.tz is None:
            return True
        if isinstance(each, tuple):
            todo.extend(each)
        elif isinstance(each, msgspec.inspect.Type | msgspec.inspect.Field):
            todo.extend(getattr(each, name) for name in each.__struct_fields__ if name != "cls")
    return False


def interaction(description: str, subject: str, schema: Json, format: str = "") -> Json:
    """The interaction of a model's schema. Nothing of it depends on the day: the same model gives the same text.

    `format` is that of the subject, if known: the model then reads what a decoder of it hands out.
    """
    read = read_schema(schema, format)
    comment = {
        "version": 1,
        "subject": subject,
        "evidence": "model",
        "partial": False,
        "reasons": read.reasons,
        "needs": sorted(read.needs, key=lambda need: need["path"]),
    }
    return message(description, subject, comment, example(schema, schema))


@dataclass(slots=True)
class Read:
    """The needs of a schema, and what they leave out."""

    root: Json
    format: str = ""
    needs: list[Json] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def say(self, reason: str) -> None:
        """Note once what is left out."""
        if reason not in self.reasons:
            self.reasons.append(reason)

    def place(self, path: str, schema: Any, presence: str, inside: tuple[int, ...] = ()) -> None:
        """The need of a place, and those of what is inside."""
        options = list(_options(schema, self.root))
        erased = self.erased(schema, options)
        options = [each for each in map(_without_placeholder, options) if each is not None]
        need: Json = {"path": path, "presence": presence}
        types = frozenset(kind for each in options for kind in _types(each))
        if types and not types >= set(_KINDS) - {"integer"}:
            need["types"] = sorted(types)
        self.values(path, options, need)
        if self.format == AVRO and any(map(self.decoded, options)):
            # What a decoder makes of numbers is no text, whatever the model's schema says.
            need.pop("types", None)
            need["encodings"] = sorted(frozenset().union(*(self.decoded(each) | _encodings(each) for each in options)))
        else:
            self.limits(path, options, need)
        if erased:
            need["when"] = {ERASED: erased}
        self.needs.append(need)
        if any(id(each) in inside for each in options if each.get("type") in ("object", "array")):
            self.say(f"'{path}' is of a type that it is inside of: what is further inside is not listed")
        else:
            self.within(path, options, (*inside, *map(id, options)))

    def erased(self, schema: Any, options: Sequence[Json]) -> str:
        """What the model makes of an erased value; empty where it does not say."""
        said = [each for each in _said(schema, self.root) if each in (FAILS, CHANGES, HANDLED, SAME)]
        if said:
            return str(said[0])
        if any(PLACEHOLDER in (_listed(each) or ()) for each in options):
            return HANDLED
        values = [each for each in options if _listed(each) != [None]]
        if self.format == AVRO and any(map(self.decoded, values)):
            return ""
        return FAILS if values and all(map(_refuses_placeholder, values)) else ""

    def decoded(self, option: Json) -> frozenset[str]:
        """Of what a decoder of Avro makes the dates and times of an alternative, or what may be some."""
        if UNTOLD in self.root and "string" in _types(option) and not _listed(option) and "format" not in option:
            return frozenset().union(*_DECODED.values())
        return _DECODED.get(option.get("format", ""), frozenset())

    def values(self, path: str, options: Sequence[Json], need: Json) -> None:
        """The values that are listed; None beside them is listed as well."""
        known = [_listed(each) for each in options]
        if all(each is None or each == [None] for each in known):
            return
        if not all(known):
            self.say(f"at '{path}' the model takes listed values beside others")
            return
        need["values"] = [value for each in known for value in each or ()]
        need["fallback"] = False

    def limits(self, path: str, options: Sequence[Json], need: Json) -> None:
        """Ranges and patterns, where one kind of value has them."""
        if self.format in (AVRO, PROTOBUF):
            options = [each for each in options if not _is_bytes(each)]
        for keyword in sorted({each for option in options for each in option} & {*_UNSAID, *_UNSAID_OF_OBJECTS}):
            self.say(f"at '{path}' no need says what the model's '{keyword}' refuses")
        numbers = [each for each in options if {"integer", "number"} & set(_types(each)) and not _listed(each)]
        for name, keyword, sign in (("minimum", "exclusiveMinimum", 1), ("maximum", "exclusiveMaximum", -1)):
            bounds = [_bound(each, name, keyword, sign) for each in numbers]
            if bounds and None not in bounds:
                need[name] = min(bounds) if sign == 1 else max(bounds)
            if any(keyword in each and "integer" not in _types(each) for each in numbers):
                self.say(f"at '{path}' no need says what the model's '{keyword}' refuses")
        texts = [each for each in options if "string" in _types(each) and not _listed(each)]
        patterns = {_pattern(each) for each in texts}
        if any(why for _, why in patterns):
            self.say(f"at '{path}' {next(why for _, why in sorted(patterns, key=str) if why)}")
        elif len(patterns) == 1 and (pattern := patterns.pop()[0]):
            need["pattern"] = pattern
        elif patterns and not any(pattern is None for pattern, _ in patterns):
            self.say(f"at '{path}' the model takes texts of several kinds")

    def within(self, path: str, options: Sequence[Json], inside: tuple[int, ...]) -> None:
        """What is inside objects and arrays."""
        objects = [each for each in options if "object" in _types(each)]
        if len(objects) > 1:
            self.say(f"at '{path}' the model tells several kinds of objects apart, which paths cannot say")
        for name in dict.fromkeys(name for each in objects for name in each.get("properties", {})):
            holders = [each for each in objects if name in each.get("properties", {})]
            required = all(name in each.get("required", ()) for each in objects)
            members = {"anyOf": [each["properties"][name] for each in holders]}
            self.place(f"{path}/{_escaped(name)}", members, "required" if required else "optional", inside)
        arrays = [each for each in options if "array" in _types(each)]
        items = [each["items"] for each in arrays if isinstance(each.get("items"), Mapping) and each["items"]]
        for each in arrays:
            if each.get("minItems") or "maxItems" in each:
                self.say(f"at '{path}' the model limits the number of items")
        for each in objects:
            others = each.get("additionalProperties", True)
            if others is False:
                self.say(f"at '{path}' the model refuses members that it does not know")
            elif isinstance(others, Mapping) and others and each.get("properties"):
                self.say(f"at '{path}' the model says of which type unknown members are")
            elif isinstance(others, Mapping) and others:
                items.append(others)
        if items:
            self.place(f"{path}/*", {"anyOf": items}, "required", inside)


def read_schema(schema: Json, format: str = "") -> Read:
    """The needs of the JSON Schema of a model, whose events come in a format."""
    read = Read(schema, format)
    read.place("", schema, "required")
    if UNTOLD in schema:
        read.say("some texts are dates and times of any zone or none, which the model's schema does not say")
    return read


def example(schema: Any, root: Json, depth: int = 0) -> Any:
    """A small event as the model takes it; where a pattern asks for certain texts, only in its form."""
    option = next(iter(_options(schema, root)), {})
    if listed := _listed(option):
        return listed[0]
    kind = next(iter(_types(option)), "string")
    if kind == "object":
        properties = option.get("properties", {}) if depth < 10 else {}
        needed = option.get("required", ())
        return {name: example(each, root, depth + 1) for name, each in properties.items() if name in needed}
    if kind == "array":
        items = option.get("items")
        return [example(items, root, depth + 1)] if isinstance(items, Mapping) and depth < 10 else []
    if kind == "string" and option.get("format") in _FORMATS:
        return _FORMATS[option["format"]][1]
    if kind == "integer" and (low := _bound(option, "minimum", "exclusiveMinimum", 1)) is not None:
        return math.ceil(low)
    return _EXAMPLES[kind]


def _options(schema: Any, root: Json, depth: int = 0) -> Iterator[Json]:
    """The alternatives of a schema, with references followed."""
    if not isinstance(schema, Mapping) or depth > 50:
        yield {}
    elif "$ref" in schema:
        yield from _options(_target(schema["$ref"], root), root, depth + 1)
    elif branches := schema.get("anyOf") or schema.get("oneOf"):
        for branch in branches:
            yield from _options(branch, root, depth + 1)
    elif len(schema.get("allOf", ())) == 1:
        yield from _options(schema["allOf"][0], root, depth + 1)
    else:
        yield dict(schema) if not isinstance(schema, dict) else schema


def _target(ref: Any, root: Json) -> Any:
    """What a reference leads to."""
    found: Any = root
    for step in str(ref).removeprefix("#").split("/")[1:]:
        found = found[step.replace("~1", "/").replace("~0", "~")]
    return found


def _said(schema: Any, root: Json, depth: int = 0) -> Iterator[Any]:
    """What a schema, or what it is made of, says by our keyword."""
    if not isinstance(schema, Mapping) or depth > 50:
        return
    if SAID in schema:
        yield schema[SAID]
    if "$ref" in schema:
        yield from _said(_target(schema["$ref"], root), root, depth + 1)
    for keyword in ("anyOf", "oneOf", "allOf"):
        for branch in schema.get(keyword, ()):
            yield from _said(branch, root, depth + 1)


def _without_placeholder(option: Json) -> Json | None:
    """An alternative without the placeholder among its listed values; None if nothing is left."""
    listed = _listed(option)
    if listed is None or PLACEHOLDER not in listed:
        return option
    rest = [value for value in listed if value != PLACEHOLDER]
    return {**{name: value for name, value in option.items() if name != "const"}, "enum": rest} if rest else None


def _refuses_placeholder(option: Json) -> bool:
    """Whether an alternative certainly refuses what stands in for an erased value of its kind."""
    kinds = _types(option)
    if (listed := _listed(option)) is not None:
        return not any(value in (PLACEHOLDER, 0) for value in listed)  # false is 0 as well
    if kinds == ("string",):
        pattern = _pattern(option)[0]
        return pattern is not None and re.fullmatch(pattern, PLACEHOLDER) is None
    if kinds in (("integer",), ("number",)):
        return bool(option.get("minimum", 0) > 0 or option.get("exclusiveMinimum", -1) >= 0)
    return False


def _types(option: Json) -> tuple[str, ...]:
    """The JSON types of an alternative; where it says none, those of its values, or all."""
    kind = option.get("type")
    if kind is not None:
        return tuple(kind) if isinstance(kind, list) else (kind,)
    if listed := _listed(option):
        return tuple(dict.fromkeys(map(_type, listed)))
    return ("object",) if "properties" in option else _KINDS


def _encodings(option: Json) -> frozenset[str]:
    """What an alternative is decoded from, if that is no date or time."""
    if option.get("format") in _DECODED:
        return frozenset()
    if _is_bytes(option):
        return frozenset({"bytes", "fixed:*"})
    return frozenset().union(*(_ENCODINGS[kind] for kind in _types(option)))


def _is_bytes(option: Json) -> bool:
    return option.get("format") == "binary" or "contentEncoding" in option


def _type(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    return "integer" if isinstance(value, int) else "number" if isinstance(value, float) else "string"


def _listed(option: Json) -> list[Any] | None:
    if "const" in option:
        return [option["const"]]
    if option.get("type") == "null":
        return [None]
    return list(option["enum"]) if "enum" in option else None


def _bound(option: Json, name: str, exclusive: str, step: int) -> Any:
    """A bound that is itself allowed; of whole numbers also where the schema excludes it."""
    if exclusive in option and "integer" in _types(option):
        return option[exclusive] + step
    return option.get(name)


_ANCHOR: Final = re.compile(r"(?<!\\)[$^|]")


def _pattern(option: Json) -> tuple[str | None, str]:
    """A regular expression for whole texts, and what it cannot say."""
    least, most = option.get("minLength", 0), option.get("maxLength")
    sized = least > 0 or most is not None
    pattern, form = option.get("pattern"), option.get("format")
    if sum((sized, pattern is not None, form is not None)) > 1:
        return None, "the model limits texts in several ways"
    if sized:
        return rf"[\s\S]{{{least},{'' if most is None else most}}}", ""
    if form is not None:
        known = _FORMATS.get(form)
        return (None, f"no need says what texts of the format '{form}' are") if known is None else (known[0], "")
    if pattern is None:
        return None, ""
    bare = re.sub(r"\[\^?[^\]]*\]", "", pattern)
    if bare.startswith("^") and bare.endswith("$") and not _ANCHOR.search(bare[1:-1]):
        return pattern[1:-1], ""
    return None, "the model's pattern does not say all of the text"


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
