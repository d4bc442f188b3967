"""A served registry that is told to stop does not wait for those who wait for events."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import httpx

from tests.served import served

SERVER = Path(sys.executable).with_name("tenor-server")


def test_a_stop_ends_the_waiting(tmp_path: Path) -> None:
    answers: list[httpx.Response] = []
    environment = {"TENOR_DATABASE_URL": "sqlite:///t.db"}
    with served([SERVER, "serve"], cwd=tmp_path, environment=environment) as client:
        url = client.base_url.join("/api/v1/changes?wait=30")
        thread = threading.Thread(target=lambda: answers.append(httpx.get(url, timeout=60, trust_env=False)))
        thread.start()
        time.sleep(1)
        assert thread.is_alive()
        stopped = time.monotonic()
    assert time.monotonic() - stopped < 10
    thread.join()
    assert [(each.status_code, each.json()) for each in answers] == [(200, {"items": [], "next_cursor": 0})]
