"""The audit of dependencies finds what is affected, and says when it was left out."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

SCRIPT = ROOT / ".ci" / "audit.py"
MODULE = runpy.run_path(str(SCRIPT))


def _advisory(*events: dict[str, str], versions: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    affected = {
        "package": {"ecosystem": "PyPI", "name": "Some_Package"},
        "ranges": [{"type": "ECOSYSTEM", "events": list(events)}],
        "versions": list(versions),
    }
    return {"id": "X-1", "summary": "bad", "affected": [affected], **more}


ZERO, FIXED = {"introduced": "0"}, {"fixed": "2.0"}

ROWS = [
    ("1.9", _advisory(ZERO, FIXED), True),
    ("2.0", _advisory(ZERO, FIXED), False),
    ("2.0rc1", _advisory(ZERO, FIXED), True),
    ("10.0", _advisory({"introduced": "9.1"}), True),
    ("9.0", _advisory({"introduced": "9.1"}), False),
    ("1.5", _advisory(ZERO, {"last_affected": "1.5"}), True),
    ("1.6", _advisory(ZERO, {"last_affected": "1.5"}), False),
    ("3.5", _advisory(ZERO, FIXED, {"introduced": "3.0"}, {"fixed": "4.0"}), True),
    ("2.5", _advisory(ZERO, FIXED, {"introduced": "3.0"}, {"fixed": "4.0"}), False),
    ("7", _advisory(versions=("7",)), True),
    ("1.9", _advisory(ZERO, FIXED, withdrawn="2025-01-01T00:00:00Z"), False),
    ("1.9", _advisory(ZERO, {"fixed": "not a version"}), True),
    ("1.9", _advisory(ZERO, FIXED, aliases=["CVE-1"]), False),  # accepted
]


@pytest.mark.parametrize(("version", "advisory", "affected"), ROWS)
def test_an_affected_version_is_found(version: str, advisory: dict[str, Any], affected: bool) -> None:
    told = MODULE["found"]({"some-package": version}, iter([advisory]), {"CVE-1"})
    assert told == ([f"some-package {version}: X-1: bad"] if affected else [])


def test_pins_are_read_as_they_are_written() -> None:
    assert MODULE["pins"](["A_b==1.0 ; sys_platform == 'win32'", "", "c.d==2!3"]) == {"a-b": "1.0", "c-d": "2!3"}


def test_it_works_on_a_folder_and_a_zip_and_says_when_it_was_left_out(tmp_path: Path) -> None:
    def run(place: Path | None) -> tuple[int, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TENOR_")}
        environment = {**kept, **({} if place is None else {"TENOR_ADVISORIES": str(place)})}
        done = subprocess.run(
            [sys.executable, SCRIPT], env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        return done.returncode, done.stdout

    assert run(None)[0] == 0
    assert "left out" in run(None)[1]
    folder = tmp_path / "advisories"
    folder.mkdir()
    assert run(folder)[1].startswith("no advisory is known")
    advisory = _advisory(ZERO)
    advisory["affected"][0]["package"]["name"] = "litestar"
    (folder / "x.json").write_text(json.dumps(advisory))
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(folder / "x.json", "x.json")
    for place in (folder, tmp_path / "all.zip"):
        code, said = run(place)
        assert code == 1
        assert said.startswith("litestar ")
