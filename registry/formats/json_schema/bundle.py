"""One text out of many: what a schema refers to is embedded in it, under the names its `$ref`s use.

    {"$ref": "n.json"} + n.json   →   {"allOf": [{"$ref": "n.json"}], "definitions": {"n.json": {"$id": "n.json", …}}}

Embedded texts become resources with an `$id` of their own, so that `$ref`s stay as they are wherever they can. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlsplit

from registry.formats.json_schema.resources import REFERRING, ROOT_URI, Document, Place, absolute, target
from registry.formats.json_schema.text import Json, at

_OF_URIS: Final = "%/:?#[]@!$&'()*+,;=~"
"""What a URI may hold besides letters, digits and -._ (RFC 3986): everything else is encoded, as an `$id` is a URI."""


def bundled(document: Document) -> Json:
    """The value of a document with everything it refers to embedded; the value itself if it refers to nothing."""
    bundle = _Bundle(document)
    bundle.collect()
    if not bundle.names:
        return document.value
    root = bundle.copy(document)
    keyword = document.draft.definitions_keyword
    if document.draft.ref_stands_alone and "$ref" in root:
        # Beside a $ref nothing counts, so the reference moves one level down.
        root = {**{name: root[name] for name in root if name != "$ref"}, "allOf": [{"$ref": root["$ref"]}]}
    definitions = dict(root[keyword]) if type(root.get(keyword)) is dict else {}
    for embedded, name in bundle.names.items():
        key = name
        while key in definitions:
            key += "_"
        definitions[key] = bundle.embedded(embedded)
    root[keyword] = definitions
    return root


@dataclass(slots=True)
class _Bundle:
    root: Document
    names: dict[Document, str] = field(default_factory=dict)
    """The `$id` each embedded document gets."""
    absolute: bool = False
    """Whether all names are full URIs: a root without one can't be referred to from another host otherwise."""

    def collect(self) -> None:
        """Find every document some reference leads to, nearest first, and name it."""
        queue, seen = [self.root], {id(self.root)}
        taken = {self.root.uri}
        counts: dict[str, int] = {}
        while queue:
            document = queue.pop(0)
            given = {id(below): name for name, below in reversed(document.references.items())}
            for place, keyword in document.referring:
                found = target(place, place.value[keyword]).document
                if id(found) in seen or found.uri.startswith(("http://json-schema.org/", "https://json-schema.org/")):
                    continue
                seen.add(id(found))
                name = quote(given.get(id(found)) or place.value[keyword].partition("#")[0], safe=_OF_URIS)
                unique = name
                while absolute(self.root.uri, unique) in taken:
                    counts[name] = counts.get(name, 1) + 1
                    unique = f"{name}.{counts[name]}"
                taken.add(absolute(self.root.uri, unique))
                self.names[found] = unique
                queue.append(found)
        hosts = {urlsplit(uri)[:2] for uri in taken}
        if len(hosts) > 1 and self.root.uri.startswith(ROOT_URI):
            self.absolute = True
            self.names = {each: absolute(self.root.uri, name) for each, name in self.names.items()}

    def uri(self, document: Document) -> str:
        """The URI a document has inside the bundle."""
        return self.root.uri if document is self.root else absolute(self.root.uri, self.names[document])

    def copy(self, document: Document) -> dict[str, Json]:
        """A document's value with references that changed their meaning written anew."""
        value = copied(document.value)
        for place, keyword in document.referring:
            written = place.value[keyword]
            fresh = self._rewritten(place, written)
            if fresh != written:
                at(value, place.path)[keyword] = fresh
        assert type(value) is dict
        return value

    def _rewritten(self, place: Place, written: str) -> str:
        without, _, fragment = written.partition("#")
        found = target(place, written)
        own = place.document
        if not without or (found.document is own and found.base != own.uri):
            return written
        if found.document is not own and found.document not in self.names and found.document is not self.root:
            return written  # a meta-schema, known everywhere
        wanted = self.uri(found.document)
        nested = place.base != own.uri
        base = place.base if own is self.root else self.uri(own)
        suffix = f"#{fragment}" if fragment else ""
        if self.absolute and found.document is not own:
            return wanted + suffix
        if not nested or own is self.root:
            for text in (without, self.names.get(found.document, without)):
                if absolute(base, text) == wanted:
                    return text + suffix
        parts = urlsplit(wanted)
        same_host = parts[:2] == urlsplit(self.root.uri)[:2]
        return (parts.path if same_host else wanted) + suffix

    def embedded(self, document: Document) -> Json:
        """A document as a resource of the bundle."""
        value: dict[str, Json] = {} if document.value is True else {"not": {}} if document.value is False else {}
        if type(document.value) is dict:
            value = self.copy(document)
        value.pop(document.draft.id_keyword, None)
        head: dict[str, Json] = {self.root.draft.id_keyword: self.names[document]}
        if document.draft != self.root.draft:
            head["$schema"] = document.draft.uri
        else:
            value.pop("$schema", None)
        if self.root.draft.ref_stands_alone and "$ref" in value:
            value = {
                **{name: value[name] for name in value if name not in REFERRING},
                "allOf": [{"$ref": value["$ref"]}],
            }
        return {**head, **value}


def copied(root: Json) -> Json:
    """A deep copy of dicts and lists, without recursion."""
    if type(root) not in (dict, list):
        return root
    top: Json = root.copy()
    stack = [top]
    while stack:
        value = stack.pop()
        for key, part in value.items() if type(value) is dict else enumerate(value):
            if type(part) in (dict, list):
                value[key] = part.copy()
                stack.append(value[key])
    return top
