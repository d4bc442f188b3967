"""Plans as JSONata make what the interpreter makes: on the corpus, on a sample by default, whole with --full.

The engine is jsonata-python, the one of confluent-kafka. It has one type of number, so that values are compared as
numbers: 1 is 1.0, and whole numbers past 2**53 are as exact as floats.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Any

import jsonata  # type: ignore[import-untyped] # it has no types
import pytest
from google.protobuf import json_format

from registry.evolution.upcasts.protobuf import matching
from tenor.codecs.protobuf.descriptors import message_at, message_class
from tenor.errors import NotExpressible
from tenor.plans import interpret
from tenor.plans.emitters.jsonata import emit
from tenor.plans.emitters.printed import json_name, printed
from tenor.plans.nodes import Case, Choose, Convert, Member, Plan, Record, Table, Take, Test
from tests.conformance.test_upcasts import PAIRS, codec, derived, old_events, repr_of

EVENTS = 20


def as_numbers(value: Any) -> Any:
    """A value with its numbers as JavaScript has them."""
    if isinstance(value, dict):
        return {name: as_numbers(each) for name, each in value.items()}
    if isinstance(value, list):
        return list(map(as_numbers, value))
    return float(value) if type(value) is int else value


def evaluated(expression: str, event: Any) -> Any:
    """What jsonata-python makes of an event."""
    program = jsonata.Jsonata(expression)
    program.set_validate_input(False)  # it refuses bytes and dates as input; copied they must come out as they are
    return program.evaluate(event)


def test_the_expression_means_what_the_plan_means(full: bool) -> None:
    refused, compared, whole = Counter[str](), 0, 0
    for pair in PAIRS if full else [*PAIRS[:46], *PAIRS[46::5]]:
        old, new, plan = derived(pair)
        if plan.todos:
            continue
        whole += 1
        try:
            expression = emit(plan, unconfirmed=True)
        except NotExpressible as error:
            refused[error.data["reason"] if error.data["path"] else ""] += 1
            continue
        for event in islice(old_events(old, new, 7), EVENTS):
            expected = repr_of(as_numbers(interpret(plan, event)))
            assert repr_of(as_numbers(evaluated(expression, event))) == expected, (pair.id, event, expression)
            compared += 1
    assert compared > 1000
    assert refused.total() < whole / 8, refused
    assert "" not in refused  # each names its path


def test_of_messages_the_json_form_is_migrated_as_stock_clients_do(full: bool) -> None:
    """Confluent's clients print a message as JSON, evaluate the rule on that, and parse the outcome as the new one."""
    refused, compared = Counter[str](), 0
    pairs = [pair for pair in PAIRS if pair.format == "PROTOBUF"]
    for pair in pairs if full else pairs[::3]:
        old, new, plan = derived(pair)
        if plan.todos:
            continue
        try:
            expression = emit(printed(plan), unconfirmed=True)
        except NotExpressible as error:
            refused[error.data["reason"]] += 1
            continue
        names: tuple[str, str] = matching(old, new)  # type: ignore[arg-type] # schemas of Protobuf
        (read_old, _), (read_new, new_message) = map(message_of, (old, new), names)
        for event in islice(old_events(old, new, 7), EVENTS):
            said = json_format.MessageToDict(read_old(event), always_print_fields_with_no_presence=True)
            migrated = json_format.ParseDict(evaluated(expression, said), new_message())
            assert repr(migrated) == repr(as_printed(read_new(interpret(plan, event)))), (pair.id, event, expression)
            compared += 1
    assert compared > (2000 if full else 600)
    assert refused.total() < len(pairs) / 8, refused


def message_of(schema: Any, name: str) -> tuple[Callable[[Any], Any], Callable[[], Any]]:
    """What makes messages of events as the client writes them, and the class of the messages."""
    body: Any = codec(schema, name)
    write, new = body.writer(b""), message_class(message_at(body._file, body.indexes))

    def made(event: Any) -> Any:
        message = new()
        message.ParseFromString(write(event))
        return message

    return made, new


def as_printed(message: Any) -> Any:
    """A message as its JSON form has it: a double that was a float is the float's shortest decimal."""
    for field, value in message.ListFields():
        if field.cpp_type == field.CPPTYPE_DOUBLE and not field.is_repeated and value == struct_float(value):
            setattr(message, field.name, float(f"{value:.8g}"))
    return message


def struct_float(value: float) -> float:
    """The nearest number of single precision."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.inf


@pytest.mark.parametrize(
    ("conversion", "by", "reason"),
    [
        ("int", [-(2**63), 2**63 - 1], r"a computed whole number could be larger than 2\*\*53"),
        ("text", None, "the text of a number differs between int and float"),
        ("datetime", "millis", "dates, times, decimals, UUIDs and bytes are copied, not computed"),
        ("bytes_to_text", None, "dates, times, decimals, UUIDs and bytes are copied, not computed"),
        ("text_to_bytes", None, "dates, times, decimals, UUIDs and bytes are copied, not computed"),
        ("float32", None, "there are no numbers of single precision"),
    ],
)
def test_what_javascript_cannot_hold_is_refused_by_name(conversion: str, by: Any, reason: str) -> None:
    plan = Plan("AVRO", Record((Member("total", Convert(Take(("total",)), conversion, by)),)))
    with pytest.raises(NotExpressible, match=f"cannot be written as JSONata: /total: {reason}"):
        emit(plan)


@pytest.mark.parametrize(
    ("name", "printed_as"), [("order_id", "orderId"), ("a__b_", "aB"), ("_a", "A"), ("line1_2x", "line12x"), ("A", "A")]
)
def test_fields_go_by_the_names_that_protoc_gives_them(name: str, printed_as: str) -> None:
    assert json_name(name) == printed_as


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (Convert(Take(("total_sum",)), "int", [0, 5]), "/total: 'int' computes with a value"),
        (Table(Take(("total_sum",)), ((1, "one"),)), "/total: its table has keys that are no texts"),
        (Choose(Take(("total_sum",)), (Case(Test("int")),)), "/total: it asks whether a value is a number or bytes"),
    ],
)
def test_what_the_json_form_of_messages_hides_is_refused_by_name(node: Any, reason: str) -> None:
    with pytest.raises(NotExpressible, match=reason):
        printed(Plan("PROTOBUF", Record((Member("total", node),))))
