"""What somebody wrote by hand into a generated Python module, so that it can be generated again."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tenor.errors import InvalidPlan

BY_HAND: Final = "# Written by hand: generated again, these stay as they are."
DECISIONS: Final = "DECISIONS"


@dataclass(frozen=True, slots=True)
class Kept:
    """What somebody wrote into a module: all below BY_HAND but todos, the functions there by name, and decisions."""

    text: str = ""
    functions: Mapping[str, str] = field(default_factory=dict)
    decisions: Mapping[str, Any] = field(default_factory=dict)


NOTHING: Final = Kept()


def kept_of(text: str) -> Kept:
    """What was written by hand into a generated module. Raises InvalidPlan for a text that is no Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise InvalidPlan(f"the module that is to be generated again is no Python: {error}") from None
    lines: list[str | None] = [*text.split("\n")]
    functions, decisions = {}, {}
    start = next((number for number, line in enumerate(lines, 1) if line == BY_HAND), len(lines) + 1)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.lineno > start:
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)]) - 1
            if _is_todo(node):
                lines[first : node.end_lineno] = [None] * ((node.end_lineno or first) - first)
            else:
                functions[node.name] = "\n".join(line for line in lines[first : node.end_lineno] if line is not None)
        target = node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(node, ast.AnnAssign) and isinstance(target, ast.Name) and target.id == DECISIONS and node.value:
            try:
                decisions = {
                    path: said for path, said in ast.literal_eval(node.value).items() if said not in ("", None)
                }
            except (ValueError, AttributeError):
                raise InvalidPlan(f"line {node.lineno}: {DECISIONS} is a dict of literals") from None
    written = "\n".join(line for line in lines[start:] if line is not None)
    return Kept(written.strip("\n"), functions, decisions)


def _is_todo(function: ast.FunctionDef) -> bool:
    marks = [
        each.func.id
        for each in function.decorator_list
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)
    ]
    return "todo" in marks
