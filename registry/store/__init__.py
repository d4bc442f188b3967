"""Rows and SQL: tables, the engine that runs them, and one question per function."""
