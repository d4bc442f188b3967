"""Runs one verb: reads its arguments, and turns whatever goes wrong into one sentence and an exit code."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from io import TextIOWrapper
from itertools import pairwise
from types import ModuleType
from typing import Final, NoReturn

from tenor.cli import FAILED, INTERRUPTED, STALE, UNSAFE, USAGE, Verb
from tenor.cli.output import FORMS, TEXT, YAML, Output
from tenor.errors import (
    Conflict,
    FramingError,
    Incompatible,
    InvalidEvent,
    NotFound,
    RegistryError,
    Rejected,
    TenorError,
    UnusableSchema,
)

_SECONDS: Final = 10.0
"""How long one request may take, unless --timeout says."""


class UsageError(Exception):
    """What was typed cannot be done; the sentence says why."""


# The most specific row first.
EXIT_CODES: Final[Mapping[type[Exception], int]] = {
    Incompatible: UNSAFE,
    InvalidEvent: UNSAFE,
    Conflict: STALE,
    NotFound: USAGE,
    Rejected: USAGE,
    RegistryError: FAILED,
    FramingError: USAGE,
    UnusableSchema: USAGE,
    UsageError: USAGE,
    TenorError: FAILED,
}


class _Parser(argparse.ArgumentParser):
    """argparse whose errors look like all others."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def parser_of(name: str, module: ModuleType) -> argparse.ArgumentParser:
    """The arguments of a verb, with those that every verb takes."""
    parser = _Parser(prog=f"tenor {name}", description=module.__doc__, allow_abbrev=False, formatter_class=_help_format)
    module.configure(parser)
    shared = parser.add_argument_group("for every verb")
    shared.add_argument("--registry", metavar="URL", action="append", help="address; may be repeated (TENOR_URL)")
    shared.add_argument("--timeout", type=float, metavar="SECONDS", help=f"of one request; default {_SECONDS:g}")
    shared.add_argument("--output", choices=FORMS, default=TEXT, help="how results are written")
    shared.add_argument("--quiet", action="store_true", help="results and errors only: no progress, no remarks")
    shared.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def run(name: str, verb: Verb, arguments: Sequence[str]) -> int:
    """Run a verb; returns its exit code. Never prints a traceback without --debug."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that knows ASCII only is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    module = import_module(verb.module)
    parser = parser_of(name, module)
    # Known before parsing, so that an error in the arguments already comes out the way that was asked for.
    form = next((each for each in reversed(_values(arguments, "--output")) if each in FORMS), TEXT)
    lacking = form == YAML and find_spec("yaml") is None
    output = Output(TEXT if lacking else form, verb=name, quiet="--quiet" in arguments)
    try:
        if lacking:
            raise UsageError("--output yaml needs the package pyyaml: pip install 'tenor[cli]'")
        parsed, others = parser.parse_known_args(arguments)
        if others and not getattr(module, "PASSES_ON", False):
            parser.error(f"unrecognized arguments: {' '.join(others)}")
        parsed.passed_on = others
        parsed.said_timeout = parsed.timeout
        parsed.timeout = _SECONDS if parsed.timeout is None else parsed.timeout
        return int(module.run(parsed, output))
    except SystemExit as end:  # --help
        return int(end.code or 0)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has seen enough (`tenor list | head`); keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if "--debug" in arguments:
            traceback.print_exc()
        return _failed(error, output)


def _failed(error: Exception, output: Output) -> int:
    for kind, code in EXIT_CODES.items():
        if isinstance(error, kind):
            output.error(error, code)
            return code
    output.error(error, FAILED, unexpected=True)
    return FAILED


def _values(arguments: Sequence[str], option: str) -> list[str]:
    following = [value for name, value in pairwise(arguments) if name == option]
    return following + [word.partition("=")[2] for word in arguments if word.startswith(option + "=")]


def _help_format(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=32, width=100)
