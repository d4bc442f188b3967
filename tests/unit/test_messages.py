"""Findings in the shapes of the Confluent API."""

from registry.api.confluent.messages import messages
from registry.content import Content
from registry.evolution.levels import Conflict
from registry.formats.base import Finding, Severity
from registry.names import Subject
from registry.policy import Config, Effective
from registry.store.queries.schemas import Stored, Version

SETTINGS = Effective(Config(level="FULL_TRANSITIVE"), "READWRITE", 0)


def version(number: int, format: str, text: str = "{}") -> Version:
    stored = Stored(number, ".", number, "guid", Content(format, text), 0)
    return Version(Subject(".", "s"), number, stored, 0, deleted=False)


def conflict(number: int, *, forward: bool = False, severity: Severity = Severity.ERROR) -> Conflict:
    return Conflict(Finding("KIND", "/a", "the {new} field a", "info", severity), number, forward)


def test_each_format_has_its_quotes_and_the_closing_lines_follow_each_version() -> None:
    history = [version(3, "AVRO"), version(2, "JSON", "x" * 2000), version(1, "PROTOBUF")]
    said = messages([conflict(3), conflict(2, forward=True), conflict(1)], history, SETTINGS)
    assert said == [
        "{errorType:'KIND', description:'the new field a', additionalInfo:'info'}",
        "{oldSchemaVersion: 3}",
        "{oldSchema: '{}'}",
        '{errorType:"KIND", description:"the old field a\'}',
        "{oldSchemaVersion: 2}",
        "{oldSchema: '" + "x" * 1000 + "...'}",
        '{errorType:"KIND", description:"the new field a"}',
        "{oldSchemaVersion: 1}",
        "{oldSchema: '{}'}",
        "{validateFields: 'false', compatibility: 'FULL_TRANSITIVE'}",
    ]


def test_warnings_are_no_reasons() -> None:
    assert messages([conflict(1, severity=Severity.WARNING)], [version(1, "AVRO")], SETTINGS) == []


def test_the_list_is_bounded() -> None:
    history = [version(number, "AVRO") for number in range(30, 0, -1)]
    said = messages([conflict(each.version) for each in history], history, SETTINGS)
    assert sum(line.startswith("{oldSchemaVersion") for line in said) == 20
    assert any("older versions are left out" in line for line in said)
