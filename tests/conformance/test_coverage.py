"""Coverage tells the truth: held against events of sampled schemas and the plain evaluator of needs.

    guaranteed    no event violates the need
    impossible    no event satisfies it
    conditional   a witness, where one is found, is a valid event that violates it

Schemas, needs and events come from seeds. Every run takes the first schemas of each format, `--full` takes 250.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Any

import pytest

from contracts.coverage import Covered, Outcome, cover, reach_of, wishes, witness
from contracts.needs import Contract, Evidence, Need, Presence, type_of
from contracts.reading import schemas as schemas_read
from contracts.rules import Combine, Kind, Rule, RuleList
from contracts.satisfaction import Given, Satisfaction, satisfied, steps
from registry import formats
from registry.errors import InvalidSchema
from registry.formats.base import Schema, Source, Verdict, Witness
from registry.formats.json_schema.official import official
from registry.formats.json_schema.schema import JsonSchema
from registry.formats.protobuf.fields import roots
from registry.formats.protobuf.schema import ProtobufSchema
from registry.formats.reach import Seen, View
from tests.conformance import json_pairs, protobuf_schemas
from tests.conformance.avro_schemas import SchemaMaker
from tests.conformance.avro_schemas import pairs as avro_pairs

pytestmark = pytest.mark.timeout(3600)  # with --full; seconds without

EVENTS = 60
"""Random events of each schema, beside those that are aimed at a need."""
AIMED = 25


def texts(format: str) -> Iterator[str]:
    """Schema texts without end; some are no schemas."""
    seed = 0
    while True:
        seed += 1
        if format == "AVRO":
            yield json.dumps(SchemaMaker(f"coverage:{seed}").schema())
        elif format == "JSON":
            yield json.dumps(json_pairs.pair(seed)[0])
        else:
            yield protobuf_schemas.pair(seed)[0].text()


def schemas(format: str, count: int) -> Iterator[tuple[int, Schema]]:
    for number, text in islice(enumerate(texts(format)), count * 2):
        try:
            schema = formats.parse(format, Source(text))
        except InvalidSchema:
            continue
        yield number, schema


# Needs


def places(event: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every place of an event as a path, items as `*` and by index."""
    yield path, event
    if isinstance(event, dict):
        for name, value in event.items():
            yield from places(value, f"{path}/{name.replace('~', '~0').replace('/', '~1')}")
            yield from places(value, f"{path}/*")
    elif isinstance(event, list):
        for index, value in enumerate(event[:2]):
            yield from places(value, f"{path}/*")
            yield from places(value, f"{path}/{index}")


RULES: tuple[Rule, ...] = (
    Rule(Kind.EQUALITY),
    Rule(Kind.TYPE),
    Rule(Kind.INTEGER),
    Rule(Kind.DECIMAL),
    Rule(Kind.NUMBER),
    Rule(Kind.BOOLEAN),
    Rule(Kind.NULL),
    Rule(Kind.REGEX, regex=r"\d+"),
    Rule(Kind.REGEX, regex=r"[A-Z_]+|-?[0-9.]*"),
    Rule(Kind.REGEX, regex=r"[\s\S]*"),
    Rule(Kind.INCLUDE, value="a"),
    Rule(Kind.INCLUDE, value="0"),
    Rule(Kind.DATE, format="yyyy-MM-dd"),
    Rule(Kind.DATE, format="yyyy"),
    Rule(Kind.TIME, format="HH:mm:ss"),
    Rule(Kind.DATETIME, format="yyyy-MM-dd'T'HH:mm:ssX"),
    Rule(Kind.SEMVER),
    Rule(Kind.NOT_EMPTY),
    Rule(Kind.CONTENT_TYPE, value="application/json"),
)
CONTAINER_RULES: tuple[Rule, ...] = (
    Rule(Kind.TYPE, min=1),
    Rule(Kind.TYPE, max=2),
    Rule(Kind.TYPE, min=1, max=1),
    Rule(Kind.NOT_EMPTY),
    Rule(Kind.EQUALITY),
    Rule(Kind.EACH_KEY, rules=(Rule(Kind.REGEX, regex="[a-z]"),)),
    Rule(Kind.EACH_KEY, rules=(Rule(Kind.TYPE),)),
    Rule(Kind.ARRAY_CONTAINS),
    Rule(Kind.REGEX, regex=".*"),
    Rule(Kind.INTEGER),
)


@dataclass
class NeedMaker:
    """Makes needs out of events."""

    random: Random

    def contract(self, event: Any) -> Contract:
        found = list(places(event))
        chosen = [self.need(*self.random.choice(found)) for _ in range(8)]
        chosen += [self.elsewhere(*self.random.choice(found)) for _ in range(2)]
        return Contract(tuple(chosen), Evidence.RECORDED)

    def elsewhere(self, path: str, value: Any) -> Need:
        """A need of a place that is not in the event."""
        return self.need(f"{path}/{self.random.choice(('a', 'b', 'zz', '0', '*'))}", value)

    def need(self, path: str, value: Any) -> Need:
        presence = self.random.choice((Presence.REQUIRED, Presence.REQUIRED, Presence.OPTIONAL))
        if isinstance(value, (float, str)) and not isinstance(json.loads(json.dumps(value)), type(value)):
            value = 1.5
        kind = type_of(value)
        draw = self.random.random()
        if draw < 0.1:
            return Need(path, presence)
        if draw < 0.45:
            types = {kind}
            if self.random.random() < 0.4:
                types.add("null")
            if self.random.random() < 0.25:
                types.add(self.random.choice(("number", "string", "object")))
            bounds: dict[str, Any] = {}
            if kind in ("integer", "number") and self.random.random() < 0.6:
                bounds = self.random.choice(({"minimum": 0}, {"maximum": 1}, {"minimum": -(2**31), "maximum": 2**31}))
            if kind == "string" and self.random.random() < 0.6:
                bounds = {"pattern": self.random.choice((".+", "[A-Z]*", r"[\s\S]*", ".{36}", "X|Y"))}
            return Need(path, presence, frozenset(types), **bounds)
        if draw < 0.6:
            values = (value, *self.random.sample(["X", "Y", 1, 0.5, True, None, [], {}], 3))
            return Need(path, presence, values=values, fallback=self.random.random() < 0.2)
        rules = CONTAINER_RULES if isinstance(value, (dict, list)) else RULES
        count = 2 if self.random.random() < 0.15 else 1
        listed = RuleList(
            tuple(self.random.sample(rules, count)), self.random.choice((Combine.AND, Combine.AND, Combine.OR))
        )
        container = frozenset({kind}) if isinstance(value, (dict, list)) else frozenset()
        return Need(path, presence, container, rules=listed, example=value)


# The truth


def dated(schema: Schema, need: Need) -> bool:
    """`format` is believed of dates, times and ids, which the sampler does not honour."""
    return schema.format == "JSON" and '"format"' in schema.canonical and need.rules is not None


def violations(schema: Schema, covered: Covered, seen: Seen) -> str | None:
    answer = satisfied(seen.decoded, covered.need, covered.given)
    if covered.outcome is Outcome.GUARANTEED and answer is Satisfaction.NO and not dated(schema, covered.need):
        return "violated though guaranteed"
    if covered.outcome is Outcome.IMPOSSIBLE and answer is Satisfaction.YES:
        return "satisfied though impossible"
    return None


@pytest.mark.parametrize("format", ["AVRO", "JSON", "PROTOBUF"])
def test_no_event_contradicts_an_answer(format: str, full: bool) -> None:
    tally: Counter[str] = Counter()
    shown = 0
    for number, schema in schemas(format, 250 if full else 10 if format == "JSON" else 25):
        for view in View if format == "PROTOBUF" else (View.PLAIN,):
            reach = reach_of(schema)
            events = list(filter(None, islice(reach.events(schema, (), (True,), view, seed=number), EVENTS)))
            if not events:
                continue
            maker = NeedMaker(Random(number))
            for _ in range(3):
                contract = maker.contract(maker.random.choice(events).decoded)
                given = Given.by(contract)
                for covered in cover(schema, contract, view=view):
                    need = covered.need
                    tally[covered.outcome] += 1
                    aimed = islice(reach.events(schema, steps(need.path), wishes(need), view, seed=number), AIMED)
                    for seen in filter(None, (*events, *aimed)):
                        wrong = violations(schema, covered, seen)
                        assert wrong is None, (wrong, schema.canonical, covered, seen)
                    if covered.outcome is not Outcome.GUARANTEED and maker.random.random() < 0.2:
                        found = witness(schema, covered, seconds=0.02)
                        if found is not None:
                            shown += 1
                            if isinstance(schema, JsonSchema):
                                assert official(schema).valid(found)
                                assert satisfied(found, need, given) is Satisfaction.NO
    assert min(tally[each] for each in Outcome) > 20, tally
    assert shown > 20


# Readers' schemas


def pairs(format: str, count: int) -> Iterator[tuple[Schema, Schema]]:
    """(reader, writer) pairs: mostly an edit of one another."""
    avro = avro_pairs("readers")
    for seed in range(count):
        if format == "AVRO":
            sides = list(next(avro))
        elif format == "JSON":
            sides = [json.dumps(each) for each in json_pairs.pair(seed)]
        else:
            sides = [each.text() for each in protobuf_schemas.pair(seed)[:2]]
        try:
            reader, writer = (formats.parse(format, Source(text)) for text in sides)
        except InvalidSchema:
            continue
        yield reader, writer


def of_the_root(reader: Schema, writer: Schema, shown: Witness | None) -> bool:
    """Whether a witness is an event of the message that contracts speak of: Protobuf's verdict looks at all of them."""
    if not isinstance(reader, ProtobufSchema) or not isinstance(writer, ProtobufSchema) or shown is None:
        return True
    now, was = roots(reader.model)[0], roots(writer.model)[0]
    return now.name == was.name and shown.failure.split(" ")[0] == now.local


@pytest.mark.parametrize("format", ["AVRO", "JSON", "PROTOBUF"])
def test_a_reader_is_called_safe_only_where_no_event_breaks_it(format: str, full: bool) -> None:
    """And mostly it is, by the schema that it was made from."""
    insight = formats.insight(format)
    safe = broken = own = clear = 0
    for reader, writer in pairs(format, (400 if format == "JSON" else 1_000) if full else 150):
        contract = schemas_read.contract(reader)
        answers = cover(writer, contract)
        covered = not contract.reasons and all(each.outcome is Outcome.GUARANTEED for each in answers)
        verdict = insight.semantic(reader, writer, seconds=0.05)
        breaks = verdict.verdict is Verdict.BREAKS and of_the_root(reader, writer, verdict.witness)
        safe += covered
        broken += breaks
        assert not (covered and breaks), (reader.canonical, writer.canonical, verdict)
        if not contract.reasons:
            clear += 1
            own += all(each.outcome is Outcome.GUARANTEED for each in cover(reader, contract))
    assert safe
    assert broken
    assert own >= 0.9 * clear
