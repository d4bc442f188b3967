"""The outer layer keeps an answer only while it is true, and sends it only to whoever may have it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from registry.errors import RegistryError
from registry.hot import HotReads, Keep
from registry.http.asgi import App, Message, Receive, Scope, Send
from registry.http.caching import etag
from registry.http.dialect import QuickAnswer
from registry.http.outer import Outer
from registry.metrics import Metrics
from registry.security.access import Action, Grants, grant
from registry.security.authority import Authority
from registry.security.identity import Caller
from registry.settings import Settings
from registry.store.engine import Store, open_store


class Counting:
    """A dialect whose app answers how often it was asked, and wishes to be kept."""

    name = "counting"
    refusal_type = b"application/json"

    def __init__(self, wish: Keep, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.wish = wish
        self.meanwhile = meanwhile
        self.asked = 0
        self.app: App = self.answer

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        scope["tenor_keep"] = self.wish
        scope["path_template"] = "/x"
        body = b"%d" % self.asked
        self.meanwhile()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def rewrite(self, parts: list[str], query: bytes) -> tuple[list[str], bytes]:
        return parts, query

    def media_type(self, accept: bytes) -> bytes | None:
        return None if accept == b"text/html" else b"application/json"

    def refusal(self, status: int, reason: str) -> bytes:
        return reason.encode()

    def told(self, error: RegistryError) -> tuple[int, bytes]:
        return 403, str(error).encode()

    def accepts(self, content_type: bytes) -> bool:
        return True

    async def quick(
        self, method: str, parts: list[str], query: bytes, body: bytes, caller: Caller
    ) -> QuickAnswer | None:
        return None


@pytest.fixture
def store() -> Iterator[Store]:
    opened = open_store("sqlite:///:memory:")
    yield opened
    opened.close()


async def nothing(*_: Any) -> None:
    return None


def asker(
    store: Store, dialect: Counting, *, cache_headers: bool = False, authority: Authority | None = None
) -> Callable[..., tuple[int, bytes, Any]]:
    """Ask such an app: (status, body, headers)."""
    outer = Outer(
        {}, dialect, HotReads(store, 1_000_000), store, Metrics(),
        authority or Authority(Settings(), store, print),
        body_limit=1000, timeout=5, lifespan=nothing, log=lambda **_: None, log_all=False, cache_headers=cache_headers,
    )  # fmt: skip

    body_of = {"GET": b"", "POST": b"x"}

    def ask(method: str = "GET", path: str = "/x", **headers: str) -> tuple[int, bytes, Any]:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body_of.get(method, b""), "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        headers = {"content_length": str(len(body_of.get(method, b""))), **headers}
        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope: Scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
            "headers": raw,
        }  # fmt: skip
        asyncio.run(outer(scope, receive, send))
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return sent[0]["status"], body, dict(sent[0]["headers"])

    return ask


IMMUTABLE = Keep("schema:1", immutable=True, tags=("id:1",))


def test_an_immutable_answer_holds_until_its_tag_is_forgotten(store: Store) -> None:
    ask = asker(store, Counting(IMMUTABLE))
    assert [ask()[1] for _ in range(3)] == [b"1"] * 3
    store.write_now(lambda db: None)
    store.forget("id:2")
    assert ask()[1] == b"1"
    store.forget("id:1")
    assert ask()[1] == b"2"


def test_any_other_answer_holds_until_the_next_write(store: Store) -> None:
    ask = asker(store, Counting(Keep("subject:s")))
    assert [ask()[1] for _ in range(3)] == [b"1"] * 3
    store.write_now(lambda db: None)
    assert ask()[1] == b"2"


def test_what_is_forgotten_while_an_answer_is_made_is_not_kept(store: Store) -> None:
    dialect = Counting(IMMUTABLE, meanwhile=lambda: store.forget("id:1"))
    ask = asker(store, dialect)
    assert [ask()[1] for _ in range(3)] == [b"1", b"2", b"3"]
    dialect.meanwhile = lambda: None
    assert [ask()[1] for _ in range(3)] == [b"4"] * 3


def test_nothing_is_kept_while_other_replicas_are_not_heard(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(store), "hears", property(lambda self: False))
    ask = asker(store, Counting(IMMUTABLE))
    assert [ask()[1] for _ in range(2)] == [b"1", b"2"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_kept_answer_is_for_those_who_may_do_the_same(store: Store, method: str) -> None:
    authority = Authority(Settings(), store, print)
    dialect = Counting(Keep("subject:s", Action.WRITE))
    ask = asker(store, dialect, authority=authority)

    def asked_by(*granted: str) -> int:
        """How often the app was asked, once a caller with these grants asked twice."""
        authority.open = Caller("somebody", grants=Grants(tuple(map(grant, granted))), how="token")
        ask(method), ask(method)
        return dialect.asked

    assert [ask(method)[1] for _ in range(2)] == [b"1"] * 2
    assert asked_by("admin@*") == 1  # may write every subject
    assert asked_by("producer@subject:*") == 1
    assert asked_by("reader@*") == 2  # the app, whose own guard decides: here it says yes to all, so the next is ready
    assert asked_by("producer@subject:s") == 3


def test_who_was_given_an_answer_by_the_route_is_given_it_again(store: Store) -> None:
    class Constant(Counting):
        async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
            self.asked += 1
            scope["tenor_keep"] = self.wish
            headers = [(b"content-type", b"application/json"), (b"content-length", b"1")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"1"})

    authority, dialect = Authority(Settings(), store, print), Constant(IMMUTABLE)
    ask = asker(store, dialect, authority=authority)
    one, other = (Grants((grant(f"reader@subject:{name}"),)) for name in "ab")
    asked = []
    for grants in (one, one, other, other, one):
        authority.open = Caller("somebody", grants=grants, how="token")
        ask()
        asked.append(dialect.asked)
    assert asked == [1, 1, 2, 2, 2]
    store.forget("id:1")
    ask()
    assert dialect.asked == 3


def test_a_kept_answer_is_not_for_those_who_do_not_accept_it(store: Store) -> None:
    ask = asker(store, Counting(IMMUTABLE))
    ask()
    assert ask(accept="text/html")[0] == 406
    assert ask()[1] == b"1"


def test_caches_are_told_how_long_and_asked_by_tag(store: Store) -> None:
    dialect = Counting(Keep("schema:1", immutable=True, tags=("id:1",), fresh=60))
    ask = asker(store, dialect, cache_headers=True)
    for turn in range(2):
        status, body, headers = ask()
        assert (status, body) == (200, b"1"), turn
        assert headers[b"cache-control"] == b"max-age=60"
        assert headers[b"vary"] == b"accept"
        tag = headers[b"etag"].decode()
        for known in (tag, tag.removeprefix("W/"), "*", f'"other", {tag}'):
            status, body, headers = ask(if_none_match=known)
            assert (status, body, headers[b"etag"].decode()) == (304, b"", tag)
            assert b"content-length" not in headers
        assert ask(if_none_match='W/"other"')[:2] == (200, b"1")
    assert ask("HEAD", if_none_match="*")[:2] == (304, b"")
    store.forget("id:1")
    assert ask(if_none_match=tag)[:2] == (200, b"3")


def test_the_first_question_may_be_answered_with_not_modified_too(store: Store) -> None:
    ask = asker(store, Counting(IMMUTABLE), cache_headers=True)
    tag = etag(b"1").decode()
    assert ask(if_none_match=tag)[:2] == (304, b"")
    assert ask()[:2] == (200, b"1")
    assert ask()[2][b"cache-control"] == b"no-cache"


def test_without_the_setting_nothing_is_said_to_caches(store: Store) -> None:
    ask = asker(store, Counting(IMMUTABLE))
    for _ in range(2):
        status, body, headers = ask(if_none_match="*")
        assert (status, body) == (200, b"1")
        assert not {b"etag", b"cache-control", b"vary"} & set(headers)


def test_a_fault_outside_the_app_is_told_in_json(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    dialect = Counting(IMMUTABLE)

    async def quick(*_: Any) -> QuickAnswer | None:
        raise OverflowError

    monkeypatch.setattr(dialect, "quick", quick)
    assert asker(store, dialect)()[:2] == (500, b"Internal server error")
