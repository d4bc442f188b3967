"""Generated from tests/asynchronous by generate_sync.py."""
