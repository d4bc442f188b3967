"""A test run of its own, with the client's plugin and none of the others of this environment but xdist."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def run(folder: Path, tests: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run tests in a folder. What they see of TENOR_ variables and of pytest's is what `environment` says."""
    (folder / "test_it.py").write_text(tests)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "xdist", f"--rootdir={folder}"]
    command += ["-p", "tenor.testing.plugin"]
    if not (folder / "pytest.ini").exists():
        command += ["-c", os.devnull]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "TENOR_"))}
    return subprocess.run(
        [*command, str(folder), *arguments],
        # Without the other plugins of this environment, whose start takes longer than the tests.
        env={**inherited, **environment, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
