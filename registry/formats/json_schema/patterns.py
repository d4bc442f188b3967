"""A schema's regular expressions, run where they can do no harm.

Only Rust's engine runs them: linear for all but look-around and back-references, and those under a step limit.
Python's `re` never sees them. Where the engine gives up or does not know the syntax, the answer is None.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import Any

_BACKTRACKS = 10_000
_SUBJECT = 10_000
_PATTERN = 10_000


@lru_cache(maxsize=2_000)
def _compiled(pattern: str) -> Any:
    import jsonschema_rs  # 15 MB that schemas without patterns do not need

    options = jsonschema_rs.FancyRegexOptions(
        backtrack_limit=_BACKTRACKS, size_limit=1_000_000, dfa_size_limit=1_000_000
    )
    try:
        return jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=options)
    except (ValueError, jsonschema_rs.ValidationError):
        return None


def is_regular_expression(pattern: str) -> bool:
    """Whether a pattern has a meaning in some common syntax. Compiling is harmless, also by Python; matching is not."""
    if _compiled(pattern) is not None:
        return True
    if len(pattern) > _PATTERN:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return False
    return True


def matches(pattern: str, text: str) -> bool | None:
    """Whether a pattern is found somewhere in a text; None if that can't be told."""
    validator = _compiled(pattern)
    if validator is None or len(text) > _SUBJECT:
        return None
    errors = list(validator.iter_errors(text))
    if not errors:
        return True
    return False if errors[0].kind.name == "pattern" else None
