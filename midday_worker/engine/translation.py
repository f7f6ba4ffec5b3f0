"""redis-py's errors in our terms."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,
    NoPermissionError,
    RedisError,
    ResponseError,
    TimeoutError,
)

from midday_worker.engine.unsent import NeverSentError
from midday_worker.errors import RedisRefusedError, RedisUnavailableError

UNREACHABLE: Final = (ConnectionError, TimeoutError, BusyLoadingError, OSError, asyncio.TimeoutError)
"""What redis-py raises when Redis is away, as opposed to Redis refusing."""

REFUSED: Final = (AuthenticationError, NoPermissionError)

_CAN_NOT_JUST_NOW: Final = (
    "READONLY",
    "OOM command",
    "MISCONF",
    "NOREPLICAS",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "BUSY Redis",
)


def is_unreachable(error: BaseException) -> bool:
    """Return whether trying again later makes sense. AuthenticationError is a ConnectionError in redis-py."""
    return isinstance(error, UNREACHABLE) and not isinstance(error, REFUSED)


def is_passing(error: BaseException) -> bool:
    """Return whether the same command may succeed later: Redis is away, or can't write just now."""
    # By the words, as an error within a script comes as a plain ResponseError that quotes it.
    return is_unreachable(error) or (
        isinstance(error, ResponseError) and any(words in str(error) for words in _CAN_NOT_JUST_NOW)
    )


@contextmanager
def translated(action: str, job_ids: Sequence[str] = (), *, writes: bool = False) -> Generator[None]:
    """Turn redis-py's errors within the block into ours.

    Args:
        action: what was being done, for the message: "add a job to queue emails".
        job_ids: the ids that were being written.
        writes: whether the command changes something, so that a lost reply leaves it open whether it happened.
    """
    try:
        yield
    except (RedisError, OSError) as error:
        if not is_unreachable(error):
            raise RedisRefusedError(f"Redis refused to {action}: {error}") from error
        written = writes and not was_never_sent(error)
        raise RedisUnavailableError(
            _unavailable(action, error, job_ids, written=written),
            may_have_been_written=written,
            job_ids=job_ids,
        ) from error


def was_never_sent(error: BaseException) -> bool:
    """Return whether the command can't have reached Redis."""
    if isinstance(error, NeverSentError):
        return True
    # redis-py's words when its pool could not connect or had no free connection: then nothing left this process.
    text = str(error)
    return "connecting to" in text or "No connection available" in text


def _unavailable(action: str, error: BaseException, job_ids: Sequence[str], *, written: bool) -> str:
    text = f"Could not {action}: Redis is not reachable ({error or type(error).__name__})."
    if not written:
        return f"{text} Nothing was written."
    shown = ", ".join(job_ids[:3]) + (" ..." if len(job_ids) > 3 else "")
    return (
        f"{text} The reply was lost, so it may have been written (job id {shown}). "
        "Calling again with the same job_id is safe while the finished job is kept."
    )


__all__ = ["REFUSED", "UNREACHABLE", "ResponseError", "is_passing", "is_unreachable", "translated"]
