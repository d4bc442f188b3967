"""What `tenor completion` prints, asked by a real bash."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tenor.cli import VERBS, main
from tenor.cli.verbs.completion import SHELLS, families, options_of


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("completion")
    (folder / "order.avsc").touch()
    done = subprocess.run(
        [sys.executable, "-m", "tenor", "completion", "bash"], capture_output=True, text=True, check=True, timeout=60
    )
    (folder / "script").write_text(done.stdout)
    return folder / "script"


def completed(script: Path, *words: str) -> list[str]:
    """What bash offers behind these words; the last one is begun."""
    typed = " ".join(map(shlex.quote, ("tenor", *words)))
    lines = [
        f"source {shlex.quote(str(script))}",
        f"COMP_WORDS=({typed}); COMP_CWORD={len(words)}; _tenor",
        'printf "%s\\n" "${COMPREPLY[@]}"',
    ]
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)], cwd=script.parent, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == ""
    return sorted(filter(None, done.stdout.splitlines()))


def test_verbs_second_words_options_and_files_are_completed(script: Path) -> None:
    assert completed(script, "") == sorted({name.partition(" ")[0] for name in VERBS})
    assert completed(script, "pla") == ["plan"]
    for word, seconds in families().items():
        assert completed(script, word, "") == sorted(seconds)
    for name in ("keys create", "deploy", "deploy record", "check", "can-i-deploy"):
        assert completed(script, *name.split(), "--") == sorted(options_of(name))
    assert "--against" in completed(script, "check", "ord", "--a")
    assert completed(script, "check", "ord") == []  # the shell's own completion of files follows
    assert completed(script, "list", "--output", "") == ["json", "text", "yaml"]
    assert completed(script, "list", "--output", "=", "y") == ["yaml"]
    assert completed(script, "list", "--output", "=") == ["json", "text", "yaml"]
    assert completed(script, "completion", "") == sorted(SHELLS)
    assert completed(script, "nonsense", "--") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_every_verb_and_option_is_in_each_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    for name in VERBS:
        assert all(word in text for word in name.split())
        assert all(option.removeprefix("--") in text for option in options_of(name))


def test_a_shell_that_nobody_knows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "csh"]) == 2
    assert "'csh'" in capsys.readouterr().err
