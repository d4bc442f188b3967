"""A chain of plans as one plan: rename after rename, constants folded, what is dropped later never computed.

`fuse` starts from `within(first, second)`, which means the chain by definition, and rewrites it. Every rewriting keeps
the value wherever the chain has one. Where the chain fails, the fused plan may succeed: it does not compute what nobody
looks at. What would be computed twice stays as it was, so that a chain of n plans is no larger than their sum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from msgspec.structs import replace

from tenor.errors import InvalidPlan, UnsettledPlan
from tenor.plans.conversions import CONVERSIONS
from tenor.plans.document import check
from tenor.plans.interpreter import passes
from tenor.plans.nodes import (
    SCOPE,
    Absent,
    Array,
    At,
    Call,
    Case,
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
    Table,
    Take,
    Todo,
    Within,
    children,
    mapped,
    may_be_absent,
    size,
    walk,
)
from tenor.plans.values import decode, encode, key

SMALL: Final = 12
"""Nodes of an expression that may stand twice."""
MOST_PAIRS: Final = 1_000


def fuse(plans: Sequence[Plan]) -> Plan:
    """One plan for a chain, oldest first. Its steps are those of all, with `hop` saying whose.

    Raises UnsettledPlan if one has a todo, InvalidPlan if they do not fit, PlanTooLarge past the limits.
    """
    if not plans:
        raise InvalidPlan("an empty chain is no plan")
    todos = [(step.path, step.sentence) for plan in plans for step in plan.todos]
    if todos:
        raise UnsettledPlan(todos)
    whole = plans[0]
    for plan in plans[1:]:
        whole = _fused(whole, plan)
    return check(whole)


def _fused(first: Plan, second: Plan) -> Plan:
    if first.format != second.format:
        raise InvalidPlan(f"a plan for {second.format} cannot follow one for {first.format}")
    if first.new and second.old and first.new != second.old:
        raise InvalidPlan("the second plan does not start at the schema the first one ends at")
    hops = 1 + max((step.hop for step in first.steps), default=0)
    later = tuple(replace(step, hop=step.hop + hops) for step in second.steps)
    rewriting = Rewriting(first, second)
    root = rewriting.whole(first.root, rewriting.second_root)
    parts = rewriting.needed(root)
    return Plan(first.format, root, parts, first.steps + later, first.old, second.new)


def simplified(plan: Plan) -> Plan:
    """A plan rewritten on its own: constants folded, dead parts gone."""
    nothing = Plan(plan.format, SCOPE)
    rewriting = Rewriting(nothing, plan)
    root = rewriting.over(SCOPE, rewriting.second_root)
    return replace(plan, root=root, parts=rewriting.needed(root))


class Rewriting:
    """Two plans becoming one. Parts of the second are renamed; a part of one on a part of the other is a new part."""

    def __init__(self, first: Plan, second: Plan) -> None:
        self._parts: dict[str, Node] = dict(first.parts)
        names = _renamed(first.parts, second.parts)
        for name, part in second.parts.items():
            self._parts[names[name]] = _with_names(part, names)
        self.second_root = _with_names(second.root, names)
        self._pairs: dict[tuple[str, str], str] = {}

    def needed(self, root: Node) -> dict[str, Node]:
        """The parts that can be reached."""
        found: dict[str, Node] = {}
        todo = [root]
        while todo:
            for node in walk(todo.pop()):
                if isinstance(node, Call) and node.name not in found:
                    found[node.name] = self._parts[node.name]
                    todo.append(found[node.name])
        return found

    # --- second on first ---------------------------------------------------------------------------------------

    def whole(self, of: Node, node: Node) -> Node:
        """A plan or part on another; what fails on the way may only look absent when rewritten: then it stays."""
        made = self.over(of, node)
        return Within(of, node) if may_be_absent(made) else made

    def over(self, of: Node, node: Node) -> Node:
        """What `within(of, node)` means, as a node in the scope of `of`."""
        if node == SCOPE:
            return of
        if of == SCOPE:
            return self._inside(node)
        if isinstance(of, Within):
            return self._within(of.of, self.over(of.then, node))
        if isinstance(of, Absent):
            return of
        if isinstance(of, Todo):
            return of
        if isinstance(node, Take):
            return self._dig(of, node)
        if may_be_absent(of) and not _is_strict(node):
            return self._within(of, self._inside(node))
        if isinstance(of, Take):
            # A record's members would each repeat the path; below it they are short.
            return self._spread(of, node) if not _has_rest(node) and _uses(node) <= 1 else self._within(of, node)
        if isinstance(of, Record):
            return self._on_record(of, node)
        if isinstance(of, Constant) and not _has_rest(node):
            return self._spread(of, node)
        if isinstance(of, Optional | Choose) and (_looks(node) or size(node) <= SMALL):
            return self._branches(of, node)
        if _uses(node) <= 1 and not _has_rest(node):
            return self._spread(of, node)
        return self._within(of, self._inside(node))

    def _within(self, of: Node, then: Node) -> Node:
        if then == SCOPE:
            return of
        if of == SCOPE:
            return then
        return Within(of, then)

    def _inside(self, node: Node) -> Node:
        """A node of the second plan in its own scope, with everything in it rewritten."""
        return self._spread(SCOPE, node)

    def _on_record(self, of: Record, node: Node) -> Node:
        """A node on a record that was just made: its members are used where they are looked for."""
        uses = Counter(path[0] if path else None for path in _taken(node))
        if uses[None]:
            # The record itself is wanted whole: once, it can stand where it is wanted.
            if sum(uses.values()) == 1 and not _has_rest(node):
                return self._spread(of, node)
            return self._within(of, self._inside(node))
        twice = {name for name, count in uses.items() if count > 1}
        if any(member.name in twice and size(member.value) > SMALL for member in of.members):
            wanted = set(uses)
            kept = tuple(member for member in of.members if member.name in wanted or _has_rest(node))
            return self._within(Record(kept, of.rest), self._inside(node))
        if _has_rest(node) and not isinstance(node, Record):
            return self._within(of, self._inside(node))
        return self._spread(of, node)

    def _branches(self, of: Optional | Choose, node: Node) -> Node:
        """A node on one of several branches: on each of them."""
        made: Node
        if isinstance(of, Optional):
            made = Optional(of.of, self.over(of.otherwise, node), self.over(of.then, node), of.when)
        else:
            cases = tuple(Case(case.test, self.over(case.then, node)) for case in of.cases)
            made = Choose(of.of, cases, None if of.otherwise is None else self.over(of.otherwise, node))
        if size(made) > size(of) + 2 * size(node) + SMALL:
            return self._within(of, self._inside(node))
        return made

    def _spread(self, of: Node, node: Node) -> Node:
        """`node` with its scope replaced by `of` throughout, and folded."""
        match node:
            case Take():
                return self._dig(of, node)
            case Constant() | Absent() | Todo():
                return node
            case Convert():
                otherwise = None if node.otherwise is None else self.over(of, node.otherwise)
                return self._convert(self.over(of, node.of), node, otherwise)
            case Record():
                return self._record(of, node)
            case Optional():
                return self._optional(of, node)
            case Choose():
                return self._choose(self.over(of, node.of), node)
            case Table():
                return self._table(self.over(of, node.of), node)
            case Array():
                return self._array(self.over(of, node.of), node)
            case Map():
                return self._map(self.over(of, node.of), node)
            case Items():
                return Items(tuple(self.over(of, each) for each in node.items))
            case Merge():
                return self._merge(tuple(self.over(of, each) for each in node.parts), node)
            case At():
                return self._at(self.over(of, node.of), node)
            case Split():
                return Split(self.over(of, node.of), node.separator, node.at, node.parts)
            case Within():
                return self.over(self.over(of, node.of), node.then)
            case Call():
                return self._call(self.over(of, node.of), node)
            case Custom():
                return Custom(node.function, node.sha256, tuple(self.over(of, each) for each in node.inputs))

    # --- looking into what was made ----------------------------------------------------------------------------

    def _dig(self, of: Node, take: Take) -> Node:
        path, maybe = take.path, take.maybe
        if not path:
            return of
        match of:
            case Take():
                return Take(of.path + path, of.maybe or maybe)
            case Record():
                return self._member(of, take)
            case Constant():
                return _in_constant(of, take)
            case Within():
                return self._within(of.of, self._dig(of.then, take))
            case Absent() | Todo():
                return of
            case Map():
                inner = self.over(self._dig(of.of, Take(path[:1], maybe)), of.each)
                return self._dig(inner, Take(path[1:], maybe))
            case Optional() if maybe or not _is_null(of.otherwise):
                otherwise: Node = Absent() if _is_null(of.otherwise) else self._dig(of.otherwise, take)
                return Optional(of.of, otherwise, self._dig(of.then, take), of.when)
            case Choose():
                cases = tuple(Case(case.test, self._dig(case.then, take)) for case in of.cases)
                return Choose(of.of, cases, None if of.otherwise is None else self._dig(of.otherwise, take))
            case _:
                return self._within(of, take)

    def _member(self, of: Record, take: Take) -> Node:
        name, path = take.path[0], take.path[1:]
        for member in of.members:
            if member.name == name:
                return self._dig(member.value, Take(path, take.maybe))
        if of.rest is not None and name not in of.rest.without:
            inner = self.over(Take((name,), take.maybe), of.rest.each)
            return self._dig(inner, Take(path, take.maybe))
        return Absent() if take.maybe else Within(Record(), take)

    # --- folding -----------------------------------------------------------------------------------------------

    def _convert(self, of: Node, node: Convert, otherwise: Node | None) -> Node:
        if isinstance(of, Constant):
            try:
                return Constant(encode(CONVERSIONS[node.to].apply(decode(of.value), node.by)))
            except ValueError:
                if otherwise is not None:
                    return otherwise
            except TypeError:
                pass
        return Convert(of, node.to, node.by, otherwise)

    def _record(self, of: Node, node: Record) -> Node:
        members = tuple(Member(member.name, self.over(of, member.value)) for member in node.members)
        members = tuple(member for member in members if not isinstance(member.value, Absent))
        if node.rest is None:
            return Record(members)
        names = {member.name for member in node.members}
        each = self._inside(node.rest.each)
        if of == SCOPE:
            return Record(members, Rest(tuple(sorted({*node.rest.without, *names})), each))
        assert isinstance(of, Record)  # over() takes no other under a record with a rest
        left = {*node.rest.without, *names}
        carried = [Member(m.name, self.over(m.value, node.rest.each)) for m in of.members if m.name not in left]
        members = (*(member for member in carried if not isinstance(member.value, Absent)), *members)
        if of.rest is None:
            return Record(members)
        without = {*of.rest.without, *left, *(member.name for member in of.members)}
        return Record(members, Rest(tuple(sorted(without)), self.over(of.rest.each, node.rest.each)))

    def _optional(self, of: Node, node: Optional) -> Node:
        value, otherwise = self.over(of, node.of), self.over(of, node.otherwise)
        return self._decided(value, node, otherwise)

    def _decided(self, value: Node, node: Optional, otherwise: Node) -> Node:
        """An optional whose value is known, if only on some branches of it."""
        if _is_null(value):
            return otherwise if node.when != "absent" else self.over(value, node.then)
        if isinstance(value, Absent):
            return otherwise if node.when != "null" else value
        if _is_something(value) or (node.when == "absent" and not may_be_absent(value)):
            return self.over(value, node.then)
        # What is absent passes an optional that looks for null only, and reaches this one.
        passing = value.when == "null" and may_be_absent(value.of) if isinstance(value, Optional) else False
        known = isinstance(value, Optional) and _is_known(value.otherwise) and _is_known(otherwise)
        if isinstance(value, Optional) and known and not (passing and node.when != "null"):
            inner = self._decided(value.then, node, otherwise)
            return Optional(value.of, self._decided(value.otherwise, node, otherwise), inner, value.when)
        return Optional(value, otherwise, self._inside(node.then), node.when)

    def _choose(self, of: Node, node: Choose) -> Node:
        if isinstance(of, Constant):
            value = decode(of.value)
            for case in node.cases:
                if passes(case.test, value):
                    return self.over(of, case.then)
            if node.otherwise is not None:
                return self.over(of, node.otherwise)
        cases = tuple(Case(case.test, self._inside(case.then)) for case in node.cases)
        return Choose(of, cases, None if node.otherwise is None else self._inside(node.otherwise))

    def _table(self, of: Node, node: Table) -> Node:
        table = {key(entry): value for entry, value in reversed(node.entries)}
        if isinstance(of, Constant):
            wanted = key(decode(of.value))
            if wanted is not None and wanted in table:
                return Constant(table[wanted])
            if node.otherwise is not None:
                return self.over(of, node.otherwise)
        otherwise = None if node.otherwise is None else self._inside(node.otherwise)
        if isinstance(of, Table) and isinstance(of.otherwise, Constant | Take | None):
            return self._tables(of, node, table, otherwise)
        return Table(of, node.entries, otherwise)

    def _tables(self, of: Table, node: Table, table: dict[Any, Any], otherwise: Node | None) -> Node:
        """A table on a table."""
        entries: list[tuple[Any, Any]] = []
        for entry, value in of.entries:
            wanted = key(decode(value))
            if wanted is not None and wanted in table:
                entries.append((entry, table[wanted]))
            elif isinstance(otherwise, Constant):
                entries.append((entry, otherwise.value))
            elif otherwise == SCOPE:
                entries.append((entry, value))
            else:
                return Table(of, node.entries, otherwise)
        if of.otherwise is None:
            return Table(of.of, tuple(entries))
        if isinstance(of.otherwise, Constant):
            rest = self._table(of.otherwise, Table(SCOPE, node.entries, otherwise))
            return (
                Table(of.of, tuple(entries), rest) if isinstance(rest, Constant) else Table(of, node.entries, otherwise)
            )
        if of.otherwise != SCOPE:
            return Table(of, node.entries, otherwise)
        known = {key(entry) for entry, _ in of.entries}
        entries += [(entry, value) for entry, value in node.entries if key(entry) not in known]
        return Table(of.of, tuple(entries), otherwise)

    def _array(self, of: Node, node: Array) -> Node:
        if isinstance(of, Array):
            return Array(of.of, self.over(of.each, node.each))
        if isinstance(of, Items) and not any(map(may_be_absent, of.items)):
            made = tuple(self.over(each, node.each) for each in of.items)
            if not any(map(may_be_absent, made)):
                return Items(made)
        each = self._inside(node.each)
        return of if each == SCOPE else Array(of, each)

    def _map(self, of: Node, node: Map) -> Node:
        if isinstance(of, Map):
            return Map(of.of, self.over(of.each, node.each))
        each = self._inside(node.each)
        return of if each == SCOPE else Map(of, each)

    def _merge(self, parts: tuple[Node, ...], node: Merge) -> Node:
        written = [decode(part.value) for part in parts if isinstance(part, Constant)]
        if len(written) == len(parts) and all(isinstance(each, str) for each in written):
            return Constant(node.separator.join(written))
        return Merge(parts, node.separator)

    def _at(self, of: Node, node: At) -> Node:
        if isinstance(of, Items) and not any(map(may_be_absent, of.items)):
            return of.items[node.index] if node.index < len(of.items) else Absent()
        return At(of, node.index)

    def _call(self, of: Node, node: Call) -> Node:
        if not isinstance(of, Call):
            return Call(node.name, of)
        pair = (of.name, node.name)
        if pair not in self._pairs:
            if len(self._pairs) >= MOST_PAIRS:
                raise InvalidPlan(f"part '{node.name}' is applied to itself")
            name = node.name
            while name in self._parts:
                name += "'"
            self._pairs[pair] = name
            self._parts[name] = self.whole(self._parts[of.name], self._parts[node.name])
        return Call(self._pairs[pair], of.of)


# --- what a node looks at --------------------------------------------------------------------------------------


def _taken(node: Node) -> Iterator[tuple[str, ...]]:
    """The paths a node takes from its own scope, each as often as it stands there."""
    if isinstance(node, Take):
        yield node.path
    for _, inner, opens in children(node):
        if not opens:
            yield from _taken(inner)


def _uses(node: Node) -> int:
    return sum(1 for _ in _taken(node))


def _has_rest(node: Node) -> bool:
    """Whether a node carries over keys of its own scope that it does not name."""
    if isinstance(node, Record) and node.rest is not None:
        return True
    return any(_has_rest(inner) for _, inner, opens in children(node) if not opens)


def _is_strict(node: Node) -> bool:
    """Whether a node is absent as soon as its scope is: every way through it starts there."""
    match node:
        case Take():
            return True
        case Convert() | Choose() | Table() | Array() | Map() | At() | Split() | Within() | Call():
            return _is_strict(node.of)
        case _:
            return False


def _looks(node: Node) -> bool:
    """Whether a node decides something about its scope itself, so that a known branch makes it shorter."""
    while isinstance(node, Convert | Table | At | Split | Within | Call):
        node = node.of
    return isinstance(node, Optional | Choose) and node.of == SCOPE


def _is_null(node: Node) -> bool:
    return isinstance(node, Constant) and node.value is None


def _is_something(node: Node) -> bool:
    """Whether a node is never null and never absent, by its form."""
    match node:
        case Constant():
            return node.value is not None
        case Record():
            return True
        case Convert():
            return not may_be_absent(node) and (node.otherwise is None or _is_something(node.otherwise))
        case Items() | Array() | Map() | Merge() | Split():
            return not may_be_absent(node)
        case _:
            return False


def _is_known(node: Node) -> bool:
    return isinstance(node, Absent | Constant)


def _in_constant(of: Constant, take: Take) -> Node:
    value = decode(of.value)
    for name in take.path:
        if take.maybe and value is None:
            return Absent()
        if not isinstance(value, dict):
            return Within(of, take)
        if name not in value:
            return Absent() if take.maybe else Within(of, take)
        value = value[name]
    return Constant(encode(value))


# --- names of parts --------------------------------------------------------------------------------------------


def _renamed(first: dict[str, Node], second: dict[str, Node]) -> dict[str, str]:
    taken = set(first)
    names = {}
    for name in second:
        fresh = name
        while fresh in taken:
            fresh += "'"
        taken.add(fresh)
        names[name] = fresh
    return names


def _with_names(node: Node, names: dict[str, str]) -> Node:
    """A node with its calls renamed."""
    if all(old == new for old, new in names.items()):
        return node
    inner = mapped(node, lambda each: _with_names(each, names))
    return Call(names[inner.name], inner.of) if isinstance(inner, Call) else inner
