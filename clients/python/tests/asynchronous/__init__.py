"""Tests of the client against a registry in memory, written once: the synchronous half is generated."""
