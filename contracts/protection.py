"""What is protected, and what is accepted for a while: policies by scope, and waivers. Pure.

    scope       ""  everywhere · "orders-*"  a prefix · "orders-value"  one subject, also ":.ctx:orders-*"
    protect     used                breaks of what a known consumer uses are refused
                used_or_unknown     so is what is not known to be safe
                everything          so is every change of a field, whoever uses it
    readable_for                    the support window (`registry.evolution.windows`)

Of two scopes the longer one decides, for each member by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from registry.errors import InvalidConfig, InvalidRequest
from registry.evolution import windows
from registry.evolution.windows import Window

LONGEST = 2000


class Protect(StrEnum):
    """How much of a schema is protected beyond its compatibility level."""

    USED = "used"
    USED_OR_UNKNOWN = "used_or_unknown"
    EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class Protection:
    """The policy of one scope, or what holds for a subject. None: not set."""

    protect: Protect | None = None
    readable_for: Window | None = None

    @property
    def empty(self) -> bool:
        return self.protect is None and self.readable_for is None


_MEMBERS = ("protect", "readable_for")


def protection(body: Mapping[str, Any]) -> Protection:
    """Read a policy; null is not set. Raises InvalidConfig."""
    unknown = sorted(set(body) - set(_MEMBERS))
    if unknown:
        raise InvalidConfig(f"'{unknown[0]}' is no member of a policy: {', '.join(_MEMBERS)}")
    protect, readable = body.get("protect"), body.get("readable_for")
    if protect is not None and protect not in Protect.__members__.values():
        raise InvalidConfig(f"protect must be one of {', '.join(Protect)}, not {protect!r}")
    return Protection(
        None if protect is None else Protect(protect), None if readable is None else windows.window(readable)
    )


def written(found: Protection) -> dict[str, Any]:
    """The inverse of `protection`; members that are not set are left out."""
    body: dict[str, Any] = {}
    if found.protect is not None:
        body["protect"] = found.protect.value
    if found.readable_for is not None:
        body["readable_for"] = windows.written(found.readable_for)
    return body


def scope(text: str) -> str:
    """A scope: everything (`` or `*`), a prefix (`orders-*`), a subject. Raises InvalidRequest."""
    if "*" in text[:-1] or len(text.encode()) > LONGEST or not text.isprintable():
        raise InvalidRequest(f"'{text}' is no scope: a subject, a prefix with * at its end, or * for all")
    return "" if text == "*" else text


def holds_for(scope: str, subject: str) -> bool:
    """Whether a scope covers a subject (by its printed name)."""
    return subject.startswith(scope[:-1]) if scope.endswith("*") or not scope else scope == subject


def effective(policies: Mapping[str, Protection], subject: str) -> Protection:
    """What holds for a subject, member by member: its own policy, else the longest prefix's, else that of all."""
    nearest = sorted(
        (scope for scope in policies if holds_for(scope, subject)),
        key=lambda scope: (scope == subject, len(scope)),
        reverse=True,
    )
    return Protection(
        *(
            next((value for scope in nearest if (value := getattr(policies[scope], name)) is not None), None)
            for name in _MEMBERS
        )
    )


# Waivers.


@dataclass(frozen=True, slots=True)
class Waiver:
    """A break that is accepted until a moment (ms). Empty members mean any; `subject` is a name or a glob."""

    subject: str
    until: int
    reason: str
    owner: str
    rule: str = ""
    path: str = ""
    consumer: str = ""
    uuid: str = ""
    created_by: str = ""
    created_at: int = 0


def waives(waiver: Waiver, subject: str, rule: str, path: str | None, consumer: str) -> bool:
    """Whether a waiver speaks of a row. A path means everything below it too."""
    return (
        fnmatchcase(subject, waiver.subject)
        and waiver.rule in ("", rule)
        and waiver.consumer in ("", consumer)
        and (not waiver.path or path == waiver.path or (path or "").startswith(waiver.path.rstrip("/") + "/"))
    )


def about(waivers: Iterable[Waiver], subject: str) -> list[Waiver]:
    """The waivers of a subject."""
    return [waiver for waiver in waivers if fnmatchcase(subject, waiver.subject)]


_SPEC = re.compile(r"(?P<name>[^@\s]+)(?:@(?P<version>\S+))?\Z")


def named_application(text: str) -> tuple[str, str] | None:
    """(application, version or "") from `billing@1.4`, or None for what names none."""
    match = _SPEC.match(text.strip())
    if match is None or len(text) > LONGEST or not text.isprintable():
        return None
    return match["name"], match["version"] or ""
