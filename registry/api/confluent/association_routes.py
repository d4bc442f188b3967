"""`/associations…`: which topic a subject belongs to (facts: confluent-api §12)."""

from __future__ import annotations

from litestar.types import ControllerRouterHandler

HANDLERS: list[ControllerRouterHandler] = []
