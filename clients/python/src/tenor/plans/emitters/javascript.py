"""What JavaScript's values can hold: shared by the targets that run there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tenor.errors import NotExpressible
from tenor.plans.nodes import Choose

EXACT: Final = 2**53
"""Whole numbers up to here are exact."""
NUMBERS: Final = frozenset({"int", "float", "number"})
_REFUSED: Final[Mapping[str, str]] = {
    "text": "the text of a number differs between int and float, and there is one number",
    "float32": "there are no numbers of single precision",
    "text_to_float": "texts of numbers are not read alike",
}


def exact(number: Any, at: str, target: str) -> Any:
    """A number that can be computed there. Raises NotExpressible for one past 2**53."""
    if abs(number) > EXACT:
        reason = "a computed whole number could be larger than 2**53"
        raise NotExpressible(target=target, path=at or "/", reason=reason)
    return number


def unheld(conversion: str, at: str, target: str) -> NotExpressible:
    """Why a conversion cannot be computed there."""
    reason = _REFUSED.get(conversion, "dates, times, decimals, UUIDs and bytes are copied, not computed")
    return NotExpressible(target=target, path=at or "/", reason=reason)


def check_numbers(node: Choose, at: str, target: str) -> None:
    """Raises NotExpressible for a choice that tells int from float: there is one type of number."""
    numbers = [case for case in node.cases if case.test.type in NUMBERS]
    alone = len(numbers) == 1 and node.otherwise is None
    if not alone and any(case.test.type != "number" for case in numbers):
        reason = "it tells int from float, and there is one number"
        raise NotExpressible(target=target, path=at or "/", reason=reason)
