"""Handling: what a handler is given, and how it is called, timed and stopped."""
