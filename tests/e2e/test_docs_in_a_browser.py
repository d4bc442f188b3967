"""`/docs` in a real browser: it renders, and not one request leaves the host."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.legs import chromium

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.mark.browser
def test_the_documentation_shows_the_routes_and_asks_nobody_else(registry: httpx.Client, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    asked: list[str] = []
    failed: list[str] = []
    complaints: list[str] = []
    base = str(registry.base_url).rstrip("/")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            page = browser.new_page()
            page.on("request", lambda request: asked.append(request.url))
            page.on("requestfailed", lambda request: failed.append(request.url))
            page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
            page.goto(f"{base}/docs")
            page.wait_for_selector('[data-path="/subjects/{subject}/versions"]', timeout=30_000)
            page.screenshot(path=str(tmp_path / "docs.png"))
            title = page.text_content(".info .title")
            page.select_option("select", label="Tenor")
            page.wait_for_selector('[data-path="/api/v1/subjects"]', timeout=30_000)
        finally:
            browser.close()
    assert title is not None
    assert "Confluent Schema Registry" in title
    hosts = {urlsplit(url).netloc for url in asked if not url.startswith(("data:", "blob:"))}
    assert hosts == {urlsplit(base).netloc}
    assert failed == []
    assert complaints == []
