"""Two types of events, and the plan from one to the other: what is certain, what may be meant, what nobody can know.

Derivation goes down both types at once. Each pair of types gives a node on the old value and the steps it stands for;
fields that pair with none are looked for by name and type among those that went away (`Guesses`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec
from msgspec.structs import replace as replace_step

from registry.evolution.upcasts import conversions, enums, objects
from registry.evolution.upcasts.alternatives import test_of
from registry.evolution.upcasts.decisions import Decisions
from registry.evolution.upcasts.making import Made, Where, after, constant_of, escaped
from registry.evolution.upcasts.similar import alike
from registry.evolution.upcasts.types import (
    MISSING,
    Anything,
    Array,
    Enum,
    Map,
    Object,
    Opaque,
    Scalar,
    Type,
    Union,
    accepts,
    branches,
    is_recursive,
    label,
    without_null,
)
from tenor.errors import PlanTooLarge
from tenor.plans.nodes import (
    SCOPE,
    At,
    Call,
    Candidate,
    Case,
    Certainty,
    Choose,
    Constant,
    Convert,
    Items,
    Member,
    Node,
    Optional,
    Plan,
    Record,
    Step,
    StepKind,
    Take,
    Todo,
    Within,
    may_be_absent,
    walk,
)
from tenor.plans.nodes import (
    Array as ArrayNode,
)
from tenor.plans.nodes import (
    Map as MapNode,
)
from tenor.plans.values import encode

MOST_PAIRS: Final = 20_000
"""Pairs of types compared for one plan: types that share types can unfold without measure."""


def derive(old: Type, new: Type, format: str, decisions: Decisions) -> Plan:
    """The plan from events of one type to events of another. Never fails for want of knowledge: that is a todo."""
    deriver = Deriver(format, decisions)
    try:
        made = deriver.pair(old, new, Where())
    except RecursionError:
        raise PlanTooLarge("the schemas are nested too deeply") from None
    root = made.node
    if may_be_absent(root):
        made = deriver.todo(Where(), "the whole event has no counterpart", ())
        root = made.node
    return Plan(format, root, deriver.reachable(root), tuple(deriver.settled(made.steps)))


class Deriver:
    """Derives one plan."""

    def __init__(self, format: str, decisions: Decisions) -> None:
        self.format = format
        self.decisions = decisions
        self._parts: dict[str, Node] = {}
        self._recursive: dict[tuple[int, int], Made] = {}
        self._count = 0

    # --- steps -------------------------------------------------------------------------------------------------

    def step(
        self, where: Where, kind: StepKind, certainty: Certainty, sentence: str, sources: Sequence[str] = ()
    ) -> Step:
        return Step(kind, certainty, where.path, sentence, tuple(sources) or ((where.source,) if where.source else ()))

    def todo(self, where: Where, reason: str, candidates: Sequence[Candidate]) -> Made:
        """What cannot be derived: path, reason and what may be meant."""
        shown = "; ".join(f"{each.path} ({each.reason})" for each in candidates[:3])
        sentence = f"{reason}. Candidates: {shown}" if shown else reason
        sources = (where.source,) if where.source else ()
        return Made(Todo(reason), [Step("todo", "todo", where.path, sentence, sources, tuple(candidates[:5]))])

    def suggested(self, where: Where, node: Node, kind: StepKind, sentence: str, **more: Any) -> Made | None:
        """A suggestion, unless somebody said no to it."""
        if self.decisions.get(where.path) == "no":
            return None
        step = self.step(where, kind, "suggested", sentence)
        return Made(node, [replace_step(step, **more)])

    def settled(self, steps: Sequence[Step]) -> list[Step]:
        """Each step once, with what was decided about it."""
        once = {msgspec.json.encode(step): step for step in steps}
        return [self._with_decision(step) for step in once.values()]

    def _with_decision(self, step: Step) -> Step:
        decision = self.decisions.get(step.path)
        if step.certainty == "suggested" and not step.confirmed and decision == "yes":
            return replace_step(step, confirmed=True, decision="yes")
        return replace_step(step, decision="no") if decision == "no" and step.decision is None else step

    def reachable(self, root: Node) -> dict[str, Node]:
        """The parts that the root needs."""
        found: dict[str, Node] = {}
        todo = [root]
        while todo:
            for node in walk(todo.pop()):
                if isinstance(node, Call) and node.name not in found:
                    found[node.name] = self._parts[node.name]
                    todo.append(found[node.name])
        return found

    # --- pairs of types ----------------------------------------------------------------------------------------

    def pair(self, old: Type, new: Type, where: Where) -> Made:
        """What becomes of a value of the old type."""
        self._count += 1
        if self._count > MOST_PAIRS:
            raise PlanTooLarge(f"deriving it means to compare more than {MOST_PAIRS} pairs of types", where.path)
        # Objects, lists and maps are gone into also where a copy will do, for the steps inside; recursion ends here.
        inside = isinstance(new, Object | Array | Map) and isinstance(old, Object | Array | Map)
        if (not inside or is_recursive(old)) and accepts(new, old):
            return Made(SCOPE, self._copied(old, new, where))
        if isinstance(old, Union) or isinstance(new, Union):
            return self._unions(old, new, where)
        match old, new:
            case Scalar(), Scalar():
                found = self._scalars(old, new, where)
            case Enum(), Enum():
                found = enums.enums(self, old, new, where)
            case Enum(), Scalar():
                found = enums.enum_to_scalar(self, old, new, where)
            case Scalar(), Enum():
                found = enums.scalar_to_enum(self, old, new, where)
            case Array(), Array():
                found = self._arrays(old, new, where)
            case Map(), Map() if old.keys == new.keys:
                inner = self.pair(old.values, new.values, where.below("/*", "/*"))
                return Made(SCOPE if inner.node == SCOPE else MapNode(SCOPE, inner.node), inner.steps)
            case Object(), Object():
                return self._objects(old, new, where)
            case _:
                found = self._shapes(old, new, where)
        return found or self._unknown(old, new, where)

    def _unknown(self, old: Type, new: Type, where: Where) -> Made:
        reason = f"{label(old)} cannot become {label(new)}"
        if isinstance(new, Opaque) or isinstance(old, Opaque):
            reason = f"{label(new) if isinstance(new, Opaque) else label(old)} changed and cannot be seen through"
        elif label(old) == label(new):
            reason = f"{label(old)} became narrower, and values that do not fit have no counterpart"
        if where.fallback is not None and not isinstance(new, Opaque | Anything):
            found = self.suggested(
                where, where.fallback, "constant", f"{reason}: the default takes its place and the value is dropped"
            )
            if found is not None:
                return Made(found.node, [*found.steps, self._lost(where, "the value is dropped")])
        return self.todo(where, reason, [Candidate(where.source or "/", "the value itself, in a custom step", 0.5)])

    def _lost(self, where: Where, sentence: str) -> Step:
        """A value that nothing is left of."""
        return Step("drop", "lossy", where.path, sentence, (where.source,))

    def _copied(self, old: Type, new: Type, where: Where) -> list[Step]:
        before, had_null = without_null(old)
        after, has_null = without_null(new)
        steps: list[Step] = []
        if has_null and not had_null:
            steps.append(self.step(where, "optional", "certain", "it may be null now"))
        if isinstance(after, Union) and len(branches(after)) > (len(branches(before)) if before else 0):
            steps.append(self.step(where, "branch", "certain", "more alternatives are allowed now"))
        if isinstance(before, Scalar) and isinstance(after, Scalar) and before.label != after.label:
            steps.append(self.step(where, "promote", "certain", f"{before.label} is read as {after.label}"))
        if (
            isinstance(before, Scalar)
            and isinstance(after, Scalar)
            and (before.unit, after.unit) == ("micros", "millis")
        ):
            steps.append(self.step(where, "convert", "lossy", "what is finer than a millisecond is lost when written"))
        if isinstance(before, Enum) and isinstance(after, Enum) and len(after.values) > len(before.values):
            steps.append(self.step(where, "enum", "certain", "symbols were added"))
        if isinstance(before, Enum) and isinstance(after, Scalar):
            steps.append(self.step(where, "promote", "certain", "a symbol is read as its text"))
        return steps

    def _scalars(self, old: Scalar, new: Scalar, where: Where) -> Made | None:
        found = conversions.change(old, new, self.format)
        if found is None:
            return None
        node = found.node
        sentence = found.sentence
        if found.refuses:
            if where.fallback is None:
                return None
            assert isinstance(node, Convert)
            node = Convert(node.of, node.to, node.by, where.fallback)
            sentence += "; what cannot be read becomes the default"
        if found.certainty == "suggested":
            return self.suggested(where, node, found.kind, sentence)
        return Made(node, [self.step(where, found.kind, found.certainty, sentence)])

    # --- lists and other shapes --------------------------------------------------------------------------------

    def _arrays(self, old: Array, new: Array, where: Where) -> Made | None:
        if old.shortest < new.shortest or not new.asks <= old.asks:
            return None
        inner = self.pair(old.items, new.items, where.below("/*", "/*"))
        node: Node = SCOPE if inner.node == SCOPE else ArrayNode(SCOPE, inner.node)
        if new.longest is None or (old.longest is not None and old.longest <= new.longest):
            return Made(node, inner.steps)
        cut = self.suggested(
            where,
            Convert(SCOPE, "truncate", new.longest),
            "convert",
            f"items after the first {new.longest} are dropped",
        )
        return None if cut is None else Made(after(cut.node, node), cut.steps + inner.steps)

    def _shapes(self, old: Type, new: Type, where: Where) -> Made | None:
        """One value and a list of it, a value and the object around it."""
        if where.shaped:
            return None
        where = replace(where, shaped=True)
        if isinstance(new, Array) and not isinstance(old, Array) and new.shortest <= 1 and new.longest != 0:
            inner = self.pair(old, new.items, where.below("/*", ""))
            if inner.rank < 3 and not may_be_absent(inner.node):
                made = self.suggested(where, Items((inner.node,)), "wrap", "the value becomes a list of one")
                return None if made is None else Made(made.node, made.steps + inner.steps)
        if isinstance(old, Array) and not isinstance(new, Array):
            return self._head(old, new, where)
        if isinstance(new, Object) and not isinstance(old, Object | Map):
            return self._around(old, new, where)
        if isinstance(old, Object) and not isinstance(new, Object | Map):
            return self._inside(old, new, where)
        return None

    def _head(self, old: Array, new: Type, where: Where) -> Made | None:
        inner = self.pair(old.items, new, where.below("", "/*"))
        if inner.rank == 3:
            return None
        if where.fallback is None:
            return None
        first = Optional(At(SCOPE, 0), where.fallback, inner.node, "absent")
        made = self.suggested(
            where, first, "unwrap", "the first item is taken, the default if there is none; others are dropped"
        )
        return None if made is None else Made(made.node, made.steps + inner.steps)

    def _around(self, old: Type, new: Object, where: Where) -> Made | None:
        """A value that moves into an object: a Protobuf wrapper, or the one field that has no default."""
        wanted = [each for each in new.fields if each.required and each.default is MISSING] or new.fields[:1]
        if len(wanted) != 1 or new.asks:
            return None
        target = wanted[0]
        inner = self.pair(old, target.type, where.below(f"/{escaped(target.name)}", ""))
        if inner.rank == 3 or may_be_absent(inner.node):
            return None
        members = [Member(target.name, inner.node)]
        members += [
            Member(each.name, Constant(encode(each.default)))
            for each in new.fields
            if each is not target and each.required
        ]
        sentence = f"the value becomes '{target.name}' of {label(new)}"
        if new.name.startswith("google.protobuf.") and new.name.endswith("Value"):
            return Made(Record(tuple(members)), [self.step(where, "wrap", "certain", sentence), *inner.steps])
        made = self.suggested(where, Record(tuple(members)), "nest", sentence)
        return None if made is None else Made(made.node, made.steps + inner.steps)

    def _inside(self, old: Object, new: Type, where: Where) -> Made | None:
        ranked = []
        for each in old.fields:
            inner = self.pair(each.type, new, where.below("", f"/{escaped(each.name)}"))
            if inner.rank < 3:
                ranked.append((len(old.fields) > 1, inner.rank, -alike(each.name, where.name), each, inner))
        if not ranked:
            return None
        _, _, _, each, inner = min(ranked, key=lambda entry: entry[:3])
        if not each.required and where.fallback is None:
            return None
        node: Node = Within(Take((each.name,), not each.required), inner.node)
        if not each.required:
            assert where.fallback is not None
            node = Optional(Take((each.name,), True), where.fallback, inner.node, "absent")
        sentence = f"'{each.name}' of {label(old)} takes the place of the whole"
        lost = [
            self._lost(where.below("", f"/{escaped(other.name)}"), f"'{other.name}' is dropped")
            for other in old.fields
            if other is not each
        ]
        if not each.required:
            lost.append(self._lost(where, f"an object without '{each.name}' is not told from none"))
        if old.name.startswith("google.protobuf.") and old.name.endswith("Value"):
            return Made(node, [self.step(where, "unwrap", "certain", sentence), *inner.steps, *lost])
        made = self.suggested(where, node, "hoist", f"{sentence}; the rest is dropped")
        return None if made is None else Made(made.node, made.steps + inner.steps + lost)

    # --- unions ------------------------------------------------------------------------------------------------

    def _unions(self, old: Type, new: Type, where: Where) -> Made:
        before, had_null = without_null(old)
        after, has_null = without_null(new)
        if after is None:
            return self._unknown(old, new, where)
        if where.fallback is None and has_null:
            where = replace(where, fallback=Constant(None))
        core = Made(SCOPE) if before is None else self._alternatives(before, after, where)
        if not had_null or has_null:
            steps = core.steps
            if has_null and not had_null:
                steps = [*steps, self.step(where, "optional", "certain", "it may be null now")]
            node = Optional(SCOPE, Constant(None), core.node) if had_null and core.node != SCOPE else core.node
            return Made(node, steps)
        if where.fallback is None:
            reason = f"null has no counterpart in {label(new)} and there is no default"
            found = self.todo(where, reason, [Candidate(where.source or "/", "a constant for null", 0.5)])
            return Made(found.node, found.steps + core.steps)
        shown = constant_of(where.fallback)
        sentence = f"null becomes {'the default' if shown is MISSING else repr(shown)}"
        made = self.suggested(where, Optional(SCOPE, where.fallback, core.node), "optional", sentence)
        if made is None:
            return self.todo(where, f"null has no counterpart in {label(new)}", ())
        return Made(made.node, made.steps + core.steps)

    def _alternatives(self, old: Type, new: Type, where: Where) -> Made:
        made = [self._best(each, branches(new), where) for each in branches(old)]
        if len(made) == 1:
            return made[0]
        steps = [step for each in made for step in each.steps]
        if all(each.node == SCOPE for each in made):
            return Made(SCOPE, steps)
        cases: list[Case] = []
        for branch, each in zip(branches(old), made, strict=True):
            test = test_of(branch, [other for other in branches(old) if other is not branch])
            if test is None:
                reason = f"{label(branch)} cannot be told from the other alternatives of {label(old)}"
                found = self.todo(
                    where, reason, [Candidate(where.source or "/", "a custom step that tells them apart", 0.5)]
                )
                return Made(found.node, found.steps + steps)
            cases.append(Case(test, each.node))
        sentence = f"each alternative of {label(old)} goes its own way"
        return Made(Choose(SCOPE, tuple(cases)), [self.step(where, "branch", "certain", sentence), *steps])

    def _best(self, old: Type, new: Sequence[Type], where: Where) -> Made:
        """The alternative that suits a type best: the same type, else the first of the surest."""
        if not new:  # a union of nothing
            return self._unknown(old, Union([]), where)
        ranked = []
        for index, each in enumerate(new):
            if isinstance(old, Object) and isinstance(each, Object):
                closeness = 0 if old.name == each.name else 1
            else:
                closeness = 0 if label(old) == label(each) else 1
            made = self.pair(old, each, where)
            ranked.append((made.rank, closeness, index, made))
        rank, _, _, best = min(ranked, key=lambda entry: entry[:3])
        if rank == 3 and len(new) > 1 and len(best.steps) == 1:
            return self._unknown(old, Union(list(new)), where)
        return best

    # --- objects -----------------------------------------------------------------------------------------------

    def _objects(self, old: Object, new: Object, where: Where) -> Made:
        pair = (id(old), id(new))
        if pair in self._recursive:
            return self._recursive[pair]
        if not (is_recursive(old) and is_recursive(new)):
            return objects.made(self, old, new, where)
        name = new.name.rpartition(".")[2] or "part"
        while name in self._parts:
            name += "'"
        self._parts[name] = SCOPE
        self._recursive[pair] = Made(Call(name))
        made = objects.made(self, old, new, where)
        self._parts[name] = made.node
        found = self._recursive[pair] = Made(Call(name), made.steps)
        return found
