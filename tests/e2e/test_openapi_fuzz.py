"""schemathesis against the served registry: no 5xx, and no answer that the exported OpenAPI does not describe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

ROOT = Path(__file__).resolve().parents[2]
SAMPLE, WHOLE = 6, 100


def operations() -> list[tuple[str, str, str]]:
    """(API, method, path) of everything that is described."""
    found = []
    for file in sorted((ROOT / "openapi").glob("*.json")):
        described = json.loads(file.read_text(encoding="utf-8"))
        for path, methods in described["paths"].items():
            found += [(file.stem, method.upper(), path) for method in methods if method not in ("parameters", "head")]
    return found


@pytest.fixture(scope="module")
def descriptions() -> dict[str, schemathesis.schemas.BaseSchema]:
    return {
        file.stem: schemathesis.openapi.from_dict(json.loads(file.read_text(encoding="utf-8")))
        for file in (ROOT / "openapi").glob("*.json")
    }


@pytest.mark.parametrize(("name", "method", "path"), operations())
def test_no_server_error_and_no_undocumented_answer(
    registry: httpx.Client,
    descriptions: dict[str, schemathesis.schemas.BaseSchema],
    full: bool,
    name: str,
    method: str,
    path: str,
) -> None:
    operation = descriptions[name][path][method]
    base = str(registry.base_url).rstrip("/") + descriptions[name].raw_schema["servers"][0]["url"].rstrip("/")

    @settings(
        max_examples=WHOLE if full else SAMPLE,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def fuzz(case: Any) -> None:
        case.query.pop("wait", None)  # a long poll waits as long as it is told
        answer = case.call(base_url=base)
        assert answer.status_code < 500, answer.text
        case.validate_response(
            answer, checks=[status_code_conformance, content_type_conformance, response_schema_conformance]
        )

    fuzz()
    assert registry.get("/health/ready").status_code == 200
