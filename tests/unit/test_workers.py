"""Calls in child processes: results, failures, deadlines, deaths, limits, and nothing left behind."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from registry.errors import Busy, TimedOut, Unavailable
from registry.workers import WorkerDied, WorkerFailed, Workers, WorkerTimeout

MIB = 1 << 20


@pytest.fixture
def workers() -> Iterator[Workers]:
    with Workers(size=1, memory=512 * MIB, queue=2, seconds=5) as made:
        yield made


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "Z"
    return False


def _soon(condition: object, seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():  # type: ignore[operator] # a plain callable
            return True
        time.sleep(0.01)
    return False


VALUES = [None, True, 2**80, -1.5, "ü\u0000", b"\xff", [1, [2]], (1, (2,)), {"a": {1: {2, 3}}}, "x" * 3_000_000]


def test_plain_data_survives_the_way_there_and_back(workers: Workers) -> None:
    for value in VALUES:
        assert workers.call("copy:copy", value) == value


def test_processes_start_late_stay_warm_and_see_little(workers: Workers) -> None:
    assert workers.pids() == []
    pid = workers.call("os:getpid")
    assert workers.pids() == [pid] != [os.getpid()]
    assert workers.call("os:getpid") == pid
    modules = workers.call("builtins:eval", "sorted(__import__('sys').modules)")
    assert not [name for name in modules if name.split(".")[0] in ("registry", "msgspec", "subprocess", "pytest")]


def test_secrets_of_the_environment_stay_outside(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENOR_DATABASE_URL", "secret")
    assert "TENOR_DATABASE_URL" not in workers.call("builtins:eval", "dict(__import__('os').environ)")
    assert workers.call("os:getcwd") == "/"


FAILURES: list[tuple[str, tuple[object, ...], str]] = [
    ("operator:truediv", (1, 0), "ZeroDivisionError"),
    ("no_such_module:f", (), "ModuleNotFoundError"),
    ("os:no_such_function", (), "AttributeError"),
    ("builtins:compile", ("1 +", "f", "eval"), "SyntaxError"),
    ("pathlib:Path", ("a",), "TypeError"),  # not plain data
    ("builtins:iter", ([],), "TypeError"),
    ("threading:Lock", (), "TypeError"),  # cannot be pickled
]


def test_what_a_function_raises_comes_back_and_the_process_lives(workers: Workers) -> None:
    pid = workers.call("os:getpid")
    for function, arguments, kind in FAILURES:
        with pytest.raises(WorkerFailed) as caught:
            workers.call(function, *arguments)
        assert caught.value.kind == kind, function
    assert workers.call("os:getpid") == pid


def test_a_call_past_its_deadline_is_killed_and_the_next_one_works(workers: Workers) -> None:
    pid = workers.call("os:getpid")
    for function, argument in (("time:sleep", 60), ("builtins:eval", "sum(range(10**12))")):
        began = time.monotonic()
        with pytest.raises(WorkerTimeout, match=r"longer than 0\.2 s") as caught:
            workers.call(function, argument, seconds=0.2)
        assert isinstance(caught.value, TimedOut)
        assert time.monotonic() - began < 2
    assert _gone(pid)
    assert workers.call("operator:add", 1, 2) == 3


def test_a_process_that_ends_is_replaced(workers: Workers) -> None:
    for function, argument, reason in (("os:_exit", 3, "exit code 3"), ("os:abort", None, "signal 6")):
        with pytest.raises(WorkerDied, match=reason) as caught:
            workers.call(function, *(() if argument is None else (argument,)))
        assert isinstance(caught.value, Unavailable)
        assert workers.call("operator:add", 1, 2) == 3


def test_a_process_killed_between_calls_is_replaced(workers: Workers) -> None:
    pid = workers.call("os:getpid")
    os.kill(pid, 9)
    assert _soon(lambda: _gone(pid))
    time.sleep(0.05)  # its second thread may outlive its first by a moment, and only then it can be waited for
    assert workers.call("os:getpid") != pid


def test_memory_is_limited(workers: Workers) -> None:
    pid = workers.call("os:getpid")
    with pytest.raises(WorkerDied, match="out of memory"):
        workers.call("builtins:bytearray", 1024 * MIB)
    assert _gone(pid)
    assert workers.call("operator:add", 1, 2) == 3


def test_a_process_grown_fat_retires_after_its_answer(workers: Workers) -> None:
    pid = workers.call("os:getpid")
    assert workers.call("builtins:eval", "len(bytearray(300 * 2**20))") == 300 * MIB
    assert workers.call("os:getpid") != pid


def test_threads_share_the_processes() -> None:
    with Workers(size=2, queue=16, seconds=20) as workers:
        seen: list[int] = []

        def run(number: int) -> None:
            for each in range(20):
                seen.append(workers.call("operator:mul", number, each) - number * each)

        threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == [0] * 160
        assert len(workers.pids()) == 2


def test_the_queue_is_bounded_and_waiting_counts(workers: Workers) -> None:
    workers.call("time:sleep", 0)
    outcomes: list[str] = []

    def run(allowed: float) -> None:
        try:
            workers.call("time:sleep", 1, seconds=allowed)
            outcomes.append("done")
        except (WorkerTimeout, Busy) as error:
            outcomes.append(type(error).__name__)

    threads = [threading.Thread(target=run, args=(allowed,)) for allowed in (10, 0.5, 0.5, 10, 10)]
    for thread in threads:
        thread.start()
        time.sleep(0.02)
    for thread in threads:
        thread.join()
    # One runs, two wait until their time is up, two are turned away.
    assert sorted(outcomes) == ["Busy"] * 2 + ["WorkerTimeout"] * 2 + ["done"]


def test_closing_ends_everything(workers: Workers) -> None:
    pid = workers.call("os:getpid")
    workers.close()
    assert _gone(pid)
    with pytest.raises(Busy, match="stopped"):
        workers.call("os:getpid")


PARENT = """
import sys, threading, time
from registry.workers import Workers
workers = Workers(size=2, seconds=30)
threading.Thread(target=workers.call, args=("time:sleep", 60), daemon=True).start()
while len(workers.pids()) < 1: time.sleep(0.01)
workers.call("operator:add", 1, 2)
print(*workers.pids(), flush=True)
time.sleep(60)
"""


def test_children_die_with_their_parent_even_while_they_compute() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        assert parent.stderr is not None
        children = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(children) == 2
        parent.kill()
        assert _soon(lambda: all(_gone(pid) for pid in children))
        assert parent.stderr.read() == ""


def test_a_warm_round_trip_is_short(workers: Workers) -> None:
    workers.call("operator:add", 1, 2)
    times = []
    for _ in range(300):
        began = time.perf_counter()
        workers.call("operator:add", 1, 2)
        times.append(time.perf_counter() - began)
    # 150 µs is the target on an idle machine (measured: about 70); the bound allows for a busy one.
    assert sorted(times)[30] < 0.001, sorted(times)[30]


def test_a_large_parent_does_not_wear_its_children_out() -> None:
    code = (
        "from registry.workers import Workers; large = b'x' * 300_000_000; workers = Workers(memory=256 << 20);"
        "print(len({workers.call('os:getpid') for _ in range(4)}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
