"""Who calls: tokens, passwords, JWTs and certificates, from the first request to the last one after a revocation."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from registry.security import authority as authorities
from registry.security.oidc import Bearer, Trust
from registry.settings import InvalidSetting, Settings
from registry.store.engine import open_store
from registry.store.migrations import migrate
from tests.integration.callers import (
    ADMIN,
    ADMINS,
    GUARDED,
    ask,
    basic,
    bearer,
    guarded,
    minted,
    password_of,
    raw,
    token_of,
)
from tests.integration.served import app_on, client_on

STRING = {"schema": '"string"'}
SERVER = Path(sys.executable).with_name("tenor-server")


@pytest.fixture(scope="module")
def registry(engine_url: str) -> Iterator[httpx.Client]:
    """A registry that asks who calls, on each engine."""
    with guarded(engine_url) as client:
        yield client


def _status(client: httpx.Client, headers: dict[str, str], path: str = "/subjects") -> int:
    return client.get(path, headers=headers).status_code


def test_nobody_is_told_how_to_log_in(registry: httpx.Client) -> None:
    for path, body in (
        ("/subjects", {"error_code": 401, "message": "Authentication is required."}),
        ("/pact/pacticipants", {"error": "Authentication is required."}),
        ("/api/v1/subjects", None),
    ):
        answer = registry.get(path)
        assert answer.status_code == 401
        assert answer.headers.get_list("www-authenticate", split_commas=False) in (
            ['Bearer realm="tenor"', 'Basic realm="tenor", charset="UTF-8"'],
            ['Bearer realm="tenor", Basic realm="tenor", charset="UTF-8"'],
        )
        assert body is None or answer.json() == body
    problem = registry.get("/api/v1/subjects")
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json()["type"] == "/api/v1/problems/unauthenticated"
    for path in ("/", "/health/live", "/health/ready", "/docs", "/metrics", "/schemas/types", "/api/v1/problems"):
        assert registry.get(path).status_code == 200, path


def test_who_may_not_is_told_so_in_each_dialect(registry: httpx.Client) -> None:
    reader = bearer(token_of(registry, "told", "reader@subject:mine"))
    answer = registry.post("/subjects/mine/versions", json=STRING, headers=reader)
    assert (answer.status_code, answer.json()) == (
        403,
        {"error_code": 40301, "message": "told may not write subject:mine."},
    )
    answer = registry.get("/pact/pacticipants/x", headers=reader)
    assert (answer.status_code, answer.json()) == (403, {"error": "told may not read application:x."})
    problem = {"accept": "application/problem+json"}
    assert registry.get("/pact/pacticipants/x", headers={**reader, **problem}).json()["title"] == "Forbidden"
    answer = registry.get("/api/v1/subjects/other", headers=reader)
    assert (answer.status_code, answer.json()["code"]) == (403, 40301)
    assert "www-authenticate" not in answer.headers


def test_a_token_counts_as_bearer_and_as_password(registry: httpx.Client) -> None:
    token = token_of(registry, "ci", "reader@*", description="the pipeline's")
    for headers in (bearer(token), basic("ci", token), basic("anything", token), basic(token, "")):
        assert _status(registry, headers) == 200
        who = registry.get("/api/v1/whoami", headers=headers).json()
        assert (who["name"], who["how"], who["grants"]) == ("ci", "token", ["reader@*"])
    listed = registry.get("/api/v1/tokens", params={"identity": "ci"}, headers=bearer(token))
    assert token not in listed.text
    assert [each["description"] for each in listed.json()] == ["the pipeline's"]
    assert registry.get("/api/v1/tokens", headers=bearer(token)).status_code == 403  # everybody's
    mine, other = listed.json()[0]["id"], registry.get("/api/v1/tokens", headers=ADMINS).json()
    assert mine in {each["id"] for each in other}


def test_the_use_of_a_token_is_noted_once_a_minute(registry: httpx.Client) -> None:
    token = token_of(registry, "used", "reader@*")
    used: list[Any] = []
    for _ in range(30):
        _status(registry, bearer(token))
        used.append(registry.get("/api/v1/tokens?identity=used", headers=ADMINS).json()[0]["used_at"])
    assert used[-1] is not None
    assert len(set(used) - {None}) == 1


def test_a_token_ends_when_it_should(registry: httpx.Client) -> None:
    brief = token_of(registry, "brief", "reader@*", expires_in=1)
    assert _status(registry, bearer(brief)) == 200
    time.sleep(1.1)
    assert _status(registry, bearer(brief)) == 401  # though it was remembered


def test_a_token_is_narrower_than_its_identity(registry: httpx.Client) -> None:
    token = token_of(registry, "wide", "admin@*", scope=["reader@subject:a*"])
    assert registry.get("/api/v1/whoami", headers=bearer(token)).json()["scope"] == ["reader@subject:a*"]
    assert _status(registry, bearer(token), "/subjects/abc/versions") == 404
    assert _status(registry, bearer(token), "/subjects/b/versions") == 403
    made = registry.post("/api/v1/tokens", json={}, headers=bearer(token))
    assert made.status_code == 403  # it cannot mint itself a wider one


@pytest.mark.parametrize("way", ["revoked", "switched off", "deleted", "grant taken", "by the command"])
def test_what_is_taken_away_counts_at_once(registry: httpx.Client, engine_url: str, way: str) -> None:
    name = f"gone-{way.replace(' ', '-')}"
    token = token_of(registry, name, "reader@*")
    assert [_status(registry, bearer(token)) for _ in range(3)] == [200] * 3
    id = registry.get("/api/v1/tokens", params={"identity": name}, headers=ADMINS).json()[0]["id"]
    if way == "revoked":
        assert registry.delete(f"/api/v1/tokens/{id}", headers=bearer(token)).status_code == 204  # its own
    elif way == "switched off":
        assert registry.put(f"/api/v1/identities/{name}", json={"disabled": True}, headers=ADMINS).status_code == 200
    elif way == "deleted":
        assert registry.delete(f"/api/v1/identities/{name}", headers=ADMINS).status_code == 204
    elif way == "grant taken":
        body = {"principal": name, "grants": ["reader@*"]}
        assert registry.post("/api/v1/grants:revoke", json=body, headers=ADMINS).json()["grants"] == []
    else:
        command: list[str | Path] = [SERVER, "token", "--database-url", engine_url, "revoke", id]
        subprocess.run(command, check=True, capture_output=True)
        deadline = time.monotonic() + 5
        while _status(registry, bearer(token)) == 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert _status(registry, bearer(token)) == (403 if way == "grant taken" else 401)


def test_another_replica_refuses_a_revoked_token_within_five_seconds(pg_url: str) -> None:
    with guarded(pg_url) as one, guarded(pg_url) as other:
        token = token_of(one, "everywhere", "reader@*")
        assert [_status(each, bearer(token)) for each in (one, other, other)] == [200] * 3
        id = one.get("/api/v1/tokens?identity=everywhere", headers=ADMINS).json()[0]["id"]
        one.delete(f"/api/v1/tokens/{id}", headers=ADMINS)
        assert _status(one, bearer(token)) == 401
        deadline = time.monotonic() + 5
        while _status(other, bearer(token)) == 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_replica_that_hears_nothing_asks_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deaf to notices and without an answer from its own questions, it does not go on believing what it remembers."""
    monkeypatch.setattr(authorities, "LAG", 0.5)

    async def run() -> None:
        url = f"sqlite:///{tmp_path}/t.db"
        async with app_on(url, GUARDED) as app:
            token = await minted(app, "deaf", "reader@*")
            authority = app.authority  # type: ignore[attr-defined] # the outer layer's
            monkeypatch.setattr(authority, "_forget", lambda tag: None)
            assert (await ask(app, "GET", "/subjects", raw(bearer(token)))).status == 200
            deadline = time.monotonic() + 5
            store = open_store(url)
            store.write_now(lambda db: db.run("UPDATE token SET revoked_at = 1"))  # nobody is told
            store.close()
            while (await ask(app, "GET", "/subjects", raw(bearer(token)))).status == 200:
                assert time.monotonic() < deadline
                authority._confirmed -= 0.2  # as if the questions went unanswered
                await asyncio.sleep(0.05)

    asyncio.run(run())


def test_people_have_passwords_and_make_tokens_for_themselves(registry: httpx.Client) -> None:
    alice = password_of(registry, "alice", "correct horse battery", "developer@subject:a*")
    who = registry.get("/api/v1/whoami", headers=alice).json()
    assert (who["name"], who["how"]) == ("alice", "password")
    made = registry.post("/api/v1/tokens", json={"expires_in": 100}, headers=alice)
    assert made.status_code == 201
    assert _status(registry, bearer(made.json()["secret"]), "/subjects/a/versions") == 404
    assert registry.post("/api/v1/tokens", json={"identity": "ci"}, headers=alice).status_code == 403
    changed = registry.put("/api/v1/identities/alice", json={"password": "another horse battery"}, headers=ADMINS)
    assert changed.json()["has_password"]
    assert _status(registry, alice) == 401
    assert _status(registry, basic("alice", "another horse battery")) == 200
    for bad in ({"name": "x:y"}, {"name": "anonymous"}, {"name": ""}, {"name": "b", "password": "short"},
                {"name": "b", "grants": ["king@*"]}):  # fmt: skip
        assert registry.post("/api/v1/identities", json=bad, headers=ADMINS).status_code == 400, bad
    again = registry.post("/api/v1/identities", json={"name": "alice"}, headers=ADMINS)
    assert (again.status_code, again.json()["type"]) == (409, "/api/v1/problems/identity-exists")
    for path in ("/api/v1/identities/nobody", "/api/v1/tokens/nothing"):
        assert registry.delete(path, headers=ADMINS).status_code == 404


def test_passwords_cannot_be_guessed_quickly(registry: httpx.Client) -> None:
    bob = password_of(registry, "bob", "correct horse battery", "reader@*")
    statuses = [_status(registry, basic("bob", f"wrong horse battery {n}")) for n in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    refused = registry.get("/subjects", headers=basic("bob", "wrong"))
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert _status(registry, bob) == 429  # not even the right one now
    assert _status(registry, basic("carol", "wrong horse battery")) == 401  # others may


def test_anonymous_callers_have_what_was_granted_to_them(tmp_path: Path) -> None:
    with guarded(f"sqlite:///{tmp_path}/t.db", anonymous="reader@subject:public-*") as client:
        client.post("/subjects/public-a/versions", json=STRING, headers=ADMINS)
        client.post("/subjects/secret/versions", json={"schema": '"int"'}, headers=ADMINS)
        assert client.get("/subjects").json() == ["public-a"]
        assert client.get("/schemas/ids/1").status_code == 200
        assert client.get("/schemas/ids/2").status_code == 404
        for path in ("/subjects/secret/versions", "/api/v1/whoami", "/pact/pacticipants"):
            assert client.get(path).status_code == 401, path
        assert client.post("/subjects/public-a/versions", json=STRING).status_code == 401
        assert client.get("/subjects", headers=bearer("wrong")).status_code == 401  # a bad credential is not none


@pytest.mark.parametrize(
    "settings",
    [
        {"anonymous": "king@*"},
        {"admin_token": "short"},
        {"proxies": "10.0.0.0/99"},
        {"jwt_keys": "https://x.example"},
        {"jwt_keys": "f", "jwt_issuer": "i", "jwt_audience": "a", "jwt_algorithms": "HS256"},
        {"jwt_keys": "f", "jwt_issuer": "i", "jwt_audience": "a", "jwt_algorithms": "none"},
        {"jwt_keys": "f", "jwt_issuer": "i", "jwt_audience": "a", "jwt_algorithms": ""},
        {"audit_key": "xyz"},
        {"audit_key": "00"},
    ],
)
def test_a_server_does_not_start_with_settings_that_mean_nothing(tmp_path: Path, settings: dict[str, str]) -> None:
    with pytest.raises(InvalidSetting), client_on(f"sqlite:///{tmp_path}/t.db", Settings(**settings)):  # type: ignore[arg-type] # texts
        pass


def test_only_loopback_is_open_by_itself(tmp_path: Path) -> None:
    command: list[str | Path] = [
        SERVER,
        "serve",
        "--host",
        "0.0.0.0",
        "--port",
        "0",
        "--database-url",
        f"sqlite:///{tmp_path}/t.db",
    ]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 2
    assert "TENOR_AUTHENTICATION" in refused.stderr
    assert not (tmp_path / "t.db").exists()


def test_an_event_says_where_its_request_came_from(registry: httpx.Client) -> None:
    """Also of a registration, which PostgreSQL writes in one call."""
    registry.post("/subjects/from-where/versions", json={"schema": '"bytes"'}, headers=ADMINS)
    registry.put("/config/from-where", json={"compatibility": "NONE"}, headers=ADMINS)
    for resource in ("subject:from-where", "scope:from-where"):
        found = registry.get("/api/v1/audit/events", params={"resource": resource}, headers=ADMINS).json()["items"]
        assert [(each["actor"], each["address"]) for each in found] == [("admin-token", "127.0.0.1")]


def test_replicas_of_two_releases_register_side_by_side(pg_url: str) -> None:
    """One that does not know of origins yet calls as it did; going back and forth leaves both ways as they were."""
    store = open_store(pg_url)
    try:
        for revision in ("head", "0005", "head"):
            migrate(store, to=revision)
        arguments = ", ".join(
            f"CAST({value} AS {kind})"
            for value, kind in (
                ("'.'", "text"), ("'old'", "text"), ("NULL", "bigint"), ("0", "bigint"), ("1", "integer"),
                ("'x'", "bytea"), ("'00000000-0000-0000-0000-000000000000'", "text"), ("'AVRO'", "text"),
                ("'\"int\"'", "text"), ("NULL", "text"), ("NULL", "text"), ("NULL", "text"), ("'{}'", "text[]"),
                ("'{}'", "text[]"), ("1", "bigint"), ("'me'", "text"), ("'old'", "text"),
            )
        )  # fmt: skip
        assert store.write_now(lambda db: db.all(f"SELECT schema_id FROM tenor_register({arguments})")) == [(1,)]
        assert store.read_now(lambda db: db.all("SELECT actor, origin FROM event")) == [("me", None)]
        with client_on(pg_url) as client:
            assert client.post("/subjects/new/versions", json={"schema": '"long"'}).status_code == 200
        assert store.read_now(lambda db: db.all("SELECT actor, origin FROM event ORDER BY pk")) == [
            ("me", None), ("anonymous", "127.0.0.1"),
        ]  # fmt: skip
    finally:
        store.close()


# JWT


class Issuer:
    """An identity provider: keys that it signs with, and the set that it publishes over HTTP on loopback."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {}
        self.published: list[dict[str, Any]] = []
        self.asked = 0
        self.url = ""

    def add(self, kid: str, algorithm: str = "RS256", **members: Any) -> None:
        """A new key, published at once."""
        maker = {
            "RS": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
            "PS": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
            "ES": lambda: ec.generate_private_key(ec.SECP256R1()),
            "Ed": ed25519.Ed25519PrivateKey.generate,
        }[algorithm[:2]]
        self.keys[kid] = maker()
        shape = jwt.get_algorithm_by_name(algorithm)
        public = shape.to_jwk(self.keys[kid].public_key())
        document = json.loads(public) if isinstance(public, str) else public
        self.published.append({**document, "kid": kid, "alg": algorithm, "use": "sig", **members})

    def sign(self, kid: str, algorithm: str = "RS256", headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token; a claim that is None is left out."""
        now = int(time.time())
        said = {"iss": "https://idp", "aud": "tenor", "sub": "alice", "exp": now + 600, **claims}
        present = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(present, self.keys[kid], algorithm=algorithm, headers={"kid": kid, **(headers or {})})


@contextmanager
def issuer() -> Iterator[Issuer]:
    """An issuer with one RSA key, served."""
    found = Issuer()
    found.add("one")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked += 1
            body = json.dumps({"keys": found.published}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}/jwks"
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def idp() -> Iterator[Issuer]:
    with issuer() as found:
        found.add("ec", "ES256")
        found.add("ed", "EdDSA")
        found.add("ps", "PS256")
        yield found


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory, idp: Issuer) -> Iterator[httpx.Client]:
    """A registry that trusts the issuer."""
    url = f"sqlite:///{tmp_path_factory.mktemp('jwt')}/t.db"
    trust = {"jwt_keys": idp.url, "jwt_issuer": "https://idp", "jwt_audience": "tenor", "jwt_private": True}
    with guarded(url, **trust) as client:
        for principal, grants in (("jwt:alice", ["reader@*"]), ("group:platform", ["developer@subject:p-*"])):
            body = {"principal": principal, "grants": grants}
            assert client.post("/api/v1/grants", json=body, headers=ADMINS).status_code == 200
        yield client


def test_a_jwt_has_the_grants_of_its_name_and_groups(trusting: httpx.Client, idp: Issuer) -> None:
    for kid, algorithm in (("one", "RS256"), ("ec", "ES256"), ("ed", "EdDSA"), ("ps", "PS256")):
        token = idp.sign(kid, algorithm, groups=["platform", "other"])
        who = trusting.get("/api/v1/whoami", headers=bearer(token)).json()
        assert (who["name"], who["how"]) == ("jwt:alice", "jwt"), algorithm
        assert who["grants"] == ["developer@subject:p-*", "reader@*"]
        assert trusting.post("/subjects/p-1/versions", json=STRING, headers=bearer(token)).status_code == 200
    stranger = idp.sign("one", sub="bob")
    assert trusting.get("/subjects", headers=bearer(stranger)).status_code == 403  # known, and granted nothing
    audience = idp.sign("one", aud=["other", "tenor"])
    assert trusting.get("/subjects", headers=bearer(audience)).status_code == 200
    assert trusting.get("/subjects", headers=basic("alice", idp.sign("one"))).status_code == 401  # no password


def _pem(idp: Issuer) -> bytes:
    public: bytes = (
        idp.keys["one"]
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return public


def test_a_jwt_that_is_not_what_is_trusted_is_nobodys(trusting: httpx.Client, idp: Issuer) -> None:
    now = int(time.time())
    sound = idp.sign("one")
    head, claims, signature = sound.split(".")
    own = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    embedded = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(own.public_key()))

    def by_hand(header: dict[str, Any], key: bytes = b"") -> str:
        """A token with any header; HMAC-signed with a key, or not signed."""
        import base64
        import hashlib
        import hmac

        first = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=")
        signed = first + b"." + claims.encode()
        last = hmac.new(key, signed, hashlib.sha256).digest() if key else b""
        return (signed + b"." + base64.urlsafe_b64encode(last).rstrip(b"=")).decode()

    der = (
        idp.keys["one"]
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    jwk = json.dumps(idp.published[0]).encode()
    forged = {
        "none": by_hand({"alg": "none", "kid": "one"}),
        "None": by_hand({"alg": "None", "kid": "one"}),
        "no algorithm": by_hand({"kid": "one"}),
        "an algorithm that is no text": by_hand({"alg": ["RS256"], "kid": "one"}),
        **{f"HS256 with the public key as {name}": by_hand({"alg": "HS256", "kid": "one"}, key)
           for name, key in (("PEM", _pem(idp)), ("DER", der), ("JWK", jwk))},
        "RS256 said, HMAC signed": by_hand({"alg": "RS256", "kid": "one"}, _pem(idp)),
        "a key of its own": jwt.encode({"iss": "https://idp", "aud": "tenor", "sub": "alice", "exp": now + 60}, own,
                                       algorithm="RS256", headers={"kid": "one"}),
        "an embedded key": jwt.encode({"iss": "https://idp", "aud": "tenor", "sub": "alice", "exp": now + 60}, own,
                                      algorithm="RS256", headers={"kid": "one", "jwk": embedded}),
        "a key elsewhere": jwt.encode({"iss": "https://idp", "aud": "tenor", "sub": "alice", "exp": now + 60}, own,
                                      algorithm="RS256", headers={"kid": "x", "jku": "http://127.0.0.1:1/"}),
        "the key of another algorithm": idp.sign("one", "PS256"),
        "RS512 is not allowed": idp.sign("one", "RS512"),
        "a critical extension": idp.sign("one", headers={"crit": ["exp"], "exp": 1}),
        "kid that walks": idp.sign("one", headers={"kid": "../../etc/passwd"}),
        "kid that is no text": by_hand({"alg": "RS256", "kid": 1}),
        "expired": idp.sign("one", exp=now - 31),
        "not yet": idp.sign("one", nbf=now + 120),
        "no end": idp.sign("one", exp=None),
        "an end that is no number": by_hand({"alg": "RS256", "kid": "one"}, b"x"),
        "another issuer": idp.sign("one", iss="https://evil"),
        "no issuer": idp.sign("one", iss=None),
        "another audience": idp.sign("one", aud="other"),
        "no audience": idp.sign("one", aud=None),
        "no name": idp.sign("one", sub=None),
        "an empty name": idp.sign("one", sub=""),
        "a name that commands": idp.sign("one", sub="a\nb"),
        "another signature": f"{head}.{claims}.{'A' * len(signature)}",
        "no signature": f"{head}.{claims}.",
        "other claims": f"{head}.{idp.sign('one', sub='root').split('.')[1]}.{signature}",
        "nothing": "..",
        "no JSON": "YQ.YQ.YQ",
        "deep": by_hand({"alg": "RS256", "kid": "one", "x": json.loads("[" * 500 + "]" * 500)}),
    }  # fmt: skip
    for what, token in forged.items():
        assert trusting.get("/subjects", headers=bearer(token)).status_code == 401, what
    assert trusting.get("/subjects", headers=bearer(sound)).status_code == 200
    late = idp.sign("one", exp=now - 5)
    assert trusting.get("/subjects", headers=bearer(late)).status_code == 200  # within the leeway


def test_ten_thousand_mutated_jwts_are_nobodys(idp: Issuer) -> None:
    import random

    dice, sound = random.Random(2), idp.sign("one")
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

    async def run() -> int:
        trust = Trust(idp.url, "https://idp", "tenor", ["RS256"], private=True)
        bearer = Bearer(trust, print)
        assert await bearer.verified(sound) is not None
        found = 0
        for _ in range(10_000):
            place = dice.randrange(len(sound) - 1)  # the last letter holds two bits that count for nothing
            mutated = sound[:place] + dice.choice(letters) + sound[place + 1 :]
            found += mutated != sound and await bearer.verified(mutated) is not None
        return found

    asked = idp.asked
    assert asyncio.run(run()) == 0
    assert idp.asked - asked <= 3  # unknown kids do not make it ask each time


def test_keys_are_rotated_without_a_hand() -> None:
    with issuer() as idp:
        now = [0.0]

        async def run() -> None:
            trust = Trust(idp.url, "https://idp", "tenor", ["RS256"], private=True)
            bearer = Bearer(trust, print, clock=lambda: now[0])
            old = idp.sign("one")
            assert await bearer.verified(old) is not None
            idp.add("two")
            new = idp.sign("two")
            assert await bearer.verified(new) is None  # asked a moment ago
            now[0] += 11
            assert await bearer.verified(new) is not None
            assert await bearer.verified(old) is not None
            idp.published = [key for key in idp.published if key["kid"] != "one"]
            now[0] += 301
            assert await bearer.verified(old) is None  # taken out of the set
            assert await bearer.verified(new) is not None
            nameless = idp.sign("two", headers={"kid": ""})
            assert await bearer.verified(nameless) is None

        asyncio.run(run())


def test_an_issuer_that_is_down_locks_nobody_out() -> None:
    with issuer() as idp:
        now, said = [0.0], []
        trust = Trust(idp.url, "https://idp", "tenor", ["RS256"], private=True)
        token = idp.sign("one")
    told = idp.published

    async def run() -> None:
        bearer = Bearer(trust, lambda *_, **reasons: said.append(reasons), clock=lambda: now[0])
        assert await bearer.verified(token) is None  # it was never there
        assert said
        bearer._keys = [jwt.PyJWK(each) for each in told]
        now[0] += 400
        assert await bearer.verified(token) is not None

    asyncio.run(run())


@pytest.mark.parametrize(
    ("keys", "private"),
    [("http://127.0.0.1:1/jwks", False), ("https://127.0.0.1:1/jwks", False), ("https://[::1]/jwks", False),
     ("https://169.254.169.254/latest", False), ("ftp://127.0.0.1/x", True), ("file:///etc/passwd", True),
     ("/nowhere/at/all", False)],
)  # fmt: skip
def test_keys_come_from_public_addresses_only(keys: str, private: bool) -> None:
    said: list[Any] = []

    async def run() -> None:
        trust = Trust(keys, "https://idp", "tenor", ["RS256"], private=private)
        bearer = Bearer(trust, lambda *_, **reasons: said.append(reasons["reason"]))
        token = jwt.encode({"x": 1}, rsa.generate_private_key(public_exponent=65537, key_size=2048), algorithm="RS256")
        assert await bearer.verified(token) is None

    asyncio.run(run())
    assert len(said) == 1


# Certificates, as a proxy tells of them.


def test_only_a_trusted_proxy_tells_of_certificates(tmp_path: Path) -> None:
    header, subject = b"x-client-subject", b"CN=billing,O=Shop"
    settings = replace(GUARDED, proxies="10.0.0.0/8", certificate_header="X-Client-Subject")

    async def run() -> None:
        async with app_on(f"sqlite:///{tmp_path}/t.db", settings) as app:
            body = json.dumps({"principal": "cert:CN=billing,O=Shop", "grants": ["reader@*"]}).encode()
            assert (await ask(app, "POST", "/api/v1/grants", raw(ADMINS), body)).status == 200

            async def status(*headers: tuple[bytes, bytes], peer: str = "10.0.0.7") -> int:
                return (await ask(app, "GET", "/subjects", headers, peer=peer)).status

            assert await status((header, subject)) == 200
            who = await ask(app, "GET", "/api/v1/whoami", [(header, subject)], peer="10.0.0.7")
            assert b'"cert:CN=billing,O=Shop","how":"certificate"' in who.body
            assert await status((header, subject), peer="8.8.8.8") == 401
            assert await status((header, b"CN=other")) == 403
            assert await status((header, subject), (header, subject)) == 401  # two of a kind
            assert await status((header, b"")) == 401
            assert await status((header, b"CN=a\nb")) == 401
            assert await status((b"x_client_subject", subject)) == 401  # another header, whatever it looks like
            assert await status((b"X-Client-Subject ", subject)) == 401
            assert await status((header, subject), (b"authorization", b"Bearer wrong")) == 401
            assert await status((header, subject), (b"authorization", f"Bearer {ADMIN}".encode())) == 200

    asyncio.run(run())


def test_two_credentials_are_none(tmp_path: Path) -> None:
    async def run() -> None:
        async with app_on(f"sqlite:///{tmp_path}/t.db", GUARDED) as app:
            good = (b"authorization", f"Bearer {ADMIN}".encode())
            assert (await ask(app, "GET", "/subjects", [good])).status == 200
            for bad in (b"Bearer wrong", good[1], b""):
                assert (await ask(app, "GET", "/subjects", [good, (b"authorization", bad)])).status == 401
                assert (await ask(app, "GET", "/subjects", [(b"authorization", bad), good])).status == 401
            for value in (good[1] + b", Bearer x", b"Bearer  " + good[1], b"Bearer\t" + ADMIN.encode()):
                assert (await ask(app, "GET", "/subjects", [(b"authorization", value)])).status == 401

    asyncio.run(run())
