"""Follows the `$ref`s of a JSON Schema through its document, embedded resources and the files it refers to.

A place is a schema together with the URI that its own references are relative to. Nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urljoin

from tenor.codecs.json_fields import Documents
from tenor.codecs.json_schema import VALUES
from tenor.errors import UnusableSchema
from tenor.schemas import JSON


@dataclass(frozen=True, slots=True)
class Place:
    """A schema and its base URI. `name` is what a reference calls it, if anything."""

    schema: Any
    base: str
    name: str = ""

    def inside(self, schema: Any) -> Place:
        """A schema below this one."""
        return Place(schema, _base(schema, self.base))


@dataclass(slots=True)
class Resolver:
    """Finds what a reference means. `uri` is where the schema itself stands."""

    uri: str
    documents: Documents
    _resources: dict[str, Place] = field(default_factory=dict)
    _anchors: dict[str, Place] = field(default_factory=dict)
    _read: set[str] = field(default_factory=set)

    def root(self) -> Place:
        """The schema itself."""
        return Place(self.documents(self.uri), self.uri)

    def target(self, place: Place, reference: str) -> Place:
        """What a reference in a place means. Raises UnusableSchema."""
        uri, _, fragment = urljoin(place.base, reference).partition("#")
        uri, fragment = uri or place.base, unquote(fragment)
        try:
            found = self._resource(uri)
            if fragment and not fragment.startswith("/"):
                found = self._anchors[f"{uri}#{fragment}"]
            for step in fragment.split("/")[1:] if fragment.startswith("/") else ():
                key = step.replace("~1", "/").replace("~0", "~")
                inner = found.schema[int(key)] if isinstance(found.schema, list) else found.schema[key]
                found = found.inside(inner)
        except (KeyError, IndexError, ValueError, TypeError):
            raise UnusableSchema(format=JSON, reason=f"nothing is where '{reference}' leads to") from None
        last = fragment.rpartition("/")[2] if fragment else unquote(uri).rpartition("/")[2].partition(".")[0]
        return Place(found.schema, found.base, last)

    def _resource(self, uri: str) -> Place:
        if uri in self._resources:
            return self._resources[uri]
        self._index(self.root())
        if uri not in self._resources:
            self._index(Place(self.documents(uri), uri))
        return self._resources[uri]

    def _index(self, top: Place) -> None:
        """Note where a document and the resources in it stand."""
        if top.base in self._read:
            return
        self._read.add(top.base)
        self._resources.setdefault(top.base, top)
        for place in _schemas(top):
            self._resources.setdefault(place.base, place)
            for keyword in ("$anchor", "$dynamicAnchor"):
                if isinstance(name := place.schema.get(keyword), str):
                    self._anchors.setdefault(f"{place.base}#{name}", place)
            own = place.schema.get("$id", place.schema.get("id"))
            if isinstance(own, str) and own.startswith("#"):  # how an anchor was written before 2019-09
                self._anchors.setdefault(f"{place.base}{own}", place)


def _schemas(top: Place) -> Iterator[Place]:
    """Every object that may be a schema, outermost first."""
    todo = [top.inside(top.schema)]
    while todo:
        place = todo.pop(0)
        if isinstance(place.schema, dict):
            yield place
            todo += [place.inside(inner) for key, inner in place.schema.items() if key not in VALUES]
        elif isinstance(place.schema, list):
            todo += [place.inside(inner) for inner in place.schema]


def _base(schema: Any, base: str) -> str:
    own = (schema.get("$id") or schema.get("id")) if isinstance(schema, dict) else None
    own = own.partition("#")[0] if isinstance(own, str) else ""
    return urljoin(base, own) if own else base
