"""Nothing committed names a package registry's host, a path of somebody's machine, or a lock with URLs."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

# Written apart, so that this file passes its own test.
HOSTS = [
    ".".join(parts)
    for parts in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("repo1", "maven", "org"),
        ("repo", "maven", "apache", "org"),
        ("proxy", "golang", "org"),
        ("crates", "io"),
        ("rubygems", "org"),
        ("debian", "org"),
        ("docker", "io"),
        ("gcr", "io"),
        ("ghcr", "io"),
        ("quay", "io"),
    ]
]
INDEX_SETTINGS = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL", "NPM_CONFIG_REGISTRY", "GOPROXY")
PERSONAL = re.compile(r"(?<![\w.:/}-])/(?:home|root|Users|work|workspace|mnt)/[\w.]")
LOCKS = re.compile(r"(^|/)(uv\.lock|pylock[^/]*\.toml|poetry\.lock|Pipfile\.lock|yarn\.lock|pnpm-lock\.yaml)$")


def hosts() -> list[str]:
    """The public registries, and the ones this machine is set to use."""
    set_here = [
        match[1]
        for name in INDEX_SETTINGS
        if (match := re.search(r"://(?:[^@/]*@)?([^/:,]+)", os.environ.get(name, "")))
    ]
    return HOSTS + [host for host in set_here if host not in ("localhost", "127.0.0.1")]


def faults(name: str, text: str) -> Iterator[str]:
    """What a file must not say."""
    said = [host for host in hosts() if host in text]  # most files say none, and lines are many
    for number, line in enumerate(text.splitlines(), 1):
        for host in said:
            if re.search(rf"(?<![\w-]){re.escape(host)}(?![\w-])", line):
                yield f"{name}:{number} names the registry {host}"
        if PERSONAL.search(line) or f"{ROOT}/" in line:
            yield f"{name}:{number} names a path of a machine"
        if re.search(r'^\s*"resolved":\s*"https?:', line):
            yield f"{name}:{number} is a lock that names a registry"
    if LOCKS.search(name):
        yield f"{name} is a lock that names a registry"


def tracked() -> list[Path]:
    """The files that git has, or will have with the next `git add .`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_names_a_registry_or_a_machine() -> None:
    files = tracked()
    assert len(files) > 20
    found = [
        fault
        for path in files
        if b"\0" not in (data := path.read_bytes())
        for fault in faults(str(path.relative_to(ROOT)), data.decode(errors="replace"))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        ("a.txt", f"see https://{HOSTS[0]}/simple", True),
        ("a.txt", f"https://files.{HOSTS[1]}/x.whl", True),
        ("a.txt", f"my{HOSTS[0]}anisation", False),
        ("a.py", "/".join(["open('", "home", "ann", "x')"]), True),
        ("a.py", "/".join(["GET http://127.0.0.1:8081", "work", "x"]), False),
        ("package-lock.json", '  "resolved": "https://host/x.tgz"', True),
        ("uv.lock", "", True),
        ("docs/uv.lock.md", "", False),
    ],
)
def test_the_guard_sees(name: str, text: str, wrong: bool) -> None:
    assert bool(list(faults(name, text))) is wrong


def test_the_guard_knows_the_index_this_machine_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://user:secret@mirror.example/simple")
    assert list(faults("a.txt", "see mirror.example")) == ["a.txt:1 names the registry mirror.example"]
