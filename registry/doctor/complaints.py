"""What the doctor finds: a sentence, and how to mend it where that is safe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from registry.errors import Invalid
from registry.store.engine import Db

UNREADABLE = (Invalid, msgspec.MsgspecError, ValueError, TypeError, KeyError, AttributeError)
"""What reading a row raises that somebody wrote nonsense into."""

Mend = Callable[[Db], bool]
"""Puts something right, in a transaction, by what is in the database then; whether it changed anything."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something that must not be. `resource` is what it is about; without `mend` it is for a human to decide."""

    sentence: str
    resource: str
    mend: Mend | None = None
