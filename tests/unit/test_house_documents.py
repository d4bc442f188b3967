"""The schemas of registries' answers that the client ships are those of the OpenAPI descriptions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_answers_are_as_the_apis_describe_them() -> None:
    script = ROOT / "clients" / "python" / "generate_documents.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"run python {script.relative_to(ROOT)}: answers.json is stale\n{done.stderr}"
