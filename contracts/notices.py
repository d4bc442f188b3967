"""What people are told: a type and a text. The dialect prints them, clients colour them by type. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """The types that Pact clients know."""

    DEBUG = "debug"
    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"
    PROMPT = "prompt"


@dataclass(frozen=True, slots=True)
class Notice:
    """One line for people."""

    level: Level
    text: str
