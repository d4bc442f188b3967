"""The compiler in a worker process: same answers, and no input that harms the process that asks."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from registry.errors import Busy, InvalidSchema
from registry.formats.base import Source
from registry.formats.protobuf import FORMAT, Protobuf, compile_files, through
from registry.workers import WorkerDied, Workers, WorkerTimeout

P3 = 'syntax = "proto3";\n'


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(size=1, seconds=10) as made:
        yield made


TEXTS = [
    f"{P3}message A {{ string b = 1; }}",
    f'{P3}import "google/type/money.proto"; message A {{ google.type.Money m = 1; }}',
    f"{P3}message A {{ string b = 1 }}",
    'import "x.proto";',
]


def test_it_answers_as_in_this_process(workers: Workers) -> None:
    compile_elsewhere = through(workers.call, (WorkerTimeout, WorkerDied))
    for text in TEXTS:
        assert compile_elsewhere({"default": text}, "default") == compile_files({"default": text}, "default")
    parsed = Protobuf(compile=compile_elsewhere).parse(Source(TEXTS[0]))
    assert parsed.canonical == FORMAT.parse(Source(TEXTS[0])).canonical


def test_a_process_that_dies_is_an_invalid_schema_and_the_next_one_is_fine(workers: Workers) -> None:
    def dying(function: str, files: dict[str, str], main: str) -> object:
        return workers.call("os:abort") if "Bad" in files[main] else workers.call(function, files, main)

    format = Protobuf(compile=through(dying, (WorkerTimeout, WorkerDied)))
    for _ in range(2):
        with pytest.raises(InvalidSchema, match=r"gave up .*signal 6"):
            format.parse(Source(f"{P3}message Bad {{}}"))
        assert format.parse(Source(f"{P3}message Good {{}}"))


def test_protoc_that_breaks_its_stack_takes_only_the_worker_with_it(workers: Workers) -> None:
    """150 nested option values abort protoc; the count of braces keeps them away from it, so they are sent directly."""
    bomb = (
        'syntax = "proto2"; import "google/protobuf/descriptor.proto"; message M { optional M m = 1; }'
        " extend google.protobuf.FileOptions { optional M o = 50000; } option (o) = {" + "m {" * 150 + "}" * 150 + "};"
    )
    compile_elsewhere = through(workers.call, (WorkerTimeout, WorkerDied))
    answer = compile_elsewhere({"default": bomb}, "default")
    assert isinstance(answer, list)
    assert "gave up" in answer[0][0]
    with pytest.raises(InvalidSchema, match="nested deeper"):
        FORMAT.parse(Source(bomb))


def test_a_deadline(workers: Workers) -> None:
    compile_elsewhere = through(
        lambda function, *arguments: workers.call("time:sleep", 10, seconds=0.1), (WorkerTimeout, WorkerDied)
    )
    with pytest.raises(InvalidSchema, match=r"longer than 0\.1 s"):
        Protobuf(compile=compile_elsewhere).parse(Source(TEXTS[0]))


def test_being_busy_says_nothing_about_the_schema() -> None:
    def busy(*arguments: object) -> object:
        raise Busy(reason="64 calls wait")

    with pytest.raises(Busy):
        Protobuf(compile=through(busy, (WorkerTimeout, WorkerDied))).parse(Source(TEXTS[0]))


def test_no_file_stays_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for text in TEXTS * 3:
        compile_files({"default": text}, "default")
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_worker_loads_the_compiler_and_no_more(workers: Workers) -> None:
    through(workers.call, (WorkerTimeout, WorkerDied))({"default": TEXTS[0]}, "default")
    loaded = workers.call("builtins:eval", "sorted(__import__('sys').modules)")
    assert "grpc_tools._protoc_compiler" in loaded
    assert [name for name in loaded if name.startswith("google.") or name.endswith((".schema", ".model"))] == []
