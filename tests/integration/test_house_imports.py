"""The pure core starts fast: formats and evolution load no web framework, no database and no protoc."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"alembic", "granian", "grpc_tools", "litestar", "psycopg", "sqlalchemy", "sqlmodel", "uvicorn"}
LIST = """
import importlib, json, pkgutil, sys
import registry.formats, registry.evolution
for package in (registry.formats, registry.evolution):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
print(json.dumps(sorted(sys.modules)))
"""


def _modules(code: str) -> set[str]:
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return {name.strip('" ').split(".")[0] for name in out.strip().strip("[]").split(",")}


def test_formats_and_evolution_load_nothing_heavy() -> None:
    loaded = _modules(LIST)
    assert "registry" in loaded
    assert loaded & HEAVY == set()


def test_the_check_sees_what_is_loaded() -> None:
    assert "sqlalchemy" in _modules("import sqlalchemy\n" + LIST)
