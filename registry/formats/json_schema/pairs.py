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
from registry.formats.json_schema.text import identity


def judge(old: Node, new: Node) -> Judging:
    """Compare one pair; see the module."""
    step = at_once(old, new)
    if step is None:
        step = Step()
        _annotations(old, new, step)
        if new.shape is Shape.COMBINED or old.shape is Shape.COMBINED:
            yield from combinations(old, new, step)
        else:
            _stated_type(old, new, step)
            yield from _ASKING[old.shape](old, new, step)
    return step


def at_once(old: Node, new: Node) -> Step | None:
    """The same for a pair that needs to know of no other; None for the rest."""
    shape, plain = old.shape, new.shape is not Shape.ANY and old.shape is not Shape.NEVER
    if plain and (shape is Shape.COMBINED or new.shape is Shape.COMBINED):
        return None
    if plain and shape is new.shape and shape in _ASKING:
        return None
    step = Step()
    _annotations(old, new, step)
    if plain and shape is not new.shape:
        _other_type(old, new, step)
    elif plain and shape in _AT_ONCE:
        _stated_type(old, new, step)
        _AT_ONCE[shape](old, new, step)
    return step


def _stated_type(old: Node, new: Node, step: Step) -> None:
    """What the reference does where only the new side states a type is not known; the specification refuses others."""
    if new.typed and not old.states_type:
        step.own.append(Own("TYPE_NARROWED", "", ("type",)))


def _annotations(old: Node, new: Node, step: Step) -> None:
    if old.part or new.part:
        return
    before, after = old.value, new.value
    for kind, keyword in _ANNOTATIONS:
        one, other = before.get(keyword), after.get(keyword)
        if one is not other and (type(one) is not type(other) or identity(one) != identity(other)):
            step.own.append(Own(kind, "", (keyword,)))
    one, other = before.get(old.place.draft.id_keyword), after.get(new.place.draft.id_keyword)
    if one != other and (type(one) is str or type(other) is str):
        step.own.append(Own("ID_CHANGED", "", (new.place.draft.id_keyword,)))


_ANNOTATIONS = (("TITLE_CHANGED", "title"), ("DESCRIPTION_CHANGED", "description"), ("DEFAULT_CHANGED", "default"))


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
