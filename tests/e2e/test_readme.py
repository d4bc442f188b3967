"""The README's tour, typed as a new user would: each command prints what the page shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx

from tenor.cli import VERBS

README = Path(__file__).resolve().parents[2] / "README.md"


def tour() -> list[tuple[str, str]]:
    """(command, what it shows) of every console block, in order; a here-document belongs to its command."""
    steps: list[tuple[str, str]] = []
    for block in re.findall(r"```console\n(.*?)```", README.read_text(encoding="utf-8"), re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            lines = part.splitlines()
            ends = lines.index("X") if lines[0].endswith("<<'X'") else 0
            steps.append(("\n".join(lines[: ends + 1]), "\n".join(lines[ends + 1 :]).strip()))
    return steps


def snippets() -> list[str]:
    """The Python blocks of the page."""
    found: list[str] = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
    assert len(found) >= 2
    return found


def test_the_tour_gives_what_it_shows(registry: httpx.Client, tmp_path: Path) -> None:
    address = f"{registry.base_url.host}:{registry.base_url.port}"
    steps = tour()
    assert len(steps) >= 10
    script, mark = ["exec 2>&1"], "--- next step ---"
    for command, _ in steps:
        script.append(command.replace("localhost:8081", address).replace("export PATH=$PWD/.venv/bin:$PATH", "true"))
        # The exit status stays what the step left, for a following `echo $?`.
        script.append(f"status=$?; echo; echo '{mark}'; (exit $status)")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "TENOR_URL": str(registry.base_url),
        "NO_COLOR": "1",
    }
    run = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    shown = [part.strip() for part in run.stdout.split(mark)][: len(steps)]
    assert [(command, said) for (command, _), said in zip(steps, shown, strict=True)] == steps
    for number, snippet in enumerate(snippets()):
        (tmp_path / f"snippet_{number}.py").write_text(snippet.replace("http://localhost:8081", str(registry.base_url)))
        done = subprocess.run(
            [sys.executable, f"snippet_{number}.py"],
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def test_every_verb_of_the_table_exists() -> None:
    named = set(re.findall(r"`tenor ([a-z][a-z-]+(?: [a-z-]+)?)", README.read_text(encoding="utf-8")))
    families = {verb.split()[0] for verb in VERBS}
    for name in named - {"VERB"}:
        assert name in VERBS or name.split()[0] in VERBS or name in families, name
