"""Passwords of people: argon2id hashes, as slow for whoever guesses as for the server."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from registry.errors import InvalidRequest

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 12, 1000


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    # OWASP's second choice: 19 MiB and two passes, so that a burst of log-ins does not fill the memory.
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


@cache
def _nobodys() -> str:
    return _hasher().hash("what nobody has as a password")


def hashed(password: str) -> str:
    """The hash to keep. Raises InvalidRequest for a password that is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidRequest(f"A password has {SHORTEST} to {LONGEST} characters")
    return _hasher().hash(password)


def holds(password: str, kept: str | None) -> bool:
    """Whether a password is the one that was kept. Takes as long without a hash, so that a name is not told by time."""
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        return _hasher().verify(kept or _nobodys(), password[: LONGEST + 1]) and kept is not None
    except (Argon2Error, InvalidHashError):
        return False
