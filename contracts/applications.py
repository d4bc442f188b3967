"""Names of applications, versions, branches, tags and environments, and what is read from them. Pure.

A new application whose name reads like an existing one's is refused, unless it was created on purpose: two spellings
of one provider split its contracts in two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from contracts.errors import InvalidName

MAIN_BRANCHES = ("develop", "main", "master")
TAG_BECOMES_BRANCH_WITHIN = timedelta(seconds=10)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W_A-Z]+|\d+", re.UNICODE)
_FILLERS = frozenset({"api", "provider", "service"})


def words_of(name: str) -> tuple[str, ...]:
    """The words that tell a name apart: `OrdersAPI`, `order-service` and `Order` are all `("order",)`.

    Split on camel case, dash, underscore and space; a trailing s and the words api, provider, service go.
    """
    found = [_singular(word.lower()) for word in _WORDS.findall(name)]
    kept = [word for word in found if word not in _FILLERS]
    return tuple(kept or found)


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 1 and word.endswith("s") else word


def similar(name: str, existing: Iterable[str]) -> tuple[str, ...]:
    """The existing names that read like a new one; none if it exists itself."""
    known = tuple(existing)
    if name in known:
        return ()
    words = words_of(name)
    return tuple(other for other in known if words_of(other) == words)


def version_number(text: object) -> str:
    """A version number: any text on one line. Raises InvalidName."""
    if not isinstance(text, str) or not text.strip():
        raise InvalidName("The version number", str(text), "must not be blank")
    if any(letter in text for letter in "\r\n"):
        raise InvalidName("The version number", text, "must stand on one line")
    return text


def without_spaces(what: str, text: object) -> str:
    """A name without white space, as environments and main branches must be. Raises InvalidName."""
    if not isinstance(text, str) or not text:
        raise InvalidName(f"The {what}", str(text), "must not be blank")
    if any(letter.isspace() for letter in text):
        raise InvalidName(f"The {what}", text, "must not contain spaces")
    return text


def display_name(name: str) -> str:
    """The display name of an environment that was given none: `app-store` → `App Store`."""
    return " ".join(word.capitalize() for word in re.split(r"[-_\s]+", name) if word)


def becomes_main_branch(branch: str, current: str | None, candidates: Sequence[str] = MAIN_BRANCHES) -> bool:
    """Whether a branch becomes the application's main branch: the first that is called like one."""
    return current is None and branch in candidates


def tag_becomes_branch(tagged: datetime, version_created: datetime, *, has_branch: bool, has_tag: bool) -> bool:
    """Whether a version's first tag is taken for its branch as well: it came right after the version."""
    return not has_branch and not has_tag and tagged - version_created <= TAG_BECOMES_BRANCH_WITHIN
