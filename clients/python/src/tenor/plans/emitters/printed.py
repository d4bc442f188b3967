"""Plans over Protobuf messages as their JSON form has them: what Confluent's clients hand to migration rules.

Fields go by their JSON names, 64-bit numbers are texts, bytes are base64; enums go by name in both. So names are
rewritten, and what computes with values or looks at their types is refused: a plan does not know which are texts.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from tenor.errors import NotExpressible
from tenor.plans.nodes import Case, Choose, Convert, Equal, Member, Node, Plan, Record, Rest, Table, Take, Test, mapped

TARGET: Final = "JSONata on the JSON form of messages"
_KEPT: Final = ("float", "text_to_int")
"""Conversions that take texts of numbers and numbers alike, or make what the JSON form takes as well."""


def printed(plan: Plan) -> Plan:
    """The plan on the JSON form. Raises NotExpressible for what cannot be written there."""
    for step in plan.steps:
        if step.kind in ("wrap", "unwrap") and "google.protobuf." in step.sentence:
            raise NotExpressible(target=TARGET, path=step.path, reason="a wrapper is its bare value there")
    parts = {name: _changed(part, "") for name, part in plan.parts.items()}
    return replace(plan, root=_changed(plan.root, ""), parts=parts)


def json_name(name: str) -> str:
    """The JSON name of a field that has no other, as protoc makes it: each _ goes and the letter after it is large."""
    first, *others = name.split("_")
    return first + "".join(each[:1].upper() + each[1:] for each in others)


def _changed(node: Node, at: str) -> Node:
    match node:
        case Take():
            return replace(node, path=tuple(map(json_name, node.path)))
        case Record():
            members = tuple(
                Member(json_name(each.name), _changed(each.value, f"{at}/{each.name}")) for each in node.members
            )
            if node.rest is None:
                return Record(members)
            without = tuple(map(json_name, node.rest.without))
            return Record(members, Rest(without, _changed(node.rest.each, f"{at}/*")))
        case Choose():
            node = replace(node, cases=tuple(Case(_tested(each.test, at), each.then) for each in node.cases))
        case Table() if any(not isinstance(key, str) for key, _ in node.entries):
            raise NotExpressible(target=TARGET, path=at, reason="its table has keys that are no texts")
        case Convert() if node.to not in _KEPT:
            raise NotExpressible(target=TARGET, path=at, reason=f"'{node.to}' computes with a value")
        case _:
            pass
    return mapped(node, lambda each: _changed(each, at))


def _tested(test: Test, at: str) -> Test:
    if test.type in ("int", "float", "number", "bytes"):
        raise NotExpressible(target=TARGET, path=at, reason="it asks whether a value is a number or bytes")
    return replace(
        test,
        has=tuple(map(json_name, test.has)),
        lacks=tuple(map(json_name, test.lacks)),
        equals=tuple(Equal(tuple(map(json_name, each.path)), each.value) for each in test.equals),
    )
