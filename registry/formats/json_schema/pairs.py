"""What one pair of nodes differs in: the rules of Confluent's structural diff.

`judge(old, new)` is a generator: it yields pairs of nodes it has to know about, is sent whether the second accepts
what the first does, and returns the differences of the pair itself and the pairs to look into below it. So the
caller decides how deep things go (`compare.py`), and nothing here recurses.

Source: the behaviour of Confluent Schema Registry, restated in rules of our own. Where that behaviour is not known,
the specification decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from registry.formats.json_schema.arrays import arrays
from registry.formats.json_schema.combinations import combinations
from registry.formats.json_schema.differing import Judging, Own, Step, Telling
from registry.formats.json_schema.model import Node, Shape
from registry.formats.json_schema.objects import objects
from registry.formats.json_schema.scalars import conditionals, consts, enums, negations, numbers, strings
from registry.formats.json_schema.text import Json, identity


def judge(old: Node, new: Node) -> Judging:
    """Compare one pair; see the module."""
    step = Step()
    _annotations(old, new, step)
    if old.shape is Shape.NEVER or new.shape is Shape.ANY:
        return step
    if new.shape is Shape.COMBINED or old.shape is Shape.COMBINED:
        yield from combinations(old, new, step)
    elif old.shape is not new.shape:
        _other_type(old, new, step)
    else:
        if new.typed and not old.states_type:
            # What the reference does here is not known; the specification refuses values of other types.
            step.own.append(Own("TYPE_NARROWED", "", ("type",)))
        if old.shape in _AT_ONCE:
            _AT_ONCE[old.shape](old, new, step)
        elif old.shape in _ASKING:
            yield from _ASKING[old.shape](old, new, step)
    return step


def _annotations(old: Node, new: Node, step: Step) -> None:
    if old.part or new.part:
        return
    for kind, keywords in _ANNOTATIONS:
        before = next((old.value[keyword] for keyword in keywords if keyword in old.value), None)
        after = next((new.value[keyword] for keyword in keywords if keyword in new.value), None)
        if before is not after and identity([before]) != identity([after]):
            step.own.append(Own(kind, "", (keywords[0],)))
    if (old_id := _own_id(old)) != (new_id := _own_id(new)):
        step.own.append(Own("ID_CHANGED", "", ("$id",) if old_id or new_id else ()))


_ANNOTATIONS = (
    ("TITLE_CHANGED", ("title",)),
    ("DESCRIPTION_CHANGED", ("description",)),
    ("DEFAULT_CHANGED", ("default",)),
)


def _own_id(node: Node) -> Json:
    found = node.value.get(node.place.draft.id_keyword)
    return found if type(found) is str else None


def _other_type(old: Node, new: Node, step: Step) -> None:
    if old.value.get("connect.type") == "bytes" and new.value.get("connect.type") == "bytes":
        step.own.append(Own("CONNECT_BYTES_TYPE_CHANGED", "", ("type",)))
    else:
        step.own.append(Own("TYPE_CHANGED", "", ("type",)))


_AT_ONCE: Mapping[Shape, Callable[[Node, Node, Step], None]] = {
    Shape.STRING: strings,
    Shape.NUMBER: numbers,
    Shape.ENUM: enums,
    Shape.CONST: consts,
}
_ASKING: Mapping[Shape, Callable[[Node, Node, Step], Telling]] = {
    Shape.OBJECT: objects,
    Shape.ARRAY: arrays,
    Shape.NOT: negations,
    Shape.CONDITIONAL: conditionals,
}
