"""What a person gets who presses Tab: bash and zsh in a terminal, fish asked by its own `complete -C`."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.legs import executable

TENOR = Path(sys.executable).with_name("tenor")
SCRIPTS = ("bash", "zsh", "fish")

# What is typed before Tab, and what stands there then.
ROWS = [
    ("tenor pla", "tenor plan "),
    ("tenor can-i", "tenor can-i-deploy "),
    ("tenor keys cr", "tenor keys create "),
    ("tenor deploy sup", "tenor deploy support-ended "),
    ("tenor keys create --kms-k", "tenor keys create --kms-key-id "),
    ("tenor deploy record --appl", "tenor deploy record --application "),
    ("tenor check order.avsc --unk", "tenor check order.avsc --unknown "),
    ("tenor check order.avsc --unknown f", "tenor check order.avsc --unknown fail "),
    ("tenor lint order.avsc --format sa", "tenor lint order.avsc --format sarif "),
    ("tenor env list --output y", "tenor env list --output yaml "),
    ("tenor list --output=y", "tenor list --output=yaml "),
    ("tenor check --verdict conf", "tenor check --verdict confluent "),
    ("tenor completion z", "tenor completion zsh "),
    ("tenor check ord", "tenor check order.avsc "),
    ("tenor bundle create s --key se", "tenor bundle create s --key secret.pem "),
    ("tenor fmt sch", "tenor fmt schemas/"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("completion")
    (folder / "schemas").mkdir()
    for name in ("order.avsc", "secret.pem"):
        (folder / name).touch()
    for shell in SCRIPTS:
        done = subprocess.run([TENOR, "completion", shell], capture_output=True, text=True, check=True, timeout=60)
        (folder / f"script.{shell}").write_text(done.stdout)
    return folder


class Typist:
    """A shell in a terminal. `prompt` tells where a line begins."""

    prompt = "@:"

    def __init__(self, command: list[str], folder: Path) -> None:
        self._ours, theirs = pty.openpty()
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "dumb", "LANG": "C.UTF-8"}
        self._process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=environment, start_new_session=True
        )
        os.close(theirs)

    def close(self) -> None:
        self._process.kill()
        self._process.wait(10)
        os.close(self._ours)

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def see(self, wanted: str, seconds: float = 20) -> str:
        """What is shown, until it ends with what is wanted. Raises AssertionError after so many seconds."""
        shown, until = "", time.monotonic() + seconds
        while not shown.endswith(wanted):
            left = until - time.monotonic()
            readable = left > 0 and select.select([self._ours], [], [], left)[0]
            assert readable, f"not {wanted!r} but {shown!r}"
            shown += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x07|\r", "", os.read(self._ours, 4096).decode())
        return shown


def terminal(shell: str, folder: Path) -> Iterator[Typist]:
    command = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}[shell]
    typist = Typist(command, folder)
    try:
        # What is typed is echoed: the prompt is put together, so that only the shell itself can print it.
        typist.type(f"PS1=@''{Typist.prompt[1:]}; source ./script.{shell}\n")
        typist.see(Typist.prompt)
        yield typist
    finally:
        typist.close()


@pytest.fixture(scope="module")
def bash(folder: Path) -> Iterator[Typist]:
    yield from terminal("bash", folder)


@pytest.fixture(scope="module")
def zsh(folder: Path) -> Iterator[Typist]:
    yield from terminal("zsh", folder)


def completed(typist: Typist, typed: str, becomes: str) -> None:
    typist.type(typed + "\t")
    try:
        typist.see(becomes)
    finally:
        typist.type("\x15\n")  # forget the line
        typist.see(Typist.prompt)


@pytest.mark.parametrize(("typed", "becomes"), ROWS)
def test_bash(bash: Typist, typed: str, becomes: str) -> None:
    completed(bash, typed, becomes)


@pytest.mark.shells
@pytest.mark.parametrize(("typed", "becomes"), ROWS)
def test_zsh(zsh: Typist, typed: str, becomes: str) -> None:
    completed(zsh, typed, becomes)


@pytest.mark.shells
def test_fish(folder: Path) -> None:
    lines = ["source ./script.fish"]
    for typed, _ in ROWS:
        lines += [f"complete -C {shlex.quote(typed)}", "echo ----"]
    shell = executable("fish")
    assert shell
    done = subprocess.run(
        [shell, "--no-config", "-c", "\n".join(lines)],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    offers = [[line.partition("\t")[0] for line in part.splitlines()] for part in done.stdout.split("----\n")[:-1]]
    for (_, becomes), offered in zip(ROWS, offers, strict=True):
        assert offered == [becomes.rstrip().rpartition(" ")[2]], becomes


@pytest.mark.shells
def test_fish_says_what_each_verb_does(folder: Path) -> None:
    shell = executable("fish")
    assert shell
    ask = "source ./script.fish; complete -C 'tenor keys '; complete -C 'tenor check --'"
    done = subprocess.run(
        [shell, "--no-config", "-c", ask], cwd=folder, capture_output=True, text=True, timeout=60, check=True
    )
    assert "create\tcreate a KEK\n" in done.stdout
    assert "--against" in done.stdout
