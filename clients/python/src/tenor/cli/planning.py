"""What registering the schemas of a project would do on a server, as a file that `tenor apply` takes, and its words.

+ money-value    version 1                    schemas/money.avsc
+ money-value    owner                        payments
~ order-value    version 4                    schemas/order.avsc
    field 'note' was added
~ order-value    level                        BACKWARD -> FULL
! stock-value    refused                      proto/stock.proto
    Schema being registered is incompatible with an earlier schema for subject "stock-value"
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tenor import Registry
from tenor.calls import Call, speaks_native
from tenor.cli import SAFE, STALE, UNSAFE, USAGE
from tenor.cli.connection import connect
from tenor.cli.output import finding_line, json_line, one_line
from tenor.cli.project import FILE, Entry, Project, reading
from tenor.cli.references import REGISTERED, mentioned, provided, registered
from tenor.cli.running import UsageError
from tenor.cli.schema_file import read_text
from tenor.errors import Answered, UnexpectedAnswer

KIND: Final = "tenor-plan/1"
MOST: Final = 1000
SECONDS: Final = 60.0
"""A plan of a large repository is one request."""

_HEADERS: Final = {"Accept": "application/json", "Content-Type": "application/json"}
UNCHANGED: Final = "unchanged"
_SIGNS: Final = {"create": "+", "version": "~", UNCHANGED: " ", "refused": "!", "blocked": "!"}
_COLOURS: Final = {"+": "green", "~": "yellow", "-": "red", "!": "red"}
_CHANGING: Final = ("create", "version")
_REFUSED: Final = ("refused", "blocked")
_CODES: Final = {"incompatible": UNSAFE, "operation-not-permitted": STALE}
"""By the kind of a problem; a schema that is none, and all else, is one of usage."""

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan: the schemas as they are sent, where each is from, and what the server said to them.

    `files` and `steps` go with `schemas`, one for each, in an order in which each comes after what it refers to.
    `environments` are sent too, and `settings` are what becomes of them.
    """

    registry: str
    state: str
    files: tuple[str, ...]
    schemas: tuple[Document, ...]
    steps: tuple[Document, ...]
    environments: tuple[Document, ...] = ()
    settings: tuple[Document, ...] = ()

    @property
    def changing(self) -> bool:
        """Whether it would change something."""
        return bool(self.settings) or any(each["action"] in _CHANGING or each.get("settings") for each in self.steps)

    @property
    def refused(self) -> bool:
        """Whether a schema of it is refused, so that none would be registered."""
        return any(each["action"] in _REFUSED for each in self.steps)

    @property
    def code(self) -> int:
        """The exit code: unsafe for an incompatible schema, else what is wrong with a refused one, else safe."""
        found = {_CODES.get(_slug(each), USAGE) for each in self.steps if each["action"] == "refused"}
        return next((code for code in (UNSAFE, USAGE, STALE) if code in found), SAFE)

    def document(self) -> dict[str, Any]:
        """The plan as JSON."""
        rows = [
            {"file": file, "send": schema, "step": step}
            for file, schema, step in zip(self.files, self.schemas, self.steps, strict=True)
        ]
        wide = {"environments": list(self.environments), "settings": list(self.settings)}
        return {"plan": KIND, "registry": self.registry, "state": self.state, **wide, "schemas": rows}

    def lines(self, paint: Callable[[str, str], str]) -> Iterator[str]:
        """The plan for a person: what is not simply as it was, then a line of totals."""
        rows = list(self._rows())
        width = max((len(subject) for _, subject, *_ in rows), default=0)
        for sign, subject, what, more, reasons in rows:
            yield f"{paint(sign, _COLOURS[sign])} {subject:<{width}}  {what:<12}  {more}".rstrip()
            yield from (f"    {line}" for line in reasons)
        counts = Counter(str(each["action"]) for each in self.steps)
        parts = [f"{counts[action]} {action}" for action in _SIGNS if counts[action]]
        if settings := len(self.settings) + sum(len(each.get("settings", ())) for each in self.steps):
            parts.append(f"{settings} setting{'s' if settings > 1 else ''}")
        yield ", ".join(parts) or "no schemas"

    def _rows(self) -> Iterator[tuple[str, str, str, str, Sequence[str]]]:
        for each in self.settings:
            yield _setting(str((each["new"] or each["old"])["name"]), each)
        for file, step in zip(self.files, self.steps, strict=True):
            subject, action = one_line(str(step["subject"])), str(step["action"])
            if action != UNCHANGED:
                what = f"version {step['version']}" if action in _CHANGING else action
                yield _SIGNS[action], subject, what, file, list(_reasons(step))
            for each in step.get("settings", ()):
                yield _setting(subject, each)


def connected(arguments: argparse.Namespace, project: Project) -> Registry:
    """The registry that the arguments or the project name, with time for what a large repository asks."""
    if arguments.registry is None and project.file.registry and not os.environ.get("TENOR_URL"):
        arguments.registry = [project.file.registry]
    return patiently(arguments)


def patiently(arguments: argparse.Namespace) -> Registry:
    """The registry of the arguments, with time for many schemas in one request unless --timeout says how much."""
    if arguments.said_timeout is None:
        arguments.timeout = SECONDS
    return connect(arguments)


def planned(
    registry: Registry,
    files: Sequence[str],
    schemas: Sequence[Document],
    environments: Sequence[Document] = (),
    state: str | None = None,
) -> Planned:
    """Ask a server what it would do; with a state, have it done. Raises UsageError for one that is not Tenor."""
    try:
        answer = registry.send(_call(schemas, environments, state))
    except (Answered, UnexpectedAnswer) as error:
        if speaks_native(error):
            raise
        raise UsageError(f"{registry.url} takes no plans: it is not Tenor, or an older one") from error
    if "settings" not in answer and (environments or any("settings" in each for each in schemas)):
        raise UsageError(f"{registry.url} is an older Tenor: it sets nothing of what {FILE} says besides schemas")
    return Planned(
        registry.url,
        answer["state"],
        tuple(files),
        tuple(schemas),
        tuple(answer["schemas"]),
        tuple(environments),
        tuple(answer.get("settings", ())),
    )


def _call(schemas: Sequence[Document], environments: Sequence[Document], state: str | None) -> Call[Document]:
    def read(body: Any) -> Document:
        if len(body["schemas"]) != len(schemas) or not isinstance(body["state"], str):
            raise TypeError("schemas")
        if any(each["action"] not in _SIGNS or "subject" not in each for each in body["schemas"]):
            raise TypeError("action")
        for each in (body, *body["schemas"]):
            _ = [(str(setting["name"]), setting["old"], setting["new"]) for setting in each.get("settings", ())]
        found: Document = body
        return found

    sent: dict[str, Any] = {"schemas": list(schemas), "environments": list(environments)}
    if state is not None:
        sent["state"] = state
    dry = "false" if state is not None else "true"
    return Call("POST", f"/api/v1/plans?dry_run={dry}", read, sent, headers=_HEADERS)


def sendable(project: Project, wanted: Sequence[Entry]) -> tuple[list[str], list[Document]]:
    """The schemas of a project and whatever they refer to, each after what it needs: their files, and what is sent.

    Raises UsageError for files that refer to each other, and for a reference to a file that is no subject.
    """
    files = {each.file: each for each in project.entries}
    read = reading(project.root)
    uses: dict[str, dict[str, str]] = {}
    for file in _in_order(wanted, files, read, uses):
        if not files[file].subject:
            raise UsageError(f"{file} has no subject: a plan needs a tenor.yaml, see tenor init")
    if len(uses) > MOST:
        raise UsageError(
            f"these are {len(uses)} schemas, and a plan takes {MOST}: name folders, and make several plans"
        )
    return list(uses), [_sent(files[file], read(file) or "", used, files) for file, used in uses.items()]


def _in_order(
    wanted: Sequence[Entry],
    files: Mapping[str, Entry],
    read: Callable[[str], str | None],
    uses: dict[str, dict[str, str]],
) -> Iterator[str]:
    """Each file after what it refers to; `uses` gets what each refers to, in that order. Without recursion: chains of
    references may be long."""
    for entry in wanted:
        opened: dict[str, dict[str, str]] = {}
        waiting = [(entry.file, False)]
        while waiting:
            file, done = waiting.pop()
            if done:
                uses[file] = opened.pop(file)
                yield file
            elif file in opened:
                raise UsageError(f"{', '.join(opened)} refer to each other, so that none can be registered first")
            elif file not in uses:
                opened[file] = _used(files[file], files, read)
                waiting.append((file, True))
                wanted_too = [each for each in dict.fromkeys(opened[file].values()) if not each.startswith(REGISTERED)]
                waiting += [(each, False) for each in wanted_too if each not in uses]


def _used(entry: Entry, files: Mapping[str, Entry], read: Callable[[str], str | None]) -> dict[str, str]:
    """The names that a text uses, with the files of the project, or subjects of the registry, that they stand for."""
    used: dict[str, str] = {}
    for name in mentioned(entry.format, read(entry.file) or ""):
        file = entry.references.get(name) or provided(name, entry.file, entry.format, files, read)
        if file == entry.file or file is None:
            continue  # itself; or what only the registry can say is missing
        if file not in files and not file.startswith(REGISTERED):
            raise UsageError(f"{entry.file} refers to {name} in {file}, which is no schema of the project")
        used[name] = file
    return used


def _sent(entry: Entry, text: str, used: Mapping[str, str], files: Mapping[str, Entry]) -> Document:
    references = []
    for name, file in used.items():
        subject, version = registered(file) if file.startswith(REGISTERED) else (files[file].subject, -1)
        references.append({"name": name, "subject": subject, "version": version})
    settings = {"settings": entry.settings} if entry.settings else {}
    return {"subject": entry.subject, "schemaType": entry.format, "schema": text, "references": references, **settings}


def kept(path: str) -> Planned:
    """The plan of a file. Raises UsageError."""
    try:
        body = json.loads(read_text(path))
        if body["plan"] != KIND:
            raise UsageError(f"{path} is a plan of another kind ({body['plan']}): plan again")
        rows = body["schemas"]
        files, schemas, steps = (tuple(row[name] for row in rows) for name in ("file", "send", "step"))
        if not all(isinstance(each, dict) for each in (*schemas, *steps)):
            raise TypeError
        wide = [tuple(body.get(name, ())) for name in ("environments", "settings")]
        if not all(isinstance(each, dict) for listed in wide for each in listed):
            raise TypeError
        return Planned(str(body["registry"]), str(body["state"]), files, schemas, steps, *wide)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UsageError(f"{path} is no plan: tenor plan --out {path} writes one") from None


def write(plan: Planned, path: str) -> None:
    """Keep a plan. Raises UsageError."""
    try:
        Path(path).write_text(json.dumps(plan.document(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def _setting(of: str, setting: Document) -> tuple[str, str, str, str, Sequence[str]]:
    """The row of a setting that changes."""
    name, old, new = str(setting["name"]), setting["old"], setting["new"]
    if name in ("environment", "waiver"):
        return "~" if old else "+", one_line(of), name, _words(name, new), ()
    shown = " -> ".join(_words(name, each) for each in (old, new) if each is not None)
    return (
        ("+", one_line(of), name, shown, ())
        if old is None
        else (
            ("-", one_line(of), name, f"{shown} is taken back", ())
            if new is None
            else ("~", one_line(of), name, shown, ())
        )
    )


def _words(name: str, value: Any) -> str:
    if name == "environment":
        return "production" if value.get("production") else "not production"
    if name == "waiver":
        whose = " ".join(filter(None, (value.get("consumer"), value.get("path"), value.get("rule")))) or "everything"
        return one_line(f"{whose} until {value.get('until')}, by {value.get('owner')}: {value.get('reason')}")
    return one_line(value) if isinstance(value, str) else json_line(value)


def _reasons(step: Document) -> Iterator[str]:
    if step["action"] in _REFUSED:
        problem = step.get("problem") or {}
        place = f"{problem['line']}:{problem.get('column') or 1}: " if problem.get("line") else ""
        yield f"{place}{one_line(str(step.get('reason', '')))}"
    yield from (finding_line({**each, "path": ""}) for each in step.get("changes", ()))
    yield from (finding_line(each) for each in step.get("findings", ()))


def _slug(step: Document) -> str:
    return str((step.get("problem") or {}).get("type", "")).rpartition("/")[2]
