"""The engine behind the verbs that need no server: `tenor-server check`, asked once in a child process.

The library never imports the server. Where the server is not installed, a sentence says how to get it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tenor.cli.running import UsageError
from tenor.errors import TenorError

COMMAND: Final = "tenor-server"
_A_PROCESS: Final = 500
"""Questions that one process answers."""


class EngineFailed(TenorError):
    """The engine ended without an answer: killed, out of memory, or of another release."""

    sentence = "The engine {command} gave no answer: {reason}."
    kind = "ENGINE"


class OutOfTime(EngineFailed):
    """The engine was stopped because it took too long."""

    sentence = "The engine {command} was stopped after {seconds:g} s (--timeout): the schema takes too long."
    kind = "TIMED_OUT"


class Declined(UsageError):
    """The engine's typed error: `kind`, `message`, and which schema it means, if one."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        self.error = error
        super().__init__(str(error.get("message", "the engine declined")))


def find() -> list[str]:
    """The command of the engine: beside this interpreter, else on the PATH. Raises UsageError."""
    beside = Path(sys.executable).with_name(COMMAND)
    if beside.is_file() and os.access(beside, os.X_OK):
        return [str(beside)]
    import shutil  # brings every compression along

    for folder in (str(beside.parent), None):
        if found := shutil.which(COMMAND, path=folder):
            return [found]
    raise UsageError(
        f"this needs the engine, {COMMAND}, which is neither beside {sys.executable} nor on the PATH: "
        f"install it with 'pip install {COMMAND}', of the same version as tenor"
    )


def ask(question: Mapping[str, Any], seconds: float) -> Any:
    """The engine's answer. Raises Declined, OutOfTime, EngineFailed, and UsageError where there is no engine."""
    command = [*find(), "check"]
    try:
        done = subprocess.run(
            command, input=json.dumps(question).encode(), capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise OutOfTime(command=command[0], seconds=seconds) from None
    except OSError as error:
        raise EngineFailed(command=command[0], reason=error.strerror or error) from error
    try:
        answer = json.loads(done.stdout)
        declined = answer.get("error")
    except (ValueError, AttributeError):
        raise EngineFailed(command=command[0], reason=_last_words(done.returncode, done.stderr)) from None
    if declined is not None:
        raise Declined(declined)
    return answer


def many(questions: Sequence[Mapping[str, Any]], seconds_each: float) -> list[Any]:
    """Answers to many questions, each for itself: starting a process costs more than most of them. Raises as `ask`."""
    answers: list[Any] = []
    for start in range(0, len(questions), _A_PROCESS):
        part = questions[start : start + _A_PROCESS]
        answers += ask({"do": "many", "questions": part}, 30 + 2 * seconds_each * len(part))["answers"]
    return answers


def _last_words(code: int, stderr: bytes) -> str:
    lines: Sequence[str] = stderr.decode(errors="replace").strip().splitlines()
    told = f", and said: {lines[-1].strip()}" if lines else ""
    return (f"it was ended by signal {-code}" if code < 0 else f"it ended with code {code}") + told
