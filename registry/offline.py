"""Questions about schemas as JSON, without a server or a store: what `tenor` asks a child process.

    {"do": "check", "new": SCHEMA, "old": SCHEMA, "level": "BACKWARD", "policy": "STRICT", "seconds": 2.0}
    {"do": "verdict", …the same}                        without the search for events and fixes
    {"do": "diff", "new": SCHEMA, "old": SCHEMA}        → {"changes": […]}
    {"do": "sample", "schema": SCHEMA, "count": 10, "seed": 0}   → {"samples": […]}
    {"do": "lint", "schema": SCHEMA, "severities": {"missing-dialect": "off"}}   → {"remarks": […]}
    {"do": "derive", "new": SCHEMA, "old": SCHEMA, "decisions": {…}, "examples": 3}   → {"plan": …, "open": […], …}
    {"do": "prove", "new": SCHEMA, "old": SCHEMA, "plan": PLAN, "examples": 1000, "seed": 0}   → the attestation
    {"do": "descriptors", "schema": SCHEMA}   Protobuf only → {"descriptor": base64, "references": {name: base64}}
    {"do": "rules"}                                     → {"rules": […]}
    {"do": "many", "questions": [QUESTION, …]}          → {"answers": [ANSWER or error, …]}

SCHEMA is what `registry.examine` takes: format, text and references. What cannot be answered is

    {"error": {"kind": "INVALID_SCHEMA", "message": "…", "schema": "new", "reference": null, "line": 3, "column": 9}}

where `schema` says which side it was and `reference` which of its references, if it was one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from registry import examine, formats
from registry.errors import InvalidRequest, InvalidSchema, RegistryError
from registry.evolution import levels, reserved
from registry.formats.base import Source
from tenor.errors import TenorError

VERDICTS = {
    "It makes the schemas incompatible.": "error",
    "It makes the schemas incompatible unless the compatibility policy is LENIENT.": "error",
    "To be safe, they count as incompatible.": "error",
    "It is a warning and does not decide the verdict.": "warning",
    "It is a warning and does not decide the verdict, unless the compatibility policy is LOGICAL.": "warning",
    "It does not make the schemas incompatible.": "none",
}
"""How the text of a finding's rule ends, and how grave it is: none is a difference that a diff may name."""


ANY_FORMAT: Mapping[str, str] = {
    levels.TYPE_CHANGED: "The new schema is of another type (Avro, JSON Schema, Protobuf) than an earlier one. Nothing "
    "reads the bytes of both. It makes the schemas incompatible.",
    reserved.CONFLICTS: "A field uses a name that the subject's metadata reserve. It makes the schemas incompatible.",
    reserved.REMOVED: "A name is no longer reserved: it may come back with another meaning. It makes the schemas "
    "incompatible.",
}
"""Rules of findings that no format has to itself."""


class Referred(Struct):
    """A text that another one refers to."""

    text: str
    references: list[tuple[str, Referred]] = []


class Text(Struct):
    """A schema as `registry.examine` takes it."""

    format: str
    text: str
    references: list[tuple[str, Referred]] = []


class Pair(Struct, tag_field="do"):
    """A question about two schemas."""

    new: Text
    old: Text


class Check(Pair, tag="check"):
    """Why the new schema does not go with the old one."""

    level: Literal["BACKWARD", "FORWARD", "FULL"] = "BACKWARD"
    policy: Literal["STRICT", "LENIENT", "LOGICAL"] = "STRICT"
    seconds: Annotated[float, Meta(ge=0, le=60)] = 2.0


class Verdict(Check, tag="verdict"):
    """The same without a search."""


class Diff(Pair, tag="diff"):
    """What changed."""


class Sample(Struct, tag_field="do", tag="sample"):
    """Valid events."""

    schema: Text
    count: Annotated[int, Meta(ge=0, le=examine.MOST_SAMPLES)] = 10
    seed: int = 0


class Lint(Struct, tag_field="do", tag="lint"):
    """What could be better; `severities` overrules how grave a rule is."""

    schema: Text
    severities: dict[str, Literal["error", "warning", "off"]] = {}


class Descriptors(Struct, tag_field="do", tag="descriptors"):
    """The compiled forms of a Protobuf schema and of all that it refers to, as a client takes them."""

    schema: Text


class Derive(Pair, tag="derive"):
    """The plan of an upcaster, the shapes of both versions' events, and examples as a plan writes constants."""

    decisions: dict[str, Any] = {}
    examples: Annotated[int, Meta(ge=0, le=100)] = 3


class Prove(Pair, tag="prove"):
    """Is a plan right?"""

    plan: dict[str, Any]
    examples: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    seed: Annotated[int, Meta(ge=0, lt=2**31)] = 0
    limit: Annotated[float, Meta(gt=0, le=600)] = 20.0
    """Seconds."""
    samples: Annotated[list[Any], Meta(max_length=100_000)] = []
    """Recorded events, as plans write constants."""


class Rules(Struct, tag_field="do", tag="rules"):
    """Every rule of every format."""


One: TypeAlias = Check | Verdict | Diff | Sample | Lint | Descriptors | Derive | Prove | Rules


class Many(Struct, tag_field="do", tag="many"):
    """Several questions, each answered for itself: starting a process costs more than most answers."""

    questions: Annotated[list[One], Meta(max_length=5_000)]


Question: TypeAlias = One | Many


class _Unreadable(Exception):
    """A schema that does not parse: which one, and the reason."""

    def __init__(self, side: str, reference: str | None, error: InvalidSchema) -> None:
        self.side, self.reference, self.error = side, reference, error


def answered(asked: bytes) -> tuple[dict[str, Any], bool]:
    """The answer to a question, and whether it is one: otherwise it is an error as above."""
    try:
        question = msgspec.json.decode(asked, type=Question)
    except msgspec.MsgspecError as error:
        return _refused("INVALID_REQUEST", f"this is no question: {error}"), False
    if isinstance(question, Many):
        return {"answers": [_tried(each)[0] for each in question.questions]}, True
    return _tried(question)


def _tried(question: One) -> tuple[dict[str, Any], bool]:
    try:
        return answer(question), True
    except _Unreadable as found:
        error_data = found.error.data
        place = {key: error_data[key] for key in ("path", "line", "column")}
        kind, reason = _kind(found.error), error_data["reason"]
        return _refused(kind, reason, schema=found.side, reference=found.reference, **place), False
    except RegistryError as error:
        return _refused(_kind(error), str(error)), False
    except TenorError as error:  # a plan, or a decision about one, that cannot be used
        return _refused(error.kind, str(error)), False
    except (RecursionError, MemoryError) as error:
        return _refused("TOO_LARGE", f"the schemas are too large to compare ({type(error).__name__})"), False


def answer(question: One) -> dict[str, Any]:
    """The answer to a question. Raises RegistryError, or what marks a schema as unreadable."""
    match question:
        case Verdict():
            return examine.verdict(*_pair(question), question.level, question.policy)
        case Check():
            return examine.check(*_pair(question), question.level, question.policy, question.seconds)
        case Diff():
            return {"changes": examine.diff(*_pair(question))}
        case Sample():
            return {"samples": examine.sample(_readable("schema", question.schema), question.count, question.seed)}
        case Lint():
            return {"remarks": _remarks(question)}
        case Descriptors():
            return _descriptors(question.schema)
        case Derive():
            return _derived(question)
        case Prove():
            from registry.proving import prove  # loads codecs, which no other question needs

            new, old = _pair(question)
            return prove(
                old, new, question.plan, question.examples, question.seed,
                seconds=question.limit, samples=question.samples,
            )  # fmt: skip
        case Rules():
            return {"rules": rules()}


def _descriptors(text: Text) -> dict[str, Any]:
    if text.format != "PROTOBUF":
        raise InvalidRequest(f"a schema of type {text.format} has no descriptor")
    source = examine.source_of(_readable("schema", text))
    waiting, found = list(source.references), dict[str, Source]()
    while waiting:
        name, below = waiting.pop(0)
        if found.setdefault(name, below) is below:
            waiting += below.references
    return {
        "descriptor": _descriptor(source),
        "references": {name: _descriptor(below) for name, below in found.items()},
    }


def _descriptor(source: Source) -> str:
    return formats.parse("PROTOBUF", source, strict=False).render("serialized")


def _derived(question: Derive) -> dict[str, Any]:
    from registry import proving
    from registry.evolution.upcasts import derive, event_types
    from registry.evolution.upcasts.shapes import of_type

    new, old = _pair(question)
    after, before = (formats.parse(each["format"], examine.source_of(each), strict=False) for each in (new, old))
    if after.format != before.format:
        raise InvalidRequest(f"an event of {before.format} has no upcast to {after.format}")
    plan = derive(before, after, question.decisions)
    shapes = [msgspec.to_builtins(of_type(each)) for each in event_types(before, after)]
    examples = proving.examples(before, after, plan, question.examples)
    return {**proving.described(plan), "shapes": shapes, "examples": examples}


def rules() -> list[dict[str, str]]:
    """Every rule of every format: what it means, which verb names it, how grave it is."""
    listed = [_rule(rule, "any", text) for rule, text in ANY_FORMAT.items()]
    listed += [
        {"rule": rule, "format": "any", "verb": "impact", "severity": "error", "text": text}
        for rule, text in examine.IMPACT.items()
    ]
    for name in formats.NAMES:
        insight = formats.insight(name)
        listed += [_rule(rule, name, text) for rule, text in sorted(insight.RULES.items())]
        listed += [
            {"rule": rule, "format": name, "verb": "lint", "severity": severity.value, "text": text}
            for rule, (severity, text) in sorted(insight.LINT.items())
        ]
    return listed


def _rule(rule: str, format: str, text: str) -> dict[str, str]:
    severity = next((severity for ending, severity in VERDICTS.items() if text.endswith(ending)), "error")
    return {"rule": rule, "format": format, "verb": "check", "severity": severity, "text": text}


def _remarks(question: Lint) -> list[dict[str, Any]]:
    schema = _readable("schema", question.schema)
    if unknown := sorted(question.severities.keys() - formats.insight(question.schema.format).LINT.keys()):
        raise InvalidRequest(f"lint has no rule '{unknown[0]}' for {question.schema.format}")
    remarks = [
        remark | {"severity": question.severities.get(remark["rule"], remark["severity"])}
        for remark in examine.lint(schema)
    ]
    return [remark for remark in remarks if remark["severity"] != "off"]


def _pair(question: Pair) -> tuple[dict[str, Any], dict[str, Any]]:
    return _readable("new", question.new), _readable("old", question.old, strict=False)


def _readable(side: str, text: Text, *, strict: bool = True) -> dict[str, Any]:
    """A schema as plain data, once it is known to parse (formats remember it, so nothing is parsed twice)."""
    data: dict[str, Any] = msgspec.to_builtins(text)
    source = examine.source_of(data)
    try:
        formats.parse(text.format, source, strict=strict)
    except InvalidSchema as error:
        raise _blamed(side, text.format, source, error) from None
    return data


def _blamed(side: str, format: str, source: Source, error: InvalidSchema) -> _Unreadable:
    """The innermost text that does not parse by itself: a place in a reference is no place in the schema."""
    for name, below in source.references:
        try:
            formats.parse(format, below, strict=False)
        except InvalidSchema as inner:
            found = _blamed(side, format, below, inner)
            return _Unreadable(side, found.reference or name, found.error)
    return _Unreadable(side, None, error)


def _kind(error: RegistryError) -> str:
    return re.sub(r"(?<=.)(?=[A-Z])", "_", type(error).__name__).upper()


def _refused(kind: str, message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"kind": kind, "message": message, **more}}


def written(document: dict[str, Any]) -> str:
    """A document as it goes to the other process: ASCII, whatever the events hold."""
    return json.dumps(document)
