"""A registry in memory behind httpx.MockTransport, written from the facts about the Confluent API.

It judges nothing: any schema parses, and what is incompatible is listed by the test. Knobs make it older
(`native`, `guids`, `associations_known`) or fail (`failures` are answered first, one a request).
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

import httpx

MEDIA = {"content-type": "application/vnd.schemaregistry.v1+json"}
PROBLEM = {"content-type": "application/problem+json"}


@dataclass
class FakeRegistry:
    native: bool = True
    guids: bool = True
    associations_known: bool = True
    associations: dict[tuple[str, str], str] = field(default_factory=dict)
    incompatible: dict[str, str] = field(default_factory=dict)
    serialized: dict[str, str] = field(default_factory=dict)
    failures: list[Any] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    subjects: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    ids: dict[int, dict[str, Any]] = field(default_factory=dict)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, Exception):
                raise failure
            if failure is not None:
                return failure
        path, _, query = request.url.raw_path.decode().removeprefix("/contexts/.dev").partition("?")
        segments = [unquote(segment) for segment in path.strip("/").split("/")]
        parameters = {key: values[-1] for key, values in parse_qs(query).items()}
        body = json.loads(request.content) if request.content else None
        return self.route(request.method, segments, parameters, body)

    def paths(self) -> list[str]:
        """The requests so far, as `GET /path?query`."""
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.requests]

    def add(
        self, subject: str, schema: str, format: str = "AVRO", references: list[Any] | None = None, **extra: Any
    ) -> dict[str, Any]:
        """Put a schema there, as somebody else would register it; `extra` are metadata and ruleSet."""
        return self.register(subject, {"schema": schema, "schemaType": format, "references": references or [], **extra})

    def route(self, method: str, segments: list[str], query: dict[str, str], body: Any) -> httpx.Response:
        match method, segments:
            case "POST", ["api", "v1", "subjects", subject, "versions"] if self.native:
                return self.native_register(subject, query, body)
            case "GET", ["api", "v1", "subjects"] if self.native:
                return self.search(query)
            case "POST", ["subjects", subject, "versions"]:
                if subject in self.incompatible:
                    return error(409, 409, f'Schema being registered is incompatible, subject "{subject}"')
                return answer(self.register(subject, body))
            case "POST", ["subjects", subject]:
                if subject not in self.subjects:
                    return error(404, 40401, f"Subject '{subject}' not found.")
                found = self.find(subject, body)
                return answer(self.shown(found)) if found else error(404, 40403, "Schema not found")
            case "POST", ["compatibility", "subjects", subject, "versions", *_]:
                said = [self.incompatible[subject]] if subject in self.incompatible else []
                return answer({"is_compatible": not said, "messages": said})
            case "GET", ["subjects"]:
                prefix, offset = query.get("subjectPrefix", ""), int(query.get("offset", 0))
                names = sorted(name for name in self.subjects if name.startswith(prefix))
                return answer(names[offset : offset + int(query.get("limit", 10**6))])
            case "GET", ["subjects", subject, "versions", number]:
                return self.version(subject, number, query)
            case "GET", ["subjects", subject, "versions"]:
                return answer([row["version"] for row in self.subjects.get(subject, [])])
            case "GET", ["schemas", "ids", number]:
                if not number.isdigit() or int(number) not in self.ids:
                    return error(404, 40403, f"Schema {number} not found")
                return answer(self.by_id(self.ids[int(number)], query))
            case "GET", ["schemas", "guids", guid]:
                rows = [row for row in self.ids.values() if row["guid"] == guid]
                return answer(self.by_id(rows[0], query)) if rows else error(404, 40403, f"Schema {guid} not found")
            case "GET", ["schemas", "guids", guid, "ids"]:
                return answer([{"context": ".", "id": row["id"]} for row in self.ids.values() if row["guid"] == guid])
            case "GET", ["associations", "resources", "-", topic] if self.associations_known:
                subject = self.associations.get((topic, query["associationType"]))
                return answer([{"subject": subject, "resourceName": topic}] if subject else [])
        return error(404, 404, "HTTP 404 Not Found")

    def search(self, query: dict[str, str]) -> httpx.Response:
        """The cursor is the last name; a real one says nothing, and a page may be short."""
        part, prefix, after = (
            query.get("query", ""),
            query.get("prefix", "").removeprefix(":.:"),
            query.get("cursor", ""),
        )
        names = sorted(name for name in self.subjects if part in name and name.startswith(prefix) and name > after)
        page = names[: int(query.get("limit", 50))]
        shown = ("version", "id", "format", "level", "owner")
        items = [dict.fromkeys(shown) | {"subject": name, "format": "AVRO", "version": 1, "id": 7} for name in page]
        return answer({"items": items, "next_cursor": page[-1] if len(page) < len(names) else None})

    def native_register(self, subject: str, query: dict[str, str], body: Any) -> httpx.Response:
        if subject in self.incompatible:
            finding = {"rule": "TYPE_MISMATCH", "path": "/fields/0", "sentence": self.incompatible[subject]}
            problem = {"title": "Incompatible", "status": 409, "code": 40901, "findings": [finding]}
            problem["detail"] = f"The schema is incompatible with subject '{subject}'."
            return httpx.Response(409, json=problem, headers=PROBLEM)
        known = self.find(subject, body)
        if query.get("dry_run") == "true":
            shown = known or {"version": len(self.subjects.get(subject, [])) + 1, "id": None, "guid": None}
        else:
            shown = self.register(subject, body)
        document = {"subject": subject, "version": shown["version"], "id": shown["id"], "guid": shown["guid"]}
        changes = [] if known else [{"kind": "added", "path": "/x", "sentence": "field x was added"}]
        return answer({**document, "created": known is None, "changes": changes, "findings": []})

    def find(self, subject: str, body: Any) -> dict[str, Any] | None:
        return next((row for row in self.subjects.get(subject, []) if identity(row) == identity(body)), None)

    def register(self, subject: str, body: Any) -> dict[str, Any]:
        if (known := self.find(subject, body)) is not None:
            return known
        references = body.get("references") or []
        same = [row for row in self.ids.values() if identity(row) == identity(body)]
        number = same[0]["id"] if same else len(self.ids) + 1
        extra = {key: body[key] for key in ("metadata", "ruleSet") if body.get(key)}
        told = body["schema"] + repr(references) + (repr(extra) if extra else "")
        digest = hashlib.md5(told.encode(), usedforsecurity=False).digest()
        row = {
            "subject": subject,
            "version": len(self.subjects.get(subject, [])) + 1,
            "id": number,
            "guid": str(uuid.UUID(bytes=digest)),
            "schemaType": body.get("schemaType", "AVRO"),
            "schema": body["schema"],
            **({"references": references} if references else {}),
            **extra,
        }
        self.subjects.setdefault(subject, []).append(row)
        self.ids.setdefault(number, row)
        return row

    def version(self, subject: str, number: str, query: dict[str, str]) -> httpx.Response:
        rows = self.subjects.get(subject)
        if rows is None:
            return error(404, 40401, f"Subject '{subject}' not found.")
        if number == "latest":
            return answer(self.shown(rows[-1], query))
        found = [row for row in rows if str(row["version"]) == number]
        return answer(self.shown(found[0], query)) if found else error(404, 40402, f"Version {number} not found.")

    def shown(self, row: dict[str, Any], query: dict[str, str] | None = None) -> dict[str, Any]:
        row = dict(row)
        if query and query.get("format") == "serialized":
            row["schema"] = self.serialized[row["schema"]]
        if not self.guids:
            del row["guid"]
        return row

    def by_id(self, row: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
        return {key: value for key, value in self.shown(row, query).items() if key not in ("id", "subject", "version")}


def identity(row: Any) -> tuple[Any, ...]:
    return row["schema"], row.get("metadata") or None, row.get("ruleSet") or None


def answer(body: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body, headers=MEDIA)


def error(status: int, code: int, message: str) -> httpx.Response:
    return httpx.Response(status, json={"error_code": code, "message": message}, headers=MEDIA)
