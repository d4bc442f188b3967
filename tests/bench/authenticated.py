"""A hot read by id from callers who say who they are, against the same read of a server that does not ask."""

from __future__ import annotations

import base64
import json
import tempfile
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from registry.events import Actor
from registry.security import administration, passwords
from registry.security.access import grant
from registry.store.engine import Db, open_store
from registry.store.migrations import migrate
from tests.bench import load
from tests.bench.filled import fill, numbers
from tests.bench.http_reads import cpu
from tests.bench.report import Row, paired
from tests.bench.servers import tenor_server

_PASSWORD = "correct horse battery staple"
_ISSUER, _AUDIENCE = "https://issuer.example", "tenor"


def _credentials(db: Db) -> dict[str, str]:
    """Authorization headers by what they are, of identities made here."""
    actor = Actor("bench")
    administration.create_identity(db, actor, "service")
    administration.add_grants(db, actor, "service", [grant("reader@*")])
    administration.create_identity(db, actor, "team")
    administration.add_grants(db, actor, "team", [grant("reader@subject:*-value"), grant("reader@context:.other")])
    administration.create_identity(db, actor, "person", passwords.hashed(_PASSWORD))
    administration.add_grants(db, actor, "person", [grant("reader@*")])
    administration.add_grants(db, actor, "jwt:somebody", [grant("reader@*")])
    whole, narrow = (administration.create_token(db, actor, name).secret for name in ("service", "team"))
    basic = base64.b64encode(f"person:{_PASSWORD}".encode()).decode()
    return {
        "API token": f"Bearer {whole}",
        "Basic": f"Basic {basic}",
        "API token of a team": f"Bearer {narrow}",
    }


def _jwt(folder: Path) -> tuple[str, str]:
    """A signed JWT and the file with its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    path = folder / "jwks.json"
    path.write_text(json.dumps({"keys": [{**public, "kid": "one", "use": "sig", "alg": "RS256"}]}))
    claims = {"iss": _ISSUER, "aud": _AUDIENCE, "sub": "somebody", "exp": int(time.time()) + 3600}
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": "one"}), str(path)


def measure(*, smoke: bool) -> list[Row]:
    """Ready answers over random ids, each way of saying who calls."""
    count, size = (500, 1000) if smoke else (20_000, 20_000)
    pairs, seconds = (3, 0.3) if smoke else (7, 1.0)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        store = open_store(url)
        migrate(store)
        fill(store, 0, size)
        headers = store.write_now(_credentials)
        store.close()
        token, keys = _jwt(Path(folder))
        headers["JWT"] = f"Bearer {token}"
        wanted = list(numbers(count, size))
        plain = [load.get(f"/schemas/ids/{number + 1}") for number in wanted]
        trust = {"jwt_keys": keys, "jwt_issuer": _ISSUER, "jwt_audience": _AUDIENCE}
        with (
            tenor_server(url, hot_cache=256_000_000) as bare,
            tenor_server(url, hot_cache=256_000_000, authentication="on", **trust) as guarded,
        ):
            load.run(bare.port, iter(plain), seconds=60)
            for what, value in headers.items():
                asked = [load.get(f"/schemas/ids/{number + 1}", f"authorization: {value}\r\n") for number in wanted]
                load.run(guarded.port, iter(asked), seconds=60)
                ratio = paired(pairs, cpu(bare, plain, seconds), cpu(guarded, asked, seconds))
                rows.append(Row(f"ready by id: {what}", ratio, "of the same without", ">= 0.8"))
    return rows
