"""How a consumer lets old events become what its code was written for.

    orders = registry.events("orders-value", version=3, upcast=Upcasting())

Plans come from the registry and are data; hand-written steps are found in the consumer's own packages, and only if they
are the ones that the plan pins by hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tenor.errors import UpcastMissing

if TYPE_CHECKING:
    from tenor.plans import Upcast
    from tenor.plans.custom import Customs


@dataclass(frozen=True, slots=True)
class Upcasting:
    """`customs` are the hand-written steps there are; `unproven` also takes plans that nobody proved."""

    customs: Customs | None = None
    unproven: bool = False


def compiled(answer: Mapping[str, Any], subject: str, upcasting: Upcasting) -> Upcast | None:
    """The function of the registry's answer; None where there is nothing to go up.

    Raises UpcastMissing for a plan that is not proven, and what compiling a plan raises: InvalidPlan, PlanTooLarge,
    UnsettledPlan, CustomStepRefused.
    """
    plan = answer.get("plan")
    if plan is None:
        return None
    if not (answer.get("proven") or upcasting.unproven):
        reason = f"the upcasters from version {answer['old']} are not proven (Upcasting(unproven=True) takes them)"
        raise UpcastMissing(subject=subject, version=answer["new"], reason=reason)
    from tenor.plans import compile_plan, from_data
    from tenor.plans.custom import Customs

    read = from_data(plan)
    return compile_plan(read, (upcasting.customs or Customs()).resolve(read))
