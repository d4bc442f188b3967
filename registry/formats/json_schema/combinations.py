"""Differences where a side is allOf, anyOf or oneOf. A combination with one branch is the same as that branch."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence

from registry.formats.json_schema.differing import Asking, Own, Step, Telling
from registry.formats.json_schema.disjoint import disjoint
from registry.formats.json_schema.model import Node, Shape


def combinations(old: Node, new: Node, step: Step) -> Telling:
    """One side, or both, is allOf, anyOf or oneOf. A combination with one branch is the same as that branch."""
    if old.shape is Shape.COMBINED and new.shape is Shape.COMBINED:
        yield from _both_combined(old, new, step)
    elif new.shape is Shape.COMBINED:
        yield from _plain_to_combined(old, new, step)
    else:
        yield from _combined_to_plain(old, new, step)


def _plain_to_combined(old: Node, new: Node, step: Step) -> Telling:
    if len(new.branches) == 1:
        step.below.append(("", old, new.branches[0]))
        return
    if new.criterion != "allOf":
        for branch in new.branches:
            if (yield old, branch):
                step.own.append(Own("SUM_TYPE_EXTENDED", "", _combination_at(new)))
                yield from _overlap(old, new, step)
                return
    step.own.append(Own("TYPE_CHANGED", "", _combination_at(new)))


def _combined_to_plain(old: Node, new: Node, step: Step) -> Telling:
    if len(old.branches) == 1:
        step.below.append(("", old.branches[0], new))
        return
    if old.criterion == "allOf":
        for branch in old.branches:
            if (yield branch, new):
                step.own.append(Own("PRODUCT_TYPE_NARROWED", "", _combination_at(old)))
                return
    step.own.append(Own("TYPE_CHANGED", "", _combination_at(old)))


def _both_combined(old: Node, new: Node, step: Step) -> Telling:
    if old.criterion != new.criterion:
        single_old, single_new = len(old.branches) == 1, len(new.branches) == 1
        looser = (
            new.criterion == "anyOf"
            or (single_old and single_new)
            or (single_old and new.criterion == "oneOf")
            or (old.criterion == "allOf" and single_new)
        )
        step.own.append(Own("COMBINED_TYPE_EXTENDED" if looser else "COMBINED_TYPE_CHANGED", "", _combination_at(new)))
        if not looser:
            return
    before, after = _distinct(old.branches), _distinct(new.branches)
    if len(after) > len(before):
        kind = "PRODUCT_TYPE_EXTENDED" if new.criterion == "allOf" else "SUM_TYPE_EXTENDED"
        step.own.append(Own(kind, "", _combination_at(new)))
    elif len(after) < len(before):
        kind = "PRODUCT_TYPE_NARROWED" if old.criterion == "allOf" else "SUM_TYPE_NARROWED"
        step.own.append(Own(kind, "", _combination_at(new)))
    pairing = yield from _matching(before, after)
    if pairing is None:
        step.own.append(Own("COMBINED_TYPE_SUBSCHEMAS_CHANGED", "", _combination_at(new)))
    else:
        step.below.extend((f"{old.criterion}/{i}", before[i], after[j]) for i, j in sorted(pairing.items()))
        yield from _overlap(old, new, step)


def _combination_at(node: Node) -> tuple[str, ...]:
    return (node.part,) if node.part in node.value else (node.criterion,) if node.criterion in node.value else ("type",)


def _distinct(branches: Sequence[Node]) -> list[Node]:
    """Branches without those that repeat an earlier one."""
    found: list[Node] = []
    seen: set[object] = set()
    for branch in branches:
        key = branch.mark if branch.mark is not None else id(branch)
        if key not in seen:
            seen.add(key)
            found.append(branch)
    return found


def _matching(before: list[Node], after: list[Node]) -> Generator[tuple[Node, Node], bool, dict[int, int] | None]:
    """Pairs of an old branch and a new one that accepts it, covering the smaller side: old index → new index.

    None if there is no such pairing, known as soon as one branch of the smaller side stays alone. Equal branches
    are paired first; each branch tries those with the same outline before others, so that long lists stay cheap.
    """
    turned = len(after) < len(before)
    rows, columns = (after, before) if turned else (before, after)
    asked: dict[tuple[int, int], bool] = {}

    def fits(row: int, column: int) -> Asking:
        if (row, column) not in asked:
            asked[row, column] = yield (columns[column], rows[row]) if turned else (rows[row], columns[column])
        return asked[row, column]

    matched, taken = _equals(rows, columns)
    outlines = [_outline(node) for node in columns]
    for row in range(len(rows)):
        if row in matched:
            continue
        # Breadth first for a chain of changed pairs that ends at a column nobody has.
        came: dict[int, int] = {}  # column → row it was reached from
        queue = deque([row])
        end: int | None = None
        while queue and end is None:
            current = queue.popleft()
            outline = _outline(rows[current])
            for column in sorted(
                range(len(columns)),
                key=lambda c: (outlines[c] != outline, c in taken, c != current),  # sorted at once
            ):
                if column in came or not (yield from fits(current, column)):
                    continue
                came[column] = current
                if column not in taken:
                    end = column
                    break
                queue.append(taken[column])
        if end is None:
            return None
        while end is not None:
            owner = came[end]
            previous = matched.get(owner)
            matched[owner], taken[end] = end, owner
            end = previous
    return {column: row for row, column in matched.items()} if turned else matched


def _equals(rows: list[Node], columns: list[Node]) -> tuple[dict[int, int], dict[int, int]]:
    """Pairs of equal branches: row → column and column → row."""
    marks: dict[object, list[int]] = {}
    for column, node in enumerate(columns):
        if node.mark is not None:
            marks.setdefault(node.mark, []).append(column)
    matched: dict[int, int] = {}
    for row, node in enumerate(rows):
        if node.mark is not None and (same := marks.get(node.mark)):
            matched[row] = same.pop()
    return matched, {column: row for row, column in matched.items()}


def _outline(node: Node) -> object:
    """What a branch looks like from afar; only the order of attempts depends on it."""
    if node.shape is Shape.OBJECT:
        return frozenset(node.children("properties"))
    return (node.shape, node.criterion)


def _overlap(old: Node, new: Node, step: Step) -> Telling:
    """oneOf refuses what two branches accept; say so unless nothing changed or no two branches can overlap."""
    if new.criterion != "oneOf" or len(new.branches) < 2:
        return
    if len(new.branches) <= _OVERLAP_LOOKED_AT:
        pairs = ((a, b) for index, a in enumerate(new.branches) for b in new.branches[index + 1 :])
        if all(disjoint(a, b) for a, b in pairs):
            return
    if old.criterion == "oneOf" and len(old.branches) == len(new.branches):
        for before, after in zip(old.branches, new.branches, strict=True):
            if not ((yield before, after) and (yield after, before)):
                break
        else:
            return
    step.own.append(Own("ONE_OF_MAY_OVERLAP", "", _combination_at(new)))


_OVERLAP_LOOKED_AT = 40
