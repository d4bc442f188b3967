"""Plans: what an upcaster does, as data. One home for what the server proves and the client runs.

    nodes        the plan and its closed union of steps and nodes
    document     read, check, write, hash
    interpreter  the reference meaning
    compiler     the same as one generated function
    fusion       a chain of plans as one plan
    inverse      the way back, with what it cannot restore
    custom       hand-written steps: the checked subset, its hash, and where they are found

    plan = plans.loads(text)
    upcast = plans.compile_plan(plan)
    new = upcast(old)

Pure: no I/O, save that `custom.Customs` imports modules of packages its owner named.
"""

from __future__ import annotations

from tenor.plans.compiler import Upcast, compile_plan
from tenor.plans.document import check, dumps, from_data, loads, plan_hash, to_data
from tenor.plans.interpreter import interpret
from tenor.plans.nodes import Plan, Step

__all__ = [
    "Plan",
    "Step",
    "Upcast",
    "check",
    "compile_plan",
    "dumps",
    "from_data",
    "interpret",
    "loads",
    "plan_hash",
    "to_data",
]
