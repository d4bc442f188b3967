"""Objects: which field comes from which, what is new, what goes away, and what is carried over unseen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace as replace_step

from registry.evolution.upcasts.guessing import Guess, guesses
from registry.evolution.upcasts.making import Made, Where, after, escaped, looks
from registry.evolution.upcasts.similar import alike
from registry.evolution.upcasts.types import MISSING, Anything, Field, Object, Type, label, without_null
from tenor.errors import InvalidPlan
from tenor.plans.nodes import (
    SCOPE,
    Absent,
    Candidate,
    Case,
    Choose,
    Constant,
    Custom,
    Equal,
    Member,
    Node,
    Optional,
    Record,
    Rest,
    Step,
    Table,
    Take,
    Test,
)
from tenor.plans.values import encode

if TYPE_CHECKING:
    from registry.evolution.upcasts.deriving import Deriver


def made(deriver: Deriver, old: Object, new: Object, where: Where) -> Made:
    """An object of the new type from one of the old."""
    return _Fields(deriver, old, new, where).made()


@dataclass(slots=True)
class Match:
    """A field of the old object that a new one surely comes from, and how that is known."""

    field: Field
    how: str
    """name, alias, number; or unsure: number and name disagree."""


def fallback(field: Field) -> Node | None:
    """What stands for a field that has no value; None if nothing does."""
    if field.default is not MISSING:
        return Constant(encode(field.default))
    if not field.required:
        return Absent()
    return Constant(None) if without_null(field.type)[1] else None


def matched(format: str, old: Object, new: Object) -> dict[str, Match]:
    """The fields of which nobody doubts where they come from, by the new name."""
    found: dict[str, Match] = {}
    taken: set[str] = set()

    def take(field: Field, source: Field | None, how: str) -> None:
        if source is not None and field.name not in found and source.name not in taken:
            found[field.name] = Match(source, how)
            taken.add(source.name)

    if format == "PROTOBUF":
        by_number = {each.number: each for each in old.fields}
        for each in new.fields:
            source = by_number.get(each.number)
            if source is not None:
                namesake = old.named(each.name)
                crossing = namesake is not None and namesake is not source
                take(each, source, "unsure" if crossing else "name" if source.name == each.name else "number")
    for each in new.fields:
        take(each, old.named(each.name), "unsure" if format == "PROTOBUF" else "name")
    for each in new.fields:
        for alias in each.aliases:
            take(each, old.named(alias), "alias")
    return found


class _Fields:
    def __init__(self, deriver: Deriver, old: Object, new: Object, where: Where) -> None:
        self._deriver = deriver
        self._old = old
        self._new = new
        self._where = where
        self._steps: list[Step] = []
        self._used: set[str] = set()

    def made(self) -> Made:
        extra = self._new.asks - self._old.asks
        if extra:
            reason = "the object must meet conditions that old ones need not meet"
            return self._deriver.todo(self._where, reason, ())
        certain = matched(self._deriver.format, self._old, self._new)
        by_hand = {each.name for each in self._new.fields if self._decision(each) is not None}
        free = [each for each in self._new.fields if each.name not in certain and each.name not in by_hand]
        sources = {match.field.name for name, match in certain.items() if name not in by_hand}
        left = [each for each in self._old.fields if each.name not in sources]
        guessed = guesses(self._deriver, left, free, self._where, self.field)
        members: list[Member] = []
        for each in self._new.fields:
            at = self._at(each)
            if each.name in by_hand:
                found = self._by_hand(each, at)
            elif each.name in certain:
                found = self._matched(each, certain[each.name], at)
            elif each.name in guessed:
                guess = guessed[each.name]
                self._used |= guess.sources
                found = guess.made[each.name]
            else:
                found = self._new_field(each, at, left)
            self._steps += found.steps
            members.append(Member(each.name, found.node))
        members = self._one_of(members, certain)
        self._dropped(guessed)
        return Made(self._record(members), self._steps)

    def _at(self, each: Field) -> Where:
        path = f"{self._where.path}/{escaped(each.name)}"
        return Where(path, "", each.name, "", fallback(each))

    def _decision(self, each: Field) -> Mapping[str, Any] | None:
        found = self._deriver.decisions.get(f"{self._where.path}/{escaped(each.name)}")
        return found if isinstance(found, Mapping) else None

    # --- one field ---------------------------------------------------------------------------------------------

    def field(self, source: Field, each: Field, at: Where) -> Made:
        """A field from another one: its value, and what happens where that is missing."""
        inside = replace(
            at, source=f"{self._where.source}/{escaped(source.name)}", old_name=source.name, fallback=fallback(each)
        )
        inner = self._deriver.pair(source.type, each.type, inside)
        if not looks(inner.node) and inner.rank < 3 and not any(step.kind == "drop" for step in inner.steps):
            lost = Step("drop", "lossy", at.path, f"nothing of '{source.name}' is left", (inside.source,))
            inner = Made(inner.node, [*inner.steps, lost])
        if source.required:
            return Made(after(Take((source.name,)), inner.node), inner.steps)
        take = Take((source.name,), True)
        if not each.required:
            return Made(after(take, inner.node), inner.steps)
        if inside.fallback is None:
            reason = f"'{each.name}' is required now and may be missing in old events, and there is no default"
            found = self._deriver.todo(
                inside, reason, [Candidate(inside.source, "a constant where it is missing", 0.5)]
            )
            return Made(found.node, found.steps + inner.steps)
        node = Optional(take, inside.fallback, inner.node, "absent")
        if each.default is not MISSING:
            step = self._deriver.step(inside, "default", "certain", "where it was missing it gets its default")
            return Made(node, [step, *inner.steps])
        guess = self._deriver.suggested(inside, node, "default", "where it was missing it becomes null")
        if guess is None:
            return self._deriver.todo(inside, f"'{each.name}' is required now and may be missing in old events", ())
        return Made(guess.node, guess.steps + inner.steps)

    def _matched(self, each: Field, match: Match, at: Where) -> Made:
        source = match.field
        self._used.add(source.name)
        found = self.field(source, each, at)
        pointer = f"{self._where.source}/{escaped(source.name)}"
        at = replace(at, source=pointer)
        if match.how == "unsure":
            sentence = f"'{source.name}' = {source.number} becomes '{each.name}' = {each.number}"
            guess = self._deriver.suggested(at, found.node, "rename", sentence)
            if guess is None:
                self._used.discard(source.name)
                return self._new_field(each, replace(at, source=""), [])
            return Made(guess.node, guess.steps + found.steps)
        if match.how in ("alias", "number"):
            known = "an alias" if match.how == "alias" else f"its number {each.number}"
            step = self._deriver.step(at, "rename", "certain", f"'{source.name}' is now '{each.name}', by {known}")
            return Made(found.node, [step, *found.steps])
        return found

    def _new_field(self, each: Field, at: Where, left: Sequence[Field]) -> Made:
        """A field that no old one stands for."""
        deriver = self._deriver
        if self._old.others is not None:
            # An open object may hold anything under the name; it was never declared.
            sentence = f"what undeclared '{each.name}' old events may hold is not carried over"
            source = f"{self._where.source}/{escaped(each.name)}"
            self._steps.append(Step("drop", "lossy", at.path, sentence, (source,)))
        if each.default is not MISSING and each.required:
            step = deriver.step(at, "default", "certain", f"'{each.name}' is new and gets its default")
            return Made(Constant(encode(each.default)), [step])
        if not each.required:
            step = deriver.step(at, "optional", "certain", f"'{each.name}' is new and optional: it is left out")
            return Made(Absent(), [step])
        if without_null(each.type)[1]:
            guess = deriver.suggested(at, Constant(None), "constant", f"'{each.name}' is new and becomes null")
            if guess is not None:
                return guess
        candidates = self._candidates(each, left)
        reason = f"required field '{each.name}' ({label(each.type)}) has no source and no default"
        if candidates and deriver.format == "AVRO":
            reason += "; add an alias if it is a rename"
        return deriver.todo(at, reason, candidates)

    def _candidates(self, each: Field, left: Sequence[Field]) -> list[Candidate]:
        """Old fields that went away, the most alike first; those of another type only if the names are alike."""
        found = []
        for other in left or self._old.fields:
            score = alike(other.name, each.name)
            same = label(other.type) == label(each.type)
            if score >= 0.3 or (same and left):
                what = "a removed field" if left else "a field"
                reason = f"{what} of the same type" if same else f"{what} of type {label(other.type)}"
                found.append(Candidate(f"{self._where.source}/{escaped(other.name)}", reason, round(score, 3)))
        return sorted(found, key=lambda candidate: -candidate.score)

    # --- what people decided -----------------------------------------------------------------------------------

    def _by_hand(self, each: Field, at: Where) -> Made:
        decision = self._decision(each)
        assert decision is not None
        if "constant" in decision:
            return self._decided(at, Constant(encode(decision["constant"])), "constant", "a constant", (), decision)
        if "custom" in decision:
            inputs = [self._source(pointer, at) for pointer in decision["inputs"]]
            custom = Custom(str(decision["custom"]), str(decision["sha256"]), tuple(take for take, _ in inputs))
            return self._decided(at, custom, "custom", f"by {decision['custom']}", decision["inputs"], decision)
        pointer = decision.get("from", f"{self._where.source}/{escaped(each.name)}")
        take, kind = self._source(pointer, at)
        if "table" in decision:
            otherwise = Constant(encode(decision["otherwise"])) if "otherwise" in decision else None
            node = Table(take, tuple((key, encode(value)) for key, value in decision["table"]), otherwise)
            return self._decided(at, self._present(node, take, each), "table", "by a table", [pointer], decision)
        inner = self._deriver.pair(kind, each.type, replace(at, source=pointer, fallback=fallback(each)))
        whole = self._present(after(take, inner.node), take, each)
        found = self._decided(at, whole, "rename", f"from {pointer}", [pointer], decision)
        confirmed = [
            replace_step(step, confirmed=True) if step.certainty == "suggested" else step for step in inner.steps
        ]
        return Made(found.node, found.steps + confirmed)

    def _present(self, node: Node, take: Take, each: Field) -> Node:
        other = fallback(each)
        if not take.maybe or not each.required or other is None:
            return node
        return Optional(node, other, SCOPE, "absent")

    def _decided(
        self, at: Where, node: Node, kind: Any, sentence: str, sources: Sequence[str], decision: Mapping[str, Any]
    ) -> Made:
        name = at.name
        return Made(
            node,
            [Step(kind, "suggested", at.path, f"'{name}' {sentence}", tuple(sources), (), True, dict(decision))],
        )

    def _source(self, pointer: str, at: Where) -> tuple[Take, Type]:
        """The node of a pointer into the old event, which must lie in this object; and its type."""
        above = self._where.source
        if not pointer.startswith(f"{above}/"):
            raise InvalidPlan(f"'{pointer}' is not inside '{above or '/'}', where this field is made", at.path)
        names = [part.replace("~1", "/").replace("~0", "~") for part in pointer[len(above) + 1 :].split("/")]
        kind: Type = self._old
        maybe = False
        for name in names:
            inside, had_null = without_null(kind)
            found = inside.named(name) if isinstance(inside, Object) else None
            if found is None:
                raise InvalidPlan(f"the old schema has no '{pointer}'", at.path)
            maybe = maybe or had_null or not found.required
            kind = found.type
        self._used.add(names[0])
        return Take(tuple(names), maybe), kind

    # --- what is left ------------------------------------------------------------------------------------------

    def _one_of(self, members: list[Member], certain: Mapping[str, Match]) -> list[Member]:
        """Of fields that share a oneof now and did not before, the last that is there stays, as on Protobuf's wire."""
        groups: dict[str, list[tuple[Field, Field]]] = {}
        for each in self._new.fields:
            if each.oneof and each.name in certain:
                groups.setdefault(each.oneof, []).append((each, certain[each.name].field))
        nodes = {member.name: member.value for member in members}
        for oneof, pairs in groups.items():
            befores = {source.oneof or f"={source.name}" for _, source in pairs}
            implicit = any(source.required for _, source in pairs)
            if len(befores) == 1 and not implicit:
                continue
            for index, (each, source) in enumerate(pairs):
                node = nodes[each.name]
                for _, later in pairs[index + 1 :]:
                    if later.oneof and later.oneof == source.oneof:
                        continue
                    node = _unless_given(later, node)
                if source.required:
                    unset = Test(equals=(Equal((source.name,), _plain(source.default)),))
                    node = Choose(SCOPE, (Case(unset, Absent()),), node)
                nodes[each.name] = node
            path = f"{self._where.path}/{escaped(pairs[-1][0].name)}"
            sentence = f"fields moved into oneof '{oneof}': the last that is there stays"
            sources = tuple(f"{self._where.source}/{escaped(source.name)}" for _, source in pairs)
            self._steps.append(Step("branch", "lossy", path, sentence, sources))
        return [Member(member.name, nodes[member.name]) for member in members]

    def _dropped(self, guessed: Mapping[str, Guess]) -> None:
        hoisted = {inner for guess in guessed.values() for inner in guess.hoisted}
        for each in self._old.fields:
            pointer = f"{self._where.source}/{escaped(each.name)}"
            path = f"{self._where.path}/{escaped(each.name)}"
            parts = [inner for name, inner in hoisted if name == each.name]
            if parts:
                kind, _ = without_null(each.type)
                assert isinstance(kind, Object)
                for inner in kind.fields:
                    if inner.name not in parts:
                        self._drop(inner, f"{path}/{escaped(inner.name)}", f"{pointer}/{escaped(inner.name)}")
            elif each.name not in self._used:
                self._drop(each, path, pointer)

    def _drop(self, each: Field, path: str, pointer: str) -> None:
        restore = fallback(each)
        self._steps.append(Step("drop", "lossy", path, f"'{each.name}' is dropped", (pointer,), restore=restore))

    def _record(self, members: list[Member]) -> Node:
        """The new object; the scope itself where nothing changes."""
        rest = self._rest()
        same = {
            member.name for member in members if isinstance(member.value, Take) and member.value.path == (member.name,)
        }
        kept = tuple(member for member in members if not isinstance(member.value, Absent))
        names = {each.name for each in self._old.fields}
        if rest is None:
            whole = same == names and len(same) == len(members) and self._old.others is None
            return SCOPE if whole else Record(kept)
        if rest != SCOPE:
            without = names | {member.name for member in members}
            return Record(kept, Rest(tuple(sorted(without)), rest))
        # What keeps its name and value is carried over with the rest.
        changed = tuple(member for member in kept if member.name not in same)
        gone = (names - same) | {member.name for member in members if isinstance(member.value, Absent)}
        if not changed and not gone:
            return SCOPE
        return Record(changed, Rest(tuple(sorted(gone - {member.name for member in changed}))))

    def _rest(self) -> Node | None:
        old, new = self._old.others, self._new.others
        if old is None:
            return None
        at = Where(f"{self._where.path}/*", f"{self._where.source}/*", fallback=Absent())
        if new is None or (isinstance(old, Anything) and not isinstance(new, Anything)):
            why = "may be there any more" if new is None else "need fit"
            sentence = f"undeclared fields are dropped: none {why}"
            self._steps.append(Step("drop", "lossy", at.path, sentence, (at.source,)))
            return None
        found = self._deriver.pair(old, new, at)
        if found.rank == 3:
            sentence = "undeclared fields are dropped: their type changed"
            self._steps.append(Step("drop", "lossy", at.path, sentence, (at.source,)))
            return None
        self._steps += found.steps
        return found.node


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) else None


def _unless_given(later: Field, node: Node) -> Node:
    """A node, absent if a later field is there."""
    if not later.required:
        return Choose(SCOPE, (Case(Test(lacks=(later.name,)), node),), Absent())
    return Choose(SCOPE, (Case(Test(equals=(Equal((later.name,), _plain(later.default)),)), node),), Absent())
