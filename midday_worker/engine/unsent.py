"""Errors of commands that certainly never left this process: nothing was written, so sending again is safe."""

from __future__ import annotations

from redis.exceptions import ConnectionError, TimeoutError


class NeverSentError(ConnectionError):
    """The connection could not be made, or broke before the command was written to it."""


class NeverSentTimeoutError(NeverSentError, TimeoutError):
    """The connection could not be made in time."""
