"""The base of all errors."""

from __future__ import annotations


class MiddayWorkerError(Exception):
    """The base of every error of this library."""
