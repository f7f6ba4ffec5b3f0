"""``midday-worker queue pause``, ``resume``, ``drain``, ``clean``, ``concurrency`` and ``rate-limit``."""

from __future__ import annotations

import shlex

from midday_worker.admin import (
    Cleanable,
    Removed,
    clean_jobs,
    count_ended,
    count_jobs,
    empty_queue,
    find_waiting_parents,
    limit_concurrency,
    limit_rate,
    pause_queue,
    remove_rate_limit,
    resume_queue,
)
from midday_worker.cli.admin.act_options import ActOptions, counted
from midday_worker.cli.admin.moment import now_ms
from midday_worker.cli.admin.queue_table import WAITING
from midday_worker.cli.admin.reach import Reach, reach
from midday_worker.cli.admin.removal import Removal
from midday_worker.engine.producer.queue import Queue
from midday_worker.settings.durations import from_milliseconds


def pause(name: str, manner: ActOptions) -> None:
    """Let no further job of the queue start."""

    async def act(at: Reach) -> None:
        queue = await at.queue(name)
        await pause_queue(queue)
        running = (await count_jobs(queue))["active"]
        again = shlex.join(("midday-worker", "queue", "resume", name))
        text = f"Queue {name} is paused; {counted(running)} still running. To let it go on: {again}"
        manner.answer({"queue": name, "act": "pause", "running": running}, text)

    reach(act)


def resume(name: str, manner: ActOptions) -> None:
    """Let the queue's jobs start again."""

    async def act(at: Reach) -> None:
        queue = await at.queue(name)
        await resume_queue(queue)
        waiting = await _count(queue, *WAITING)
        manner.answer(
            {"queue": name, "act": "resume", "waiting": waiting}, f"Queue {name} goes on. {counted(waiting)} waiting."
        )

    reach(act)


def drain(name: str, manner: ActOptions, *, delayed: bool) -> None:
    """Remove all jobs that wait."""
    removal = Removal("drain", name, manner)

    async def act(at: Reach) -> None:
        queue = await at.queue(name)
        states = [*WAITING, *(["delayed"] if delayed else [])]
        matching = await _count(queue, *states)

        async def remove(on_progress: Removed) -> int:
            done = await empty_queue(queue, on_progress)
            return done + (await clean_jobs(queue, "delayed", lambda more: on_progress(done + more)) if delayed else 0)

        jobs = counted(matching, "waiting or delayed job" if delayed else "waiting job")
        await removal.carry_out(matching, jobs, await find_waiting_parents(queue, states, matching), remove)

    reach(act, removal.interrupted)


def clean(name: str, manner: ActOptions, *, state: Cleanable, older_than_ms: int) -> None:
    """Remove the jobs of a state that are older than so many milliseconds."""
    removal = Removal("clean", name, manner)

    async def act(at: Reach) -> None:
        queue = await at.queue(name)
        matching, exact = await _count_old(queue, state, older_than_ms)
        age = f" older than {from_milliseconds(older_than_ms)}" if older_than_ms else ""
        jobs = f"{'' if exact else 'up to '}{counted(matching, f'{state} job')}{age}"
        parents = await find_waiting_parents(queue, [state], matching)
        await removal.carry_out(
            matching, jobs, parents, lambda on_progress: clean_jobs(queue, state, on_progress, grace_ms=older_than_ms)
        )

    reach(act, removal.interrupted)


def set_concurrency(name: str, manner: ActOptions, most: int | None) -> None:
    """Set how many of the queue's jobs may run at once, over all workers."""

    async def act(at: Reach) -> None:
        await limit_concurrency(await at.queue(name), most)
        said = "any number of jobs" if most is None else f"at most {counted(most)}"
        manner.answer(
            {"queue": name, "act": "concurrency", "concurrency": most},
            f"Queue {name} now runs {said} at once, over all workers.",
        )

    reach(act)


def set_rate_limit(name: str, manner: ActOptions, most: int | None, duration_ms: int) -> None:
    """Set how many of the queue's jobs may start in a time, over all workers."""

    async def act(at: Reach) -> None:
        queue = await at.queue(name)
        if most is None:
            await remove_rate_limit(queue)
            said = "as fast as they can"
        else:
            await limit_rate(queue, most, duration_ms)
            said = f"at most {most:,} in {from_milliseconds(duration_ms)}, over all workers"
        record = {"queue": name, "act": "rate-limit", "max": most, "duration_ms": None if most is None else duration_ms}
        manner.answer(record, f"Jobs of queue {name} now start {said}.")

    reach(act)


async def _count(queue: Queue, *states: str) -> int:
    counts = await count_jobs(queue)
    return sum(counts.get(state, 0) for state in states)


async def _count_old(queue: Queue, state: Cleanable, older_than_ms: int) -> tuple[int, bool]:
    """Return how many jobs would go; for jobs that haven't ended, whose ages only they know, the most that may."""
    if state in ("completed", "failed"):
        return await count_ended(queue, state, now_ms() - older_than_ms), True
    return await _count(queue, state), not older_than_ms and state not in ("active", "delayed")
