"""The facts that the matrix asks for (`contracts.matrix.Source`), each kind in one question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from contracts.matrix import Publication, Result, Version
from contracts.queries.applications import known
from contracts.queries.lists import Parameters, one_of, rows_of
from contracts.questions import Selector
from registry.store.engine import Db

HISTORY = 500
"""How many of a pair's newest pacts a question about any version looks at."""

_VERSION = "v.pk, a.name, v.number, v.position"
_JOINED = "application a JOIN application_version v ON v.application_pk = a.pk"

Shape = tuple[str, str | None]


def moment(ms: int) -> datetime:
    """A stored time."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def _shape(selector: Selector) -> Shape:
    """What kind of versions a selector means; selectors of one shape are answered together."""
    if selector.version is not None:
        return "number", selector.version
    if selector.environment is not None:
        return "environment", selector.environment
    if selector.branch is not None:
        return "branch", selector.branch
    if selector.main_branch:
        return "main branch", None
    if selector.tag is not None:
        return ("newest tag" if selector.latest else "tag"), selector.tag
    return "newest", None


_QUESTIONS: dict[str, str] = {
    "number": f"SELECT {_VERSION} FROM {_JOINED} WHERE v.number = :value AND a.name IN LISTED",  # noqa: S608 # constants
    "environment": f"""SELECT {_VERSION} FROM environment e JOIN deployed_version d ON d.environment_pk = e.pk
        JOIN application a ON a.pk = d.application_pk JOIN application_version v ON v.pk = d.version_pk
        WHERE e.name = :value AND d.ended_at IS NULL AND a.name IN LISTED
        UNION SELECT {_VERSION} FROM environment e JOIN released_version d ON d.environment_pk = e.pk
        JOIN application a ON a.pk = d.application_pk JOIN application_version v ON v.pk = d.version_pk
        WHERE e.name = :value AND d.ended_at IS NULL AND a.name IN LISTED""",  # noqa: S608 # constants
    "branch": f"""SELECT {_VERSION} FROM application a
        JOIN branch b ON b.application_pk = a.pk AND b.name = :value
        JOIN application_version v ON v.pk = b.head_pk WHERE a.name IN LISTED""",  # noqa: S608 # constants
    "main branch": f"""SELECT {_VERSION} FROM application a
        JOIN branch b ON b.application_pk = a.pk AND b.name = a.main_branch
        JOIN application_version v ON v.pk = b.head_pk WHERE a.name IN LISTED""",  # noqa: S608 # constants
    "newest tag": f"""SELECT {_VERSION} FROM application a JOIN tag t ON t.application_pk = a.pk AND t.name = :value
        AND t.position = (SELECT MAX(n.position) FROM tag n WHERE n.application_pk = a.pk AND n.name = :value)
        JOIN application_version v ON v.pk = t.version_pk WHERE a.name IN LISTED""",  # noqa: S608 # constants
    "tag": f"""SELECT {_VERSION} FROM application a JOIN tag t ON t.application_pk = a.pk AND t.name = :value
        JOIN application_version v ON v.pk = t.version_pk WHERE a.name IN LISTED""",  # noqa: S608 # constants
    "newest": f"""SELECT {_VERSION} FROM {_JOINED} AND v.position =
        (SELECT MAX(n.position) FROM application_version n WHERE n.application_pk = a.pk)
        WHERE a.name IN LISTED""",  # noqa: S608 # constants
}


class StoredFacts:
    """Reads the facts of one question. Made for each, since it remembers which provider a content belongs to."""

    def __init__(self, db: Db, now_ms: Callable[[], int]) -> None:
        self.db = db
        self.now_ms = now_ms
        self._providers: dict[int, str] = {}

    def known(self, applications: frozenset[str]) -> Iterable[str]:
        """Which of these applications exist."""
        return known(self.db, applications) if applications else ()

    def versions(self, selectors: Sequence[Selector]) -> Sequence[Sequence[Version]]:
        """The versions that each selector means."""
        names: dict[Shape, set[str]] = {}
        for selector in selectors:
            names.setdefault(_shape(selector), set()).add(selector.application)
        found: dict[tuple[Shape, str], list[Version]] = {}
        for shape, applications in names.items():
            kind, value = shape
            listed, parameters = one_of("n", sorted(applications))
            asked = {"value": value} if value is not None else {}
            for row in self.db.all(_QUESTIONS[kind].replace("LISTED", listed), **asked, **parameters):
                found.setdefault((shape, row[1]), []).append(Version(*row))
        return [
            sorted(found.get((_shape(selector), selector.application), ()), key=lambda version: version.order)
            for selector in selectors
        ]

    def providers(self, consumers: Mapping[str, frozenset[int] | None]) -> Iterable[tuple[str, str]]:
        """Pairs of the pacts that these versions published."""
        ids = {pk for versions in consumers.values() if versions is not None for pk in versions}
        listed, parameters = one_of("v", sorted(ids))
        pairs = set(
            self.db.all(
                f"""SELECT DISTINCT c.name, p.name FROM pact u JOIN application c ON c.pk = u.consumer_pk
                JOIN application p ON p.pk = u.provider_pk WHERE u.version_pk IN {listed}""",  # noqa: S608 # placeholders
                **parameters,
            )
        )
        anywhere = [name for name, versions in consumers.items() if versions is None]
        pairs.update(self._integrations("c", anywhere))
        return [(consumer, provider) for consumer, provider in pairs]

    def consumers(self, providers: frozenset[str]) -> Iterable[tuple[str, str]]:
        """Pairs of all pacts with these providers."""
        return self._integrations("p", providers)

    def _integrations(self, side: str, names: Iterable[str]) -> list[tuple[str, str]]:
        listed, parameters = one_of("n", sorted(names))
        rows = self.db.all(
            f"""SELECT c.name, p.name FROM integration i JOIN application c ON c.pk = i.consumer_pk
            JOIN application p ON p.pk = i.provider_pk WHERE {side}.name IN {listed}""",  # noqa: S608 # constants
            **parameters,
        )
        return [(consumer, provider) for consumer, provider in rows]

    def publications(
        self, pairs: frozenset[tuple[str, str]], consumers: Mapping[str, frozenset[int] | None], days: int | None
    ) -> Iterable[Publication]:
        """The pacts of these pairs published by these versions; of any version: the newest ones."""
        ids = {pk for versions in consumers.values() if versions is not None for pk in versions}
        listed, parameters = one_of("v", sorted(ids))
        found = self._publications(f"u.version_pk IN {listed}", parameters)
        since = self.now_ms() - int(timedelta(days=days or 0).total_seconds() * 1000) if days else 0
        for consumer, provider in sorted(pairs):
            if consumers.get(consumer, frozenset()) is None:
                found += self._publications(
                    """u.pk IN (SELECT n.pk FROM pact n WHERE n.consumer_pk = (SELECT pk FROM application
                    WHERE name = :consumer) AND n.provider_pk = (SELECT pk FROM application WHERE name = :provider)
                    AND n.created_at >= :since ORDER BY n.position DESC LIMIT :most)""",
                    {"consumer": consumer, "provider": provider, "since": since, "most": HISTORY},
                )
        return [one for one in found if (one.consumer.application, one.provider) in pairs]

    def _publications(self, where: str, parameters: Parameters) -> list[Publication]:
        rows = self.db.all(
            f"""SELECT {_VERSION}, p.name, u.content_pk, u.created_at FROM pact u
            JOIN application_version v ON v.pk = u.version_pk JOIN application a ON a.pk = u.consumer_pk
            JOIN application p ON p.pk = u.provider_pk WHERE {where}""",  # noqa: S608 # constants
            **parameters,
        )
        found: list[Publication] = []
        for *version, provider, content, created in rows:
            self._providers[content] = provider
            found.append(Publication(Version(*version), provider, content, moment(created)))
        return found

    def results(
        self, contents: frozenset[int], providers: Mapping[str, frozenset[int] | None], *, latest: bool
    ) -> Iterable[Result]:
        """Verifications of these contents by the versions wanted of each content's provider."""
        pairs = [
            (content, version)
            for content in sorted(contents)
            for version in sorted(providers.get(self._providers[content]) or ())
        ]
        anyone = [content for content in sorted(contents) if providers.get(self._providers[content], ()) is None]
        newest = " AND r.newest = 1" if latest else ""
        found: list[Result] = []
        if pairs:
            values, parameters = rows_of("r", dict.fromkeys(pairs))
            found += self._results(
                f"""WITH wanted (content, version) AS ({values}) SELECT DISTINCT """,
                f"""FROM wanted w JOIN verification r ON r.content_pk = w.content
                AND r.provider_version_pk = w.version{newest}""",
                parameters,
            )
        if anyone:
            listed, parameters = one_of("c", anyone)
            found += self._results("SELECT ", f"FROM verification r WHERE r.content_pk IN {listed}{newest}", parameters)
        return found

    def _results(self, select: str, source: str, parameters: Parameters) -> list[Result]:
        joined, _, where = source.partition(" WHERE ")
        rows = self.db.all(
            f"""{select} r.content_pk, {_VERSION}, r.success, r.number, r.created_at {joined}
            JOIN application_version v ON v.pk = r.provider_version_pk JOIN application a ON a.pk = v.application_pk
            {f"WHERE {where}" if where else ""}""",
            **parameters,
        )
        return [
            Result(content, Version(pk, name, number, position), bool(success), serial, moment(at))
            for content, pk, name, number, position, success, serial, at in rows
        ]
