"""Use cases around a new schema: register it, look it up, check it. Plain functions over a transaction handle.

Registering follows the order of decisions that clients of the reference observe (facts: confluent-api §5); the
numbers in the comments are the steps of that table. `decide` reads and computes outside the write lock, `commit`
compares what the decision rests on and writes inside it.
"""

from registry.registration.case import NotParsed, Proposal, Registered, Registration
from registry.registration.committing import Commit, commit
from registry.registration.deciding import candidate, changed, check, decide, known, lookup, terms_of

__all__ = [
    "Commit",
    "NotParsed",
    "Proposal",
    "Registered",
    "Registration",
    "candidate",
    "changed",
    "check",
    "commit",
    "decide",
    "known",
    "lookup",
    "terms_of",
]
