"""Fixtures of the tests that need the whole application."""

from __future__ import annotations

from tests.integration.served import _served, engine_url, registry_client, registry_store

__all__ = ["_served", "engine_url", "registry_client", "registry_store"]
