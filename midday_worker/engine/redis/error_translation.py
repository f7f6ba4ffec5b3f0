"""redis-py's errors in our terms."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    NoPermissionError,
    RedisError,
    ResponseError,
    TimeoutError,
    TryAgainError,
)

from midday_worker.engine.redis.condition import explained, is_about_certificate
from midday_worker.engine.redis.deadlines import Deadlines
from midday_worker.engine.redis.sentinels import SentinelError
from midday_worker.engine.transport import NeverSentError, is_of_replica
from midday_worker.errors import EngineError, RedisRefusedError, RedisUnavailableError

UNREACHABLE: Final = (ConnectionError, TimeoutError, BusyLoadingError, OSError, asyncio.TimeoutError)
"""What redis-py raises when Redis is away, as opposed to Redis refusing."""

REFUSED: Final = (AuthenticationError, NoPermissionError)

_NOT_GREETED: Final = (
    "HELLO must be called with the client already authenticated",
    # A server too old to know redis-py's first word; how it quotes it depends on its age.
    "unknown command 'HELLO'",
    "unknown command `HELLO`",
)

_CAN_NOT_JUST_NOW: Final = (
    "command not allowed when used memory",  # without its code, OOM, as redis-py takes that off
    "MISCONF",
    "NOREPLICAS",
    "BUSY Redis",
    # Within a script, of a key that isn't one of those that it was called with.
    "non local key in a cluster node",
    "while the cluster is down",
)


def is_unreachable(error: BaseException) -> bool:
    """Return whether trying again later makes sense. AuthenticationError is a ConnectionError in redis-py."""
    return isinstance(error, UNREACHABLE) and not isinstance(error, REFUSED) and not is_about_certificate(error)


def is_passing(error: BaseException) -> bool:
    """Return whether the same command may succeed later: Redis is away, or can't write just now."""
    # By the words, as an error within a script comes as a plain ResponseError that quotes it.
    return is_unreachable(error) or (
        isinstance(error, ResponseError)
        and (
            isinstance(error, (ClusterDownError, TryAgainError))
            or is_of_replica(error)
            or any(words in str(error) for words in _CAN_NOT_JUST_NOW)
        )
    )


def is_passing_for_worker(error: BaseException) -> bool:
    """As `is_passing`, also of what is wrong with a connection: it may be put right without a restart.

    A password, a certificate, a server that is too old, sentinels that don't know the service. A caller is told at
    once; a worker has nobody to tell.
    """
    is_turned_away = isinstance(error, (*REFUSED, SentinelError)) or any(words in str(error) for words in _NOT_GREETED)
    return is_passing(error) or is_turned_away or is_about_certificate(error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What is being written, for the error that says whether it was.

    Attributes:
        ids: the ids that are being written now.
        before: the ids of the same call that are written already.
        beside: the ids of the same call that were on their way at the same time, and may have been written too.
        again: whether calling again is safe.
    """

    ids: Sequence[str]
    before: Sequence[str] = ()
    beside: Sequence[str] = ()
    again: str = "Calling again with the same job_id is safe while the finished job is kept."


class bounded:
    """As `translated`, for a block of several commands that may take so long in all as `deadlines` allow.

    It gives itself, for a block that first does one thing and then another.
    """

    __slots__ = ("_action", "_limit", "_writing")

    def __init__(self, deadlines: Deadlines, action: str, writing: Writing | None = None) -> None:
        self._limit = deadlines.limit()
        self._action = action
        self._writing = writing

    def go_on_to(self, action: str, writing: Writing | None = None) -> None:
        """From here on this is what is being done, within the time that is left."""
        self._action = action
        self._writing = writing

    async def __aenter__(self) -> Self:
        await self._limit.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._limit.__aexit__(kind, error, trace)
        except builtins.TimeoutError as late:  # raised in place of the cancellation that was the limit's means
            error = late
        if isinstance(error, (RedisError, OSError)):
            raise translation(error, self._action, self._writing) from error


@contextmanager
def translated(action: str, writing: Writing | None = None) -> Generator[None]:
    """Turn redis-py's errors within the block into ours.

    Args:
        action: what was being done, for the message: "add a job to queue emails".
        writing: for a command that changes something, so that a lost reply leaves it open whether it happened.
    """
    try:
        yield
    except (RedisError, OSError) as error:
        raise translation(error, action, writing) from error


def translation(error: RedisError | OSError, action: str, writing: Writing | None) -> EngineError:
    """Return the error of ours that stands for one of redis-py's; see `translated`."""
    before = tuple(writing.before) if writing else ()
    beside = tuple(writing.beside) if writing else ()
    if not is_unreachable(error):
        said = f" {already(before)}" if before else ""
        return RedisRefusedError(f"Redis refused to {action}: {explained(error)}.{said}", added_ids=before)
    lost = writing is not None and not was_never_sent(error)
    more = f" So may {len(beside):,} jobs that were on their way with them." if beside else ""
    problem = f"Could not {action}: Redis is not reachable ({str(error) or type(error).__name__})."
    return RedisUnavailableError(
        f"{problem}{_written(writing, lost)}{more}",
        problem=problem,
        may_have_been_written=lost or bool(before or beside),
        job_ids=(*before, *writing.ids, *beside) if writing else (),
        added_ids=before,
    )


def was_never_sent(error: BaseException) -> bool:
    """Return whether the command can't have reached Redis."""
    if isinstance(error, NeverSentError):
        return True
    # redis-py's words when its pool could not connect or had no free connection: then nothing left this process.
    text = str(error)
    return "connecting to" in text or "No connection available" in text


def _written(writing: Writing | None, lost: bool) -> str:
    before = writing.before if writing else ()
    if writing is None or not lost:
        return f" {already(before)} The rest was not." if before else " Nothing was written."
    shown = f" (job id {', '.join(writing.ids[:3])}{' ...' if len(writing.ids) > 3 else ''})" if writing.ids else ""
    said = f"{already(before)} " if before else ""
    return f" {said}The reply was lost, so it may have been written{shown}. {writing.again}"


def already(before: Sequence[str]) -> str:
    """Return what to say of jobs that were added although their call failed."""
    return f"{len(before):,} jobs of the same call were written before, from job id {before[0]} on."


__all__ = [
    "REFUSED",
    "UNREACHABLE",
    "ResponseError",
    "Writing",
    "already",
    "bounded",
    "is_passing",
    "is_passing_for_worker",
    "is_unreachable",
    "translated",
    "translation",
    "was_never_sent",
]
