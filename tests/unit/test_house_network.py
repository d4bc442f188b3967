"""The fence around unit tests holds."""

import socket

import pytest


def test_a_unit_test_cannot_connect() -> None:
    with socket.socket() as plug, pytest.raises(AssertionError, match="belongs in tests/integration"):
        plug.connect(("127.0.0.1", 9))
