"""The whole application in this process, on either engine.

    async with app_on("sqlite:///…") as app:       the ASGI app with its lifespan run
        …
    with client_on("postgresql://…") as client:    a plain httpx.Client of such an app
        …
    def test_something(registry_client): …         the same on SQLite and on PostgreSQL, empty for each test

The application is what `registry.app.create_app` makes: store, outer layer and routes are the real ones, only the
socket is missing. For a served process there is `tests.served`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import httpx
import pytest

from registry.app import create_app
from registry.http.asgi import App, Message
from registry.settings import Settings
from registry.store.engine import FORGET_ALL, Db, Store, open_store
from registry.store.tables import Row
from tests.postgres import Server

T = TypeVar("T")

ENGINES = ("sqlite", "postgresql")
SECONDS = 60
DEFAULTS = Settings()


@asynccontextmanager
async def app_on(url: str, settings: Settings = DEFAULTS, *, store: Store | None = None) -> AsyncIterator[App]:
    """The app on a database, started and (at the end of the block) stopped. Raises RuntimeError if it cannot start."""
    app = create_app(replace(settings, database_url=url), store)
    to_app: asyncio.Queue[Message] = asyncio.Queue()
    from_app: asyncio.Queue[Message] = asyncio.Queue()
    lifespan = asyncio.create_task(_lifespan(app, to_app, from_app))
    try:
        await _told(lifespan, to_app, from_app, "startup")
        yield app
        await _told(lifespan, to_app, from_app, "shutdown")
    finally:
        lifespan.cancel()
        await asyncio.gather(lifespan, return_exceptions=True)


async def _lifespan(app: App, to_app: asyncio.Queue[Message], from_app: asyncio.Queue[Message]) -> None:
    await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, to_app.get, from_app.put)


async def _told(
    lifespan: asyncio.Task[None], to_app: asyncio.Queue[Message], from_app: asyncio.Queue[Message], event: str
) -> None:
    await to_app.put({"type": f"lifespan.{event}"})
    answer = asyncio.create_task(from_app.get())
    await asyncio.wait({answer, lifespan}, timeout=SECONDS, return_when=asyncio.FIRST_COMPLETED)
    if not answer.done():
        answer.cancel()
        raise RuntimeError(f"the app did not answer its {event}")
    if answer.result()["type"] != f"lifespan.{event}.complete":
        raise RuntimeError(str(answer.result()))


class _InLoop:
    """An event loop on a thread of its own, for tests that are plain functions."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="app", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(SECONDS)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class _ToApp(httpx.BaseTransport):
    """Hands the requests of a synchronous client to an ASGI app in a loop; any number of threads may share it."""

    def __init__(self, app: App, loop: _InLoop) -> None:
        self._transport = httpx.ASGITransport(app)
        self._loop = loop

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()

        async def exchange() -> tuple[int, httpx.Headers, bytes]:
            response = await self._transport.handle_async_request(request)
            return response.status_code, response.headers, await response.aread()

        status, headers, body = self._loop.run(exchange())
        return httpx.Response(status, headers=headers, content=body)


@contextmanager
def client_on(url: str, settings: Settings = DEFAULTS, *, store: Store | None = None) -> Iterator[httpx.Client]:
    """A client of the app on a database, for as long as the block lasts. Paths are sent as they are written."""
    loop = _InLoop()
    try:
        running = app_on(url, settings, store=store)
        app = loop.run(running.__aenter__())
        try:
            with httpx.Client(transport=_ToApp(app, loop), base_url="http://tenor", trust_env=False) as client:
                yield client
        finally:
            loop.run(running.__aexit__(None, None, None))
    finally:
        loop.close()


def empty(db: Db) -> None:
    """A writing job that leaves a database as a new one is: no row, and ids from 1."""
    for table in reversed(Row.metadata.sorted_tables):
        db.run(f"DELETE FROM {table.name}")
    db.forget(FORGET_ALL)


@pytest.fixture(scope="module", params=ENGINES)
def engine_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database that the tests of one module share, on each engine in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'tenor.db'}"
        return
    # Asked for here only, so that a run on SQLite alone starts no server.
    server: Server = request.getfixturevalue("pg_server")
    with server.database(request.getfixturevalue("pg_template")) as url:
        yield url


@pytest.fixture(scope="module")
def registry_store(engine_url: str) -> Iterator[Store]:
    """The store behind `registry_client`, to look at what was written."""
    store = open_store(engine_url)
    yield store
    store.close()


@pytest.fixture(scope="module")
def _served(engine_url: str, registry_store: Store) -> Iterator[httpx.Client]:
    with client_on(engine_url, store=registry_store) as client:
        yield client


@pytest.fixture
def registry_client(_served: httpx.Client, registry_store: Store) -> httpx.Client:
    """A client of a registry that holds nothing, on each engine in turn (the app is made once a module)."""
    registry_store.write_now(empty)
    return _served
