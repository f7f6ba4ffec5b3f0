"""Schedules put right while workers run: those whose next run is nowhere, so that they would never fire again.

A schedule lives on by its runs: each makes the next one as it starts. One whose next run was lost, or whose last worker
could not make the next one, stays listed and is dead, in Node and in Python alike.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Final, cast

from loguru import logger
from redis.exceptions import WatchError

from midday_worker.engine.producer.queue import Queue
from midday_worker.engine.producer.schedule import Schedule, find_schedule
from midday_worker.engine.producer.scheduler import Scheduler
from midday_worker.engine.redis.error_translation import is_passing_for_worker
from midday_worker.engine.wire.failure import reason_of
from midday_worker.errors import RedisUnavailableError

RUN_PREFIX: Final = "repeat:"
"""What the id of a schedule's run begins with; the schedule's id and when it is due follow."""

_ALIVE: Final = {"waiting", "wait", "active", "delayed", "prioritized", "paused", "waiting-children"}
_AT_ONCE: Final = 100


class ScheduleRepair:
    """Gives the dead schedules of one queue their next run. What can't be repaired is said in a line each, once.

    Safe while other workers advance or repair the same schedules: a run is made only in the place of the one that is
    missing.
    """

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._has_seen_all = False
        self._left: dict[str, int | None] = {}  # with the time of its next run: over, or said to be beyond repair

    async def check(self, ahead_s: float) -> list[str]:
        """Look at all schedules the first time, then at those that are due within so many seconds, or were.

        Raises nothing. Returns the ids of those that were repaired.
        """
        try:
            return await (self._repair_due(ahead_s) if self._has_seen_all else self.repair_all())
        except Exception as error:  # whatever it is: there is a next time
            level = "DEBUG" if isinstance(error, RedisUnavailableError) or is_passing_for_worker(error) else "WARNING"
            logger.log(
                level, "the schedules of queue {queue} were not looked at: {error}", queue=self._queue.name, error=error
            )
            return []

    async def repair_all(self) -> list[str]:
        """Look at all schedules, also for what else is wrong with them; return the ids of those that were repaired."""
        schedules = await _find(self._queue, [schedule_id for schedule_id, _ in await _listed(self._queue, "+inf")])
        for schedule in schedules:
            if schedule.pattern is not None and schedule.tz is None:
                logger.warning(
                    "schedule {schedule} of queue {queue} has no time zone: Python's workers take it for UTC, Node's "
                    "for their process's. Write it again with one.",
                    schedule=schedule.id,
                    queue=self._queue.name,
                )
        repaired = [schedule.id for schedule in schedules if await self._repair(schedule)]
        self._has_seen_all = True
        return repaired

    async def replace_run(self, run_id: str) -> None:
        """Give a schedule its next run, if this one, whose hash is gone, is what it waits for."""
        for schedule in await _find(self._queue, [run_id.removeprefix(RUN_PREFIX).rpartition(":")[0]]):
            await self._repair(schedule)

    async def _repair_due(self, ahead_s: float) -> list[str]:
        listed = await _listed(self._queue, (time.time() + ahead_s) * 1000)
        due = [each for each in listed if self._left.get(each[0]) != each[1]]
        # The state of a job costs Redis the more, the longer the queue is: only of those that can't be well.
        ended = await asyncio.gather(*(_has_ended(self._queue, *each) for each in due))
        suspects = [schedule_id for (schedule_id, _), has_ended in zip(due, ended, strict=True) if has_ended]
        return [schedule.id for schedule in await _find(self._queue, suspects) if await self._repair(schedule)]

    async def _repair(self, schedule: Schedule) -> bool:
        names = {"schedule": schedule.id, "queue": self._queue.name}
        if schedule.over:
            self._left[schedule.id] = schedule.next_run_ms
        if schedule.next_run_ms is None or schedule.over or not await has_lost_its_run(self._queue, schedule):
            return False
        try:
            await _remove_rest(self._queue, schedule)
            made = await _advance(self._queue, schedule)
        except Exception as error:  # whatever is stored: the others are looked at all the same
            if is_passing_for_worker(error):
                raise
            self._left[schedule.id] = schedule.next_run_ms
            logger.error(
                "schedule {schedule} of queue {queue} will not fire again: {error} Write it again, or remove it.",
                error=reason_of(error),
                **names,
            )
            return False
        if made:
            logger.warning("schedule {schedule} of queue {queue} had lost its next run; it goes on", **names)
        return made


async def find_lost(queue: Queue, before_ms: float) -> list[Schedule]:
    """Return the schedules that should have fired before a time, and whose run is neither to come nor under way."""
    schedules = await _find(queue, [schedule_id for schedule_id, _ in await _listed(queue, before_ms)])
    return [each for each in schedules if not each.over and await has_lost_its_run(queue, each)]


async def has_lost_its_run(queue: Queue, schedule: Schedule) -> bool:
    """Whether the job that a schedule lives by is in no state in which it is yet to run, or runs."""
    state = str(await queue.getJobState(_run_id(schedule.id, schedule.next_run_ms)))
    return state not in _ALIVE or not await queue.client.hexists(
        _run_key(queue, schedule), "name"
    )  # one without a name is what BullMQ has written of an id whose hash is gone


async def _listed(queue: Queue, until_ms: float | str) -> list[tuple[str, int]]:
    """Return the ids of schedules, and when their next runs are due, until a time; the earliest first."""
    async with queue.bounded(f"list the schedules of queue {queue.name}"):
        found = cast(
            "list[tuple[str, float]]",
            await queue.client.zrangebyscore(queue.keys["repeat"], "-inf", until_ms, withscores=True),  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
        )
    return [(schedule_id, int(due)) for schedule_id, due in found]


async def _find(queue: Queue, ids: list[str]) -> list[Schedule]:
    # Not the repeatable jobs of older BullMQs, which have no hash of their own.
    found: list[Schedule] = []
    for start in range(0, len(ids), _AT_ONCE):
        some = await asyncio.gather(*(find_schedule(queue, each) for each in ids[start : start + _AT_ONCE]))
        found += [schedule for schedule in some if schedule is not None]
    return found


async def _has_ended(queue: Queue, schedule_id: str, due_ms: int) -> bool:
    name, finished = cast(
        "tuple[str | None, str | None]",
        await queue.ask("HMGET", queue.toKey(_run_id(schedule_id, due_ms)), "name", "finishedOn"),
    )
    return name is None or finished is not None


async def _remove_rest(queue: Queue, schedule: Schedule) -> None:
    """Remove what is left of a run that is in no state: BullMQ makes no run whose key exists."""
    key = _run_key(queue, schedule)
    async with queue.client.pipeline(transaction=True) as pipe:
        await pipe.watch(key)  # or one that is written just now would be removed
        if str(await queue.getJobState(_run_id(schedule.id, schedule.next_run_ms))) == "unknown":
            pipe.multi()  # type: ignore[no-untyped-call]  # so in redis-py
            pipe.delete(key)
            with suppress(WatchError):
                await pipe.execute()


def _run_id(schedule_id: str, due_ms: int | None) -> str:
    return f"{RUN_PREFIX}{schedule_id}:{due_ms}"


def _run_key(queue: Queue, schedule: Schedule) -> str:
    return queue.toKey(_run_id(schedule.id, schedule.next_run_ms))


async def _advance(queue: Queue, schedule: Schedule) -> bool:
    """Do what the missing run would have done as it started. Raises for a schedule that can't be computed."""
    repeat: dict[str, object] = {
        "pattern": schedule.pattern,
        "tz": schedule.tz,
        "every": schedule.every_ms,
        "startDate": schedule.start_ms,
        "endDate": schedule.end_ms,
        "limit": schedule.limit,
        "count": schedule.iterations,
    }
    job = await Scheduler(queue).upsertJobScheduler(
        schedule.id,
        {name: value for name, value in repeat.items() if value is not None},
        schedule.job,
        schedule.data,
        schedule.options,
        override=False,
        producer_id=_run_id(schedule.id, schedule.next_run_ms),
    )
    return job is not None
