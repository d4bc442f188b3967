"""The asynchronous client: the only place that does I/O. `tenor._sync` is generated from it, see generate_sync.py."""
