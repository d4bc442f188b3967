"""What each rule id means, for people who meet one."""

from __future__ import annotations

from collections.abc import Mapping

from registry.formats.json_schema.compare import TOO_LARGE
from registry.formats.json_schema.differing import ADVICE
from registry.formats.json_schema.kinds import KINDS, Weight

_VERDICTS = {
    Weight.FINE: "It does not make the schemas incompatible.",
    Weight.STRICT_ONLY: "It makes the schemas incompatible unless the compatibility policy is LENIENT.",
    Weight.BREAKS: "It makes the schemas incompatible.",
}

RULES: Mapping[str, str] = {
    **{name: f"{kind.explanation} {_VERDICTS[kind.weight]}" for name, kind in KINDS.items()},
    **{name: f"{advice} It is a warning and does not decide the verdict." for name, advice in ADVICE.items()},
    TOO_LARGE: "The two schemas hold so many pairs of subschemas to judge that the comparison was called off. "
    "To be safe, they count as incompatible.",
}
"""Rule id → one to three plain sentences."""
