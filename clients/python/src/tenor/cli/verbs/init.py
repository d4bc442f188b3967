"""Write a tenor.yaml for the schemas that lie in this folder, ready to be read and changed.

Files are found by their endings (.avsc, .proto, and .json where the text is a JSON Schema); the subject of each is the
name of the file and -value, as the topic naming strategy has it. Nothing is overwritten.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path, PurePosixPath

from tenor.cli import SAFE
from tenor.cli.output import Output
from tenor.cli.project import FILE, walked
from tenor.cli.running import UsageError

HEAD = """\
# Which schema file is which subject: `tenor check --against git:main` reads this file, and so does everything else.
# Beside path and subject: owner, level, policy, protect, readable_for, consumers, waivers; `tenor apply` sets them.
# Editors: `tenor init --schema > .tenor.schema.json`, then "# yaml-language-server: $schema=.tenor.schema.json" here.
"""
NEXT = "look it over and commit it; then tenor check --against git:main says what a branch breaks"
NOTHING = "there is no schema file here yet (.avsc, .proto, or .json with a $schema of JSON Schema): name them in it"


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("--schema", action="store_true", help="print the JSON Schema of the file, for editors")
    parser.add_argument("--owner", help="who answers for these schemas")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Look around and write the file."""
    if arguments.schema:
        schema = described()
        output.result(schema, json.dumps(schema, indent=2))
        return SAFE
    target = Path(FILE)
    if target.exists():
        raise UsageError(f"{FILE} is there already")
    files = [file for file in sorted(walked(Path.cwd())) if is_schema(Path(file))]
    patterns = list(covering(files))
    target.write_text(text_of(patterns, arguments.owner), encoding="utf-8")
    document = {"file": FILE, "schemas": len(files), "patterns": [pattern for pattern, _ in patterns]}
    output.result(document, f"{FILE}: {counted(len(files), 'schema')} in {counted(len(patterns), 'pattern')}")
    output.say(NEXT if patterns else NOTHING)
    return SAFE


def described() -> dict[str, object]:
    """The JSON Schema of a project file."""
    import msgspec

    from tenor.cli.project import ProjectFile

    schema: dict[str, object] = msgspec.json.schema(ProjectFile)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": FILE, **schema}


def is_schema(path: Path) -> bool:
    """Whether a file is a schema: a .json file is one when it says so itself."""
    if path.suffix.lower() != ".json":
        return True
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(document, dict) and "json-schema.org" in str(document.get("$schema", ""))


def covering(files: list[str]) -> list[tuple[str, str]]:
    """Patterns that cover these files, and how the subject follows: one for each folder at the top and ending."""
    counts = Counter((path.parts[0] if len(path.parts) > 1 else "", path.suffix) for path in map(PurePosixPath, files))
    stems = Counter(PurePosixPath(file).stem for file in files)
    subject = "{stem}-value" if all(count == 1 for count in stems.values()) else "{dir}/{stem}-value"
    return [(f"{folder}/**/*{ending}" if folder else f"*{ending}", subject) for folder, ending in sorted(counts)]


def counted(count: int, what: str) -> str:
    """A number of things."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def text_of(patterns: list[tuple[str, str]], owner: str | None) -> str:
    """The file."""
    lines = [HEAD + "schemas:"] if patterns else [HEAD + "schemas: []"]
    for pattern, subject in patterns:
        lines += [f"  - path: {json.dumps(pattern)}", f"    subject: {json.dumps(subject)}"]
        if owner:
            lines.append(f"    owner: {json.dumps(owner)}")
    return "\n".join(lines) + "\n"
