"""Structured logs: one JSON line an event on stderr.

They name routes, ids and reasons, never schema text or secrets.
"""

from __future__ import annotations

import logging
import sys
import traceback

import structlog

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure(level: str) -> None:
    """Set up logging for this process."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS.get(level.lower(), logging.INFO)),
        # Whatever stderr is when something is said: libraries of this process log here too, and it may be replaced.
        logger_factory=lambda *_: structlog.WriteLogger(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def frames(error: BaseException) -> list[str]:
    """Where an unexpected error came from, innermost last: files and lines, never values or messages, which may quote
    a schema."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)[-8:]]
