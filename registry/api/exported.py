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


def described(name: str) -> str:
    """The OpenAPI 3.1 description of one API, as text that does not change by itself."""
    schema: dict[str, Any] = APIS[name]().openapi_schema.to_schema()
    schema["servers"] = [{"url": "/"}]
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
