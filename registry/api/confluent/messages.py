"""Findings as the Confluent API tells them: strings that look like JSON and are not (facts: compatibility §1.1).

{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'…', additionalInfo:'f2'}     Avro
{errorType:"TYPE_CHANGED", description:"…'}                                                JSON Schema, as upstream
{errorType:"FIELD_SCALAR_KIND_CHANGED", description:"…"}                                   Protobuf
{oldSchemaVersion: 3}   {oldSchema: '…'}   {validateFields: 'false', compatibility: 'BACKWARD'}
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from registry.errors import Incompatible
from registry.evolution.levels import Conflict
from registry.policy import Effective
from registry.store.queries.schemas import Version

_LONGEST_SCHEMA = 1000
_MOST_VERSIONS = 20


def _told(format: str, conflict: Conflict) -> str:
    finding = conflict.finding
    kind, description = finding.rule, finding.told(forward=conflict.forward)
    if format == "AVRO":
        return f"{{errorType:'{kind}', description:'{description}', additionalInfo:'{finding.info}'}}"
    closing = "'" if format == "JSON" else '"'
    return f'{{errorType:"{kind}", description:"{description}{closing}}}'


def messages(conflicts: Iterable[Conflict], history: Sequence[Version], settings: Effective) -> list[str]:
    """Every reason, version by version; warnings are not reasons. Empty when there is none."""
    by_number = {version.version: version for version in history}
    lines: list[str] = []
    reasons = (conflict for conflict in conflicts if conflict.breaks)
    for number, (version_number, group) in enumerate(groupby(reasons, key=lambda conflict: conflict.version)):
        if number == _MOST_VERSIONS:
            lines.append("{more: 'findings against older versions are left out'}")
            break
        version = by_number.get(version_number)
        format = version.content.format if version else "AVRO"
        lines += [_told(format, conflict) for conflict in group]
        if version_number:  # an objection may be about no version at all
            lines.append(f"{{oldSchemaVersion: {version_number}}}")
        if version is not None:
            text = version.content.text
            shown = text if len(text) <= _LONGEST_SCHEMA else text[:_LONGEST_SCHEMA] + "..."
            lines.append(f"{{oldSchema: '{shown}'}}")
    if lines:
        validates = "true" if settings.config.validate_fields else "false"
        lines.append(f"{{validateFields: '{validates}', compatibility: '{settings.level.name}'}}")
    return lines


def details(error: Incompatible) -> list[str]:
    """The list inside the message of a refused registration."""
    return messages(error.data["conflicts"], error.data["history"], error.data["settings"])
