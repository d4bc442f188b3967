"""Query strings that nest, as the Pact tools write them: parse to plain values. Pure.

    q[][pacticipant]=A&q[][version]=1&q[][pacticipant]=B   →  {"q": [{"pacticipant": "A", "version": "1"},
                                                                     {"pacticipant": "B"}]}
    q[]pacticipant=A                                       →  the same, flat
    providerVersionTags[]=a&providerVersionTags[]=b        →  {"providerVersionTags": ["a", "b"]}
    options[x]=1                                           →  {"options": {"x": "1"}}

A member of an array element that repeats opens the next element. `+` is a space; brackets may be percent-encoded.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from contracts.errors import InvalidQuery

_NAME = re.compile(r"^(?P<head>[^\[\]]+)(?P<rest>.*)$", re.DOTALL)
_MAX_FIELDS = 5_000


def parse(query: str) -> dict[str, Any]:
    """Read a query string. What does not nest well is kept under its whole name. Raises InvalidQuery when too long."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise InvalidQuery([f"The query has more than {_MAX_FIELDS} fields."]) from None
    found: dict[str, Any] = {}
    for name, value in pairs:
        _put(found, name, value)
    return found


def _put(found: dict[str, Any], name: str, value: str) -> None:
    parsed = _NAME.match(name)
    if parsed is None:
        found[name] = value
        return
    head, rest = parsed["head"], parsed["rest"]
    if rest == "":
        found[head] = value
    elif rest.startswith("[]"):
        _append(found, head, rest[2:], value)
    elif rest.startswith("[") and rest.endswith("]") and rest.count("[") == 1:
        inner = found.setdefault(head, {})
        if isinstance(inner, dict):
            inner[rest[1:-1]] = value
    else:
        found[name] = value


def _append(found: dict[str, Any], head: str, member: str, value: str) -> None:
    listed = found.setdefault(head, [])
    if not isinstance(listed, list):
        found[head] = listed = []
    key = member.removeprefix("[").removesuffix("]")
    if key == "":
        listed.append(value)
    elif listed and isinstance(listed[-1], dict) and key not in listed[-1]:
        listed[-1][key] = value
    else:
        listed.append({key: value})


def listed(value: Any) -> list[Any]:
    """A parameter that may come once or several times, as a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def truthy(value: Any) -> bool | None:
    """A boolean parameter: `true` and `false` in JSON or as text; None if it is neither."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(str(value).lower())
