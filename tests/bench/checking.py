"""Compatibility of a wide Avro record with a long history, against the avro package doing the same."""

from __future__ import annotations

import json
import time
from statistics import median
from typing import Any

import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from registry import formats
from registry.evolution.levels import LEVELS, Earlier, conflicts
from registry.formats.base import Source
from tests.bench.report import Row


def _wide(version: int, fields: int) -> str:
    listed: list[dict[str, Any]] = [
        {"name": f"f{n}", "type": ["null", "string"], "default": None} for n in range(fields)
    ]
    listed += [{"name": f"added{n}", "type": "int", "default": 0} for n in range(version)]
    return json.dumps({"type": "record", "name": "Wide", "namespace": "shop", "fields": listed})


def measure(*, smoke: bool) -> list[Row]:
    """200 fields, 100 versions, BACKWARD_TRANSITIVE; parsed before on both sides."""
    fields, versions = (20, 5) if smoke else (200, 100)
    texts = [_wide(version, fields) for version in range(versions + 1)]
    own = [formats.parse("AVRO", Source(text)) for text in texts]
    theirs = [avro.schema.parse(text) for text in texts]

    def check() -> float:
        # Another candidate each time, so that nothing of the answer itself is remembered.
        candidate = formats.parse("AVRO", Source(_wide(versions, fields).replace("added0", f"added0{time.time_ns()}")))
        history = [
            Earlier(number, "AVRO", texts[number], lambda number=number: own[number])  # type: ignore[misc] # a lambda with a default
            for number in reversed(range(versions))
        ]
        began = time.perf_counter()
        found = conflicts(LEVELS["BACKWARD_TRANSITIVE"], candidate, history)
        took = time.perf_counter() - began
        if any(conflict.breaks for conflict in found):
            raise RuntimeError("the wide record must be compatible")
        return took

    checker: Any = ReaderWriterCompatibilityChecker

    def check_theirs() -> float:
        began = time.perf_counter()
        for writer in theirs[:-1]:
            result = checker().get_compatibility(theirs[-1], writer)
            if result.compatibility is not SchemaCompatibilityType.compatible:
                raise RuntimeError("the avro package disagrees")
        return time.perf_counter() - began

    check()
    ratio = median(check_theirs() / check() for _ in range(1 if smoke else 7))
    return [Row(f"Avro, {fields} fields against {versions} versions", ratio, "x the avro package", ">= 50")]
