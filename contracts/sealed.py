"""Which places of its events a schema seals for persons, and what is there once a person's key is destroyed. Pure.

    tenor.erased   what the client's decode gives
    null           null where the field allows it, else as below
    sentinel       "[erased]", no bytes, zero: a placeholder
    drop, raise    no event at all

What a rule seals, and what stands there afterwards, is found with the client's own tree of fields
(`tenor.codecs.fields`) and its own code, so that it follows the rules and metadata that travel with the schema.
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from contracts.coverage import reach_of
from contracts.satisfaction import EACH, escaped
from registry import formats
from registry.errors import InvalidSchema
from registry.formats.base import Schema, Source
from registry.formats.reach import View
from registry.objections import Candidate
from registry.rules import RuleSet as Carried
from registry.rules import metadata_to_json, rule_set_to_json

if TYPE_CHECKING:
    from tenor.codecs.fields import Field, Node, Slot
    from tenor.rules.model import Rule, RuleSet

_DATA_SUBJECT = "tenor.dataSubject"
_SEALED = "tenor.sealed"
_FIELDS, _BODIES = ("ENCRYPT", "SEAL"), ("ENCRYPT_PAYLOAD", "SEAL_PAYLOAD")
_TYPES = (*_FIELDS, *_BODIES)
_MOST_LEAVES = 20_000
_LARGEST = 65_536
_MOST_EVENTS = 40


Names = tuple[tuple[str, ...], ...]
"""For each step of a path the names under which it is found: its own, and `#7` for a field of Protobuf."""


class Form(StrEnum):
    """What is left of an erased value, or that the event is left out, or that reading it raises.

    UNTOLD: nobody can tell. AGAIN: the record that stands there is one that it is inside of.
    """

    NULL = "null"
    PLACEHOLDER = "placeholder"
    NOTHING = "nothing"
    DROPPED = "drop"
    RAISED = "raise"
    UNTOLD = "untold"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class Place:
    """A place that is sealed for persons.

    `path`   JSON pointer as in `Need.path`; "" is the event itself
    `stands` what is there once the key is destroyed, as JSON data; `reason` why that cannot be told
    `again`  the place of the record that comes again
    """

    path: str
    form: Form
    rule: str
    names: Names = ()
    stands: Any = None
    reason: str = ""
    again: Names = ()


def opened(candidate: Candidate) -> Schema:
    """The schema that events are of once they are opened: what is sealed as bytes is told as what it holds."""
    schema = candidate.schema
    if candidate.rule_set is None or _SEALED not in schema.canonical:
        return schema
    from tenor.errors import TenorError
    from tenor.rules.logical import logical
    from tenor.schemas import Schema as Text

    try:
        text = logical(Text(schema.canonical, schema.format)).text
        return formats.parse(schema.format, Source(text, schema.source.references), strict=False)
    except (ValueError, TenorError, InvalidSchema):
        return schema  # a mark that is none: clients refuse it too


# Which places are sealed for persons.


def may_seal(carried: Carried | None) -> bool:
    """Whether rules seal anything, for persons or not."""
    return carried is not None and any(rule.type.upper() in _TYPES for rule in (*carried.domain, *carried.encoding))


def places(candidate: Candidate) -> tuple[Place, ...]:
    """The places that a schema seals for persons, by the rules that travel with it; each path once."""
    carried = candidate.rule_set
    if carried is None or not may_seal(carried):
        return ()
    metadata = None if candidate.metadata is None else metadata_to_json(candidate.metadata)
    told = json.dumps([rule_set_to_json(carried), metadata])
    if _DATA_SUBJECT not in told and _DATA_SUBJECT not in candidate.schema.inlined():
        return ()
    return _places(candidate.schema, told)


@lru_cache(200)
def _places(schema: Schema, told: str) -> tuple[Place, ...]:
    """By rules and metadata as JSON. Kept, as every question asks it of all versions of a window."""
    from tenor.errors import TenorError
    from tenor.rules.model import parse

    rules, metadata = json.loads(told)
    try:
        read = parse(rules, metadata)
        found = [*_of_body(read), *_of_fields(schema, read, metadata)]
    except TenorError as error:
        return (Place("", Form.UNTOLD, "", reason=str(error)),)
    except Exception as error:  # marks and rules may be anybody's: what cannot be read is not known
        return (Place("", Form.UNTOLD, "", reason=f"the schema cannot be compiled ({type(error).__name__})"),)
    if all(place.form is Form.AGAIN for place in found):
        return ()
    return tuple({place.path: place for place in reversed(found)}.values())


def _of_body(rules: RuleSet) -> Iterator[Place]:
    """The event itself, where its encoded body is sealed."""
    from tenor.rules.model import READ, WRITE

    bodies = [rule for rule in rules.encoding if rule.type in _BODIES]
    readers = [rule for rule in bodies if rule.runs_in(READ)]
    for rule in bodies:
        if rule.runs_in(WRITE) and readers and rule.params.get(_DATA_SUBJECT):
            form = _withheld(readers[0]) or Form.NOTHING
            yield Place("", form, rule.name)


def _withheld(rule: Rule) -> Form | None:
    """Whether a rule keeps events of erased persons from their readers."""
    policy = rule.params.get("tenor.erased")
    return Form(policy) if policy in (Form.DROPPED, Form.RAISED) else None


def _of_fields(schema: Schema, rules: RuleSet, metadata: Mapping[str, Any] | None) -> Iterator[Place]:
    """Fields that a rule seals on writing, with the key of a person, and another opens on reading."""
    from tenor.codecs.fields import Field
    from tenor.errors import UnusableSchema
    from tenor.rules.model import READ, WRITE, tagged, tagger
    from tenor.sealing.executor import replacement  # what stands there is the client's to say

    sealing = [rule for rule in rules.domain if rule.type in _FIELDS]
    writing, reading = ([rule for rule in sealing if rule.runs_in(mode)] for mode in (WRITE, READ))
    if not writing or not reading:
        return
    for path, names, found in _leaves(_tree(schema), tagger(metadata)):
        if not isinstance(found, Field):
            yield Place(path, Form.AGAIN, "", names, again=found)
            continue
        own = found.slot.properties.get(_DATA_SUBJECT)
        by = next(
            (rule for rule in writing if tagged(rule, found.tags) and (own or rule.params.get(_DATA_SUBJECT))), None
        )
        reader = next((rule for rule in reading if tagged(rule, found.tags)), None)
        if by is None or reader is None or found.leaf.type not in ("STRING", "BYTES"):
            continue
        if (withheld := _withheld(reader)) is not None:
            yield Place("", withheld, by.name)
            continue
        if (size := _size(found)) > _LARGEST:
            raise UnusableSchema(format=schema.format, reason=f"{path} holds {size} bytes")
        stands = _json(replacement(found, reader.params.get("tenor.erased") or "null"))
        yield Place(path, Form.NULL if stands is None else Form.PLACEHOLDER, by.name, names, stands)


def _size(field: Field) -> int:
    """Of what is sealed as bytes and is a fixed number of bytes: how many."""
    mark = field.leaf.native.get(_SEALED) if isinstance(field.leaf.native, dict) else None
    told = mark.get("logical") if isinstance(mark, dict) else None
    return int(told["size"]) if isinstance(told, dict) and told.get("type") == "fixed" else 0


def _json(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _tree(schema: Any) -> Node:
    from tenor import codecs
    from tenor.schemas import Schema as Text

    text, message = schema.inlined(), ""
    if schema.format == "PROTOBUF":
        from registry.formats.protobuf.fields import roots

        text = base64.b64encode(schema.file.SerializeToString()).decode()
        message = roots(schema.model)[0].name.lstrip(".") if schema.model.file.messages else ""
    body = codecs.compile(Text(text, schema.format), {}, codecs.Options(message=message))
    return body.tree(body.indexes)


def _leaves(root: Node, tags: Any) -> Iterator[tuple[str, Names, Field | Names]]:
    """Every leaf that belongs to a field, with its pointer; for a record inside itself, the place of the outer one."""
    from tenor.codecs.fields import Field
    from tenor.errors import UnusableSchema

    todo: list[tuple[Node, Slot | None, str, str, Names, dict[int, Names]]] = [(root, None, "", "", (), {})]
    count = 0
    while todo:
        if (count := count + 1) > _MOST_LEAVES:
            raise UnusableSchema(format="", reason=f"it unfolds to more than {_MOST_LEAVES} places")
        node, slot, path, dotted, names, inside = todo.pop()
        if node.kind == "leaf":
            if slot is not None:
                yield path, names, Field(slot, dotted, node, tags(slot))
        elif node.kind == "record":
            if id(node) in inside:
                yield path, names, inside[id(node)]
                continue
            for each in node.slots:
                below = f"{dotted}.{each.name}" if dotted else each.name
                step = (*names, (each.name, *_number(node, each)))
                todo.append((each.node, each, f"{path}/{escaped(each.name)}", below, step, {**inside, id(node): names}))
        elif node.item is not None:
            todo.append((node.item, slot, f"{path}/{EACH}", dotted, (*names, (EACH,)), inside))
        else:
            todo += [(branch, slot, path, dotted, names, inside) for _, branch in node.branches]


def _number(node: Node, slot: Slot) -> tuple[str, ...]:
    known = getattr(node.native, "fields_by_name", None)
    return () if known is None else (f"#{known[slot.name].number}",)


def besides(found: Sequence[Place], known: set[Hashable]) -> tuple[Place, ...]:
    """The places that are not among those known by what is left there, which they join. Where a record comes again is
    told with them."""
    new = [place for place in found if place.form is not Form.AGAIN and _left(place) not in known]
    known |= {_left(place) for place in new}
    return (*new, *(place for place in found if place.form is Form.AGAIN)) if new else ()


def left(found: Sequence[Place]) -> set[Hashable]:
    """What is left at some places once a key is destroyed, to tell whether another schema leaves anything else."""
    return {_left(place) for place in found}


def _left(place: Place) -> Hashable:
    return place.path, place.form, json.dumps(place.stands)


# Found by path.


@dataclass(slots=True, eq=False)
class _Node:
    """What is sealed at a step and behind it."""

    here: list[Place] = field(default_factory=list)
    inside: dict[str, _Node] = field(default_factory=dict)

    def behind(self, names: tuple[str, ...]) -> Iterator[_Node]:
        """The nodes one step further; `*` is any step."""
        if EACH in names:
            yield from self.inside.values()
        else:
            yield from (self.inside[name] for name in (*names, EACH) if name in self.inside)

    def places(self) -> Iterator[Place]:
        """What is sealed further inside."""
        todo, known = list(self.inside.values()), set[int]()
        while todo:
            if id(each := todo.pop(0)) not in known:
                known.add(id(each))
                yield from each.here
                todo += each.inside.values()


class Sealed:
    """The places that a schema seals for persons, found by path."""

    def __init__(self, places: Sequence[Place] = ()) -> None:
        self.places = places
        self.root = _Node()
        for place in places:
            if place.path and place.form is not Form.AGAIN:
                self._node(place.names).here.append(place)
        for place in places:
            if place.form is Form.AGAIN:
                self._node(place.names[:-1]).inside |= dict.fromkeys(place.names[-1], self._node(place.again))

    def _node(self, path: Names) -> _Node:
        node = self.root
        for names in path:
            known = next((node.inside[name] for name in names if name in node.inside), None) or _Node()
            node.inside |= dict.fromkeys(names, known)
            node = known
        return node

    def at(self, names: Names) -> list[_Node]:
        """The nodes that a path leads to."""
        nodes = [self.root]
        for step in names:
            found = {id(node): node for each in nodes for node in each.behind(step)}
            nodes = list(found.values())
        return nodes


# An event that shows it.


def witness(schema: Schema, place: Place, view: View) -> Any:
    """A valid event of the opened schema as JSON data, with what is left of the erased value; None if none is found."""
    if place.form not in (Form.NULL, Form.PLACEHOLDER):
        return None
    path = [names[0] for names in place.names]
    for seen in islice(reach_of(schema).events(schema, path, (True,), view), _MOST_EVENTS):
        if seen is None:
            continue
        event = copy.deepcopy(seen.shown)
        if put(event, path, place.stands):
            return event
    return None


def put(value: Any, path: Sequence[str], stands: Any) -> int:
    """Put something in place of every value at a path; how many there were. What is null stays so."""
    step, *rest = path
    if isinstance(value, dict):
        keys: Any = list(value) if step == EACH else [step] if step in value else []
    elif isinstance(value, list):
        keys = range(len(value)) if step == EACH else []
    else:
        return 0
    count = 0
    for key in keys:
        if rest:
            count += put(value[key], rest, stands)
        elif value[key] is not None:
            value[key] = stands
            count += 1
    return count
