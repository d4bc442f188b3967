"""Brings a registry to what records say: registers under given ids in IMPORT mode, deletes, and sets what is set.

Everything rests on the difference of the two, so that an import that was cut short goes on where it was, and one that
is done changes nothing. What stands in the way is found before anything is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tenor import Registry
from tenor.calls import Call
from tenor.cli.moving import (
    ASSOCIATION,
    CONFIG,
    DEK,
    KEK,
    MODE,
    TIME,
    VERSION,
    Difference,
    Document,
    Key,
    Records,
    differences,
)
from tenor.cli.moving.reading import Tell, path
from tenor.errors import Answered

IMPORT: Final = "IMPORT"
_KEKS: Final = ("dek-registry", "v1", "keks")


def in_the_way(source: Records, target: Records) -> list[Difference]:
    """What no import can bring about: other content under the same number or name, versions that are too many, and a
    topic's own subject that is another's in the source."""
    return [each for each in differences(source, target) if _is_in_the_way(each, target)]


def _is_in_the_way(found: Difference, target: Records) -> bool:
    if found.key[0] == ASSOCIATION:
        return found.what != "missing" and (found.what != "extra" or bool(target[found.key].get("frozen")))
    return found.key[0] in (VERSION, KEK, DEK) and not {*found.what.split(", ")} <= {"missing", "deleted", TIME}


class Restoration:
    """One run. Raises what `Registry.send` raises."""

    def __init__(self, registry: Registry, source: Records, target: Records, tell: Tell) -> None:
        self._registry, self._source, self._target, self._tell = registry, source, target, tell
        self._wanted = {each.key: each.what for each in differences(source, target)}
        self.changed: list[Key] = []

    def run(self) -> None:
        """Do it all."""
        absent = [key for key in self._wanted if key[0] == VERSION and self._is_absent(key)]
        associated = self._of(ASSOCIATION)
        entered = self._enter_import(dict.fromkeys(key[1] for key in (*absent, *associated)))
        for key in associated:
            if key not in self._source:
                self._dissociate(key)
        for key in in_order(absent, self._source):
            document = {name: value for name, value in self._source[key].items() if name != "deleted"}
            body = {**document, "version": key[2]}
            self._send("POST", ("subjects", key[1], "versions"), body, key=key)
        self._delete_versions(absent)
        for key in associated:
            if key in self._source:
                self._associate(key)
        self._restore_keys()
        for key in self._of(CONFIG):
            self._restore_config(key)
        for key in self._of(MODE):
            if key in self._source:
                self._send("PUT", (MODE, key[1]) if key[1] else (MODE,), self._source[key], key=key)
            elif key[1] not in entered:
                self._send("DELETE", (MODE, key[1]), key=key)
        for scope in entered:
            if (MODE, scope) not in self._source:
                self._send("DELETE", (MODE, scope))
            elif (MODE, scope) not in self._wanted:
                self._send("PUT", (MODE, scope), self._source[MODE, scope])

    def _is_absent(self, key: Key) -> bool:
        """Whether a version is to be registered: it is not there, or only as a deleted one, or at another time."""
        there, document = self._target.get(key), self._source[key]
        if there is None or (there["deleted"] and not document["deleted"]):
            return True
        return TIME in document and there.get(TIME) != document[TIME]

    def _enter_import(self, subjects: Mapping[str, None]) -> list[str]:
        for subject in subjects:
            if self._target.get((MODE, subject), {}).get("mode") != IMPORT:
                self._send("PUT", (MODE, subject), {"mode": IMPORT}, force=True)
        return list(subjects)

    def _delete_versions(self, absent: Sequence[Key]) -> None:
        gone = [
            key
            for key in self._wanted
            if key[0] == VERSION and self._source[key]["deleted"] and (key in absent or key in self._target)
        ]
        # What refers to others goes before them.
        for key in reversed(in_order(gone, self._source)):
            self._send("DELETE", ("subjects", key[1], "versions", str(key[2])), key=None if key in absent else key)

    def _associate(self, key: Key) -> None:
        _, subject, namespace, name, type = key
        members = dict(self._source[key])
        resource = {each: members.pop(each, None) for each in ("resourceId", "resourceType")}
        body: dict[str, Any] = {"resourceName": name, "resourceNamespace": namespace, **resource}
        wish = {"subject": subject, "associationType": type, **members}
        self._send("POST", ("associations",), {**body, "associations": [wish]}, key=key)

    def _dissociate(self, key: Key) -> None:
        there = self._target[key]
        resource, type = str(there.get("resourceType") or "topic"), str(key[4])
        segments = ("associations", "resources", str(there["resourceId"]))
        self._send("DELETE", segments, key=key, resourceType=resource, associationType=type)

    def _restore_keys(self) -> None:
        for key in (*self._of(KEK), *self._of(DEK)):
            if key not in self._source:
                continue
            document, there = self._source[key], self._target.get(key)
            if there is None or (there.get("deleted") and not document.get("deleted")):
                body = {name: value for name, value in document.items() if name != "deleted"}
                if key[0] == KEK:
                    self._send("POST", _KEKS, {"name": key[1], **body}, key=key)
                else:
                    named = {"subject": key[2], "algorithm": key[3], "version": key[4]}
                    self._send("POST", (*_KEKS, key[1], "deks", key[2]), {**named, **body}, key=key)
        for kind in (DEK, KEK):
            for key in self._of(kind):
                there = self._target.get(key, {})
                if self._source.get(key, {}).get("deleted") and not there.get("deleted"):
                    self._delete_key(key)

    def _delete_key(self, key: Key) -> None:
        if key[0] == KEK:
            self._send("DELETE", (*_KEKS, key[1]))
        else:
            self._send("DELETE", (*_KEKS, key[1], "deks", key[2], "versions", str(key[4])), algorithm=key[3])

    def _restore_config(self, key: Key) -> None:
        segments = (CONFIG, key[1]) if key[1] else (CONFIG,)
        if key not in self._source:
            self._send("DELETE", segments, key=key)
            return
        body: dict[str, Any] = dict.fromkeys(self._target.get(key, {})) | dict(self._source[key])
        if "compatibilityLevel" in body:
            body["compatibility"] = body.pop("compatibilityLevel")
        self._send("PUT", segments, body, key=key)

    def _of(self, kind: str) -> list[Key]:
        return [key for key in self._wanted if key[0] == kind]

    def _send(
        self,
        method: str,
        segments: Sequence[str],
        body: Document | None = None,
        *,
        key: Key | None = None,
        **query: Any,
    ) -> None:
        try:
            self._registry.send(Call(method, path(segments, **query), _ignored, body))
        except Answered as error:
            # The server's sentence alone does not say at what an import of thousands stopped.
            error.args = (f"{method} {path(segments)}: {str(error).rstrip('.')}",)
            raise
        if key is not None:
            self.changed.append(key)
            self._tell(str(key[0]), len(self.changed))


def _ignored(body: Any) -> None:
    return None


def in_order(keys: Sequence[Key], source: Records) -> list[Key]:
    """Versions by subject and number, but each after those that it refers to. Without recursion: chains are long."""
    wanted, done = set(keys), dict[Key, None]()
    for start in sorted(keys):
        waiting: list[tuple[Key, bool]] = [(start, False)]
        opened: set[Key] = set()
        while waiting:
            key, ready = waiting.pop()
            if ready:
                done[key] = None
            elif key not in done and key not in opened:
                opened.add(key)
                waiting.append((key, True))
                waiting += [(each, False) for each in _targets(key, source) if each in wanted]
    return list(done)


def _targets(key: Key, source: Records) -> Iterator[Key]:
    context = key[1][: key[1].find(":", 1) + 1] if key[1].startswith(":.") else ""
    for each in source[key]["references"]:
        subject = each["subject"]
        yield VERSION, subject if subject.startswith(":.") else f"{context}{subject}", each["version"]
