"""Questions of the search. Each is bounded by what it looks at, not only by what it answers.

Two ways lead to the subjects that match, both in the order of context and name:

    by_term    from the term index, when few schemas have the field or tag
    window     along the index of names, so many subjects at a time; what no index can say is tested on those

Both find keys first and read what is shown of the few that are left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry.names import Subject
from registry.store.engine import Db, Row

LIVE, DELETED, ALL = "live", "deleted", "all"

Terms = Sequence[tuple[str, str]]
"""Alternatives of (kind, name): a schema with any of them matches."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a search asks for; all of it must hold. Fields, tags and text are those of the latest version.

    `field` is a path (`/order/lines/*/sku`) or, without a slash, the name of a field at any depth. `contains` (part
    of the name) and `text` (part of the schema) do not tell upper from lower case. `which`: live · deleted · all.
    """

    context: str | None = None
    prefix: str = ""
    contains: str = ""
    field: str | None = None
    tag: str | None = None
    owner: str | None = None
    text: str = ""
    format: str | None = None
    which: str = LIVE

    @property
    def terms(self) -> list[Terms]:
        """The terms that a schema must have: one of each group."""
        groups: list[Terms] = []
        if self.field is not None:
            by_path = ("field", self.field if self.field.startswith("/") else f"/{self.field}")
            groups.append([by_path] if self.field.startswith("/") else [by_path, ("name", self.field)])
        if self.tag is not None:
            groups.append([("tag", self.tag)])
        return groups

    @property
    def tests(self) -> bool:
        """Whether anything must be tested that the index of names does not say."""
        return bool(self.contains or self.text or self.format or self.terms) or self.which == DELETED


@dataclass(frozen=True, slots=True)
class Hit:
    """A subject with its latest version. `live` and `kept` count its versions, without and with deleted ones.

    `config` is the subject's own record, as JSON.
    """

    subject: Subject
    owner: str | None
    live: int
    kept: int
    version: int
    id: int
    guid: str
    format: str
    registered_at: int
    config: str | None


@dataclass(frozen=True, slots=True)
class Position:
    """Where a listing stands: after this subject, or (name None) before the first of its context."""

    context: str
    name: str | None = None


def contexts_from(db: Db, name: str, limit: int, *, itself: bool) -> list[tuple[int, str]]:
    """(key, name) of contexts after a name, or from it on."""
    rows = db.all(
        f"SELECT pk, name FROM context WHERE name {'>=' if itself else '>'} :name ORDER BY name LIMIT :limit",  # noqa: S608 # constants
        name=name,
        limit=limit,
    )
    return [(pk, found) for pk, found in rows]


def context_key(db: Db, name: str) -> int | None:
    """The key of a context."""
    row = db.one("SELECT pk FROM context WHERE name = :name", name=name)
    return None if row is None else int(row[0])


def few(db: Db, groups: Sequence[Terms], limit: int) -> Terms | None:
    """The first group that no more than `limit` schemas have, or None."""
    for group in groups:
        count = 0
        for kind, name in group:
            row = db.one(
                """SELECT count(*) FROM (SELECT 1 FROM term WHERE kind = :kind AND name = :name LIMIT :limit) few""",
                kind=kind,
                name=name,
                limit=limit + 1,
            )
            count += 0 if row is None else row[0]
        if count <= limit:
            return group
    return None


def by_term(db: Db, criteria: Criteria, group: Terms, after: Position | None, limit: int) -> list[Hit]:
    """Subjects whose latest schema has one of these terms: reads all that have, which `few` bounds."""
    conditions, parameters = _tests(criteria)
    union = " UNION ".join(
        f"SELECT schema_pk FROM term WHERE kind = :group_kind{n} AND name = :group_name{n}"  # noqa: S608 # constants
        for n in range(len(group))
    )
    for n, (kind, name) in enumerate(group):
        parameters |= {f"group_kind{n}": kind, f"group_name{n}": name}
    conditions += [*_range(criteria, parameters), *_state(criteria)]
    if criteria.context is not None:
        conditions.append("c.name = :context")
        parameters["context"] = criteria.context
    if criteria.owner is not None:
        conditions.append("s.owner = :owner")
        parameters["owner"] = criteria.owner
    if after is not None:
        further = "c.name = :after_context" if after.name is None else "c.name = :after_context AND s.name > :after"
        conditions.append(f"(c.name > :after_context OR ({further}))")
        parameters |= {"after_context": after.context} | ({} if after.name is None else {"after": after.name})
    # CROSS JOIN: SQLite follows the order that is written, PostgreSQL its statistics.
    matching = f"""SELECT s.pk AS pk, c.name AS context, s.name AS name, v.version AS version
        FROM ({union}) t CROSS JOIN version v CROSS JOIN subject s CROSS JOIN context c CROSS JOIN schema_ x
        WHERE v.schema_pk = t.schema_pk AND s.pk = v.subject_pk AND v.version = {_latest(criteria)}
        AND c.pk = s.context_pk AND x.pk = v.schema_pk AND {_and(conditions)}
        ORDER BY c.name, s.name LIMIT :limit"""  # noqa: S608 # constants
    return _hits(db, matching, {**parameters, "limit": limit})


def window(
    db: Db, criteria: Criteria, context: tuple[int, str], after: str | None, *, size: int, limit: int
) -> tuple[list[Hit], str | None]:
    """Those of the next `size` subjects of a context that match, and the last name looked at (None: there are no
    more). When `limit` cut the answer short, go on after its last subject instead."""
    parameters: dict[str, object] = {"context_pk": context[0], "context": context[1], "size": size, "limit": limit}
    within = ["s.context_pk = :context_pk", *_range(criteria, parameters)]
    if criteria.which == LIVE:
        within.append("s.live > 0")
    if criteria.owner is not None:
        within.append("s.owner = :owner")
        parameters["owner"] = criteria.owner
    if after is not None:
        within.append("s.name > :after")
        parameters["after"] = after
    looked_at = f"SELECT s.* FROM subject s WHERE {_and(within)} ORDER BY s.name LIMIT :size"  # noqa: S608 # constants
    conditions, tested = _tests(criteria)
    if criteria.which == DELETED:
        conditions.append("s.live = 0")
    matching = f"""SELECT s.pk AS pk, CAST(:context AS TEXT) AS context, s.name AS name, v.version AS version
        FROM ({looked_at}) s JOIN version v ON v.subject_pk = s.pk AND v.version = {_latest(criteria)}
        JOIN schema_ x ON x.pk = v.schema_pk WHERE {_and(conditions)} ORDER BY s.name LIMIT :limit"""  # noqa: S608 # constants
    hits = _hits(db, matching, {**parameters, **tested})
    if len(hits) == limit:
        return hits, hits[-1].subject.name
    row = db.one(f"SELECT count(*), max(name) FROM ({looked_at}) w", **parameters)  # noqa: S608 # constants
    assert row is not None
    return hits, None if row[0] < size else row[1]


def one(db: Db, subject: Subject) -> Hit | None:
    """One subject, live or not."""
    matching = f"""SELECT s.pk AS pk, c.name AS context, s.name AS name, v.version AS version
        FROM context c JOIN subject s ON s.context_pk = c.pk
        JOIN version v ON v.subject_pk = s.pk AND v.version = {_latest(Criteria(which=ALL))}
        WHERE c.name = :context AND s.name = :name"""  # noqa: S608 # constants
    found = _hits(db, matching, {"context": subject.context, "name": subject.name})
    return found[0] if found else None


def _hits(db: Db, matching: str, parameters: dict[str, object]) -> list[Hit]:
    rows = db.all(
        f"""SELECT m.context, m.name, s.owner, s.live, (SELECT count(*) FROM version w WHERE w.subject_pk = s.pk),
        m.version, x.id, x.guid, x.format, v.created_at, o.body
        FROM ({matching}) m JOIN subject s ON s.pk = m.pk
        JOIN version v ON v.subject_pk = m.pk AND v.version = m.version JOIN schema_ x ON x.pk = v.schema_pk
        LEFT JOIN config o
        ON o.scope = CASE WHEN m.context = '.' THEN m.name ELSE ':' || m.context || ':' || m.name END
        ORDER BY m.context, m.name""",  # noqa: S608 # constants
        **parameters,
    )
    return [_hit(row) for row in rows]


def _hit(row: Row) -> Hit:
    context, name, *rest = row
    return Hit(Subject(context, name), *rest)


def _latest(criteria: Criteria) -> str:
    """The version that a subject is shown by: the latest live one, of a deleted subject the latest there is."""
    if criteria.which == LIVE:
        return "s.latest_version"
    return "COALESCE(s.latest_version, (SELECT max(version) FROM version w WHERE w.subject_pk = s.pk))"


def _range(criteria: Criteria, parameters: dict[str, object]) -> list[str]:
    if not criteria.prefix:
        return []
    # The highest code point that both engines can store ends the range.
    parameters |= {"low": criteria.prefix, "high": criteria.prefix + "\U0010ffff"}
    return ["s.name >= :low", "s.name < :high"]


def _state(criteria: Criteria) -> list[str]:
    return {LIVE: ["s.live > 0"], DELETED: ["s.live = 0"], ALL: []}[criteria.which]


def _tests(criteria: Criteria) -> tuple[list[str], dict[str, object]]:
    """Conditions that no order of subjects answers, on `s` (subject) and `x` (schema)."""
    conditions, parameters = [], dict[str, object]()
    if criteria.contains:
        conditions.append("lower(s.name) LIKE lower(:contains) ESCAPE '!'")
        parameters["contains"] = contains_pattern(criteria.contains)
    if criteria.text:
        conditions.append("lower(x.text) LIKE lower(:text) ESCAPE '!'")
        parameters["text"] = contains_pattern(criteria.text)
    if criteria.format is not None:
        conditions.append("x.format = :format")
        parameters["format"] = criteria.format
    for g, group in enumerate(criteria.terms):
        alternatives = []
        for n, (kind, name) in enumerate(group):
            parameters |= {f"kind{g}_{n}": kind, f"name{g}_{n}": name}
            # Not EXISTS: PostgreSQL would make a join of it and read every schema that has the term.
            alternatives.append(
                f"(SELECT 1 FROM term t WHERE t.schema_pk = x.pk "  # noqa: S608 # constants
                f"AND t.kind = :kind{g}_{n} AND t.name = :name{g}_{n} LIMIT 1) = 1"
            )
        conditions.append(f"({' OR '.join(alternatives)})")
    return conditions, parameters


def contains_pattern(text: str) -> str:
    """A LIKE pattern for texts that contain this one, with `!` as the escape."""
    escaped = text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"%{escaped}%"


def _and(conditions: Sequence[str]) -> str:
    return " AND ".join(conditions) or "1 = 1"
