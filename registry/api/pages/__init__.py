"""Health, metrics and the documentation as it is served."""
