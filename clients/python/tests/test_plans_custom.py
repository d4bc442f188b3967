"""Hand-written steps: what the subset takes and refuses, what the hash sees, where functions are found."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tenor.errors import CustomStepRefused, UpcastFailed
from tenor.plans import Plan, check, compile_plan, interpret
from tenor.plans.custom import SHAPES, Customs, checked
from tenor.plans.nodes import Custom, Member, Record, Take

TAKEN = [
    "def f(a):\n    return a",
    "def f(full):\n    'A docstring.'\n    return full.split(' ', 1)[0].strip()",
    "def f(a, b):\n    if a is None:\n        return b\n    elif b is None:\n        return a\n    return f'{a} {b}'",
    "def f(cents):\n    return f'{cents / 100:.2f} EUR'",
    "def f(lines):\n    return sum([int(x['n']) * int(x['p']) for x in lines])",
    "def f(d):\n    return {k: v.lower() for k, v in d.items() if v is not None}",
    "def f(text):\n    parts = text.split('-')\n    return {'year': int(parts[0]), 'rest': '/'.join(parts[1:])}",
    "def f(a):\n    return {'A': 1, 'B': 2}.get(a, 0)",
    "def f(a: str) -> bool:\n    return not a or a in ['x', 'y'] and len(a) >= 1",
    "def f(a):\n    return a * 100 + 0.5",
]
REFUSED = [
    "import os\n",
    "def f(a):\n    import os\n    return a",
    "def f(a):\n    return a.__class__",
    "def f(a):\n    return __import__('os')",
    "def f(a):\n    return open(a)",
    "def f(a):\n    return eval(a)",
    "def f(a):\n    while True:\n        a = 1",
    "def f(a):\n    for x in a:\n        return x",
    "def f(a):\n    global b\n    return a",
    "def f(a):\n    return (lambda: a)()",
    "def f(*a):\n    return a",
    "def f(a, **b):\n    return a",
    "def f(a=1):\n    return a",
    "@property\ndef f(a):\n    return a",
    "async def f(a):\n    return a",
    "def f(a):\n    return max(*a)",
    "def f(a):\n    return sorted(a, key=len)",
    "def f(a):\n    return a ** 2",
    "def f(a):\n    return 1 << a",
    "def f(a, b):\n    return a * b",
    "def f(a):\n    return a * 1000",
    "def f(a, b):\n    return a * int(b)",
    "def f(a):\n" + "".join("    a = a + a\n" for _ in range(40)) + "    return a",
    "def f(a):\n    return [a for x in a]",
    "def f(a):\n    return [x for x in a for y in a]",
    "def f(a):\n    return f'{a:>1000000000}'",
    "def f(a):\n    return f'{a!r}'",
    "def f(a):\n    return a.ljust(1000000000)",
    "def f(a):\n    return '0'.zfill(a)",
    "def f(a):\n    return a.replace('', a)",
    "def f(a):\n    return a.format(a)",
    "def f(a):\n    return '%s' % a",
    "def f(a):\n    return (b := a)",
    "def f(a):\n    return b",
    "def f(len):\n    return len",
    "def f(_a):\n    return _a",
    "def f(a):\n    a.b = 1\n    return a",
    "def f(a):\n    a['b'] = 1\n    return a",
    "def f(a):\n    del a\n    return 1",
    "def f(a):\n    return {**a}",
    "def f(a):\n    return b'x'",
    "def f(a):\n    yield a",
    "def f(a):\n    return a is a",
    "def f(a):\n    try:\n        return a\n    except Exception:\n        return 1",
    "def f(a):\n    raise a",
    "def f(a):\n    '''Nothing.'''",
    "def f(a):\n    return " + "(" * 90 + "a" + ")" * 90 + "[0]" * 90,
    "not python",
]


@pytest.mark.parametrize("source", TAKEN)
def test_the_subset_takes(source: str) -> None:
    step = checked(source)
    for statement in step.body:
        for node in ast.walk(statement):
            assert type(node) in SHAPES or isinstance(node, ast.expr_context)


@pytest.mark.parametrize("source", REFUSED, ids=lambda text: text[:60].replace("\n", " "))
def test_the_subset_refuses(source: str) -> None:
    with pytest.raises(CustomStepRefused):
        checked(source)


def test_a_refusal_names_the_line() -> None:
    with pytest.raises(CustomStepRefused, match="custom step f is refused: line 3: the operator Pow is not"):
        checked("def f(a):\n    b = 1\n    return a ** b")


def test_the_hash_sees_what_is_done_and_nothing_else() -> None:
    one = checked("def f(a):\n    return a + 1")
    assert one.sha256 == checked("def g(a: int) -> int:\n    'Doc.'\n    # why\n    return (a   +   1)").sha256
    assert one.sha256 != checked("def f(a):\n    return a + 2").sha256
    assert one.sha256 != checked("def f(a):\n    return a + 1.0").sha256
    assert one.sha256 != checked("def f(b):\n    return b + 1").sha256


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "shop_steps.py").write_text(
        "raised = []\n\n\ndef first(full):\n    return full.split(' ', 1)[0]\n\n\ndef third(a):\n    return a[2]\n"
    )
    (tmp_path / "shadow_steps.py").write_text("def len(a):\n    return 1\n\n\ndef f(a):\n    return len(a)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "shop_steps"
    sys.modules.pop("shop_steps", None)
    sys.modules.pop("shadow_steps", None)


def plan(function: str, source: str) -> Plan:
    node = Custom(function, checked(source).sha256, (Take(("name",)),))
    return check(Plan("JSON", Record((Member("first", node),))))


FIRST = "def first(full):\n    return full.split(' ', 1)[0]"


def test_a_step_runs_from_a_named_package(package: str) -> None:
    made = plan("shop_steps:first", FIRST)
    functions = Customs([package]).resolve(made)
    event = {"name": "Ada Lovelace"}
    assert compile_plan(made, functions)(event) == interpret(made, event, functions) == {"first": "Ada"}


def test_a_step_that_raises_is_named(package: str) -> None:
    made = plan("shop_steps:third", "def third(a):\n    return a[2]")
    upcast = compile_plan(made, Customs([package]).resolve(made))
    with pytest.raises(UpcastFailed, match="shop_steps:third raised IndexError"):
        upcast({"name": "ab"})


@pytest.mark.parametrize(
    ("packages", "function", "source", "why"),
    [
        ((), "shop_steps:first", FIRST, "in none of the packages"),
        (("shop",), "shop_steps:first", FIRST, "in none of the packages"),
        (("shop_steps",), "os:getcwd", FIRST, "in none of the packages"),
        (("shop_steps",), "shop_steps:first", FIRST + "[:1]", "has the hash"),
        (("shop_steps",), "shop_steps:second", FIRST, "has no 'second'"),
        (("shop_steps",), "shop_steps:raised", FIRST, "no plain function"),
        (("absent_steps",), "absent_steps:first", FIRST, "cannot be imported"),
        (("shadow_steps",), "shadow_steps:f", "def f(a):\n    return len(a)", "gives len another meaning"),
    ],
)
def test_what_is_not_the_pinned_function_is_refused(
    package: str, packages: Any, function: str, source: str, why: str
) -> None:
    with pytest.raises(CustomStepRefused, match=why):
        Customs(packages).resolve(plan(function, source))
