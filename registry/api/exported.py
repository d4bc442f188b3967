"""The API descriptions as files: `openapi/confluent.json` and its kin, exported, committed and kept current."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from litestar import Litestar


def _confluent() -> Litestar:
    from registry.api.confluent.dialect import make_app

    return make_app(None)


def _v1() -> Litestar:
    from registry.api.v1.dialect import make_app

    return make_app(None)


APIS: dict[str, Callable[[], Litestar]] = {"confluent": _confluent, "v1": _v1}


_JSON = "application/json"
MEDIA_TYPES = {
    "confluent": ("application/vnd.schemaregistry.v1+json", "application/vnd.schemaregistry+json", _JSON),
    "broker": ("application/hal+json", _JSON),
}
"""What an API's JSON is labelled as, by Accept; plain JSON where nothing is said."""
MOUNTS = {"broker": "/pact"}
"""Where an API is, if not at the root."""


def described(name: str) -> str:
    """The OpenAPI 3.1 description of one API, as text that does not change by itself."""
    schema: dict[str, Any] = APIS[name]().openapi_schema.to_schema()
    schema["servers"] = [{"url": MOUNTS.get(name, "/")}]
    media_types = MEDIA_TYPES.get(name, (_JSON,))
    for operation in (each for path in schema["paths"].values() for each in path.values()):
        for part in [operation.get("requestBody", {}), *operation.get("responses", {}).values()]:
            content = part.get("content", {})
            if _JSON in content:
                part["content"] = content | dict.fromkeys(media_types, content[_JSON])
    return json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write(folder: str) -> None:
    """Write every description."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name in APIS:
        (Path(folder) / f"{name}.json").write_text(described(name), encoding="utf-8")


def outdated(folder: str) -> list[str]:
    """The files that differ from what the code describes."""
    stale = []
    for name in APIS:
        path = Path(folder) / f"{name}.json"
        if not path.is_file() or path.read_text(encoding="utf-8") != described(name):
            stale.append(str(path))
    return stale
