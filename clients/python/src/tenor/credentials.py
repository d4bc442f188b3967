"""As whom a registry is asked: TENOR_ variables, files that they name, else a token that `tenor login` kept.

Those are in a file for its owner only, one token a registry:

$XDG_CONFIG_HOME/tenor/credentials.json (else ~/.config/tenor/…)      {"http://localhost:8081": "tnr_…"}
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path


def found(urls: Sequence[str]) -> tuple[tuple[str, str] | None, str | None]:
    """User and password, and the token, for a registry behind these addresses. Raises ValueError."""
    token, basic = secret("TENOR_TOKEN"), secret("TENOR_BASIC_AUTH")
    if basic is None:
        return None, kept(urls[0]) if token is None and len(urls) == 1 else token
    user, colon, password = basic.partition(":")
    if not colon:
        raise ValueError("TENOR_BASIC_AUTH is not of the form user:password")
    return (user, password), token


def secret(name: str) -> str | None:
    """A secret from a variable, or from the file that NAME_FILE names. Raises ValueError if it cannot be read."""
    if value := os.environ.get(name):
        return value
    if not (there := os.environ.get(f"{name}_FILE")):
        return None
    try:
        return Path(there).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{name}_FILE: cannot read {there}: {getattr(error, 'strerror', None) or error}") from error


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
