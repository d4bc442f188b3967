"""Record what the code under test relies on: run pytest with --tenor-record.

  tenor contracts record tests/ -k orders

Every argument is pytest's. Tests that use the fixture tenor_events write their contracts to the folder `contracts`
(`tenor_contracts` in pytest's ini file), to be committed, and published with `tenor contracts publish`.
Exit codes: 0 when the tests passed, 1 when one failed, 2 when pytest could not run them, 3 when there was none.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from tenor.cli import FAILED, SAFE, UNKNOWN, UNSAFE, USAGE
from tenor.cli.output import Output
from tenor.cli.running import UsageError

PASSES_ON = True
"""What the parser does not know is for pytest."""

_CODES = {0: SAFE, 1: UNSAFE, 2: USAGE, 3: FAILED, 4: USAGE, 5: UNKNOWN}
"""By exit codes of pytest; 2 is also what it ends with when a test file cannot be imported."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb has no arguments of its own."""
    parser.epilog = "all other arguments are pytest's"


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Run pytest in a process of its own."""
    from importlib.util import find_spec

    if find_spec("pytest") is None:
        raise UsageError("this needs pytest in the environment of tenor (pip install pytest)")
    command = [sys.executable, "-m", "pytest", "--tenor-record", *arguments.passed_on]
    # With --output json, stdout holds one document: what pytest says goes to stderr.
    done = subprocess.run(command, stdout=sys.stderr if output.json else None, check=False)
    code = _CODES.get(done.returncode, FAILED)
    if output.json:
        output.result({"pytest": command[3:], "exit_code": done.returncode}, ())
    return code
