"""Writes the synchronous client and its tests from the asynchronous ones.

    python clients/python/generate_sync.py            write
    python clients/python/generate_sync.py --check    say what is stale, exit 1 if anything is

The two halves of concurrency.py are written by hand: they hold what really differs.
"""

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDERS = [("src/tenor/_async", "src/tenor/_sync"), ("tests/asynchronous", "tests/synchronous")]
BY_HAND = {"__init__.py", "concurrency.py"}
MARK = "# Generated from {source} by generate_sync.py: change that file, not this one.\n\n"

RULES = [
    (r"\basync def\b", "def"),
    (r"\bawait ", ""),
    (r"\basync (with|for)\b", r"\1"),
    (r"\bAwaitable\[([\w |]+)\]", r"\1"),
    (r"from collections\.abc import Awaitable, ", "from collections.abc import "),
    (r"\bAsync([A-Z]\w+)\b", r"\1"),
    (r"\baclose\b", "close"),
    (r"\b__aenter__\b", "__enter__"),
    (r"\b__aexit__\b", "__exit__"),
    (r"\b_async\b", "_sync"),
    (r"\btests\.asynchronous\b", "tests.synchronous"),
    (r"\bAsynchronous\b", "Synchronous"),
    (r"\basynchronous\b", "synchronous"),
    (r"\n *pytestmark = pytest\.mark\.anyio\n", "\n"),
]


def converted(text: str) -> str:
    """Asynchronous source as synchronous source."""
    for pattern, replacement in RULES:
        text = re.sub(pattern, replacement, text)
    return text


def generated() -> dict[Path, str]:
    """Every generated file and what it must hold."""
    wanted = {}
    for source, target in FOLDERS:
        for path in sorted((HERE / source).glob("*.py")):
            if path.name not in BY_HAND:
                mark = MARK.format(source=f"{source}/{path.name}")
                wanted[HERE / target / path.name] = formatted(
                    mark + converted(path.read_text(encoding="utf-8")), HERE / target / path.name
                )
    return wanted


def formatted(text: str, path: Path) -> str:
    """As the linter wants it: names changed their length and their order."""
    for arguments in (["check", "--select", "I", "--fix-only", "--quiet"], ["format", "--quiet"]):
        command = [sys.executable, "-m", "ruff", *arguments, "--stdin-filename", str(path), "-"]
        text = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
    return text


def main(arguments: list[str]) -> int:
    wanted = generated()
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in arguments:
        for path in stale:
            print(f"{path.relative_to(HERE)} is stale: run clients/python/generate_sync.py", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
