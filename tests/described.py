"""Answers of the broker against its OpenAPI description: `Broker` (tests/pacts.py) checks each one that it gets."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs

FILE = Path(__file__).resolve().parent.parent / "openapi" / "broker.json"
MOUNT = "/pact"
OPEN = frozenset({"Pact"})
"""Shapes that hold more than they declare: a pact is served with all that its publisher wrote."""


@cache
def _described() -> dict[str, Any]:
    """The description, its objects closed: an answer must not hold what is not declared."""
    read: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    for name, shape in read["components"]["schemas"].items():
        if "properties" in shape and name not in OPEN:
            shape["additionalProperties"] = False
    return read


@cache
def _templates() -> list[tuple[str, list[str]]]:
    """Paths with their segments, those with names that are written out before those with any."""
    split = [(path, path.split("/")[1:]) for path in _described()["paths"]]
    return sorted(split, key=lambda one: [segment.startswith("{") for segment in one[1]])


def _template(path: str) -> str | None:
    segments = path.split("/")[1:]
    for template, parts in _templates():
        if len(parts) == len(segments) and all(
            part.startswith("{") or part == segment for part, segment in zip(parts, segments, strict=True)
        ):
            return template
    return None


@cache
def _validator(template: str, method: str, status: str) -> Any:
    """The validator of a JSON answer; None for one that is no JSON."""
    responses = _described()["paths"][template][method]["responses"]
    assert status in responses, f"{method} {template} answers {status}, which is not described"
    content = responses[status].get("content", {}).get("application/json")
    if content is None:
        return None
    return jsonschema_rs.validator_for({**content["schema"], "components": _described()["components"]})


def check(response: httpx.Response) -> None:
    """Raises AssertionError for an answer that is not as described. What no route answers is not judged."""
    path = response.request.url.raw_path.decode().partition("?")[0].removeprefix(MOUNT) or "/"
    template, method = _template(path), response.request.method.lower()
    if template is None or response.status_code == 405 or method not in _described()["paths"][template]:
        return
    validator = _validator(template, method, str(response.status_code))
    if validator is None or "json" not in response.headers.get("content-type", ""):
        return
    if response.headers["content-type"] == "application/problem+json":
        return
    response.read()
    problems = [f"{list(error.instance_path)}: {error.message}" for error in validator.iter_errors(response.json())]
    assert not problems, f"{response.request.method} {template} {response.status_code}: {problems[:5]}"
