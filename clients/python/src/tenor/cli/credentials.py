"""Tokens that `tenor login` keeps: a file for its owner only, one token a registry.

$XDG_CONFIG_HOME/tenor/credentials.json (else ~/.config/tenor/…)      {"http://localhost:8081": "tnr_…"}
"""

from __future__ import annotations

import json
import os
from pathlib import Path


def path() -> Path:
    """Where they are kept."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "tenor" / "credentials.json"


def kept(url: str) -> str | None:
    """The token for a registry's address, exactly as it was logged in to; None if there is none to be read."""
    token = _read().get(url.rstrip("/"))
    return token if isinstance(token, str) else None


def keep(url: str, token: str) -> Path:
    """Keep a token for a registry. Raises OSError."""
    place, known = path(), _read()
    known[url.rstrip("/")] = token
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = place.with_name(f"{place.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(known, file, indent=1)
    fresh.replace(place)
    return place


def _read() -> dict[str, object]:
    try:
        found = json.loads(path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
