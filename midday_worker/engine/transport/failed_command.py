"""What is known of a command that has failed: that it was never sent, that nothing was done, or who has refused it."""

from __future__ import annotations

from typing import Final

from redis.exceptions import (
    AskError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    RedisError,
    TimeoutError,
    TryAgainError,
)

UNDONE: Final[tuple[type[RedisError], ...]] = (AskError, TryAgainError, ClusterDownError, BusyLoadingError)
"""Of MOVED (redis-py's MovedError is an AskError), ASK, TRYAGAIN, CLUSTERDOWN and LOADING."""

_OF_A_REPLICA: Final = (
    # By the words, as an error within a script comes as a plain ResponseError that quotes it. Without their codes,
    # READONLY, MASTERDOWN and LOADING, which redis-py takes off where the reply is an error of its own.
    "write against a read only replica",
    "Link with MASTER is down",
    "instance state changed (master -> replica?)",
    "loading the dataset in memory",  # as a replica does that copies its primary
)


class NeverSentError(ConnectionError):
    """The connection could not be made, or broke before the command was written to it."""


class NeverSentTimeoutError(NeverSentError, TimeoutError):
    """The connection could not be made in time."""


def is_of_replica(error: BaseException) -> bool:
    """Return whether a server answers as one that is not the primary, or not any more."""
    text = str(error)
    return any(words in text for words in _OF_A_REPLICA)
