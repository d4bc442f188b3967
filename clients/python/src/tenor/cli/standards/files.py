"""A document in a file, JSON or YAML, read as plain data; and written as the one or the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from tenor.cli.output import Output
from tenor.cli.running import UsageError
from tenor.cli.schema_file import read_text

_JSON_SUFFIX: Final = ".json"


def read(path: str) -> dict[str, Any]:
    """The document in a file, or in standard input as `-`. Raises UsageError."""
    text = read_text(path)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = _yaml(path, text)
    if not isinstance(found, dict):
        raise UsageError(f"{path} holds no document: it is no object with members")
    return found


def _yaml(path: str, text: str) -> Any:
    yaml = _pyyaml(path)

    class Loader(yaml.SafeLoader):  # type: ignore[misc, name-defined] # a class of a module that is imported late
        """Dates stay texts: versions and examples look like them."""

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        return yaml.load(text, Loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        place = getattr(error, "problem_mark", None)
        where = f", line {place.line + 1}" if place else ""
        raise UsageError(f"{path} is neither JSON nor YAML{where}") from error


def _pyyaml(path: str) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise UsageError(f"{path}: YAML needs the package pyyaml: pip install 'tenor[cli]'") from error
    return yaml


def written(document: Any, form: str) -> str:
    """A document as text: `json`, or YAML whose members stay in their order. Raises UsageError."""
    if form == "json":
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    _pyyaml("writing it")
    from tenor.cli.yaml_output import dumped

    return dumped(document)


def put(document: Any, file: str | None, output: Output, said: str, told: dict[str, Any]) -> None:
    """Write a document to a file, whose name says its form, and tell of it; without one to stdout, as it is.

    Raises UsageError.
    """
    if file is None:
        output.out.write(written(document, "json" if output.form == "json" else "yaml"))
        output.out.flush()
        return
    try:
        Path(file).write_text(written(document, "json" if file.endswith(_JSON_SUFFIX) else "yaml"), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror or error}") from error
    output.result({"file": file, **told}, f"{file}: {said}")
