"""``midday-worker schedules``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict

from rich.table import Table

from midday_worker.admin import Schedule, list_schedules, remove_schedule, run_schedule
from midday_worker.cli.admin.act_options import ActOptions
from midday_worker.cli.admin.moment import moment, now_ms
from midday_worker.cli.admin.reach import Reach, nearest, reach
from midday_worker.cli.admin.table import add_row, number, table, write
from midday_worker.cli.output import say_json
from midday_worker.engine.producer.queue import Queue
from midday_worker.errors import MiddayWorkerError
from midday_worker.settings.durations import from_milliseconds

_MOST = 1_000
"""How many schedules of a queue are listed."""


def show_schedules(queue: str | None, *, as_json: bool) -> None:
    """Write the schedules, the next to fire first in each queue."""

    async def act(at: Reach) -> None:
        found = await _all(await at.queues(queue))
        schedules = [schedule for of_queue in found for schedule in of_queue]
        if as_json:
            say_json([asdict(schedule) for schedule in schedules], indent=2)
        elif schedules:
            write(render_schedules(schedules))
        else:
            write("No schedules. They are made with trigger_recurring().")

    reach(act)


def run(schedule_id: str, queue: str | None, manner: ActOptions) -> None:
    """Run a schedule's job once, now, beside its own runs."""

    async def act(at: Reach) -> None:
        holder = await _holder(at, schedule_id, queue)
        job_id = await run_schedule(holder, schedule_id)
        if job_id is None:
            raise _gone(schedule_id, holder)
        record = {"schedule": schedule_id, "queue": holder.name, "act": "run", "id": job_id}
        manner.answer(record, f"Added job {job_id} to queue {holder.name}, as the runs of {schedule_id} are.")

    reach(act)


def remove(schedule_id: str, queue: str | None, manner: ActOptions) -> None:
    """Remove a schedule and its next run."""

    async def act(at: Reach) -> None:
        holder = await _holder(at, schedule_id, queue)
        deed = f"remove schedule {schedule_id} and its next run of queue {holder.name}"
        done = manner.agreed(deed, 1)
        if done and not await remove_schedule(holder, schedule_id):
            raise _gone(schedule_id, holder)
        record = {"schedule": schedule_id, "queue": holder.name, "act": "remove", "done": int(done)}
        text = f"Removed schedule {schedule_id} of queue {holder.name}." if done else manner.unchanged(deed, 1)
        manner.answer(record | {"dry_run": manner.dry_run}, text)

    reach(act)


def render_schedules(schedules: Sequence[Schedule]) -> Table:
    """Return the table of the schedules."""
    shown, now = table("schedule", "queue", "job", "when", "next", "runs", right=("runs",)), now_ms()
    for schedule in schedules:
        following = "over" if schedule.over else moment(schedule.next_run_ms, now)
        cells = (schedule.id, schedule.queue, schedule.job, recurrence(schedule), following)
        # BullMQ has counted the run that is still to come.
        add_row(shown, *cells, number(schedule.iterations if schedule.over else max(schedule.iterations - 1, 0)))
    return shown


def recurrence(schedule: Schedule) -> str:
    """Return when a schedule fires, in words."""
    if schedule.every_ms:
        return f"every {from_milliseconds(schedule.every_ms)}"
    return f"{schedule.pattern or '?'} {schedule.tz or 'UTC'}"


async def _all(queues: Sequence[Queue]) -> list[list[Schedule]]:
    return await asyncio.gather(*(list_schedules(queue, _MOST) for queue in queues))


async def _holder(at: Reach, schedule_id: str, queue: str | None) -> Queue:
    queues = await at.queues(queue)
    found = await _all(queues)
    ids = {one.id for of_queue in found for one in of_queue}
    holders = [
        one for one, of_queue in zip(queues, found, strict=True) if any(has.id == schedule_id for has in of_queue)
    ]
    if len(holders) > 1:
        named = ", ".join(holder.name for holder in holders)
        raise MiddayWorkerError(f"Schedule {schedule_id} is in more than one queue: {named}. Name one with --queue.")
    if not holders:
        near = nearest(schedule_id, ids)
        hint = f"Did you mean {' or '.join(near)}?" if near else "midday-worker schedules list shows them."
        raise MiddayWorkerError(f"No schedule {schedule_id}{f' in queue {queue}' if queue else ''}. {hint}")
    return holders[0]


def _gone(schedule_id: str, queue: Queue) -> MiddayWorkerError:
    return MiddayWorkerError(f"Schedule {schedule_id} of queue {queue.name} was removed meanwhile.")
