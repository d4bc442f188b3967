"""The command `tenor`: starting it, a check against git without a server, and the plan of a large repository."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from tests.bench.report import Row
from tests.bench.servers import tenor_server
from tests.postgres import durable_server

TENOR = str(Path(sys.executable).with_name("tenor"))
SCHEMAS = 500
_CHECK = [TENOR, "check", "order.avsc", "--against", "git:main"]
_PROJECT = 'schemas: [{path: "**/*.avsc", subject: "{stem}"}]\n'


def measure(*, smoke: bool) -> list[Row]:
    """Wall time and CPU time (of the children too: git, the engine) beside `python -c pass`, medians of turns."""
    turns = 2 if smoke else 15
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _changed_branch(folder)
        commands = {
            "floor": [sys.executable, "-c", "pass"],
            "tenor --help": [TENOR, "--help"],
            "tenor check, one file against git": _CHECK,
        }
        wall, cpu = _timed(commands, folder, turns)
    rows = []
    for what, most in (("tenor --help", 4), ("tenor check, one file against git", 20)):
        floor = f"of python -c pass ({wall['floor'] * 1000:.0f} ms)"
        rows.append(Row(f"{what}, wall", wall[what] / wall["floor"], "x", f"<= {most}", floor))
        rows.append(Row(f"{what}, CPU", cpu[what] / cpu["floor"], "x", f"<= {most}"))
    return [*rows, *_planned(50 if smoke else SCHEMAS, 1 if smoke else 3)]


def _timed(commands: dict[str, list[str]], folder: Path, turns: int) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of wall and of CPU by command: they take turns, so that noise hits all alike."""
    wall: dict[str, list[float]] = {name: [] for name in commands}
    cpu: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(turns + 1):
        for name, command in commands.items():
            before, began = _children(), time.perf_counter()
            _run(command, folder)
            if turn:  # the first one warms the caches of the file system
                wall[name].append(time.perf_counter() - began)
                cpu[name].append(_children() - before)
    return {name: median(each) for name, each in wall.items()}, {name: median(each) for name, each in cpu.items()}


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _run(command: list[str], folder: Path, **more: str) -> None:
    # Without PYTHON…: modules are compiled once, by the first turn, as they are where people installed them.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TENOR_", "GIT_", "PYTHON"))}
    done = subprocess.run(command, cwd=folder, env={**kept, **more}, capture_output=True, timeout=60, check=False)
    if done.returncode:
        raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr.decode()}")


def _changed_branch(folder: Path) -> None:
    """A repository on a branch that adds a field to one schema."""
    fields: list[dict[str, object]] = [{"name": f"f{number}", "type": "string"} for number in range(10)]
    order = folder / "order.avsc"
    order.write_text(_record("Order", fields))
    (folder / "tenor.yaml").write_text(_PROJECT)
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "commit.gpgsign=false"]
    for arguments in (("init", "-q", "-b", "main"), ("add", "--all"), ("commit", "-q", "-m", "Schemas")):
        _run([*git, *arguments], folder)
    _run([*git, "checkout", "-q", "-b", "change"], folder)
    order.write_text(_record("Order", [*fields, {"name": "note", "type": ["null", "string"], "default": None}]))
    _run([*git, "commit", "-q", "-a", "-m", "A note"], folder)


def _planned(count: int, turns: int) -> Iterator[Row]:
    """Seconds of `tenor plan`: of schemas that are all new to a server just started, and once they are registered."""
    server = durable_server()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in repository(count).items():
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text(text)
        for engine, database in (("SQLite", _sqlite), ("PostgreSQL", server.database)):
            new, same = [], []
            for _ in range(turns):
                with database() as database_url, tenor_server(database_url) as tenor:
                    url = f"http://127.0.0.1:{tenor.port}"
                    new.append(_seconds([TENOR, "plan"], folder, url))
                    _run([TENOR, "apply"], folder, TENOR_URL=url)
                    same.append(_seconds([TENOR, "plan"], folder, url))
            yield Row(f"tenor plan, {count} schemas, {engine}, all new", median(new), "s", "<= 3")
            yield Row(f"tenor plan, {count} schemas, {engine}, unchanged", median(same), "s", "<= 3")


def _seconds(command: list[str], folder: Path, url: str) -> float:
    began = time.perf_counter()
    _run(command, folder, TENOR_URL=url)
    return time.perf_counter() - began


def repository(count: int) -> dict[str, str]:
    """Files of a project: records of ten fields, each but the first referring to another one."""
    files = {"tenor.yaml": _PROJECT}
    for number in range(count):
        fields: list[dict[str, object]] = [{"name": f"f{each}", "type": "string"} for each in range(10)]
        fields += [{"name": "before", "type": f"bench.R{(number - 1) // 3}"}] if number else []
        files[f"team{number % 20}/r{number}.avsc"] = _record(f"R{number}", fields)
    return files


def _record(name: str, fields: list[dict[str, object]]) -> str:
    return json.dumps({"type": "record", "name": name, "namespace": "bench", "fields": fields}, indent=1)


@contextmanager
def _sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/t.db"
