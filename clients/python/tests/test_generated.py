"""The committed synchronous client is what the generator writes today."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent.parent / "generate_sync.py"


def test_the_synchronous_client_is_current() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_nothing_asynchronous_is_left_in_it() -> None:
    folder = SCRIPT.parent / "src" / "tenor" / "_sync"
    for path in folder.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not any(word in text for word in ("await", "async def", "async with", "asyncio", "Async")), path.name
