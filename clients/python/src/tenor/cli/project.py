"""A repository of schemas: which file is which subject. `tenor.yaml`, or `[tool.tenor]` of a pyproject.toml.

    registry: http://localhost:8081
    environments: [staging, {name: prod, production: true}]
    schemas:
      - path: schemas/**/*.avsc
        subject: "{stem}-value"
        owner: payments
        protect: used
        consumers: [billing]
      - path: proto/**/*.proto
        subject: "{dir}/{stem}"
        level: FULL

`{stem}` is the file's name without its ending, `{dir}` its folder below the path's fixed part, `{path}` its path. Files
stay what they are for their own tools: which file refers to which is read from the files.

`tenor plan` shows and `tenor apply` sets what the file says of subjects (owner, level, policy, protect, readable_for,
consumers, waivers) and which environments there are to be. Only what is said is touched: a line that is taken out of
the file leaves the registry as it is. To take a setting back, say null (`level: null`), and once it is applied remove
the line; a consumer stays known, an environment goes with `tenor env delete`, a waiver with `tenor waive --withdraw`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from tenor.cli.references import REGISTERED, NamedFile, mentioned, provided
from tenor.cli.running import UsageError
from tenor.cli.schema_file import SUFFIXES, read_text

FILE: Final = "tenor.yaml"
LEVELS: Final = ("NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE")
DEFAULT_LEVEL: Final = "BACKWARD"
DEFAULT_POLICY: Final = "STRICT"
MOST_FILES: Final = 5_000
_PART: Final = re.compile(r"\{(\w+)\}")
_SKIPPED: Final = ("node_modules", ".git", ".venv", "__pycache__")

Level = Literal["NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"]


class Window(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Which versions must stay readable: one of these."""

    versions: Annotated[int | None, msgspec.Meta(description="the newest so many")] = None
    days: Annotated[int | None, msgspec.Meta(description="those that were the newest in so many days")] = None
    while_retained: Annotated[str | None, msgspec.Meta(description="those whose events this topic still holds")] = None


class Waiver(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A break that is accepted for a while."""

    until: Annotated[str, msgspec.Meta(description="its last day, or a time; at most a year ahead")]
    reason: Annotated[str, msgspec.Meta(description="why it is acceptable")]
    owner: Annotated[str, msgspec.Meta(description="who answers for it")]
    consumer: Annotated[str, msgspec.Meta(description="only rows of this consumer")] = ""
    path: Annotated[str, msgspec.Meta(description="only this path and what is below it")] = ""
    rule: Annotated[str, msgspec.Meta(description="only rows of this rule")] = ""


class Environment(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """An environment that is to be there."""

    name: str
    production: Annotated[bool | None, msgspec.Meta(description="whether it is production; absent: as it is")] = None


class Schemas(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Schema files that are treated alike. Settings that are absent stay as they are; null takes them back."""

    path: Annotated[str, msgspec.Meta(description="a file, or a pattern: ** is any number of folders")]
    subject: Annotated[str, msgspec.Meta(description="the subject; {stem} {dir} {path} stand for parts of the path")]
    format: Annotated[
        Literal["AVRO", "JSON", "PROTOBUF"] | None, msgspec.Meta(description="if the file's ending does not tell")
    ] = None
    owner: Annotated[str | UnsetType | None, msgspec.Meta(description="who answers for these subjects")] = UNSET
    level: Annotated[
        Level | UnsetType | None, msgspec.Meta(description="compatibility level; without a server BACKWARD if not said")
    ] = UNSET
    policy: Annotated[
        Literal["STRICT", "LENIENT", "LOGICAL"] | UnsetType | None,
        msgspec.Meta(description="compatibility policy; without a server STRICT if not said"),
    ] = UNSET
    protect: Annotated[
        Literal["used", "used_or_unknown", "everything"] | UnsetType | None,
        msgspec.Meta(
            description="what is refused besides: breaks of what consumers use, what is not known, any change"
        ),
    ] = UNSET
    readable_for: Annotated[
        Window | Literal["forever"] | UnsetType | None, msgspec.Meta(description="which versions must stay readable")
    ] = UNSET
    consumers: Annotated[list[str], msgspec.Meta(description="applications that read these subjects")] = []
    waivers: Annotated[list[Waiver], msgspec.Meta(description="breaks that are accepted for a while")] = []
    references: Annotated[
        dict[str, str],
        msgspec.Meta(description="names that texts use -> files, or registry:SUBJECT[:VERSION], where no file says it"),
    ] = {}


_SETTINGS: Final = ("owner", "level", "policy", "protect", "readable_for", "consumers", "waivers")


class ProjectFile(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The project file of a repository of schemas."""

    schemas: Annotated[list[Schemas], msgspec.Meta(description="which file is which subject; the first match counts")]
    registry: Annotated[str | None, msgspec.Meta(description="address of the registry")] = None
    environments: Annotated[
        list[str | Environment], msgspec.Meta(description="environments that are to be there: names, or name and kind")
    ] = []
    application: Annotated[str | None, msgspec.Meta(description="the application that this repository is")] = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One schema file. `file` is its path from the project's folder, with slashes; `settings` what is said of it."""

    file: str
    subject: str
    format: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """Who answers for it."""
        return self.settings.get("owner") or ""

    @property
    def level(self) -> str:
        """The level it is judged by where no registry is asked."""
        return self.settings.get("level") or DEFAULT_LEVEL

    @property
    def policy(self) -> str:
        """The policy it is judged by where no registry is asked."""
        return self.settings.get("policy") or DEFAULT_POLICY

    @property
    def consumers(self) -> Sequence[str]:
        """The applications that are said to read it."""
        return tuple(self.settings.get("consumers", ()))


@dataclass(frozen=True, slots=True)
class Project:
    """The files of a repository and what they are. `origin` is the file that says so, "" without one."""

    root: Path
    origin: str
    file: ProjectFile
    entries: tuple[Entry, ...]

    @property
    def environments(self) -> list[dict[str, Any]]:
        """The environments that are to be there."""
        return [
            {"name": each} if isinstance(each, str) else msgspec.to_builtins(each) for each in self.file.environments
        ]

    @property
    def remarks(self) -> list[str]:
        """What is most likely a mistake: paths that no file fits, so that what they mean is not checked."""
        unused = [each for each in self.file.schemas if not any(matches(each.path, one.file) for one in self.entries)]
        hint = f" whose name ends in {', '.join(SUFFIXES)}; with another ending, say format"
        return [f"{self.origin}: no file fits {each.path!r}{'' if each.format else hint}" for each in unused]

    def named(self, paths: Sequence[str]) -> tuple[Entry, ...]:
        """The entries of these files and folders, all without any. Raises UsageError for one that is no schema here."""
        if not paths:
            return self.entries
        found: dict[str, Entry] = {}
        for path in paths:
            inside = _inside(self.root, path)
            below = [each for each in self.entries if each.file == inside or f"{each.file}/".startswith(f"{inside}/")]
            if inside == ".":
                below = list(self.entries)
            if not below:
                raise UsageError(f"{path} is no schema of {self.origin or 'this folder'}, and holds none")
            found |= {each.file: each for each in below}
        return tuple(found.values())


def find(start: Path) -> Path | None:
    """The project file that holds for a folder: its own, or that of the nearest folder above."""
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder / FILE
        pyproject = folder / "pyproject.toml"
        if pyproject.is_file() and "[tool.tenor" in pyproject.read_text(errors="replace"):
            return pyproject
    return None


def load(start: Path, paths: Sequence[str] = ()) -> Project:
    """The project around a folder; without a project file, the files that are named. Raises UsageError."""
    origin = find(start)
    if origin is None:
        if not paths:
            raise UsageError(f"there is no {FILE} here or above: name files, or begin with tenor init")
        return _without_file(start, paths)
    parsed = parse(origin)
    root = origin.parent
    files = sorted(walked(root, [each.path for each in parsed.schemas if each.format]))
    return Project(root, origin.name, parsed, tuple(entries(parsed, files, origin.name)))


def parse(path: Path) -> ProjectFile:
    """Read a project file. Raises UsageError with the place of what is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    try:
        document = _toml(path, text) if path.suffix == ".toml" else _yaml(path, text)
        # Dates are texts again: a waiver's end is what somebody wrote.
        return msgspec.convert(msgspec.to_builtins(document), ProjectFile)
    except RecursionError:
        raise UsageError(f"{path.name} is nested too deeply") from None
    except msgspec.ValidationError as error:
        raise UsageError(f"{path.name}: {error}") from None


def entries(parsed: ProjectFile, files: Iterable[str], origin: str) -> Iterator[Entry]:
    """Which of these files are schemas, and of what. Raises UsageError for two files of one subject."""
    subjects: dict[str, str] = {}
    for file in files:
        schemas = next((each for each in parsed.schemas if matches(each.path, file)), None)
        if schemas is None:
            continue
        format = schemas.format or SUFFIXES.get(PurePosixPath(file).suffix.lower())
        if format is None:
            raise UsageError(f"{origin}: the name of {file} does not tell its type; say format: AVRO, JSON or PROTOBUF")
        subject = _subject(schemas, file, origin)
        if (other := subjects.setdefault(subject, file)) != file:
            raise UsageError(f"{origin}: {other} and {file} are both subject {subject}")
        yield Entry(file, subject, format, _settings(schemas), schemas.references)


def _settings(schemas: Schemas) -> dict[str, Any]:
    said = ((name, getattr(schemas, name)) for name in _SETTINGS)
    return {name: msgspec.to_builtins(value) for name, value in said if value is not UNSET and value != []}


@lru_cache(1000)
def _pattern(pattern: str) -> re.Pattern[str]:
    parts = pattern.split("/")
    text = ""
    for number, part in enumerate(parts, 1):
        last = number == len(parts)
        if part == "**":
            text += ".*" if last else "(?:[^/]+/)*"
            continue
        signs = {"*": "[^/]*", "?": "[^/]"}
        text += "".join(signs.get(sign, re.escape(sign)) for sign in part) + ("" if last else "/")
    return re.compile(text, re.DOTALL)


def matches(pattern: str, file: str) -> bool:
    """Whether a path fits a pattern: `*` and `?` stay within one folder, `**` does not."""
    return _pattern(pattern).fullmatch(file) is not None


def with_references(
    entry: Entry, files: Mapping[str, Entry], read: Callable[[str], str | None]
) -> tuple[dict[str, Any] | None, list[str]]:
    """A schema with all it refers to, as the engine takes it, and the files that went in; None if it is not there.

    References are found by what the texts name; each comes after what it needs itself, in one chain.
    """
    text = read(entry.file)
    if text is None:
        return None, []
    chain: list[NamedFile] = []
    _collect(entry, text, files, read, chain, {entry.file})
    below: list[Any] = []
    for named in chain:
        below = [[named.name, {"text": read(named.file) or "", "references": below}]]
    return {"format": entry.format, "text": text, "references": below}, [entry.file, *(each.file for each in chain)]


def reading(root: Path) -> Callable[[str], str | None]:
    """A function that reads the files of a project by their paths in it, each once; None for one that is not there."""
    texts: dict[str, str | None] = {}

    def read(file: str) -> str | None:
        if file not in texts:
            path = root / file
            texts[file] = read_text(str(path)) if path.is_file() else None
        return texts[file]

    return read


def referred(data: Mapping[str, Any], files: Sequence[str]) -> dict[str, str]:
    """The names that a schema uses, with the files behind them: both as `with_references` returns them."""
    names = []
    while data["references"]:
        ((name, data),) = data["references"]
        names.append(name)
    return dict(zip(reversed(names), files[1:], strict=True))


def _collect(
    entry: Entry,
    text: str,
    files: Mapping[str, Entry],
    read: Callable[[str], str | None],
    chain: list[NamedFile],
    seen: set[str],
) -> None:
    for name in mentioned(entry.format, text):
        file = entry.references.get(name) or provided(name, entry.file, entry.format, files, read)
        if file is None or file in seen:
            continue
        if file.startswith(REGISTERED):
            raise UsageError(f"{entry.file} refers to {name}, which only the registry has: check it --against server")
        seen.add(file)
        inner = read(file)
        if inner is None:
            raise UsageError(f"{entry.file} refers to {name}, which is to be in {file}: there is no such file")
        _collect(files.get(file) or Entry(file, "", entry.format), inner, files, read, chain, seen)
        chain.append(NamedFile(name, file))


def _subject(schemas: Schemas, file: str, origin: str) -> str:
    path = PurePosixPath(file)
    fixed = PurePosixPath(re.split(r"[*?\[]", schemas.path)[0].rpartition("/")[0] or ".")
    folder = path.parent.relative_to(fixed) if path.parent.is_relative_to(fixed) else path.parent
    parts = {"stem": path.stem, "path": file, "dir": "" if str(folder) == "." else str(folder)}
    fixed_text, *rest = _PART.split(schemas.subject)
    if not {*rest[::2]} <= {*parts} or re.search("[{}]", "".join((fixed_text, *rest[1::2]))):
        raise UsageError(f"{origin}: subject {schemas.subject!r} knows {{stem}}, {{dir}} and {{path}}")
    subject = _PART.sub(lambda found: parts[found[1]], schemas.subject)
    return subject.strip("/") or path.stem


def _without_file(start: Path, paths: Sequence[str]) -> Project:
    files = []
    for path in paths:
        place = (start / path).resolve()
        if place.is_dir():
            below = (f"{path.rstrip('/')}/{each}" if path != "." else each for each in walked(place))
            files += [each for each in below if each.endswith((".avsc", ".proto"))]
        elif place.is_file():
            files.append(PurePosixPath(path).as_posix())
        else:
            raise UsageError(f"cannot read {path}: no such file or folder")
    found = []
    for file in files:
        format = SUFFIXES.get(PurePosixPath(file).suffix.lower())
        if format is None:
            raise UsageError(f"{file}: the name does not tell the type of the schema ({', '.join(SUFFIXES)})")
        found.append(Entry(file, "", format))
    return Project(start, "", ProjectFile(schemas=[]), tuple(found))


def walked(root: Path, patterns: Sequence[str] = ()) -> Iterator[str]:
    """Files below a folder that may be schemas, by their endings or by these patterns, as paths with slashes."""
    count = 0
    waiting = [root]
    while waiting:
        for each in sorted(waiting.pop().iterdir()):
            if each.is_dir():
                if each.name not in _SKIPPED and not each.is_symlink():
                    waiting.append(each)
            elif (
                each.suffix.lower() in SUFFIXES
                or any(matches(pattern, each.relative_to(root).as_posix()) for pattern in patterns)
            ) and each.is_file():
                count += 1
                if count > MOST_FILES:
                    raise UsageError(f"{root} holds more than {MOST_FILES} files that may be schemas")
                yield each.relative_to(root).as_posix()


def _inside(root: Path, path: str) -> str:
    place = Path(path).resolve()
    if not place.is_relative_to(root.resolve()):
        raise UsageError(f"{path} lies outside the project {root}")
    return place.relative_to(root.resolve()).as_posix()


def _yaml(path: Path, text: str) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise UsageError(
            f"{path.name} needs PyYAML: install tenor[cli], or write [tool.tenor] in pyproject.toml"
        ) from (error)
    try:
        return yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise UsageError(f"{path.name}{where}: {getattr(error, 'problem', None) or error}") from None


def _toml(path: Path, text: str) -> Any:
    import tomllib

    try:
        return tomllib.loads(text).get("tool", {}).get("tenor", {})
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path.name}: {error}") from None
