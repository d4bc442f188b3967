"""The synchronous client, generated from `tenor._async` by generate_sync.py, except for concurrency.py."""
