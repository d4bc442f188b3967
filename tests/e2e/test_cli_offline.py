"""`tenor check`, `diff`, `sample`, `lint` and `explain` as they are typed: no server but the last tests' own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import fastavro
import httpx
import jsonschema_rs
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import ParseDict
from google.protobuf.message_factory import GetMessageClass

from registry import formats
from registry.formats.base import Source
from tests import documents

TENOR = Path(sys.executable).with_name("tenor")
ENGINE = Path(sys.executable).with_name("tenor-server")
HEAVY = ("alembic", "granian", "httpx", "litestar", "psycopg", "sqlalchemy", "sqlmodel", "structlog")
PARTS = {"AVRO": {"fastavro"}, "JSON": {"jsonschema", "jsonschema_rs"}, "PROTOBUF": {"google", "grpc_tools"}}


class Ran(NamedTuple):
    """How a run ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        found = json.loads(self.out, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
        return documents.checked(found) if "$schema" in found else found  # what is printed as text may be JSON, too


class Folder:
    """A folder with schemas, and a shell in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, **texts: str) -> Folder:
        """Files by name, with _ for the dot of the suffix."""
        for name, text in texts.items():
            stem, _, suffix = name.rpartition("_")
            (self.path / f"{stem}.{suffix}").write_text(text, encoding="utf-8")
        return self

    def tenor(self, *words: str, given: str | None = None, **more: str) -> Ran:
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.path), "COLUMNS": "200", **more}
        done = subprocess.run(
            [TENOR, *words],
            cwd=self.path,
            env=environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path).write(
        v1_avsc="""\
{"type": "record", "name": "OrderPlaced", "namespace": "shop", "fields": [
  {"name": "order_id", "type": "string"},
  {"name": "total", "type": "double"}
]}
""",
        v2_avsc="""\
{"type": "record", "name": "OrderPlaced", "namespace": "shop", "fields": [
  {"name": "order_id", "type": "string"},
  {"name": "amount", "type": "double"}
]}
""",
        v3_avsc="""\
{"type": "record", "name": "OrderPlaced", "namespace": "shop", "fields": [
  {"name": "order_id", "type": "string"},
  {"name": "amount", "type": "double", "aliases": ["total"]}
]}
""",
        v1_json="""\
{
  "type": "object",
  "properties": {
    "order_id": {"type": "string"},
    "total": {"type": "number"}
  },
  "additionalProperties": false
}
""",
        v2_json="""\
{
  "type": "object",
  "properties": {
    "order_id": {"type": "string"},
    "total": {"type": "string"}
  },
  "additionalProperties": false
}
""",
        v3_json="""\
{
  "type": "object",
  "properties": {
    "order_id": {"type": "string"},
    "total": {"type": ["number", "string"]}
  },
  "additionalProperties": false
}
""",
        v1_proto="""\
syntax = "proto3";
package shop;
message OrderPlaced {
  string order_id = 1;
  int32 total = 2;
}
""",
        v2_proto="""\
syntax = "proto3";
package shop;
message OrderPlaced {
  string order_id = 1;
  string total = 2;
}
""",
        v3_proto="""\
syntax = "proto3";
package shop;
message OrderPlaced {
  string order_id = 1;
  int64 total = 2;
}
""",
    )


SUFFIXES = ("avsc", "json", "proto")

TOLD = {
    "avsc": """\
v2.avsc:3:3: error: new code cannot read old events [READER_FIELD_MISSING_DEFAULT_VALUE]
  Field amount at '/fields/1' has no default in the new schema, and record shop.OrderPlaced of the old schema does \
not have the field.
  old:    v1.avsc:1:74
  event:  {"order_id": "", "total": 0.0}
  reader: SchemaResolutionError: No default value for field amount in shop.OrderPlaced
  fix:    Keep the old name total as an alias of field amount.
          - {"name": "amount", "type": "double"}
          + {"name": "amount", "type": "double", "aliases": ["total"]}
  or:     Give field amount the default 0.0.
  or:     Make field amount optional, with the default null.
unsafe: new code cannot read old events (1 error)
""",
    "json": """\
v2.json:5:15: error: new code cannot read old events [TYPE_CHANGED]
  At '#/properties/total' the new and old schema are of different types
  old:    v1.json:5:15
  event:  {"total": 0}
  reader: 0 is not of type "string"
  fix:    Accept the old types as well.
          - "total": {"type": "string"}
          + "total": {"type": ["number", "string"]}
  or:     Restore type as it was.
  or:     Accept what either version accepts.
  or:     Restore the subschema as it was.
unsafe: new code cannot read old events (1 error)
""",
    "proto": """\
v2.proto:5:10: error: new code cannot read old events [FIELD_SCALAR_KIND_CHANGED]
  field OrderPlaced.total is string in the new schema and int32 in the old one
  old:    v1.proto:5:9
  event:  {"total": 5}
  reader: OrderPlaced.total reads as unset where 5 was written
  fix:    make field total int32 again
          - string total = 2;
          + int32 total = 2;
  or:     give field total the free number 3, and reserve 2
unsafe: new code cannot read old events (1 error)
""",
}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_break_is_told_with_its_place_an_event_and_a_way_out(folder: Folder, suffix: str) -> None:
    assert folder.tenor("check", f"v2.{suffix}", "--against", f"v1.{suffix}") == (1, TOLD[suffix], "")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_safe_is_said_in_words_and_ends_with_0(folder: Folder, suffix: str) -> None:
    assert folder.tenor("check", f"v3.{suffix}", "--against", f"v1.{suffix}") == (
        0,
        "safe: new code can read old events\n",
        "",
    )
    same = folder.tenor("check", f"v1.{suffix}", "--against", f"v1.{suffix}", "--level", "full")
    assert same == (0, "safe: new code can read old events and old code can read new events\n", "")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_other_direction_and_both_are_levels(folder: Folder, suffix: str) -> None:
    words = ["check", f"v2.{suffix}", "--against", f"v1.{suffix}", "--level"]
    backward, forward, full = (folder.tenor(*words, level) for level in ("BACKWARD", "FORWARD", "FULL"))
    assert (backward.code, forward.code, full.code) == (1, 1, 1)
    assert "old code cannot read new events" not in backward.out
    assert "new code cannot read old events" not in forward.out
    assert "new code cannot read old events (1 error), and old code cannot read new events (1 error)" in full.out


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_json_is_the_whole_answer_and_every_fix_of_it_holds(folder: Folder, suffix: str) -> None:
    ran = folder.tenor("check", f"v2.{suffix}", "--against", f"v1.{suffix}", "--output", "json")
    assert (ran.code, ran.err) == (1, "")
    assert (ran.document["verdict"], ran.document["new"], ran.document["old"]) == (
        "unsafe",
        f"v2.{suffix}",
        f"v1.{suffix}",
    )
    assert ran.document["changes"]
    [finding] = ran.document["findings"]
    for number, fix in enumerate(finding["fixes"]):
        (folder.path / f"fixed{number}.{suffix}").write_text(fix["text"], encoding="utf-8")
        again = folder.tenor("check", f"fixed{number}.{suffix}", "--against", f"v1.{suffix}")
        assert finding["rule"] not in again.out, fix


def test_where_confluent_and_the_events_disagree_a_line_says_so(folder: Folder) -> None:
    """Confluent's rules do not look at patternProperties, and call every other pattern a narrower one."""
    texts: dict[str, Any] = {"open": {}, "pattern": {"patternProperties": {"^x": {"type": "string"}}}}
    texts |= {"plain": {"pattern": "^a*$"}, "grouped": {"pattern": "^(a)*$"}}
    for name, schema in texts.items():
        kind = "object" if name in ("open", "pattern") else "string"
        (folder.path / f"{name}.json").write_text(json.dumps({"type": kind, **schema}), encoding="utf-8")
    ran = folder.tenor("check", "pattern.json", "--against", "open.json")
    assert ran.code == 1
    assert "differs: Confluent's rules accept this change, yet an event exists that it breaks" in ran.out
    assert "event:  " in ran.out
    assert ran.out.endswith("unsafe: new code cannot read old events\n")
    by_confluent = folder.tenor("check", "pattern.json", "--against", "open.json", "--verdict", "confluent")
    assert by_confluent.code == 0
    assert "differs:" in by_confluent.out

    refused = folder.tenor("check", "grouped.json", "--against", "plain.json")
    assert refused.code == 1
    assert "event:  none found: by Confluent's rule only" in refused.out
    assert "differs: Confluent's rules refuse this change, although no event can break" in refused.out
    by_events = folder.tenor("check", "grouped.json", "--against", "plain.json", "--verdict", "semantic")
    assert by_events.code == 0
    assert by_events.out.endswith("safe: new code can read old events\n")


def test_what_is_not_known_is_never_called_safe(folder: Folder) -> None:
    """Whether one regular expression with look-ahead says more than another is outside what is decided."""
    for name, pattern in (("one", "^(?=a)a+$"), ("two", "^(?=a)[ab]+$")):
        schema = {"type": "object", "propertyNames": {"pattern": pattern}}
        (folder.path / f"{name}.json").write_text(json.dumps(schema), encoding="utf-8")
    for words, code in (([], 0), (["--unknown", "fail"], 3)):
        ran = folder.tenor("check", "two.json", "--against", "one.json", *words)
        assert ran.code == code, ran.out
        last = ran.out.splitlines()[-1]
        assert last.startswith("unknown: whether new code can read old events (PROPERTY_NAMES_CHANGED at ")
        assert last.endswith("; Confluent's rules accept this change")
        assert "safe" not in ran.out


def test_a_schema_of_another_type_is_unsafe(folder: Folder) -> None:
    ran = folder.tenor("check", "v1.proto", "--against", "v1.json")
    assert (ran.code, ran.out.splitlines()) == (
        1,
        [
            "v1.proto: error: new code cannot read old events [SCHEMA_TYPE_CHANGED]",
            "  The new schema is of type PROTOBUF, the old one of type JSON",
            "unsafe: new code cannot read old events (1 error)",
        ],
    )


CHANGES = {
    "avsc": "renamed   /amount  /amount was called total.\n"
    "loosened  /amount  /amount has the aliases total (was none).\n",
    "json": "retyped   /total  The type of /total was number and is number|string.\n"
    "loosened  /total  At '#/properties/total' the new schema offers more alternatives than the old one.\n",
    "proto": "retyped  /total  total is int64, not int32\n",
}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_diff_says_what_changed(folder: Folder, suffix: str) -> None:
    assert folder.tenor("diff", f"v1.{suffix}", f"v3.{suffix}") == (0, CHANGES[suffix], "")
    assert folder.tenor("diff", f"v1.{suffix}", f"v1.{suffix}") == (0, "no change\n", "")
    document = folder.tenor("diff", f"v1.{suffix}", f"v3.{suffix}", "--output", "json").document
    assert [change["kind"] for change in document["changes"]] == [
        line.split()[0] for line in CHANGES[suffix].splitlines()
    ]


def order_placed(text: str) -> Any:
    """The class of the message, compiled by protoc."""
    schema: Any = formats.parse("PROTOBUF", Source(text))
    pool = DescriptorPool()
    pool.Add(schema.file)
    return GetMessageClass(pool.FindMessageTypeByName("shop.OrderPlaced"))


def test_samples_are_lines_of_json_that_the_real_validators_take(folder: Folder) -> None:
    avro = fastavro.parse_schema(json.loads((folder.path / "v1.avsc").read_text(encoding="utf-8")))
    message = order_placed((folder.path / "v1.proto").read_text(encoding="utf-8"))
    json_schema = jsonschema_rs.validator_for(json.loads((folder.path / "v1.json").read_text(encoding="utf-8")))
    checks: dict[str, Any] = {
        # JSON has no such numbers: they are written as texts.
        "avsc": lambda event: fastavro.validate({**event, "total": float(event["total"])}, avro),
        "json": json_schema.is_valid,
        "proto": lambda event: ParseDict(event, message()),
    }
    for suffix in SUFFIXES:
        ran = folder.tenor("sample", f"v1.{suffix}", "--count", "30", "--seed", "7")
        events = [json.loads(line) for line in ran.out.splitlines()]
        assert (ran.code, ran.err, len(events)) == (0, "", 30)
        for event in events:
            assert checks[suffix](event) is not False, event
        assert folder.tenor("sample", f"v1.{suffix}", "--count", "30", "--seed", "7") == ran
        kinds = {
            each["kind"] for each in folder.tenor("sample", f"v1.{suffix}", "--output", "json").document["samples"]
        }
        assert {"minimal", "maximal"} <= kinds


REMARKS = {
    "avsc": "v1.avsc:2:3: warning: Field order_id has no doc. [undocumented-field]",
    "json": "v1.json:4:5: warning: 'order_id' has no description. [undocumented-field]",
    "proto": "v1.proto:4:10: warning: field OrderPlaced.order_id has no comment [undocumented-field]",
}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_lint_points_at_the_line(folder: Folder, suffix: str) -> None:
    ran = folder.tenor("lint", f"v1.{suffix}")
    assert (ran.code, ran.err) == (0, "")
    assert REMARKS[suffix] in ran.out.splitlines()
    assert ran.out.splitlines()[-1].endswith(" warnings")
    louder = folder.tenor("lint", f"v1.{suffix}", "--severity", "undocumented-field=error")
    assert louder.code == 1
    assert REMARKS[suffix].replace("warning", "error") in louder.out.splitlines()
    assert "undocumented-field" not in folder.tenor("lint", f"v1.{suffix}", "--severity", "undocumented-field=off").out
    assert folder.tenor("lint", f"v1.{suffix}", "--severity", "no-such-rule=off").code == 2


def test_every_rule_that_is_listed_is_explained(folder: Folder) -> None:
    listed = [line.split() for line in folder.tenor("explain").out.splitlines()]
    assert {"AVRO", "JSON", "PROTOBUF", "any"} == {format for _, format, *_ in listed}
    for rule in ("READER_FIELD_MISSING_DEFAULT_VALUE", "TYPE_CHANGED", "FIELD_SCALAR_KIND_CHANGED"):
        ran = folder.tenor("explain", rule)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith(f"{rule}\n\n  ")
        assert "  severity:  error: the two schemas are incompatible\n" in ran.out
    assert folder.tenor("explain", "SCHEMA_TYPE_CHANGD").err.endswith("did you mean SCHEMA_TYPE_CHANGED?\n")


BROKEN = {
    "bad.avsc": ('{"type": "record",\n "name":', "bad.avsc:2:9: the schema is not JSON"),
    "odd.avsc": (
        '{"type": "record", "name": "A",\n "fields": [{"name": "a", "type": "no"}]}',
        "odd.avsc:2:35: undefined",
    ),
    "bad.json": ('{\n  "type": ', "bad.json:2:"),
    "odd.json": ('{\n  "type": "objec"}', "odd.json:2:11: at '/type'"),
    "bad.proto": ('syntax = "proto3";\nmessage A { strin a = 1; }', "bad.proto:2:13: "),
    "empty.avsc": ("", "empty.avsc: Empty schema"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_does_not_parse_is_named_by_file_line_and_column(folder: Folder, name: str) -> None:
    text, sentence = BROKEN[name]
    (folder.path / name).write_text(text, encoding="utf-8")
    fine = f"v1.{name.rpartition('.')[2]}"
    for words in (["check", name, "--against", fine], ["diff", fine, name]):
        ran = folder.tenor(*words)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith(f"error: {sentence}"), ran.err
    error = folder.tenor("lint", name, "--output", "json").document["error"]
    assert (error["file"], error["exit_code"]) == (name, 2)


REFERRING: dict[str, tuple[dict[str, str], list[str]]] = {
    "avsc": (
        {
            "country": '{"type": "enum", "name": "Country", "symbols": ["NO", "SE"]}',
            "address": '{"type": "record", "name": "Address", "fields": [{"name": "country", "type": "Country"}]}',
            "top": '{"type": "record", "name": "Top", "fields": [{"name": "to", "type": "Address"}]}',
            "less": '{"type": "enum", "name": "Country", "symbols": ["NO"]}',
        },
        ["Country", "Address"],
    ),
    "json": (
        {
            "country": '{"enum": ["NO", "SE"]}',
            "address": '{"type": "object", "properties": {"country": {"$ref": "country.json"}}}',
            "top": '{"type": "object", "properties": {"to": {"$ref": "address.json"}}}',
            "less": '{"enum": ["NO"]}',
        },
        ["country.json", "address.json"],
    ),
    "proto": (
        {
            "country": 'syntax = "proto3"; message Country { string code = 1; }',
            "address": 'syntax = "proto3"; import "country.proto"; message Address { Country country = 1; }',
            "top": 'syntax = "proto3"; import "address.proto"; message Top { Address to = 1; }',
            "less": 'syntax = "proto3"; message Country { int32 code = 1; }',
        },
        ["country.proto", "address.proto"],
    ),
}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_references_are_files_and_may_differ_between_the_two_sides(folder: Folder, suffix: str) -> None:
    texts, (country, address) = REFERRING[suffix]
    folder.write(**{f"{name}_{suffix}": text for name, text in texts.items()})
    both = ["--reference", f"{country}=country.{suffix}", "--reference", f"{address}=address.{suffix}"]
    check = ["check", f"top.{suffix}", "--against", f"top.{suffix}"]
    assert folder.tenor(*check, *both).code == 0
    assert folder.tenor("sample", f"top.{suffix}", *both).code == 0
    # The old side had the country in full, the new side has less of it.
    smaller = ["--reference", f"{country}=less.{suffix}", *both[2:]]
    ran = folder.tenor(*check, *smaller, "--old-reference", f"{country}=country.{suffix}")
    assert ran.code == 1
    assert "new code cannot read old events" in ran.out
    missing = folder.tenor(*check, *both[:2])
    assert missing.code == 2
    assert missing.err.startswith(f"error: top.{suffix}:1:")
    (folder.path / f"country.{suffix}").write_text("{\n odd", encoding="utf-8")
    assert folder.tenor(*check, *both).err.startswith(f"error: country.{suffix}:")


def test_a_schema_may_come_from_standard_input(folder: Folder) -> None:
    text = (folder.path / "v3.proto").read_text(encoding="utf-8")
    ran = folder.tenor("check", "-", "--type", "protobuf", "--against", "v1.proto", given=text)
    assert ran == (0, "safe: new code can read old events\n", "")


HOSTILE = {
    "a regular expression that backtracks for ever": ({"pattern": "^(a+)+$"}, {"pattern": "^(a|aa)+$"}),
    "a schema that contains itself": (
        {"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"a": {"$ref": "#/$defs/a"}}}}},
        {"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"a": {"$ref": "#/$defs/a"}}, "minProperties": 1}}},
    ),
    "a wide union": (
        {"oneOf": [{"properties": {"k": {"const": each}}, "required": ["k"]} for each in range(60)]},
        {"oneOf": [{"properties": {"k": {"const": each}}, "required": ["k"]} for each in range(59)]},
    ),
    "very many fields": (
        {"properties": {f"f{each}": {"type": "integer"} for each in range(500)}},
        {"properties": {f"f{each}": {"type": "string"} for each in range(500)}},
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_schemas_get_an_answer_and_never_a_wrong_safe(folder: Folder, name: str) -> None:
    old, new = HOSTILE[name]
    folder.write(old_json=json.dumps(old), new_json=json.dumps(new))
    ran = folder.tenor("check", "new.json", "--against", "old.json")
    assert ran.code == 1 or ran.out.splitlines()[-1].startswith("unknown: "), ran


LOADED = "import sys; from registry.cli import main; main(['check']); print(*sys.modules, file=sys.stderr)"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_engine_loads_what_the_format_needs_and_no_server(folder: Folder, suffix: str) -> None:
    format = {"avsc": "AVRO", "json": "JSON", "proto": "PROTOBUF"}[suffix]
    text = (folder.path / f"v1.{suffix}").read_text(encoding="utf-8")
    schema = {"format": format, "text": text}
    question = json.dumps({"do": "check", "new": schema, "old": schema})
    done = subprocess.run(
        [sys.executable, "-c", LOADED], input=question, capture_output=True, text=True, check=True, timeout=60
    )
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert "registry" in loaded
    assert loaded & {*HEAVY, *(part for other, parts in PARTS.items() if other != format for part in parts)} == set()
    if format == "PROTOBUF":  # where nothing breaks, the others need no validator
        assert loaded >= PARTS[format]


def test_without_an_engine_a_sentence_says_how_to_get_it(folder: Folder) -> None:
    """A `tenor` of its own, as somebody has it who installed the library alone."""
    alone = folder.path / "bin"
    alone.mkdir()
    (alone / "python").symlink_to(sys.executable)
    code = "import sys; from tenor.cli import main; sys.executable = sys.argv.pop(1); sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, str(alone / "python"), "lint", "v1.avsc"],
        cwd=folder.path,
        env={"PATH": str(alone)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "install it with 'pip install tenor-server'" in done.stderr
    assert shutil.which("tenor-server", path=str(ENGINE.parent))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_subject_is_checked_on_its_server(folder: Folder, registry: httpx.Client, suffix: str) -> None:
    """The same findings, against the versions that the server has."""
    subject, url = f"offline-{suffix}", {"TENOR_URL": str(registry.base_url)}
    assert folder.tenor("register", subject, f"v1.{suffix}", **url).code == 0
    safe = folder.tenor("check", f"v3.{suffix}", "--subject", subject, **url)
    assert safe == (0, "safe: new code can read old events\n", "")
    ran = folder.tenor("check", f"v2.{suffix}", "--subject", subject, **url)
    assert (ran.code, ran.err) == (1, "")
    local = TOLD[suffix].splitlines()
    told = ran.out.splitlines()
    assert [line for line in told if not line.startswith("  old:")] == [
        line for line in local if not line.startswith("  old:")
    ]
    assert any(line.startswith(f"  old:    {subject} version 1:") for line in told)
    assert folder.tenor("register", subject, f"v2.{suffix}", **url).code == 1


def test_a_server_that_is_not_there_ends_with_4(folder: Folder) -> None:
    ran = folder.tenor("check", "v1.avsc", "--subject", "s", "--registry", "http://127.0.0.1:9")
    assert (ran.code, ran.out) == (4, "")
    assert "No answer from the registry at http://127.0.0.1:9" in ran.err
