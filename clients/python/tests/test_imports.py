"""What the server and a quick `tenor --help` load: the standard library and nothing slow."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tenor

SLOW = {"httpx", "msgspec", "fastavro", "jsonschema_rs", "google", "argparse", "asyncio", "ssl", "email", "http"}
PURE = ["tenor", "tenor.wire", "tenor.errors", "tenor.cache", "tenor.retry", "tenor.cli"]


def modules_after(statement: str) -> set[str]:
    code = f"import sys; before = set(sys.modules); {statement}; print(*(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, env=with_path()
    )
    return set(done.stdout.split())


def with_path() -> dict[str, str]:
    # -S keeps the site packages' own start-up imports out of the picture; the client itself must be found.
    return {"PYTHONPATH": str(Path(tenor.__file__).parent.parent)}


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_loads_nothing_slow(module: str) -> None:
    loaded = modules_after(f"import {module}")
    assert not {name.partition(".")[0] for name in loaded} & SLOW
    foreign = {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names
    assert foreign == {"tenor"}


def test_calls_and_events_load_no_third_party_package() -> None:
    loaded = modules_after("import tenor.calls, tenor.events, tenor.naming, tenor.schemas, tenor.codecs")
    assert {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names == {"tenor"}


def test_every_public_name_is_there() -> None:
    for name in tenor.__all__:
        assert getattr(tenor, name) is not None
    with pytest.raises(AttributeError):
        _ = tenor.nonsense
    assert "Registry" in dir(tenor)


def test_help_is_quick() -> None:
    """At most four times an empty interpreter: paired, so that a busy machine slows both."""

    def seconds(*arguments: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start

    ratios = [seconds("-m", "tenor", "--help") / seconds("-c", "pass") for _ in range(9)]
    assert statistics.median(ratios) <= 4, json.dumps(ratios)
