"""BullMQ's job scheduler with our cron iterator, and without a run after the end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import cast

import bullmq
from bullmq.job_scheduler import JobScheduler

from midday_worker.engine.cron.pattern import repeat_strategy


class Scheduler(JobScheduler):
    """Writes schedules, and advances them when a run of theirs starts."""

    def __init__(self, queue: bullmq.Queue) -> None:
        super().__init__(queue, repeat_strategy)

    async def upsertJobScheduler(
        self,
        job_scheduler_id: str,
        repeat_opts: Mapping[str, object],
        job_name: str,
        job_data: object = None,
        opts: Mapping[str, object] | None = None,
        override: bool = True,
        producer_id: str | None = None,
    ) -> bullmq.Job | None:
        """As the port's, but None also where the next run of `every` would be after the schedule's end.

        BullMQ compares the end with the present. A schedule that is written anew can't be looked through before Lua
        has put it in the place of the old one; if it has no run left, it is removed.
        """
        every, end = repeat_opts.get("every"), repeat_opts.get("endDate")
        if not isinstance(every, int) or not isinstance(end, int):
            end = None
        elif not override and producer_id and next_run_ms(fires_at_ms(producer_id), every, _now_ms()) > end:
            return None
        job = await super().upsertJobScheduler(
            job_scheduler_id, repeat_opts, job_name, job_data, opts, override, producer_id
        )
        if override and job is not None and end is not None and fires_at_ms(job.id) > end:
            await self.removeJobScheduler(job_scheduler_id)
            return None
        return job

    async def advance(self, run: bullmq.Job) -> None:
        """Make the run that follows this one, as the port's worker does before a schedule's run begins."""
        schedule_id, repeat = cast("str", run.repeatJobKey), cast("Mapping[str, object]", run.opts.get("repeat"))
        await self.upsertJobScheduler(
            schedule_id, repeat, run.name, run.data, run.opts, override=False, producer_id=run.id
        )


def fires_at_ms(job_id: str) -> int:
    """Return when a schedule's run is due, which is the end of its id: `repeat:schedule:milliseconds`."""
    return int(job_id.rpartition(":")[2])


def next_run_ms(last_ms: int, every_ms: int, now_ms: int) -> int:
    """Return when the run after `last_ms` is due; as BullMQ's Lua, those that were missed are left out."""
    following = last_ms + every_ms
    if following >= now_ms:
        return following
    return last_ms + ((now_ms - last_ms) // every_ms + 1) * every_ms


def _now_ms() -> int:
    return round(time.time() * 1000)
