"""The Protobuf verdicts against `buf breaking`, categories WIRE and WIRE_JSON, on random pairs of schemas.

All pairs lie side by side in one module, a package each, so that buf runs once per category. Every disagreement must be
a row of a table: the rule, why, a counterexample to it, and a source.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from registry.formats.base import Severity, Source, Verdict
from registry.formats.protobuf import FORMAT
from registry.formats.protobuf.semantic import semantic
from tests.conformance.protobuf_schemas import ALIKE, SCALARS, Schema, pair

pytestmark = pytest.mark.timeout(600)  # with --full; seconds without

BUF = Path(sys.executable).with_name("buf")


@dataclass(frozen=True)
class Explained:
    """Why a rule of buf fires on pairs that nothing on the wire breaks. `only`: for which of its messages."""

    why: str
    example: str
    source: str
    only: Callable[[str], bool] = lambda message: True


DOCS = "protobuf.dev: Updating a message type"
FACTS = "facts/compatibility.md 5.2"
INTEGERS = set(ALIKE[0])


def _reads(message: str) -> bool:
    """Types that read each other, though buf says no: enums as integers, renamed messages, bytes as text or message."""
    found = re.search(r'changed type from "([^"]+)" to "([^"]+)"', message)
    if found is None:
        return False
    old, new = found[1], found[2]
    named = {each for each in (old, new) if each not in SCALARS}
    if named:
        return {old, new} - named <= INTEGERS | {"bytes"}
    return (old, new) == ("bytes", "string") or any({old, new} <= set(group) for group in ALIKE)


ACCEPTED_BY_US = {
    "FIELD_NO_DELETE_UNLESS_NUMBER_RESERVED": Explained(
        "a removed field is skipped; buf guards its number for later",
        "int32 a = 1; → nothing",
        FACTS,
    ),
    "FIELD_NO_DELETE_UNLESS_NAME_RESERVED": Explained(
        "a removed field is skipped; buf guards its JSON name for later",
        "int32 a = 1; → nothing",
        FACTS,
    ),
    "ENUM_VALUE_NO_DELETE_UNLESS_NUMBER_RESERVED": Explained(
        "a number without a name is kept or skipped",
        "enum E { Z = 0; A = 1; } → enum E { Z = 0; }",
        FACTS,
    ),
    "ENUM_VALUE_NO_DELETE_UNLESS_NAME_RESERVED": Explained(
        "names are not on the wire",
        "enum E { Z = 0; A = 1; } → enum E { Z = 0; }",
        FACTS,
    ),
    "ENUM_VALUE_SAME_NAME": Explained(
        "names are not on the wire (JSON would see them)",
        "A = 1; → B = 1;",
        FACTS,
    ),
    "FIELD_SAME_NAME": Explained(
        "names are not on the wire (JSON would see them)",
        "int32 a = 1; → int32 b = 1;",
        FACTS,
    ),
    "FIELD_SAME_JSON_NAME": Explained(
        "names are not on the wire (JSON would see them)",
        "int32 a = 1; → int32 b = 1;",
        FACTS,
    ),
    "FIELD_SAME_ONEOF": Explained(
        "one field that enters a new oneof, or leaves one, reads as before",
        "int32 a = 1; → oneof o { int32 a = 1; }",
        FACTS,
    ),
    "FIELD_WIRE_COMPATIBLE_CARDINALITY": Explained(
        "required → optional, single → repeated, and text or messages → single are read by every parser",
        "required int32 a = 1; → optional int32 a = 1;",
        DOCS,
    ),
    "FIELD_WIRE_JSON_COMPATIBLE_CARDINALITY": Explained(
        "as FIELD_WIRE_COMPATIBLE_CARDINALITY; JSON arrays are not the wire",
        "string a = 1; → repeated string a = 1;",
        DOCS,
    ),
    "FIELD_WIRE_COMPATIBLE_TYPE": Explained(
        "enums read as integers; a renamed message has the same bytes; bytes hold a message",
        "E a = 1; → int32 a = 1;",
        DOCS,
        _reads,
    ),
    "FIELD_WIRE_JSON_COMPATIBLE_TYPE": Explained(
        "as FIELD_WIRE_COMPATIBLE_TYPE; JSON writes 64-bit numbers as text and bool as a word",
        "int32 a = 1; → int64 a = 1;",
        DOCS,
        _reads,
    ),
    "MESSAGE_SAME_REQUIRED_FIELDS": Explained(
        "a required field that is removed, or made optional, is read; only old readers of new events break",
        "required int32 a = 1; → nothing",
        FACTS,
    ),
    "RESERVED_MESSAGE_NO_DELETE": Explained(
        "a reservation is a promise about later versions, not bytes",
        "reserved 2; → nothing",
        FACTS,
    ),
    "RESERVED_ENUM_NO_DELETE": Explained(
        "a reservation is a promise about later versions, not bytes",
        "reserved 2; → nothing",
        FACTS,
    ),
}

# What breaks, and buf is silent about, by the words of our reason.
MISSED_BY_BUF = {
    "is required by the reader, and may be absent": "a field that LEGACY_REQUIRED makes required is not looked for "
    "(edition 2023: nothing → int32 a = 1 [features.field_presence = LEGACY_REQUIRED]; source: " + FACTS + ")",
    "may hold a number that the reader's required enum does not know": "an enum value removed and its number reserved "
    "passes, though a required closed enum refuses it (source: " + FACTS + ")",
}


def buf(where: Path, *arguments: str) -> str:
    environment = {"HOME": str(where), "PATH": os.environ["PATH"], "BUF_CACHE_DIR": str(where / "cache")}
    ran = subprocess.run([BUF, *arguments], cwd=where, capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode in (0, 100), ran.stderr[:2000]  # 100: there are breaking changes
    return ran.stdout


def schemas(seed: int) -> tuple[Schema, Schema]:
    old, new, _ = pair(seed)
    return old, new


@pytest.fixture(scope="module")
def pairs(full: bool, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, range]:
    where, seeds = tmp_path_factory.mktemp("buf"), range(10_000, 13_000 if full else 10_250)
    for side in (0, 1):
        folder = where / ("old", "new")[side]
        for seed in seeds:
            (folder / f"p{seed}").mkdir(parents=True)
            (folder / f"p{seed}" / "s.proto").write_text(schemas(seed)[side].text(package=f"p{seed}"))
        (folder / "buf.yaml").write_text("version: v2\n")
        buf(where, "build", folder.name, "-o", f"{folder.name}.binpb")
    return where, seeds


def breaking(where: Path, category: str) -> dict[int, set[tuple[str, str]]]:
    """Seed → (rule, message) of what buf found."""
    config = json.dumps({"version": "v2", "breaking": {"use": [category]}})
    told = buf(where, "breaking", "new.binpb", "--against", "old.binpb", "--error-format", "json", "--config", config)
    found: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for line in told.splitlines():
        each = json.loads(line)
        found[int(each["path"].split("/")[0][1:])].add((each["type"], each["message"]))
    return found


@pytest.mark.parametrize("category", ["WIRE", "WIRE_JSON"])
def test_no_disagreement_is_unexplained(category: str, pairs: tuple[Path, range]) -> None:
    where, seeds = pairs
    found = breaking(where, category)
    unexplained, agreed = [], 0
    for seed in seeds:
        old, new = schemas(seed)
        reader, writer = FORMAT.parse(Source(new.text())), FORMAT.parse(Source(old.text()))
        verdict = semantic(reader, writer, seconds=1)
        parity = {each.rule for each in reader.findings(writer) if each.severity is Severity.ERROR}
        if verdict.verdict is Verdict.COMPATIBLE:
            for rule, message in found[seed]:
                row = ACCEPTED_BY_US.get(rule)
                if row is None or not row.only(message):
                    unexplained.append((seed, rule, message, parity))
        elif verdict.verdict is Verdict.BREAKS and not found[seed]:
            missed = [reason for reason in verdict.reasons if reason.endswith(tuple(MISSED_BY_BUF))]
            unexplained += [(seed, "buf is silent", str(verdict.reasons), parity)] if not missed else []
        agreed += (verdict.verdict is Verdict.BREAKS) == bool(found[seed])
    assert unexplained == []
    assert agreed > len(seeds) * 0.3  # the comparison compares something
    assert sum(map(bool, found.values())) > len(seeds) * 0.2
