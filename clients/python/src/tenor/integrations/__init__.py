"""Adapters for transports, none of which the core knows."""
