"""Waiting for a job's end: its queue's event stream, and a look at its state, in the order that misses nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from midday_worker.engine.connection import RedisConfig, connect_blocking
from midday_worker.engine.job import Job
from midday_worker.engine.queue import Queue
from midday_worker.engine.translation import UNREACHABLE, is_unreachable
from midday_worker.errors import RedisRefusedError

LOOK_AGAIN_MS: Final = 5_000
"""How often the state is read even without an event, which a trimmed stream may have lost."""

_FINISHED: Final = {"completed", "failed"}
_PAUSE_S: Final = 0.2


async def wait_until_finished(queue: Queue, config: RedisConfig, job_id: str, timeout_ms: int | None) -> Job | None:
    """Wait until the job has completed or failed, and return it as it is then; None if Redis doesn't hold it.

    Its `failedReason` is None exactly if it completed.

    Raises TimeoutError when the time is up. Redis may go and come back meanwhile.
    """
    deadline = None if timeout_ms is None else time.monotonic() + timeout_ms / 1000
    client = connect_blocking(config)
    try:
        async with asyncio.timeout(None if timeout_ms is None else timeout_ms / 1000):
            while True:
                try:
                    # The stream's end first, then the state: an end that comes between the two is in the stream.
                    last = await _stream_end(queue)
                    state = await finished_state(queue, job_id)
                    if state != "unfinished":
                        return None if state == "missing" else await _read(queue, job_id, state)
                    await _wait_for_event(queue, client, job_id, last, deadline)
                except UNREACHABLE as error:
                    if isinstance(error, asyncio.TimeoutError) and _is_over(deadline):
                        raise
                    if not is_unreachable(error):
                        raise RedisRefusedError(f"Redis refused to tell of job {job_id}: {error}") from error
                    await asyncio.sleep(_PAUSE_S)
                except ResponseError as error:
                    raise RedisRefusedError(f"Redis refused to tell of job {job_id}: {error}") from error
    finally:
        with suppress(*UNREACHABLE):
            await client.aclose()


async def finished_state(queue: Queue, job_id: str) -> str:
    """Return "completed", "failed", "missing" or "unfinished"."""
    keys = queue.keys
    code = cast(
        "int",
        await queue.backend.connection.commands["isFinished"](
            keys=[keys["completed"], keys["failed"], queue.toKey(job_id)], args=[job_id, ""]
        ),
    )
    return {-1: "missing", 1: "completed", 2: "failed"}.get(code, "unfinished")


async def _read(queue: Queue, job_id: str, state: str) -> Job | None:
    raw = await queue.backend.getJobData(job_id)
    if not raw:
        return None
    job = Job.from_raw(queue, raw, job_id)
    # The stored reason says too little: a completed job keeps that of an earlier attempt, and Node writes empty ones.
    job.failedReason = None if state == "completed" else job.failedReason or "it gave no reason"
    return job


async def _stream_end(queue: Queue) -> str:
    newest = cast("Sequence[tuple[str, object]]", await queue.backend.conn.xrevrange(queue.keys["events"], count=1))
    return newest[0][0] if newest else "0-0"


async def _wait_for_event(queue: Queue, client: Redis, job_id: str, last: str, deadline: float | None) -> None:
    """Return once the stream tells of the job's end, or it is time to look at the state again."""

    until = time.monotonic() + LOOK_AGAIN_MS / 1000
    while (left := _left_ms(until, deadline)) > 0:
        streams = _streams(await client.xread({queue.keys["events"]: last}, count=1_000, block=left))
        for entry_id, event in streams:
            last = entry_id
            if event.get("jobId") == job_id and event.get("event") in _FINISHED:
                return


def _streams(reply: object) -> list[tuple[str, dict[str, str]]]:
    if not reply:
        return []
    if isinstance(reply, dict):  # RESP3 answers with a map of streams
        batches = next(iter(cast("dict[str, list[object]]", reply).values()))
        nested = bool(batches) and isinstance(batches[0], list)
        return cast("list[tuple[str, dict[str, str]]]", batches[0] if nested else batches)
    return cast("list[tuple[str, list[tuple[str, dict[str, str]]]]]", reply)[0][1]


def _left_ms(until: float, deadline: float | None) -> int:
    end = until if deadline is None else min(until, deadline)
    return round((end - time.monotonic()) * 1000)


def _is_over(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() >= deadline - 0.01
