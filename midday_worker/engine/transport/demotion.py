"""What a server says that is not the primary, or not any more, and keeps its connections open."""

from __future__ import annotations

from typing import Final

_OF_A_REPLICA: Final = (
    # By the words, as an error within a script comes as a plain ResponseError that quotes it. Without their codes,
    # READONLY, MASTERDOWN and LOADING, which redis-py takes off where the reply is an error of its own.
    "write against a read only replica",
    "Link with MASTER is down",
    "instance state changed (master -> replica?)",
    "loading the dataset in memory",  # as a replica does that copies its primary
)


def is_of_replica(error: BaseException) -> bool:
    """Return whether a server answers as one that is not the primary, or not any more."""
    text = str(error)
    return any(words in text for words in _OF_A_REPLICA)
