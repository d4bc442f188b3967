"""Pairs of schemas as they follow each other in practice: three formats, the same seed gives the same pairs.

An order and its relatives evolve by one to three steps of a small grammar (`STEPS`); each evolution is written in one
format. Beside them stand pairs written by hand (`BY_HAND`), for what the grammar does not say.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random
from typing import Any

Kind = Any
"""A scalar's name, or a tuple: enum, name, symbols, default; list, map or opt, kind; record, name, fields."""

FORMATS = ("AVRO", "JSON", "PROTOBUF")
PER_FORMAT = 100


@dataclass(frozen=True)
class Pair:
    """Two versions of a schema, and which steps lie between them."""

    id: str
    format: str
    old: str
    new: str
    steps: tuple[str, ...] = ()


@dataclass
class F:
    """A field; `number` stays its own when it is renamed. `default` is JSON; None means that there is none."""

    name: str
    kind: Kind
    number: int = 0
    default: Any = None
    aliases: list[str] = field(default_factory=list)


_COUNTRY = ("enum", "Country", ["DE", "FR", "IT"], "DE")
_LINE = [F("sku", "string"), F("quantity", "int"), F("unit_price", "double")]
_POOL = [
    F("order_id", "string"),
    F("customer_name", "string"),
    F("full_name", "string"),
    F("email", ("opt", "string")),
    F("total", "int"),
    F("price", "double"),
    F("amount", "long"),
    F("weight", "float"),
    F("paid", "bool"),
    F("payload", "bytes"),
    F("created_at", "timestamp"),
    F("ship_date", "date"),
    F("tax", "decimal"),
    F("trace", "uuid"),
    F("zip", "string"),
    F("address_street", "string"),
    F("address_city", "string"),
    F("phone", "string"),
    F("note", ("opt", "string")),
    F("status", ("enum", "Status", ["NEW", "PAID", "SHIPPED", "CANCELLED"], "NEW")),
    F("country", _COUNTRY),
    F("tags", ("list", "string")),
    F("scores", ("map", "int")),
    F("lines", ("list", ("record", "Line", _LINE))),
    F("billing", ("record", "Billing", [F("iban", "string"), F("owner", "string"), F("limit", "int")])),
    F("parent", ("opt", ("record", "Node", [F("label", "string"), F("depth", "int")]))),
]


class Evolution:
    """A schema being changed. `fields` are those of the event."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        chosen = self.random.sample(_POOL, self.random.randint(8, 14))
        self.fields = deepcopy(chosen)
        self._number = 0
        self._give_numbers(self.fields)

    def _give_numbers(self, fields: list[F]) -> None:
        for each in fields:
            self._number += 1
            each.number = each.number or self._number
            for inner in _records(each.kind):
                self._give_numbers(inner)

    def fresh(self, name: str, kind: Kind, default: Any = None) -> F | None:
        """A new field, unless the name is taken."""
        if any(each.name == name for each in self.fields):
            return None
        made = F(name, kind, 0, default)
        self._number += 1
        made.number = self._number
        for inner in _records(kind):
            self._give_numbers(inner)
        self.fields.append(made)
        return made

    def of(self, *kinds: str) -> F | None:
        """A field of one of these kinds."""
        found = [each for each in self.fields if each.kind in kinds]
        return self.random.choice(found) if found else None

    def composed(self, word: str) -> F | None:
        found = [each for each in self.fields if isinstance(each.kind, tuple) and each.kind[0] == word]
        return self.random.choice(found) if found else None

    def named(self, name: str) -> F | None:
        return next((each for each in self.fields if each.name == name), None)


def _records(kind: Kind) -> Iterator[list[F]]:
    if isinstance(kind, tuple):
        if kind[0] == "record":
            yield kind[2]
        elif kind[0] in ("list", "map", "opt"):
            yield from _records(kind[1])


# --- the grammar: each step changes the evolution and says whether it could ------------------------------------

Change = Callable[[Evolution], bool]


def add_optional(e: Evolution) -> bool:
    name, kind = e.random.choice(
        [("coupon", "string"), ("rating", "int"), ("gift", "bool"), ("delivered_at", "timestamp")]
    )
    return e.fresh(name, ("opt", kind)) is not None


def add_default(e: Evolution) -> bool:
    name, kind, default = e.random.choice(
        [("currency", "string", "EUR"), ("retries", "int", 3), ("ratio", "double", 1.5), ("priority", _PRIORITY, "LOW")]
    )
    return e.fresh(name, kind, default) is not None


_PRIORITY = ("enum", "Priority", ["LOW", "HIGH"], "LOW")


def add_required(e: Evolution) -> bool:
    return e.fresh(e.random.choice(["vat_id", "warehouse"]), "string") is not None


def drop(e: Evolution) -> bool:
    if len(e.fields) < 4:
        return False
    e.fields.remove(e.random.choice(e.fields))
    return True


def reorder(e: Evolution) -> bool:
    e.random.shuffle(e.fields)
    return True


def rename_known(e: Evolution) -> bool:
    each = e.random.choice(e.fields)
    new = f"{each.name}_{e.random.choice(['value', 'field', 'v2'])}"
    each.aliases = [*each.aliases, each.name]
    each.name = new
    return True


_SYNONYMS = {
    "zip": "postcode",
    "customer_name": "client_name",
    "created_at": "creation_time",
    "email": "mail",
    "phone": "telephone",
}


def rename_silent(e: Evolution) -> bool:
    found = [each for each in e.fields if each.name in _SYNONYMS]
    if not found:
        return False
    each = e.random.choice(found)
    each.name = _SYNONYMS[each.name]
    return True


_WIDER = {"int": "long", "long": "double", "float": "double", "string": "bytes"}


def promote(e: Evolution) -> bool:
    each = e.of("int", "long", "float")
    if each is None:
        return False
    each.kind = _WIDER[each.kind]
    return True


def text_and_bytes(e: Evolution) -> bool:
    each = e.of("string", "bytes")
    if each is None:
        return False
    each.kind = "bytes" if each.kind == "string" else "string"
    return True


def make_optional(e: Evolution) -> bool:
    each = e.of("string", "int", "bool", "timestamp", "decimal")
    if each is None:
        return False
    each.kind = ("opt", each.kind)
    return True


def make_required(e: Evolution) -> bool:
    each = e.composed("opt")
    if each is None or each.kind[1] != "string":
        return False
    each.kind, each.default = each.kind[1], "unknown"
    return True


def add_symbol(e: Evolution) -> bool:
    each = e.composed("enum")
    if each is None or "EXTRA" in each.kind[2]:
        return False
    word, name, symbols, default = each.kind
    each.kind = (word, name, [*symbols, "EXTRA"], default)
    return True


def remove_symbol(e: Evolution) -> bool:
    each = e.composed("enum")
    if each is None or len(each.kind[2]) < 3:
        return False
    word, name, symbols, default = each.kind
    gone = e.random.choice([symbol for symbol in symbols if symbol != default])
    each.kind = (word, name, [symbol for symbol in symbols if symbol != gone], default)
    return True


def nest(e: Evolution) -> bool:
    street, city = e.named("address_street"), e.named("address_city")
    if street is None or city is None:
        return False
    e.fields.remove(street)
    e.fields.remove(city)
    return e.fresh("address", ("record", "Address", [F("street", "string"), F("city", "string")])) is not None


def hoist(e: Evolution) -> bool:
    billing = e.named("billing")
    if billing is None:
        return False
    e.fields.remove(billing)
    return e.fresh("billing_iban", "string") is not None and e.fresh("billing_owner", "string") is not None


def wrap(e: Evolution) -> bool:
    phone = e.named("phone")
    if phone is None:
        return False
    e.fields.remove(phone)
    return e.fresh("phones", ("list", "string")) is not None


def unit(e: Evolution) -> bool:
    price = e.named("price")
    if price is None:
        return False
    e.fields.remove(price)
    return e.fresh("price_cents", "long") is not None


def split(e: Evolution) -> bool:
    whole = e.named("full_name")
    if whole is None:
        return False
    e.fields.remove(whole)
    return e.fresh("first_name", "string") is not None and e.fresh("last_name", "string") is not None


def narrow(e: Evolution) -> bool:
    each = e.of("double", "long")
    if each is None:
        return False
    each.kind = "float" if each.kind == "double" else "int"
    return True


def inner(e: Evolution) -> bool:
    """A step inside a record, a list of records or a map."""
    found = [fields for each in e.fields for fields in _records(each.kind)]
    if not found:
        return False
    fields = e.random.choice(found)
    each = e.random.choice(fields)
    if each.kind in ("int", "float"):
        each.kind = _WIDER[each.kind]
        return True
    e._number += 1
    name = f"extra_{e._number}"
    if e.random.random() < 0.3 and len(fields) > 1:
        fields.remove(each)
    else:
        fields.append(F(name, e.random.choice(["string", ("opt", "int")]), e._number))
        if fields[-1].kind == "string":
            fields[-1].default = "none"
    return True


def values(e: Evolution) -> bool:
    each = e.named("scores")
    if each is None:
        return False
    each.kind = ("map", "double")
    return True


def to_text(e: Evolution) -> bool:
    each = e.of("int", "uuid", "date")
    if each is None or each.default is not None:
        return False
    each.kind = "string"
    return True


STEPS: list[tuple[Change, int]] = [
    *((add_optional, 16), (add_default, 14), (add_required, 3), (drop, 10), (reorder, 4), (rename_known, 8)),
    *((rename_silent, 4), (promote, 8), (text_and_bytes, 2), (make_optional, 6), (make_required, 4), (add_symbol, 6)),
    *((remove_symbol, 4), (nest, 4), (hoist, 3), (wrap, 4), (unit, 4), (split, 4), (narrow, 2), (inner, 10)),
    *((values, 3), (to_text, 3)),
]
"""What happens to schemas, and how often."""


def _step(evolution: Evolution, wanted: int) -> tuple[str, ...]:
    done: list[str] = []
    changes, weights = zip(*STEPS, strict=True)
    while len(done) < wanted:
        change = evolution.random.choices(changes, weights)[0]
        saved = deepcopy(evolution.fields)
        if change.__name__ not in done and change(evolution):
            done.append(change.__name__)
        else:
            evolution.fields = saved
    return tuple(done)


def _evolved(seed: int) -> tuple[list[F], list[F], tuple[str, ...]]:
    evolution = Evolution(seed)
    before = deepcopy(evolution.fields)
    return before, evolution.fields, _step(evolution, evolution.random.choice((1, 1, 2, 2, 3)))


def chain(format: str, seed: int, hops: int) -> list[str]:
    """The texts of a schema's versions, oldest first; each has everything that is needed to go on."""
    evolution = Evolution(seed)
    versions = [deepcopy(evolution.fields)]
    for _ in range(hops):
        _step(evolution, 1)
        evolution.fields = [each for each in evolution.fields if each.name not in ("vat_id", "warehouse")]
        for each in evolution.fields:
            each.aliases = each.aliases[-1:]
        versions.append(deepcopy(evolution.fields))
    return [written(format, fields, seed) for fields in versions]


def written(format: str, fields: list[F], seed: int) -> str:
    """A version in a format. JSON Schemas of every third seed are open."""
    if format == "AVRO":
        return avro(fields)
    return json_schema(fields, seed % 3 > 0) if format == "JSON" else protobuf(fields)


# --- writing: Avro ---------------------------------------------------------------------------------------------

_AVRO: dict[str, Any] = {
    "bool": "boolean",
    "timestamp": {"type": "long", "logicalType": "timestamp-millis"},
    "date": {"type": "int", "logicalType": "date"},
    "decimal": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2},
    "uuid": {"type": "string", "logicalType": "uuid"},
}


def avro(fields: list[F]) -> str:
    return json.dumps({"type": "record", "name": "Order", "namespace": "shop", "fields": _avro_fields(fields)})


def _avro_fields(fields: list[F]) -> list[Any]:
    made = []
    for each in fields:
        out: dict[str, Any] = {"name": each.name, "type": _avro_kind(each.kind)}
        if isinstance(each.kind, tuple) and each.kind[0] == "opt":
            out["default"] = None
        elif each.default is not None:
            out["default"] = each.default
        if each.aliases:
            out["aliases"] = each.aliases
        made.append(out)
    return made


def _avro_kind(kind: Kind) -> Any:
    if isinstance(kind, str):
        return _AVRO.get(kind, kind)
    match kind[0]:
        case "enum":
            return {"type": "enum", "name": kind[1], "symbols": kind[2], "default": kind[3]}
        case "list":
            return {"type": "array", "items": _avro_kind(kind[1])}
        case "map":
            return {"type": "map", "values": _avro_kind(kind[1])}
        case "opt":
            return ["null", _avro_kind(kind[1])]
    return {"type": "record", "name": kind[1], "fields": _avro_fields(kind[2])}


# --- writing: JSON Schema --------------------------------------------------------------------------------------

_JSON: dict[str, Any] = {
    **{kind: {"type": "integer"} for kind in ("int", "long")},
    **{kind: {"type": "number"} for kind in ("float", "double", "decimal")},
    **{kind: {"type": "string"} for kind in ("string", "bytes")},
    "bool": {"type": "boolean"},
    "timestamp": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "uuid": {"type": "string", "format": "uuid"},
}


def json_schema(fields: list[F], closed: bool) -> str:
    return json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", **_json_object(fields, closed)})


def _json_object(fields: list[F], closed: bool) -> dict[str, Any]:
    properties, required = {}, []
    for each in fields:
        optional = isinstance(each.kind, tuple) and each.kind[0] == "opt"
        written = _json_kind(each.kind[1] if optional else each.kind, closed)
        if optional and each.number % 2:
            written = {"anyOf": [written, {"type": "null"}]}
            required.append(each.name) if each.number % 3 == 0 else None
        elif not optional:
            required.append(each.name)
        if each.default is not None:
            written = {**written, "default": each.default}
        properties[each.name] = written
    made: dict[str, Any] = {"type": "object", "properties": properties, "required": required}
    return {**made, "additionalProperties": False} if closed else made


def _json_kind(kind: Kind, closed: bool) -> dict[str, Any]:
    if isinstance(kind, str):
        return dict(_JSON[kind])
    match kind[0]:
        case "enum":
            return {"enum": kind[2], "default": kind[3]}
        case "list":
            return {"type": "array", "items": _json_kind(kind[1], closed)}
        case "map":
            return {"type": "object", "additionalProperties": _json_kind(kind[1], closed)}
    return _json_object(kind[2], closed)


# --- writing: Protobuf -----------------------------------------------------------------------------------------

_PROTO = {"int": "int32", "long": "int64", "timestamp": "google.protobuf.Timestamp"}
_PROTO |= dict.fromkeys(("date", "decimal", "uuid"), "string")


def protobuf(fields: list[F]) -> str:
    lines: list[str] = []
    _proto_message("Order", fields, lines)
    text = "\n".join(lines)
    imported = 'import "google/protobuf/timestamp.proto";\n' if "google.protobuf" in text else ""
    return f'syntax = "proto3";\npackage shop;\n{imported}{text}\n'


def _proto_message(name: str, fields: list[F], lines: list[str]) -> None:
    lines.append(f"message {name} {{")
    for each in fields:
        kind, label = each.kind, ""
        if isinstance(kind, tuple) and kind[0] == "opt":
            kind = kind[1]
            label = "optional "
        if isinstance(kind, tuple) and kind[0] == "list":
            kind, label = kind[1], "repeated "
        if isinstance(kind, tuple) and kind[0] == "map":
            lines.append(f"  map<string, {_PROTO.get(kind[1], kind[1])}> {each.name} = {each.number};")
            continue
        if isinstance(kind, tuple) and kind[0] == "record":
            _proto_message(kind[1], kind[2], lines)
            kind = kind[1]
        elif isinstance(kind, tuple):
            known = ["DE", "FR", "IT", "NEW", "PAID", "SHIPPED", "CANCELLED", "LOW", "HIGH", "EXTRA"]
            listed = sorted(kind[2], key=lambda symbol: symbol != kind[3])
            values_ = [f"{kind[1].upper()}_{s} = {0 if s == kind[3] else known.index(s) + 1};" for s in listed]
            lines.append(f"  enum {kind[1]} {{ {' '.join(values_)} }}")
            kind = kind[1]
        lines.append(f"  {label}{_PROTO.get(kind, kind)} {each.name} = {each.number};")
    lines.append("}")


# --- the corpus ------------------------------------------------------------------------------------------------


def corpus() -> Iterator[Pair]:
    """Every pair, those written by hand first."""
    yield from BY_HAND
    for format in FORMATS:
        for seed in range(PER_FORMAT):
            before, after, steps = _evolved(seed)
            old, new = written(format, before, seed), written(format, after, seed)
            yield Pair(f"{format}-{seed}-{'-'.join(steps)}", format, old, new, steps)


def _avro_pair(id: str, old: Any, new: Any) -> Pair:
    texts = [json.dumps(each if isinstance(each, dict) else _of_fields(each)) for each in (old, new)]
    return Pair(f"AVRO-{id}", "AVRO", texts[0], texts[1])


def _of_fields(fields: list[Any]) -> dict[str, Any]:
    return {"type": "record", "name": "Event", "namespace": "acme", "fields": fields}


def _field(name: str, kind: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


def _named(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "name": name, **more}


def _tree(*more: Any) -> dict[str, Any]:
    fields = [_field("label", "string"), _field("children", {"type": "array", "items": "acme.Tree"}), *more]
    return {"type": "record", "name": "Tree", "namespace": "acme", "fields": fields}


_CARD = _named("record", "Card", fields=[_field("number", "string")])
_CASH = _named("record", "Cash", fields=[_field("amount", "int")])
_CASH_2 = _named("record", "Cash", fields=[_field("amount", "long"), _field("currency", "string", default="EUR")])

_BY_HAND_AVRO = [
    _avro_pair("recursive-default", _tree(), _tree(_field("weight", "int", default=1))),
    _avro_pair("recursive-same", _tree(), _tree()),
    _avro_pair(
        "recursive-optional",
        {"type": "record", "name": "L", "fields": [_field("v", "int"), _field("next", ["null", "L"], default=None)]},
        {"type": "record", "name": "L", "fields": [_field("v", "long"), _field("next", ["null", "L"], default=None)]},
    ),
    _avro_pair("doc-only", [_field("a", "int")], [_field("a", "int", doc="An A.")]),
    _avro_pair("union-grows", [_field("v", ["null", "string"])], [_field("v", ["null", "string", "long"])]),
    _avro_pair("single-to-union", [_field("v", "int")], [_field("v", ["null", "long", "string"])]),
    _avro_pair("union-of-records", [_field("by", [_CARD, _CASH])], [_field("by", [_CARD, _CASH_2])]),
    _avro_pair("union-promotes", [_field("v", ["int", "string"])], [_field("v", ["long", "string"])]),
    _avro_pair(
        "map-values",
        [_field("m", {"type": "map", "values": "int"})],
        [_field("m", {"type": "map", "values": "double"})],
    ),
    _avro_pair(
        "array-items",
        [_field("l", {"type": "array", "items": "string"})],
        [_field("l", {"type": "array", "items": "bytes"})],
    ),
    _avro_pair(
        "default-record", [_field("a", "int")], [_field("a", "int"), _field("c", _CASH_2, default={"amount": 1})]
    ),
    _avro_pair(
        "default-bytes", [_field("a", "int")], [_field("a", "int"), _field("b", "bytes", default="\u00ff\u0001")]
    ),
    _avro_pair(
        "default-timestamp",
        [_field("a", "int")],
        [_field("a", "int"), _field("t", {"type": "long", "logicalType": "timestamp-micros"}, default=1_000_000)],
    ),
    _avro_pair(
        "enum-renamed",
        [_field("s", _named("enum", "S", symbols=["ACTIVE", "GONE"]))],
        [_field("s", _named("enum", "S", symbols=["ACTIVES", "GONE"]))],
    ),
    _avro_pair(
        "enum-narrow",
        [_field("s", _named("enum", "S", symbols=["A", "B"]))],
        [_field("s", _named("enum", "S", symbols=["A"]))],
    ),
    _avro_pair("enum-to-string", [_field("s", _named("enum", "S", symbols=["A", "B"]))], [_field("s", "string")]),
    _avro_pair(
        "long-to-timestamp", [_field("t", "long")], [_field("t", {"type": "long", "logicalType": "timestamp-millis"})]
    ),
    _avro_pair(
        "timestamp-to-long", [_field("t", {"type": "long", "logicalType": "timestamp-millis"})], [_field("t", "long")]
    ),
    _avro_pair("fixed-size", [_field("f", _named("fixed", "X", size=4))], [_field("f", _named("fixed", "X", size=8))]),
    _avro_pair(
        "decimal-wider",
        [_field("d", {"type": "bytes", "logicalType": "decimal", "precision": 8, "scale": 2})],
        [_field("d", {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 4})],
    ),
    _avro_pair(
        "text-to-date",
        [_field("d", "string")],
        [_field("d", ["null", {"type": "int", "logicalType": "date"}], default=None)],
    ),
    _avro_pair(
        "odd-names",
        [_field("class", "int"), _field("it", "int")],
        [_field("class", "long"), _field("klass", "int", aliases=["it"])],
    ),
]


def _json_pair(id: str, old: Any, new: Any) -> Pair:
    return Pair(f"JSON-{id}", "JSON", json.dumps(old), json.dumps(new))


def _object(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required or [], "additionalProperties": False}


_TEXT, _INT = {"type": "string"}, {"type": "integer"}
_CIRCLE = _object(["kind", "radius"], kind={"const": "circle"}, radius={"type": "number"})
_SQUARE = _object(["kind", "side"], kind={"const": "square"}, side=_INT)
_SQUARE_2 = _object(["kind", "edge_side"], kind={"const": "square"}, edge_side=_INT)
_JSON_TREE = {"$ref": "#/definitions/Tree"}


def _json_tree(**more: Any) -> dict[str, Any]:
    tree = _object(["label", *more], label=_TEXT, children={"type": "array", "items": _JSON_TREE}, **more)
    return {"definitions": {"Tree": tree}, "$ref": "#/definitions/Tree"}


_BY_HAND_JSON = [
    _json_pair("recursive-default", _json_tree(), _json_tree(weight={"type": "integer", "default": 1})),
    _json_pair("one-of-kinds", {"oneOf": [_CIRCLE, _SQUARE]}, {"oneOf": [_CIRCLE, _SQUARE_2]}),
    _json_pair("one-of-grows", {"oneOf": [_CIRCLE]}, {"oneOf": [_CIRCLE, _SQUARE]}),
    _json_pair("maximum", _object(["n"], n=_INT), _object(["n"], n={"type": "integer", "maximum": 100})),
    _json_pair("max-length", _object(["s"], s=_TEXT), _object(["s"], s={"type": "string", "maxLength": 5})),
    _json_pair("pattern", _object(["s"], s=_TEXT), _object(["s"], s={"type": "string", "pattern": "^a"})),
    _json_pair("same-not", _object(a={"not": {"type": "null"}}), _object(a={"not": {"type": "null"}}, b=_TEXT)),
    _json_pair("now-required", _object(s=_TEXT), _object(["s"], s={"type": "string", "default": "x"})),
    _json_pair("now-required-no-default", _object(s=_TEXT), _object(["s"], s=_TEXT)),
    _json_pair(
        "all-of",
        {"allOf": [{"type": "object", "properties": {"a": _INT}}, {"type": "object", "properties": {"b": _TEXT}}]},
        {"type": "object", "properties": {"a": {"type": "number"}, "b": _TEXT}},
    ),
    _json_pair(
        "integer-or-null",
        _object(["a"], a={"type": ["integer", "null"]}),
        _object(["a"], a={"type": ["number", "null"]}),
    ),
    _json_pair("to-list", _object(["a"], a=_TEXT), _object(["a"], a={"type": "array", "items": _TEXT})),
]


def _proto_pair(id: str, old: str, new: str) -> Pair:
    head = 'syntax = "proto3";\nimport "google/protobuf/wrappers.proto";\n'
    return Pair(f"PROTOBUF-{id}", "PROTOBUF", head + old, head + new)


_BY_HAND_PROTO = [
    _proto_pair("wrapper", "message E { string a = 1; }", "message E { google.protobuf.StringValue a = 1; }"),
    _proto_pair(
        "unwrapped", "message E { google.protobuf.StringValue a = 1; }", "message E { optional string a = 1; }"
    ),
    _proto_pair(
        "into-oneof",
        "message E { string a = 1; string b = 2; }",
        "message E { oneof x { string a = 1; string b = 2; } }",
    ),
    _proto_pair(
        "oneof-grows", "message E { oneof x { string a = 1; } }", "message E { oneof x { string a = 1; int32 c = 3; } }"
    ),
    _proto_pair(
        "enum-renamed",
        "enum S { A = 0; B = 1; } message E { S s = 1; }",
        "enum S { A = 0; BB = 1; } message E { S s = 1; }",
    ),
    _proto_pair(
        "enum-gone", "enum S { A = 0; B = 1; } message E { S s = 1; }", "enum S { A = 0; } message E { S s = 1; }"
    ),
    _proto_pair("enum-to-int", "enum S { A = 0; B = 1; } message E { S s = 1; }", "message E { int32 s = 1; }"),
    _proto_pair("int-to-enum", "message E { int32 s = 1; }", "enum S { A = 0; B = 1; } message E { S s = 1; }"),
    _proto_pair("bool-to-int", "message E { bool s = 1; }", "message E { int32 s = 1; }"),
    _proto_pair("recursive", "message E { string a = 1; E e = 2; }", "message E { string b = 1; E e = 2; }"),
    _proto_pair("to-repeated", "message E { string a = 1; }", "message E { repeated string a = 1; }"),
    _proto_pair("optional-again", "message E { optional int32 a = 1; }", "message E { int32 a = 1; }"),
]

BY_HAND: list[Pair] = [*_BY_HAND_AVRO, *_BY_HAND_JSON, *_BY_HAND_PROTO]
