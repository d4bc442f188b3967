"""Whoever tries to get in without being let in, over real connections: no access, and never a fault of the server's."""

from __future__ import annotations

import asyncio
import random
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from registry.security import tokens
from registry.settings import Settings
from tests.integration.callers import ADMIN, GUARDED, ask, basic, bearer, guarded, minted, raw
from tests.integration.served import app_on, client_on
from tests.served import served

SERVER = Path(sys.executable).with_name("tenor-server")
GOOD = f"authorization: Bearer {ADMIN}\r\n"
BODY = b'{"schema":"\\"string\\""}'


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A served registry that asks who calls, holds `secret`, and waits for no body longer than a second."""
    environment = {
        "TENOR_DATABASE_URL": "sqlite:///t.db", "TENOR_AUTHENTICATION": "on", "TENOR_ADMIN_TOKEN": ADMIN,
        "TENOR_ANONYMOUS": "reader@subject:public", "TENOR_REQUEST_TIMEOUT": "1.5", "TENOR_BODY_LIMIT": "100000",
        "TENOR_PROXIES": "10.0.0.0/8", "TENOR_CERTIFICATE_HEADER": "x-client-subject",
    }  # fmt: skip
    with served([SERVER, "serve"], cwd=tmp_path_factory.mktemp("hostile"), environment=environment) as client:
        for subject in ("public", "secret"):
            content = BODY if subject == "public" else BODY.replace(b"string", b"long")
            answer = client.post(f"/subjects/{subject}/versions", content=content, headers=bearer(ADMIN))
            assert answer.status_code == 200
        assert client.get("/schemas/ids/2", headers=bearer(ADMIN)).status_code == 200  # it is ready
        yield client


def _sent(client: httpx.Client, request: bytes, *, seconds: float = 10) -> bytes:
    """The bytes of an answer to bytes, until the server closes or says nothing more for a moment."""
    with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=seconds) as peer:
        peer.sendall(request)
        answer = b""
        try:
            while chunk := peer.recv(65536):
                answer += chunk
                peer.settimeout(0.2)
        except (TimeoutError, ConnectionResetError):
            pass
        return answer


def _answers(client: httpx.Client, requests: list[bytes]) -> list[bytes]:
    """The answers of many requests, each on a connection of its own: most of the time is waiting for a second one."""
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(lambda request: _sent(client, request), requests))


def _head(target: str, headers: str = "", method: str = "GET", version: str = "1.1") -> bytes:
    return f"{method} {target} HTTP/{version}\r\nhost: x\r\n{headers}\r\n".encode("latin-1")


def _statuses(answer: bytes) -> list[int]:
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:] if part[:3].isdigit()]


# Ways to write the path of what only the admin may read.
PATHS = [
    "/subjects/secret/versions/1", "/subjects/%73ecret/versions/1", "/subjects/secre%74/versions/1",
    "/%73ubjects/secret/versions/1", "/subjects/secret/versions/%31", "/subjects/public/../secret/versions/1",
    "/subjects/public%2F..%2Fsecret/versions/1", "/subjects/%2e%2e/secret/versions/1",
    "/subjects/./secret/versions/1", "/subjects/%2e/secret/versions/1", "//subjects/secret/versions/1",
    "/subjects//secret/versions/1", "/subjects/secret%2Fversions/1", "/subjects%2Fsecret%2Fversions%2F1",
    "/subjects/%2573ecret/versions/1", "/subjects/public%00secret/versions/1", "/subjects/secret%00/versions/1",
    "/subjects/secret;x=public/versions/1", "/subjects/:.:secret/versions/1",
    "/contexts/./subjects/secret/versions/1", "/contexts/:.:/subjects/secret/versions/1",
    "/contexts/.public/subjects/:.:secret/versions/1", "/subjects/secret/versions/1/",
    "/subjects/secret/versions/1?x=public", "/subjects/secret/versions/1#public", "/subjects/public?/../secret",
    "/subjects/secret/versions/latest", "/subjects/secret/versions/-1", "/subjects/secret/versions/1/schema",
    "/subjects/secret/metadata", "/schemas/ids/2", "/schemas/ids/%32", "/schemas/ids/2?subject=public",
    "/schemas/ids/2?subject=secret", "/schemas/ids/2?fetchMaxId=false&subject=secret", "/schemas/ids/2/schema",
    "/schemas/ids/2/subjects", "/schemas/ids/2/", "/schemas/ids/2?subject=%3A.%3A", "/schemas/ids/02",
    "/schemas/ids/+2", "/api/v1/subjects/secret", "/api/v1/schemas/2", "/api/v1/../../subjects/secret/versions/1",
    "/api/../subjects/secret/versions/1", "/health/../subjects/secret/versions/1",
    "/docs/%2e%2e/subjects/secret/versions/1", "/pact/../subjects/secret/versions/1", "/pact/pacticipants",
    "/openapi/..%2F..%2Fsubjects", "/docs/assets/..%2F..%2Fsettings.py", "/openapi/%2e%2e%2fpyproject",
    "/config/secret", "/mode/secret", "/api/v1/audit/events", "/api/v1/tokens", "/api/v1/identities",
    "http://x/subjects/secret/versions/1", "/\\subjects/secret/versions/1", "/subjects\\secret\\versions\\1",
]  # fmt: skip


def test_no_way_to_write_a_path_opens_it(registry: httpx.Client) -> None:
    tried = [(path, method) for path in PATHS for method in ("GET", "HEAD", "POST", "DELETE", "PUT", "PATCH")]
    requests = [_head(path, "content-length: 0\r\nconnection: close\r\n", method) for path, method in tried]
    for (path, method), answer in zip(tried, _answers(registry, requests), strict=True):
        assert b"long" not in answer, (method, path)
        for status in _statuses(answer):
            assert status < 500, (method, path, answer)
            assert status != 200 or b"secret" not in answer, (method, path, answer)
    still = registry.get("/subjects/secret/versions/1", headers=bearer(ADMIN))
    assert still.json()["schema"] == '"long"'


# Headers that a proxy and a server might read differently, behind no credential: none of them is one.
SMUGGLED = [
    f"authorization : Bearer {ADMIN}\r\n",
    f" authorization: Bearer {ADMIN}\r\n",
    f"x: y\r\n authorization: Bearer {ADMIN}\r\n",
    f"x: y\nauthorization: Bearer {ADMIN}x\r\n",
    f"x-authorization: Bearer {ADMIN}\r\n",
    f"authorization_: Bearer {ADMIN}\r\n",
    f"proxy-authorization: Bearer {ADMIN}\r\n",
    f"cookie: authorization=Bearer {ADMIN}; token={ADMIN}\r\n",
    f"{GOOD}authorization: Bearer x\r\n",
    f"authorization: Bearer x\r\n{GOOD}",
    f"authorization: Bearer x, Bearer {ADMIN}\r\n",
    f"authorization: Bearer {ADMIN}\x00\r\n",
    f"authorization: Bearer {ADMIN}\tx\r\n",
    "x-forwarded-for: 127.0.0.1\r\nx-real-ip: 127.0.0.1\r\nforwarded: for=127.0.0.1\r\n",
    "x-client-subject: CN=admin\r\n",
    "x-client-subject: CN=admin\r\nx-forwarded-for: 10.0.0.1\r\n",
    "x-original-url: /health/live\r\nx-rewrite-url: /health/live\r\n",
    "x-http-method-override: OPTIONS\r\n",
    "tenor-application: admin\r\nx-remote-user: admin\r\nremote-user: admin\r\n",
    "transfer-encoding: chunked\r\ncontent-length: 4\r\n",
]


def test_no_header_passes_for_a_credential(registry: httpx.Client) -> None:
    targets = ("/subjects/secret/versions/1", "/schemas/ids/2", f"/subjects?access_token={ADMIN}")
    tried = [(target, headers) for headers in SMUGGLED for target in targets]
    for (target, headers), answer in zip(tried, _answers(registry, [_head(*each) for each in tried]), strict=True):
        assert b"long" not in answer, headers
        for status in _statuses(answer):
            assert status in (400, 401, 403, 404) or (status == 200 and "access_token" in target), (headers, answer)
        assert b'"secret"' not in answer, headers


SECOND = _head("/subjects/secret/versions/1")
REQUESTS = [  # a second request inside a first
    _head("/subjects/public/versions/1", f"content-length: {len(SECOND)}\r\n") + SECOND,
    _head("/subjects/public/versions/1", f"content-length: 0\r\ncontent-length: {len(SECOND)}\r\n") + SECOND,
    _head("/subjects/public", "transfer-encoding: chunked\r\ncontent-length: 5\r\n", "POST") + b"0\r\n\r\n" + SECOND,
    _head("/subjects/public", "transfer-encoding: xchunked\r\n", "POST") + SECOND,
    _head("/subjects/public", "transfer-encoding: chunked, identity\r\n", "POST") + b"0\r\n\r\n" + SECOND,
    _head("/subjects/public", f"content-length: +{len(SECOND)}\r\n", "POST") + SECOND,
    _head("/subjects/public", "content-length: -1\r\n", "POST") + SECOND,
    _head("/subjects/public/versions/1 HTTP/1.1\r\n" + GOOD + "\r\nGET /x"),
    _head("/subjects/public/versions/1\r\n" + GOOD),
    b"GET /subjects/secret/versions/1\r\n\r\n",
    b"GET /subjects/secret/versions/1 HTTP/0.9\r\n\r\n",
    _head("/subjects/secret/versions/1", version="2.0"),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]


def test_a_request_inside_another_is_not_let_in(registry: httpx.Client) -> None:
    for request in REQUESTS:
        answer = _sent(registry, request)
        assert b"long" not in answer, request
        assert all(status < 500 for status in _statuses(answer)), (request, answer)
    # On a kept connection each request says for itself who sends it.
    both = _head("/subjects/secret/versions/1", GOOD) + _head("/subjects/secret/versions/1")
    assert _statuses(_sent(registry, both)) == [200, 401]
    assert _statuses(_sent(registry, _head("/schemas/ids/2", GOOD) + _head("/schemas/ids/2"))) == [200, 404]


def test_large_and_slow_bodies_of_nobody_are_not_waited_for(registry: httpx.Client) -> None:
    """Without a grant for anything a body is not even read; with one it has its time."""
    target = "/subjects/secret/versions"
    for headers in ("content-length: 99999999999\r\n", "content-length: 200000\r\n", "transfer-encoding: chunked\r\n"):
        answer = _sent(registry, _head(target, f"{headers}authorization: Bearer wrong\r\n", "POST") + b"5\r\nhello")
        assert _statuses(answer)[:1] in ([401], [413]), (headers, answer)
    began = time.monotonic()
    slow = _head(target, f"content-length: 1000\r\n{GOOD}", "POST") + b'{"sch'
    answer = _sent(registry, slow, seconds=10)
    assert _statuses(answer) == [408], answer
    assert time.monotonic() - began < 8
    waiting = [
        socket.create_connection((registry.base_url.host, registry.base_url.port or 80), timeout=5) for _ in range(50)
    ]
    try:
        for number, peer in enumerate(waiting):
            peer.sendall(
                _head(target, f"content-length: 1000\r\n{GOOD if number % 2 else ''}", "POST")[
                    : -1 if number % 3 else None
                ]
            )
        latencies = []
        for _ in range(50):
            began = time.monotonic()
            assert registry.get("/subjects/public/versions/1").status_code == 200
            latencies.append(time.monotonic() - began)
        assert sorted(latencies)[25] < 0.1  # others are served meanwhile
    finally:
        for peer in waiting:
            peer.close()


def test_ten_thousand_mutated_tokens_open_nothing(tmp_path: Path) -> None:
    dice = random.Random(3)

    def mutated(token: str) -> str:
        letters, place = list(token), dice.randrange(len(token))
        match dice.randrange(5):
            case 0:
                letters[place] = chr(dice.randrange(33, 127))
            case 1:
                del letters[place]
            case 2:
                letters.insert(place, chr(dice.randrange(33, 127)))
            case 3:
                other = dice.randrange(len(token))
                letters[place], letters[other] = letters[other], letters[place]
            case _:
                letters[place] = letters[place].swapcase()
        return "".join(letters)

    def well_made() -> str:
        """Another token, with a checksum that is right."""
        return tokens.mint()

    async def run() -> dict[int, int]:
        async with app_on(f"sqlite:///{tmp_path}/t.db", GUARDED) as app:
            token = await minted(app, "victim", "admin@*")
            assert (await ask(app, "GET", "/subjects", raw(bearer(token)))).status == 200
            statuses: dict[int, int] = {}
            for number in range(10_000):
                wrong = well_made() if number % 10 == 0 else mutated(token if number % 3 else ADMIN)
                if wrong in (token, ADMIN):
                    continue
                headers = bearer(wrong) if number % 2 else basic("victim" if number % 7 else wrong, wrong)
                if not tokens.looks_like_one(wrong):
                    headers = bearer(wrong)
                status = (await ask(app, "GET", "/subjects", raw(headers))).status
                statuses[status] = statuses.get(status, 0) + 1
            return statuses

    statuses = asyncio.run(run())
    assert set(statuses) == {401}
    assert statuses[401] > 9_000


def test_callers_have_so_many_requests_a_minute(tmp_path: Path) -> None:
    with guarded(f"sqlite:///{tmp_path}/t.db", rate_limit=5) as client:
        answers = [client.get("/schemas/types", headers=bearer(ADMIN)) for _ in range(7)]
        assert [each.status_code for each in answers] == [200] * 5 + [429] * 2
        assert [each.headers["ratelimit-remaining"] for each in answers] == ["4", "3", "2", "1", "0", "0", "0"]
        assert answers[-1].json()["error_code"] == 429
        assert 0 < int(answers[-1].headers["retry-after"]) <= 60
        assert "retry-after" not in answers[0].headers
        others = [client.get("/api/v1/subjects") for _ in range(7)]  # nobody, by address
        assert [each.status_code for each in others] == [401] * 5 + [429] * 2
        assert others[-1].json()["type"] == "/api/v1/problems/rate-limited"


def test_ready_answers_count_too(tmp_path: Path) -> None:
    with client_on(f"sqlite:///{tmp_path}/t.db", Settings(rate_limit=6)) as client:
        client.post("/subjects/s/versions", content=BODY, headers={"content-type": "application/json"})
        answers = [client.get("/schemas/ids/1") for _ in range(6)]
        assert [each.status_code for each in answers] == [200] * 5 + [429]
        assert [each.headers["ratelimit-remaining"] for each in answers] == ["4", "3", "2", "1", "0", "0"]


def test_answers_are_hardened_and_pages_of_strangers_are_not_let_in(tmp_path: Path) -> None:
    url, page = f"sqlite:///{tmp_path}/t.db", {"origin": "https://app.example"}
    with client_on(url) as client:
        client.post("/subjects/s/versions", content=BODY, headers={"content-type": "application/json"})
        for path in ("/subjects", "/schemas/ids/1", "/schemas/ids/1", "/api/v1/subjects", "/pact", "/nowhere", "/docs"):
            headers = client.get(path, headers=page).headers
            assert headers["x-content-type-options"] == "nosniff", path
            assert headers["referrer-policy"] == "no-referrer", path
            assert "frame-ancestors 'none'" in headers["content-security-policy"], path
            assert not any(name.startswith("access-control") for name in headers), path
            assert "set-cookie" not in headers, path
        asked = {**page, "access-control-request-method": "PUT"}
        assert "access-control-allow-origin" not in client.options("/subjects", headers=asked).headers
    with client_on(url, Settings(cors_origins="https://app.example")) as client:
        for _ in range(2):  # then it is ready
            assert client.get("/schemas/ids/1", headers=page).headers["access-control-allow-origin"] == page["origin"]
        granted = client.options("/subjects/s/versions", headers=asked)
        assert (granted.status_code, granted.headers["access-control-allow-origin"]) == (204, page["origin"])
        assert "authorization" in granted.headers["access-control-allow-headers"]
        stranger = client.get("/schemas/ids/1", headers={"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in stranger.headers


def test_what_fails_says_no_secret(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with guarded(f"sqlite:///{tmp_path}/t.db", access_log=True, log_level="debug") as client:
        token = tokens.mint()
        said = [
            client.get("/subjects", headers=headers).text
            for headers in (bearer(token), basic("user", "a secret password"), basic("user", token), bearer("a.b.c"))
        ]
        said.append(client.get(f"/subjects?token={token}", headers=bearer(ADMIN)).text)
        told = "".join([*said, *capfd.readouterr()])
    for secret in (token, "a secret password", ADMIN):
        assert secret not in told
