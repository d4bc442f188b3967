"""The shared conformance vectors: read in place, beside the project, never copied into it."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).resolve().parents[2] / "shared" / "vectors"


def shared(name: str) -> Any:
    """One file of vectors, parsed; where they are missing an object of empty lists.

    Tests that use it carry `@pytest.mark.vectors`, so that they are listed as not run there, and fail in CI.
    """
    path = VECTORS / name
    return json.loads(path.read_text()) if path.exists() else defaultdict(list)
