"""The DEK registry of a registry in memory, written from the facts about it. It judges no name and wraps nothing.

Knobs: `lies` change an answer on its way out, without `counts` it is a registry that leases no uses of keys.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from fake_registry import FakeRegistry, answer, error

from tenor.keys.algorithms import new_key

PERSONS = 2**20


@dataclass
class FakeKeys(FakeRegistry):
    keks: dict[str, dict[str, Any]] = field(default_factory=dict)
    deks: dict[tuple[str, str, str, int], dict[str, Any]] = field(default_factory=dict)
    persons: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    stones: list[dict[str, Any]] = field(default_factory=list)
    leased: dict[tuple[str, str, str, int], int] = field(default_factory=dict)
    reserved: set[tuple[str, str, str, int]] = field(default_factory=set)
    clock: Callable[[], float] = time.time
    lies: Callable[[dict[str, Any]], dict[str, Any]] = lambda body: body
    older: bool = False
    counts: bool = True
    calls: list[str] = field(default_factory=list)

    def route(self, method: str, segments: list[str], query: dict[str, str], body: Any) -> httpx.Response:
        if segments[:3] == ["api", "v1", "keks"] and self.native:
            return self.people(method, segments[3:], query, body)
        if segments[:3] != ["dek-registry", "v1", "keks"]:
            return super().route(method, segments, query, body)
        self.calls.append(f"{method} {'/'.join(segments[3:])}")
        algorithm = query.get("algorithm") or "AES256_GCM"
        match method, segments[3:]:
            case "POST", []:
                if body["name"] in self.keks:
                    return error(409, 40971, "it exists")
                self.keks[body["name"]] = {**body, "ts": int(self.clock() * 1000)}
                return self.told(self.keks[body["name"]])
            case "GET", [name]:
                return self.told(self.keks[name]) if name in self.keks else error(404, 40470, f"Key not found: {name}")
            case "GET", [name, "deks", subject, "versions", number]:
                wanted = int(number)
                if wanted == -1:
                    there = [key[3] for key in self.deks if key[:3] == (name, subject, algorithm) and key[3] < PERSONS]
                    wanted = max(there, default=0)
                found = self.deks.get((name, subject, algorithm, wanted)) or self.person_dek(name, subject, wanted)
                return self.told(found) if found else error(404, 40470, f"Key not found: {subject}")
            case "GET", [name, "deks", subject, "versions"]:
                numbers = sorted(key[3] for key in self.deks if key[:3] == (name, subject, algorithm))
                return answer(numbers) if numbers else error(404, 40470, f"Key not found: {subject}")
            case "POST", [name, "deks", subject] if not self.older:
                return self.create(name, subject, body)
            case "POST", [name, "deks"]:
                return self.create(name, body["subject"], body)
            case "POST", [_, "deks", _]:
                return error(405, 405, "HTTP 405 Method Not Allowed")
        return error(404, 404, "HTTP 404 Not Found")

    def create(self, name: str, subject: str, body: Any) -> httpx.Response:
        algorithm = body.get("algorithm") or "AES256_GCM"
        key = (name, subject, algorithm, body.get("version") or 1)
        if key in self.deks:
            return error(409, 40971, "it exists")
        row = {
            "kekName": name,
            "subject": subject,
            "version": key[3],
            "algorithm": algorithm,
            "ts": int(self.clock() * 1000),
        }
        if "encryptedKeyMaterial" in body:
            row["encryptedKeyMaterial"] = body["encryptedKeyMaterial"]
        elif self.keks[name].get("shared"):
            row |= {"encryptedKeyMaterial": "AAAA", "keyMaterial": b64encode(new_key(algorithm)).decode()}
        else:
            return error(422, 42271, "no material")
        if "commitment" in body:
            row["commitment"] = body["commitment"]
        self.deks[key] = row
        return self.told(row)

    # --- persons --------------------------------------------------------------------------------------------

    def people(self, method: str, segments: list[str], query: dict[str, str], body: Any) -> httpx.Response:
        self.calls.append(f"{method} people {'/'.join(segments)}")
        if segments == ["revocations"]:
            after = int(query.get("after", 0))
            return answer({"items": self.stones[after:], "next": len(self.stones)})
        name = segments[0]
        if segments[1:2] == ["deks"] and segments[3:] == ["reservations"]:
            key = (name, segments[2], body["algorithm"], body["version"])
            if key in self.reserved or key in self.deks:
                return error(409, 40971, "somebody else makes it")
            self.reserved.add(key)
            return answer({"kek": name})
        if name not in self.keks:
            return error(404, 40470, "Key not found")
        if segments[1:2] == ["deks"] and segments[3:] == ["leases"]:
            return self.lease(name, segments[2], body) if self.counts else error(404, 404, "HTTP 404 Not Found")
        found = []
        for handle in body["handles"]:
            person = self.persons.get((name, handle))
            if person is None and body["mint"]:
                person = self.mint(name, handle, body)
            found.append(person or {"handle": handle, "state": "unknown"})
        for version in body["versions"]:
            there = [row for (kek, _), row in self.persons.items() if kek == name and row["version"] == version]
            found.append(there[0] if there else {"handle": "", "state": "unknown", "version": version})
        return answer({"kek": name, "shared": False, "persons": [self.lies(dict(person)) for person in found]})

    def lease(self, name: str, subject: str, body: Any) -> httpx.Response:
        key = (name, subject, body["algorithm"], body["version"])
        if key not in self.deks:
            return error(404, 40470, "Key not found")
        before = self.leased.get(key, 0) + body["spent"]
        uses = max(min(body["uses"], body["limit"] - before), 0)
        self.leased[key] = before + uses
        return answer({"uses": uses, "leased": before + uses, "rotate": not uses})

    def mint(self, name: str, handle: str, body: Any) -> dict[str, Any]:
        version = PERSONS + 1 + len(self.persons)
        row = {"handle": handle, "state": "live", "version": version, "algorithm": body["algorithm"]}
        if self.keks[name].get("shared"):
            row["key_material"] = b64encode(new_key(body["algorithm"])).decode()
        else:
            row |= body["keys"][handle]
        self.persons[name, handle] = row
        return row

    def person_dek(self, name: str, subject: str, version: int) -> dict[str, Any] | None:
        """How a client without the native API sees a person's key: a version of any subject."""
        rows = [row for (kek, _), row in self.persons.items() if kek == name and row["version"] == version]
        if not rows or rows[0]["state"] != "live":
            return None
        return {
            "kekName": name,
            "subject": subject,
            "version": version,
            "algorithm": rows[0]["algorithm"],
            "encryptedKeyMaterial": rows[0]["encrypted_key_material"],
            "ts": 1,
        }

    def erase(self, name: str, handle: str) -> None:
        version = self.persons[name, handle]["version"]
        self.persons[name, handle] = {"handle": handle, "state": "erased", "version": version}
        self.stones.append({"kek": name, "handle": handle, "version": version, "sequence": len(self.stones) + 1})

    def told(self, row: dict[str, Any]) -> httpx.Response:
        return answer(self.lies(dict(row)))
