"""Definitions: `job()`, what it makes, and the registry that keeps it."""
