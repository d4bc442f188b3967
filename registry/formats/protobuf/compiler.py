"""protoc, called as a function: .proto texts in, a serialized FileDescriptorSet or a problem out.

`compile_files` runs protoc (from grpcio-tools) in the process that calls it; the server calls it through its worker
pool, so that hostile input can be killed:

    Protobuf(compile=through(workers.call, (WorkerTimeout, WorkerDied)))

Nothing is written to disk and nothing is read from it but the built-in files: texts lie in memory files, and each
import path is mapped to one of them, so that no import reaches outside.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files as resources
from pathlib import Path

from registry.formats.protobuf.builtin import SOURCES

Problem = tuple[str, str, int, int]
"""What protoc found: (sentence, import path of the file, line, column); 0 where not known. Columns count from 1, in
bytes, a tab leading to the next multiple of 8."""

Compile = Callable[[dict[str, str], str], bytes | list[Problem]]
"""(texts by import path, the path that is wanted) → a FileDescriptorSet with the wanted file last and with its source
info, or the problems. May raise `registry.errors.Unavailable`."""

HERE = "registry.formats.protobuf.compiler:compile_files"
"""The name under which a worker process finds the compiler."""

_DESCRIPTORS = "/proc/self/fd" if Path("/proc/self/fd").is_dir() else "/dev/fd"
_ONE_AT_A_TIME = threading.Lock()
_TOLD = re.compile(r"^(?P<file>[^:\n]+):(?:(?P<line>\d+):(?P<column>\d+):)? (?P<sentence>.*)$")
_SPECIAL = re.compile(r"[:=\\\0\r\n]|^/|(^|/)\.{0,2}(/|$)")


def through(call: Callable[..., object], failures: tuple[type[Exception], ...]) -> Compile:
    """A compiler that runs in another process. `failures`: what `call` raises when that process failed."""

    def compile_elsewhere(files: dict[str, str], main: str) -> bytes | list[Problem]:
        try:
            answer = call(HERE, files, main)
        except failures as error:
            return [(f"protoc gave up on it: {error}", main, 0, 0)]
        return answer if isinstance(answer, bytes) else list(answer)  # type: ignore[call-overload] # plain data that compile_files made

    return compile_elsewhere


def compile_files(files: dict[str, str], main: str) -> bytes | list[Problem]:
    """Compile `main` and what it imports. Built-in files need not be given.

    Writes nothing to stderr (protoc does: it is caught, lines of other threads are passed on).
    """
    from grpc_tools import _protoc_compiler

    texts = {path: text.encode() for path, text in _with_builtin(files).items() if not _SPECIAL.search(path)}
    opened: list[int] = []
    try:
        paths = {path: _memory_file(text, opened) for path, text in texts.items()}
        out, told = _memory_file(b"", opened), _memory_file(b"", opened)
        arguments = [
            "protoc",
            *(f"-I{path}={_DESCRIPTORS}/{number}" for path, number in paths.items()),
            f"-I{_well_known()}",
            "--include_imports",
            "--include_source_info",
            "--retain_options",
            f"--descriptor_set_out={_DESCRIPTORS}/{out}",
            f"{_DESCRIPTORS}/{paths[main]}",
        ]
        with _ONE_AT_A_TIME:
            code = _silently(lambda: _protoc_compiler.run_main([each.encode() for each in arguments]), told)
        lines = _all_of(told).decode(errors="replace").splitlines()
        named = {f"{_DESCRIPTORS}/{number}": path for path, number in paths.items()}
        problems = [problem for line in lines if (problem := _problem(line, named)) is not None]
        if code:
            return problems or [("it does not compile", main, 0, 0)]
        return _all_of(out)
    finally:
        for number in opened:
            os.close(number)


def _with_builtin(files: Mapping[str, str]) -> dict[str, str]:
    """The texts, less copies of well-known files (protoc's own are the truth), and the built-in ones they may mean."""
    wanted = any("google/type/" in text or "confluent/" in text for text in files.values())
    own = {path: text for path, text in files.items() if not (Path(_well_known()) / path).is_file()}
    return {**SOURCES, **own} if wanted else own


@cache
def _well_known() -> str:
    return str(resources("grpc_tools") / "_proto")


def _memory_file(content: bytes, opened: list[int]) -> int:
    if hasattr(os, "memfd_create"):
        number = os.memfd_create("proto")
    else:
        with tempfile.TemporaryFile() as file:
            number = os.dup(file.fileno())
    opened.append(number)
    view = memoryview(content)
    while view:
        view = view[os.write(number, view) :]
    os.lseek(number, 0, os.SEEK_SET)
    return number


def _all_of(number: int) -> bytes:
    os.lseek(number, 0, os.SEEK_SET)
    with open(number, "rb", closefd=False) as file:
        return file.read()


def _silently(run: Callable[[], int], into: int) -> int:
    """Run with the process's stderr led into a file: protoc knows no other place for what it has to say."""
    stderr = os.dup(2)
    os.dup2(into, 2)
    try:
        return run()
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def _problem(line: str, named: Mapping[str, str]) -> Problem | None:
    """What one line of protoc's output tells: nothing, when it is a warning or another library's log."""
    told = _TOLD.match(line)
    if told is None or told["sentence"].startswith("warning:"):
        return None
    file = named.get(told["file"], told["file"])
    if not file.endswith(".proto") and file not in named.values():
        return None
    return told["sentence"].partition("WARNING: All log")[0], file, int(told["line"] or 0), int(told["column"] or 0)
