"""Plans: what a node means, that the compiled function means the same, and what is refused."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from plan_maker import Maker

from tenor.errors import PlanTooLarge, UpcastFailed
from tenor.plans import compile_plan, dumps, interpret, loads
from tenor.plans.compiler import raw
from tenor.plans.fusion import fuse

SEEDS = range(800)


def outcome(run: Any, event: Any) -> tuple[str, Any]:
    try:
        return "made", run(event)
    except UpcastFailed as error:
        return "failed", (error.step, error.path)
    except Exception as error:
        return "raised", type(error).__name__


def test_the_compiled_function_means_what_the_interpreter_means() -> None:
    made = 0
    for seed in SEEDS:
        maker = Maker(seed)
        plan = maker.plan()
        quick = raw(plan)
        assert quick is not None
        upcast = compile_plan(plan)
        for _ in range(4):
            event = maker.event()
            before = deepcopy(event)
            expected = outcome(lambda given, plan=plan: interpret(plan, given), event)
            assert outcome(upcast, event) == expected, (seed, plan, event)
            found = outcome(quick, event)
            # Generated code may give up where the interpreter knows better; it never makes something else.
            assert found == expected or found[0] != "made", (seed, plan, event)
            assert repr(event) == repr(before)
            made += found[0] == "made"
    assert made > len(SEEDS)


def test_a_plan_is_written_one_way() -> None:
    for seed in range(200):
        plan = Maker(seed).plan()
        text = dumps(plan)
        assert loads(text) == plan
        assert dumps(loads(text)) == text


def test_a_fused_chain_makes_what_it_makes_step_by_step() -> None:
    made = 0
    for seed in SEEDS:
        maker = Maker(seed)
        chain = [maker.plan() for _ in range(maker.random.choice((2, 2, 3)))]
        try:
            whole = fuse(chain)
        except PlanTooLarge:
            continue
        upcast = compile_plan(whole)
        for _ in range(6):
            event = maker.event()
            try:
                expected = event
                for plan in chain:
                    expected = interpret(plan, expected)
            except UpcastFailed:
                continue
            found = outcome(upcast, event)
            assert found == ("made", expected), (seed, chain, whole, event)
            made += 1
    assert made > len(SEEDS) / 3
