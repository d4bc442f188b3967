"""How results come out: as text, JSON or YAML; and what a terminal, a pipe and --quiet make of the rest."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tenor.cli.output import JSON, TEXT, YAML, Output
from tenor.cli.progress import Progress
from tenor.cli.yaml_output import dumped

TEXTS = st.text() | st.from_regex(r"[-+.0-9eExob_:ynYN~ ]{1,8}", fullmatch=True)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(DOCUMENTS)
def test_yaml_is_the_same_document(document: Any) -> None:
    assert yaml.safe_load(dumped(document)) == document


NUMBERS_TO_SOME = ["yes", "no", "on", "y", "N", "1.0", "1", "1e3", "-5E-7", ".5", "0x1f", "0o17", "0b1", "12:30:45"]
OTHERS = ["2026-11-24", "null", "~", "", " x", "#", "a: b", "- a", "true"]


@pytest.mark.parametrize("text", [*NUMBERS_TO_SOME, *OTHERS])
def test_what_a_reader_could_take_for_something_else_is_quoted(text: str) -> None:
    assert dumped({"a": text}).removeprefix("a: ")[0] in "'\""


def test_yaml_is_for_people_too() -> None:
    shared = {"z": "ü ✓", "a": [1, {"b": None}]}
    document = {"one": shared, "two": shared, "schema": '{\n  "type": "string"\n}'}
    assert dumped(document) == (
        "one:\n  z: ü ✓\n  a:\n    - 1\n    - b: null\n"
        "two:\n  z: ü ✓\n  a:\n    - 1\n    - b: null\n"
        'schema: |-\n  {\n    "type": "string"\n  }\n'
    )


def test_a_document_names_its_schema_once() -> None:
    for form, read in ((JSON, json.loads), (YAML, yaml.safe_load)):
        out = io.StringIO()
        Output(form, verb="env list", out=out).result({"a": 1}, "text")
        assert read(out.getvalue()) == {"$schema": "urn:tenor:output:env-list:1", "a": 1}
    out = io.StringIO()
    Output(JSON, out=out).result({"$schema": "x"}, ())
    assert json.loads(out.getvalue()) == {"$schema": "x"}


def test_parts_can_be_told_apart() -> None:
    out = io.StringIO()
    for form in (JSON, YAML, TEXT):
        for number in (1, 2):
            Output(form, verb="v", out=out).part({"count": number}, [f"number {number}"])
    name = "urn:tenor:output:v:1"
    assert out.getvalue() == (
        f'{{"$schema": "{name}", "count": 1}}\n{{"$schema": "{name}", "count": 2}}\n'
        f"---\n$schema: {name}\ncount: 1\n---\n$schema: {name}\ncount: 2\nnumber 1\nnumber 2\n"
    )


@pytest.mark.parametrize("form", [JSON, YAML])
def test_a_document_is_right_where_the_stream_knows_ascii_only(form: str) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="backslashreplace")
    Output(form, verb="v", out=out).result({"a": "grün 🙂"}, ())
    out.seek(0)
    read = json.loads if form == JSON else yaml.safe_load
    assert read(out.read())["a"] == "grün 🙂"


def tenor(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
    command = [sys.executable, "-m", "tenor", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env={**kept, **environment})


def test_errors_come_out_as_was_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from tenor.cli import main, running

    assert main(["list", "--nonsense", "--output", "text", "--output", "yaml"]) == 2
    error = yaml.safe_load(capsys.readouterr().out)
    assert error["$schema"] == "urn:tenor:output:error:1"
    assert error["error"]["exit_code"] == 2
    monkeypatch.setattr(running, "find_spec", lambda name: None)
    assert main(["list", "--output=yaml"]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "error: --output yaml needs the package pyyaml: pip install 'tenor[cli]'\n")


# progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    now = [100.0]
    monkeypatch.setattr("tenor.cli.progress.time.monotonic", lambda: now[0])

    def wait(seconds: float) -> None:
        now[0] += seconds

    return wait


def test_elsewhere_a_line_is_told_every_few_seconds(clock: Callable[[float], None]) -> None:
    stream = io.StringIO()
    with Progress("copying", 30, stream) as shown:
        for count in range(1, 31):
            clock(1)
            shown.at(count, detail=f"{count % 2} failed")
        clock(10)
        shown.at(4, what="verifying", detail="versions")
    told = stream.getvalue().splitlines()
    assert told[:2] == ["copying: 5 of 30, 1 failed", "copying: 10 of 30, 0 failed"]
    assert told[-1] == "verifying: 4, versions"
    assert len(told) == 7


def test_a_quick_work_is_not_worth_a_line() -> None:
    stream = io.StringIO()
    with Output(err=stream).progress("copying", 2) as shown:
        shown.advance()
        shown.advance()
    assert stream.getvalue() == ""


def test_quiet_is_quiet(clock: Callable[[float], None]) -> None:
    for stream in (io.StringIO(), Terminal()):
        output = Output(quiet=True, err=stream)
        with output.progress("copying") as shown:
            clock(60)
            shown.advance()
            output.say("a remark")
        output.say("a remark")
        assert stream.getvalue() == ""
        output.error(ValueError("x"), 2)
        assert stream.getvalue() == "error: x\n" or "error:" in stream.getvalue()


@pytest.mark.parametrize(("variable", "value", "bar"), [("TERM", "xterm", True), ("TERM", "dumb", False)])
def test_a_bar_is_for_terminals_that_can_draw(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, bar: bool
) -> None:
    monkeypatch.setenv(variable, value)
    terminal = Terminal()
    output = Output(err=terminal)
    with output.progress("copying", 3) as shown:
        shown.advance()
        output.say("above")
    assert ("\x1b[?25l" in terminal.getvalue()) is bar
    assert "above" in terminal.getvalue()


# A real terminal: the library's own process, its stderr a pseudo-terminal and its stdout a pipe.

WORK = """
import sys, time
from tenor.cli.output import Output
output = Output({form!r}, verb="v", quiet={quiet!r})
with output.progress("copying", 4) as shown:
    for number in range(4):
        shown.advance()
        time.sleep(0.15)
output.result({{"a": 1}}, "the result")
output.error(ValueError("wrong"), 2)
"""


def at_a_terminal(
    command: list[str],
    *,
    folder: Path | None = None,
    stdout_too: bool = False,
    environment: Mapping[str, str] | None = None,
) -> tuple[str, str]:
    """What a command writes to stdout, a pipe, and to stderr, a terminal."""
    ours, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM", "COLUMNS")}
    with closing_fd(ours):
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=theirs if stdout_too else subprocess.PIPE,
            stderr=theirs,
            cwd=folder,
            env={**kept, "TERM": "xterm", "COLUMNS": "100", **(environment or {})},
        )
        os.close(theirs)
        seen = b"".join(read_all(ours))
        out, _ = process.communicate(timeout=60)
    return (out or b"").decode(), seen.decode()


@contextmanager
def closing_fd(descriptor: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(descriptor)


def read_all(descriptor: int) -> Iterator[bytes]:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            piece = os.read(descriptor, 4096)
        except OSError:  # Linux says so when the other side was closed
            return
        if not piece:
            return
        yield piece


def screen(written: str) -> list[str]:
    """What is left on the screen: enough of a terminal for lines that are drawn over and erased."""
    lines, row, column = [""], 0, 0
    for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", written):
        if part == "\r":
            column = 0
        elif part == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif part.startswith("\x1b"):
            if part.endswith("A"):
                row = max(0, row - int(part[2:-1] or 1))
            elif part.endswith("K"):
                lines[row] = "" if part == "\x1b[2K" else lines[row][:column]
        else:
            lines[row] = lines[row][:column].ljust(column) + part + lines[row][column + len(part) :]
            column += len(part)
    return [line for line in lines if line.strip()]


BOTH = """
import sys, time
from tenor.cli.output import Output
output = Output(verb="v")
with output.progress("copying", 3) as shown:
    for number in range(3):
        print("printed", number)
        print("warned", number, file=sys.stderr)
        output.say(f"said {number}")
        shown.advance()
        time.sleep(0.15)
output.result({}, "the result")
"""


def test_what_others_print_at_the_terminal_stands_above_the_bar() -> None:
    _, seen = at_a_terminal([sys.executable, "-c", BOTH], stdout_too=True)
    assert "━" in seen
    lines = [f"{word} {number}" for number in range(3) for word in ("printed", "warned", "said")]
    assert screen(seen) == [*lines, "the result"]


HANDLER = """
import time
def handle(event):
    time.sleep(0.1)
    print("handled", event["id"])
"""


def test_a_verb_at_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(HANDLER)
    (tmp_path / "old.jsonl").write_text("".join(f'{{"id": {number}}}\n' for number in range(6)))
    command = [sys.executable, "-m", "tenor", "replay", str(tmp_path / "old.jsonl"), "--handler", "slow:handle"]
    out, seen = at_a_terminal(command, folder=tmp_path)
    assert out == "".join(f"handled {number}\n" for number in range(6)) + "6 handled, 0 failed\n"
    assert "replaying" in seen
    assert "a second" in seen
    assert screen(seen) == []
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == (out, "")


@pytest.mark.parametrize(("files", "bar"), [(3, False), (30, True)])
def test_a_check_of_many_files_has_a_bar(tmp_path: Path, files: int, bar: bool) -> None:
    (tmp_path / "tenor.yaml").write_text("schemas: [{path: '*.avsc', subject: '{stem}'}]\n")
    for number in range(files):
        (tmp_path / f"t{number}.avsc").write_text('"int"')
    me = ("-c", "user.name=a", "-c", "user.email=a@b")
    for command in (("init", "-q"), ("add", "-A"), (*me, "commit", "-q", "-m", "one")):
        subprocess.run(["git", "-C", tmp_path, *command], check=True, timeout=30)
    out, seen = at_a_terminal([sys.executable, "-m", "tenor", "check", "--against", "git:HEAD"], folder=tmp_path)
    assert out == f"safe: against git:HEAD ({files} unchanged)\n"
    assert ("checking" in seen, screen(seen)) == (bar, [])


def work(form: str = TEXT, *, quiet: bool = False, **environment: str) -> tuple[str, str]:
    return at_a_terminal([sys.executable, "-c", WORK.format(form=form, quiet=quiet)], environment=environment)


def test_at_a_terminal_a_bar_comes_and_goes_and_errors_are_red() -> None:
    out, seen = work()
    assert out == "the result\n"
    assert "copying" in seen
    assert "━" in seen
    assert " of 4" in seen
    assert screen(seen) == ["error: wrong"]
    assert "\x1b[31merror:\x1b[0m" in seen
    assert seen.count("\x1b[?25l") == seen.count("\x1b[?25h") == 1  # the cursor is there again


@pytest.mark.parametrize("form", [JSON, YAML])
def test_a_document_is_not_touched_by_a_bar(form: str) -> None:
    out, seen = work(form)
    assert "━" in seen
    documents = list(yaml.safe_load_all(out.replace("}\n{", "}\n---\n{").replace("1\n$schema", "1\n---\n$schema")))
    assert [each["$schema"] for each in documents] == ["urn:tenor:output:v:1", "urn:tenor:output:error:1"]


PAINTED = "from tenor.cli.output import Output; o = Output(); o.result({}, o.paint('safe:', 'green'))"


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_results_are_coloured_at_a_terminal_that_wants_it(environment: dict[str, str], coloured: bool) -> None:
    command = [sys.executable, "-c", PAINTED]
    _, seen = at_a_terminal(command, stdout_too=True, environment=environment)
    assert seen == ("\x1b[32msafe:\x1b[0m\r\n" if coloured else "safe:\r\n")
    out, _ = at_a_terminal(command, environment=environment)
    assert out == "safe:\n"


def test_no_color_keeps_the_bar_and_drops_its_colours() -> None:
    _, seen = work(NO_COLOR="1")
    assert "copying" in seen
    assert not re.search(r"\x1b\[[0-9;]*3[0-9](;[0-9;]*)?m", seen)
    assert screen(seen) == ["error: wrong"]


@pytest.mark.parametrize(("quiet", "term"), [(True, "xterm"), (False, "dumb")])
def test_no_bar_where_none_is_wanted(quiet: bool, term: str) -> None:
    _, seen = work(quiet=quiet, TERM=term)
    assert "copying" not in seen
    assert screen(seen) == ["error: wrong"]


def test_colour_and_bars_are_not_for_pipes(tmp_path: Path) -> None:
    (tmp_path / "odd.avsc").write_text("{")
    ran = tenor("list", "--registry", "http://127.0.0.1:9", "--timeout", "1")
    assert ran.returncode == 4
    assert "\x1b" not in ran.stderr
    command = [sys.executable, "-c", WORK.format(form=TEXT, quiet=False)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == ("the result\n", "error: wrong\n")
