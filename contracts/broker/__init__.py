"""Use cases of the broker: publish, hand out to verify, take results, ask whether it can be deployed.

Plain functions over a transaction handle. What is decided is decided in the pure modules; here it is read and written.
"""

from __future__ import annotations

from contracts.broker.asking import ask, shas_of
from contracts.broker.desk import Desk
from contracts.broker.publication import Published, publish, put_pact
from contracts.broker.results import delete_result, newest_result, put_result, result
from contracts.broker.stored import (
    connected,
    content,
    delete_integration,
    delete_integrations,
    delete_pact,
    delete_pacts,
    difference,
    listed,
    newest_pact,
    of_content,
    pact,
    previous_distinct,
    provider_states,
)
from contracts.broker.verification import pacts_to_verify

__all__ = [
    "Desk",
    "Published",
    "ask",
    "connected",
    "content",
    "delete_integration",
    "delete_integrations",
    "delete_pact",
    "delete_pacts",
    "delete_result",
    "difference",
    "listed",
    "newest_pact",
    "newest_result",
    "of_content",
    "pact",
    "pacts_to_verify",
    "previous_distinct",
    "provider_states",
    "publish",
    "put_pact",
    "put_result",
    "result",
    "shas_of",
]
