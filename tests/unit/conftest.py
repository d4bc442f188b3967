"""Unit tests stay on the machine: none of them connects to anything."""

from __future__ import annotations

import socket
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse connections made from Python (libpq makes its own: the store's tests have their database)."""
    connect = socket.socket.connect

    def refuse(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            raise AssertionError(f"a unit test connects to {address}: it belongs in tests/integration")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", refuse)
