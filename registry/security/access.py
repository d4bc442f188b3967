"""Who may do what to what: actions, roles, grants, and the decision. Pure.

    developer@subject:orders-*        a role, on every subject whose printed name matches
    reader@context:.dev               … on every subject of a context
    consumer@application:billing      … on an application
    deploy@environment:staging        one permission by itself, on an environment
    release@tag:PII                   key material of fields with a tag
    admin@*                           on everything

A grant counts for resources of its kind alone. What no grant gives is denied.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Final

from registry.errors import InvalidRequest
from registry.names import Subject


class Action(StrEnum):
    """The verbs that roles grant.

    PURGE deletes for good, RELEASE hands out key material, ERASE destroys a person's key, DEPLOY records what an
    environment runs, WAIVE accepts a break for a while, ADMINISTER changes identities and grants.
    """

    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    PURGE = "purge"
    CONFIGURE = "configure"
    OBSERVE = "observe"
    RELEASE = "release"
    ERASE = "erase"
    DEPLOY = "deploy"
    WAIVE = "waive"
    ADMINISTER = "administer"


@dataclass(frozen=True, slots=True)
class Needs:
    """What a route needs: an action on a kind of resource, whose name is the path parameter `parameter`.

    `either` is a second path parameter whose resource suffices as well. Without a parameter the whole kind is needed,
    unless `filtered`: then the handler answers with, or decides about, the resources that the caller may. `purge` is
    the query parameter that turns a delete into one for good, which needs PURGE too.
    """

    action: Action
    kind: str
    parameter: str | None = None
    either: str | None = None
    filtered: bool = False
    purge: str | None = None


PUBLIC = Needs(Action.OBSERVE, "service")
"""Health, documentation, server metadata: open to whoever reaches the server."""

KNOWN = Needs(Action.OBSERVE, "self")
"""What every caller may ask who is somebody: about itself."""

_R, _W, _D = Action.READ, Action.WRITE, Action.DELETE
_METADATA: Final = dict.fromkeys(
    ("registry", "subject", "context", "application", "environment", "kek", "dek", "upcaster"), frozenset({_R})
)


def _with(base: Mapping[str, frozenset[Action]], **more: set[Action]) -> Mapping[str, frozenset[Action]]:
    return {kind: base.get(kind, frozenset()) | more.get(kind, set()) for kind in {*base, *more}}


ANY = "*"
"""Every kind, in the table of roles; every resource, in a grant."""

_ADMIN = frozenset(Action) - {Action.RELEASE, Action.ERASE}

ROLES: Final[Mapping[str, Mapping[str, frozenset[Action]]]] = {
    "reader": _METADATA,
    "producer": _with(
        _METADATA,
        subject={_W},
        application={_W},
        dek={_W, Action.RELEASE},
        kek={Action.RELEASE},
        tag={Action.RELEASE},
    ),
    "consumer": _with(_METADATA, application={_W}, dek={Action.RELEASE}, kek={Action.RELEASE}, tag={Action.RELEASE}),
    "developer": _with(_METADATA, subject={_W, _D, Action.CONFIGURE}, application={_W, _D}, upcaster={_W, _D}),
    "operator": _with(
        _METADATA,
        registry={Action.CONFIGURE},
        subject={_D, Action.CONFIGURE, Action.WAIVE},
        context={_D, Action.CONFIGURE},
        application={_W, _D, Action.CONFIGURE, Action.WAIVE},
        environment={Action.CONFIGURE, Action.DEPLOY, Action.WAIVE},
        webhook={_R, Action.CONFIGURE},
        kek={_W, _D, Action.CONFIGURE},
        dek={_W, _D, Action.CONFIGURE},
        person={_R, _W},
        tag={_R},
    ),
    "admin": {ANY: _ADMIN},
    "auditor": _with(_METADATA, webhook={_R}, person={_R}, tag={_R}, identity={_R}, audit={_R}),
    # Permissions that roles leave out or that are granted by themselves.
    "deploy": {"environment": frozenset({_R, Action.DEPLOY})},
    "waive": dict.fromkeys(("application", "environment", "subject"), frozenset({_R, Action.WAIVE})),
    "purge": dict.fromkeys(
        ("subject", "context", "application", "environment", "kek", "dek"), frozenset({_D, Action.PURGE})
    ),
    "release": dict.fromkeys(("tag", "kek", "dek"), frozenset({_R, Action.RELEASE})),
    "erase": {"person": frozenset({_R, Action.ERASE})},
}
"""Role → kind → actions. An admin neither gets key material nor erases a person by being one: these are granted."""

KINDS: Final = frozenset(
    {kind for table in ROLES.values() for kind in table} - {ANY}
    | {"schema", "association", "event", "audit", "service"}
)
"""Kinds of resources that a grant may name."""

_SEEN_AS: Final = {"schema": "subject", "association": "subject", "scope": "subject"}
"""Kinds that are judged as another: who may read every subject may read every schema."""


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """A role on resources: of one kind whose name matches a glob (`*` any text, `?` any letter), or all (`*`)."""

    role: str
    kind: str
    glob: str

    def __str__(self) -> str:
        return f"{self.role}@{ANY if self.kind == ANY else f'{self.kind}:{self.glob}'}"

    @property
    def whole(self) -> bool:
        """Whether it counts for every resource of its kind."""
        return ANY in (self.kind, self.glob)

    def covers(self, kind: str, name: str) -> bool:
        """Whether it is about a resource."""
        if self.kind == ANY:
            return True
        if self.kind == "context" and kind == "subject":
            return _matches(self.glob, Subject.parse(name).context)
        return self.kind == kind and _matches(self.glob, name)

    def actions(self, kind: str) -> frozenset[Action]:
        """What it allows on resources that it covers."""
        table = ROLES[self.role]
        return table.get(kind, table.get(ANY, frozenset()))


def grant(text: str) -> Grant:
    """Read `role@kind:glob`. Raises InvalidRequest for a role or a kind that is none."""
    role, at, resource = text.strip().partition("@")
    kind, colon, glob = resource.partition(":")
    if role not in ROLES or not at:
        raise InvalidRequest(f"'{text}' is not role@kind:name: the roles are {', '.join(ROLES)}")
    if resource == ANY:
        return Grant(role, ANY, ANY)
    if kind not in KINDS or not colon or not glob:
        raise InvalidRequest(f"'{text}' is not role@kind:name or role@*: the kinds are {', '.join(sorted(KINDS))}")
    if len(glob) > 500 or not glob.isprintable():
        raise InvalidRequest("The name of a grant has at most 500 printable characters")
    return Grant(role, kind, glob)


def grants_of(text: str) -> tuple[Grant, ...]:
    """Read grants separated by commas or blanks."""
    return tuple(grant(each) for each in re.split(r"[,\s]+", text) if each)


@lru_cache(4096)
def _pieces(glob: str) -> tuple[tuple[re.Pattern[str], int], ...]:
    """What stands between the stars: a pattern each, and the length of what it matches."""
    return tuple(
        (re.compile("".join("." if letter == "?" else re.escape(letter) for letter in piece), re.DOTALL), len(piece))
        for piece in re.split(r"\*+", glob)
    )


def _matches(glob: str, name: str) -> bool:
    """Whether a name is one of a glob's. The first place for each piece will do, so that no name takes long."""
    if glob == name:
        return True
    (first, place), *rest = _pieces(glob)
    if first.match(name) is None:
        return False
    if not rest:
        return place == len(name)
    *middle, (last, length) = rest
    for piece, _ in middle:
        found = piece.search(name, place)
        if found is None:
            return False
        place = found.end()
    end = len(name) - length
    return end >= place and last.match(name, end) is not None


def canonical(kind: str, name: str) -> str:
    """The name that grants are compared with: a subject in its printed form, whichever way it was written."""
    return str(Subject.parse(name)) if kind == "subject" else name


_REMEMBERED = 2000


@dataclass(eq=False, slots=True)
class Grants:
    """What a caller may do. `within` narrows it: both must allow (a token's scope)."""

    listed: tuple[Grant, ...]
    within: Grants | None = None
    key: bytes = field(init=False)
    """Says whether two callers may do the same."""
    application: str | None = field(init=False)
    """The one application that is named in them: whoever has them speaks for it, unless it says otherwise."""
    _decided: dict[tuple[str, str, str], bool] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        named = {each.glob for each in self.listed if each.kind == "application"}
        only = named.pop() if len(named) == 1 else None
        alone = None if only is None or "*" in only or "?" in only else only
        self.application = alone or (self.within.application if self.within else None)
        text = "\n".join(map(str, sorted(self.listed))).encode()
        self.key = hashlib.sha256(text + b"\0" + (self.within.key if self.within else b"")).digest()

    def whole(self, action: Action, kind: str) -> bool:
        """Whether they may do this to every resource of a kind."""
        return self._remembered(action, kind, None)

    def permits(self, action: Action, kind: str, name: str) -> bool:
        """Whether they may do this to this resource."""
        return self._remembered(action, kind, name)

    def any(self, action: Action, kind: str) -> bool:
        """Whether there is, or could be, a resource of a kind to which they may do this."""
        kind = _SEEN_AS.get(kind, kind)
        mine = any(
            action in each.actions(kind)
            and (each.kind in (ANY, kind) or (each.kind == "context" and kind == "subject"))
            for each in self.listed
        )
        return mine and (self.within is None or self.within.any(action, kind))

    def _remembered(self, action: Action, kind: str, name: str | None) -> bool:
        key = (action, kind, "\0" if name is None else name)
        known = self._decided.get(key)
        if known is None:
            if len(self._decided) >= _REMEMBERED:
                self._decided.clear()
            known = self._decided[key] = self._decide(action, _SEEN_AS.get(kind, kind), name)
        return known

    def _decide(self, action: Action, kind: str, name: str | None) -> bool:
        if self.within is not None and not self.within._decide(action, kind, name):
            return False
        if name is None:
            return any(each.whole and each.kind in (ANY, kind) and action in each.actions(kind) for each in self.listed)
        plain = canonical(kind, name)
        return any(action in each.actions(kind) and each.covers(kind, plain) for each in self.listed)


class Everything(Grants):
    """The grants of whoever reaches an open server."""

    def whole(self, action: Action, kind: str) -> bool:
        return True

    def permits(self, action: Action, kind: str, name: str) -> bool:
        return True

    def any(self, action: Action, kind: str) -> bool:
        return True


EVERYTHING: Final = Everything(())
NOTHING: Final = Grants(())


def split(resource: str) -> tuple[str, str]:
    """A printed resource (`subject:orders-value`) as kind and name."""
    kind, _, name = resource.partition(":")
    return kind, name


def united(many: Iterable[Iterable[Grant]]) -> tuple[Grant, ...]:
    """Grants of several holders as one list, each once."""
    return tuple(dict.fromkeys(each for listed in many for each in listed))
