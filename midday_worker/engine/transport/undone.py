"""What a node of a cluster says that has done nothing: the same command may succeed elsewhere, or later."""

from __future__ import annotations

from typing import Final

from redis.exceptions import AskError, BusyLoadingError, ClusterDownError, RedisError, TryAgainError

UNDONE: Final[tuple[type[RedisError], ...]] = (AskError, TryAgainError, ClusterDownError, BusyLoadingError)
"""Of MOVED (redis-py's MovedError is an AskError), ASK, TRYAGAIN, CLUSTERDOWN and LOADING."""
