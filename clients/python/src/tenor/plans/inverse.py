"""The way back: a downcast from an upcast, as far as there is one, with a note for all that it cannot restore.

`invert` always answers. What was dropped comes back as its old default where the plan knows one, else as a todo; what
was rounded, merged or collapsed comes back as something like it, and `losses` says so. Without losses the law holds

    down(up(x)) == x        for every valid old event x

(up(down(y)) == y cannot be claimed for a new event y with fields the old schema did not have.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tenor.plans.conversions import CONVERSIONS
from tenor.plans.document import check
from tenor.plans.fusion import simplified
from tenor.plans.nodes import (
    SCOPE,
    Absent,
    Array,
    At,
    Call,
    Choose,
    Constant,
    Convert,
    Custom,
    Items,
    Map,
    Member,
    Merge,
    Node,
    Optional,
    Plan,
    Record,
    Rest,
    Split,
    Step,
    StepKind,
    Table,
    Take,
    Todo,
    Within,
    may_be_absent,
    walk,
)
from tenor.plans.values import decode, encode, key

_Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Loss:
    """What a downcast cannot restore: a JSON pointer into the old event, and why."""

    path: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Inverse:
    """A downcast. It may hold todos, where the old schema asks for what nothing is left of."""

    plan: Plan
    losses: tuple[Loss, ...]

    @property
    def lossless(self) -> bool:
        """Whether down(up(x)) == x is claimed."""
        return not self.losses


_BACK: Final[Mapping[StepKind, StepKind]] = {
    "nest": "hoist",
    "hoist": "nest",
    "wrap": "unwrap",
    "unwrap": "wrap",
    "split": "merge",
    "merge": "split",
    "default": "drop",
    "optional": "copy",
    "constant": "drop",
    "drop": "default",
    "promote": "convert",
}


def invert(plan: Plan) -> Inverse:
    """The plan from new events to old ones. Raises PlanTooLarge where it would be past the limits."""
    inverting = _Inverting(plan)
    root = inverting.scope(plan.root, "")
    if may_be_absent(root):
        root = inverting.nothing()
    parts = {name: inverting.part(name) for name in plan.parts}
    steps = [_step_back(step) for step in plan.steps if step.kind != "todo"]
    todos = {node.reason for each in (root, *parts.values()) for node in walk(each) if isinstance(node, Todo)}
    steps += [Step("todo", "todo", inverting.todos.get(reason, ""), reason) for reason in sorted(todos)]
    losses = dict.fromkeys(inverting.losses)
    for step in plan.steps:
        if step.certainty in ("lossy", "todo"):
            losses[Loss(step.sources[0] if step.sources else step.path, step.sentence)] = None
    back = Plan(plan.format, root, parts, tuple(steps), plan.new, plan.old)
    return Inverse(check(simplified(back)), tuple(losses))


def _step_back(step: Step) -> Step:
    path = step.sources[0] if step.sources else step.path
    certainty = step.certainty if step.certainty != "todo" else "lossy"
    sentence = f"undoes: {step.sentence}"
    return Step(_BACK.get(step.kind, step.kind), certainty, path, sentence, (step.path,), (), step.confirmed)


@dataclass(slots=True)
class _Pieces:
    """What is known of an old value: nodes on the new one, by path; pieces of texts that were cut."""

    found: dict[_Path, Node] = field(default_factory=dict)
    cut: dict[tuple[_Path, str, int], dict[int, Node]] = field(default_factory=dict)


class _Inverting:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._parts: dict[str, Node] = {}
        self.losses: list[Loss] = []
        self.todos: dict[str, str] = {}

    def nothing(self) -> Node:
        """No way back for the whole event."""
        return self._todo("", (), "it may be missing in the new one")

    def part(self, name: str) -> Node:
        """The inverse of a sub-plan."""
        if name not in self._parts:
            self._parts[name] = SCOPE
            self._parts[name] = self.scope(self._plan.parts[name], "")
        return self._parts[name]

    def scope(self, node: Node, source: str) -> Node:
        """The inverse of a node as a function of its own scope, which is at `source` in the old event."""
        pieces = _Pieces()
        self._put(node, SCOPE, pieces, source)
        for (path, separator, parts), by_index in pieces.cut.items():
            listed = tuple(by_index.get(index, Constant("")) for index in range(parts))
            pieces.found.setdefault(path, Merge(listed, separator))
            self._lose(source, path, "its pieces are joined again, also where it had fewer")
        rest = node.rest if isinstance(node, Record) else None
        return self._whole(pieces.found, node, rest, source)

    def _whole(self, found: dict[_Path, Node], node: Node, rest: Rest | None, source: str) -> Node:
        if () in found:
            return found[()]
        dropped = {
            step.sources[0][len(source) + 1 :]: step.restore
            for step in self._plan.steps
            if step.kind == "drop" and step.sources and step.sources[0].rpartition("/")[0] == source
        }
        if not found and not dropped and rest is None and not isinstance(node, Record):
            return self._todo(source, (), "nothing is left of it")
        for name, restore in dropped.items():
            path = (name.replace("~1", "/").replace("~0", "~"),)
            if path in found or any(each[:1] == path for each in found) or name == "*":
                continue
            if restore is None:
                found[path] = self._todo(source, path, "it was dropped and had no default")
            elif not isinstance(restore, Absent):
                found[path] = restore
        made = _nested(found)
        if rest is None or not isinstance(node, Record):
            return made
        without = {*rest.without, *(member.name for member in node.members)} - {each[0] for each in found}
        inner = self.scope(rest.each, f"{source}/*")
        return Record(made.members, Rest(tuple(sorted(without)), inner))

    def _pointer(self, source: str, path: _Path) -> str:
        return source + "".join(f"/{name.replace('~', '~0').replace('/', '~1')}" for name in path)

    def _lose(self, source: str, path: _Path, sentence: str) -> None:
        self.losses.append(Loss(self._pointer(source, path), sentence))

    def _todo(self, source: str, path: _Path, reason: str) -> Todo:
        pointer = self._pointer(source, path)
        sentence = f"'{pointer or '/'}' cannot be restored: {reason}"
        self.todos[sentence] = pointer
        self._lose(source, path, reason)
        return Todo(sentence)

    def _put(self, node: Node, target: Node, pieces: _Pieces, source: str) -> None:
        """Say that `node` made `target`: what it took is known from that."""
        match node:
            case Take():
                if node.maybe and len(node.path) > 1:
                    self._lose(source, node.path, "whether what it was in was there is not known")
                pieces.found.setdefault(node.path, target)
            case Convert():
                self._convert(node, target, pieces, source)
            case Record():
                for member in node.members:
                    at = _below(target, member.name, maybe=may_be_absent(member.value))
                    self._put(member.value, at, pieces, source)
            case Within():
                inner = self.scope(node.then, self._source(node.of, source))
                self._put(node.of, _after(target, inner), pieces, source)
            case Array() | Map():
                inner = self.scope(node.each, f"{self._source(node.of, source)}/*")
                if may_be_absent(node.each):
                    self._lose(source, (), "what was left out of a list does not come back")
                each = (
                    target
                    if inner == SCOPE
                    else Array(target, inner)
                    if isinstance(node, Array)
                    else Map(target, inner)
                )
                self._put(node.of, each, pieces, source)
            case Optional():
                self._optional(node, target, pieces, source)
            case Choose():
                thens = [case.then for case in node.cases] + ([] if node.otherwise is None else [node.otherwise])
                if any(then != SCOPE for then in thens):
                    target = self._todo(source, _path(node.of), "which branch it was of is not known")
                self._put(node.of, target, pieces, source)
            case Table():
                self._put(node.of, self._table(node, target, source), pieces, source)
            case Call():
                self.part(node.name)
                self._put(node.of, Call(node.name, target), pieces, source)
            case Items():
                for index, each in enumerate(node.items):
                    self._put(each, At(target, index), pieces, source)
            case At():
                self._lose(source, _path(node.of), "only the first item is left")
                self._put(node.of, Items((target,)), pieces, source)
            case Split():
                pieces.cut.setdefault((_path(node.of), node.separator, node.parts), {})[node.at] = target
            case Merge():
                for index, each in enumerate(node.parts):
                    self._lose(source, _path(each), "it is cut out of the joined text at the first separator")
                    self._put(each, Split(target, node.separator, index, len(node.parts)), pieces, source)
            case Custom():
                for each in node.inputs:
                    path = _path(each)
                    pieces.found.setdefault(path, self._todo(source, path, f"{node.function} has no way back"))
            case Constant() | Absent() | Todo():
                return

    def _source(self, of: Node, source: str) -> str:
        return self._pointer(source, _path(of))

    def _convert(self, node: Convert, target: Node, pieces: _Pieces, source: str) -> None:
        row = CONVERSIONS[node.to]
        if row.loses or node.otherwise is not None:
            self._lose(source, _path(node.of), f"the conversion '{node.to}' loses something")
        if row.back is not None:
            back: Node = Convert(target, row.back, row.back_by(node.by))
        elif node.to in ("float32", "clamp", "truncate", "decimal_scale"):  # the type is the same
            back = target
        else:
            back = self._todo(source, _path(node.of), f"the conversion '{node.to}' has no way back")
        self._put(node.of, back, pieces, source)

    def _optional(self, node: Optional, target: Node, pieces: _Pieces, source: str) -> None:
        inner = self.scope(node.then, self._source(node.of, source))
        gone = "null" if isinstance(node.otherwise, Constant) and node.otherwise.value is None else ""
        gone = "absent" if isinstance(node.otherwise, Absent) else gone
        if gone == node.when == "null":
            back = target if inner == SCOPE else Optional(target, Constant(None), inner)
        else:
            if gone != node.when:
                self._lose(source, _path(node.of), f"what was {node.when} is not told from what took its place")
            back = _after(target, inner)
        self._put(node.of, back, pieces, source)

    def _table(self, node: Table, target: Node, source: str) -> Node:
        entries: dict[object, tuple[object, object]] = {}
        for entry, value in node.entries:
            wanted = key(decode(value))
            if wanted is None or wanted in entries:
                self._lose(source, _path(node.of), "several values became one")
                continue
            entries[wanted] = (decode(value), encode(entry))
        # Protobuf's symbols are all listed: what passes unlisted is a number without a name, which stays one.
        passes = node.otherwise == SCOPE and self._plan.format == "PROTOBUF"
        if node.otherwise is not None and not passes:
            self._lose(source, _path(node.of), "several values became one")
        unlisted = None if node.otherwise is None else SCOPE
        simple = all(isinstance(made, str | int | float | bool | None) for made, _ in entries.values())
        if not simple:
            return self._todo(source, _path(node.of), "the table's values are no keys")
        return Table(target, tuple(entries.values()), unlisted)


def _path(node: Node) -> _Path:
    """The path a node takes, if it is only that."""
    while isinstance(node, Convert | Table | Split | At | Array | Map | Within | Call | Choose | Optional):
        node = node.of
    return node.path if isinstance(node, Take) else ()


def _below(target: Node, name: str, *, maybe: bool) -> Node:
    if isinstance(target, Take):
        return Take((*target.path, name), target.maybe or maybe)
    return Within(target, Take((name,), maybe))


def _after(of: Node, node: Node) -> Node:
    return of if node == SCOPE else node if of == SCOPE else Within(of, node)


def _nested(found: Mapping[_Path, Node]) -> Record:
    """An object from nodes by path."""
    inside: dict[str, dict[_Path, Node]] = {}
    for path, node in found.items():
        inside.setdefault(path[0], {})[path[1:]] = node
    return Record(tuple(Member(name, below[()] if () in below else _nested(below)) for name, below in inside.items()))
