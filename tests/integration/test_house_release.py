"""What `./do release` makes: the same bytes each time, everything pinned by hash, nothing from anywhere named."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT


def release(folder: Path) -> Path:
    done = subprocess.run(
        ["./do", "release", folder], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return release(tmp_path_factory.mktemp("release") / "dist")


def pins(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==([\w.!+]+)", text, re.M))


def test_two_releases_of_one_commit_are_one(released: Path, tmp_path: Path) -> None:
    again = release(tmp_path / "dist")
    assert (again / "SHA256SUMS").read_text() == (released / "SHA256SUMS").read_text()


def test_every_file_has_its_sum(released: Path) -> None:
    sums = dict(line.split("  ")[::-1] for line in (released / "SHA256SUMS").read_text().splitlines())
    assert set(sums) == {path.name for path in released.iterdir()} - {"SHA256SUMS"}
    assert {name.rsplit("-", 1)[-1].partition(".")[2] for name in sums if name.endswith((".whl", ".gz"))} >= {"whl"}
    for name, digest in sums.items():
        assert hashlib.sha256((released / name).read_bytes()).hexdigest() == digest


def test_requirements_are_the_pins_with_their_hashes(released: Path) -> None:
    text = (released / "requirements.txt").read_text()
    assert "://" not in text
    listed = pins(text)
    pinned = pins((ROOT / "constraints.txt").read_text())
    assert listed.items() <= pinned.items()
    assert {"litestar", "sqlmodel", "fastavro", "httpx"} <= listed.keys()
    assert "pytest" not in listed
    for entry in re.split(r"\n(?=\S)", text.strip()):
        assert "--hash=sha256:" in entry


def test_the_bill_of_materials_names_each_package_and_where_it_was_made(released: Path) -> None:
    bill = json.loads((released / "sbom.json").read_text())
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert bill["metadata"]["component"]["properties"] == [{"name": "vcs:commit", "value": commit.strip()}]
    components = {each["name"]: each for each in bill["components"]}
    assert components.keys() >= pins((released / "requirements.txt").read_text()).keys()
    for component in components.values():
        assert "externalReferences" not in component
        if component["name"] != "tenor":
            assert any(each["name"] == "hash:SHA-256" for each in component["properties"])


def test_what_is_there_is_not_overwritten(released: Path) -> None:
    refused = subprocess.run(["./do", "release", released], cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "not empty" in refused.stderr
