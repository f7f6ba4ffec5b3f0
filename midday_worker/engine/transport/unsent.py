"""The errors of commands that can't have reached the server."""

from __future__ import annotations

from redis.exceptions import ConnectionError, TimeoutError


class NeverSentError(ConnectionError):
    """The connection could not be made, or broke before the command was written to it."""


class NeverSentTimeoutError(NeverSentError, TimeoutError):
    """The connection could not be made in time."""
