"""``midday-worker queue ...``."""

from __future__ import annotations

import asyncio
import shlex
from dataclasses import asdict
from typing import Annotated, Final, cast

import typer
from rich.text import Text

from midday_worker.admin import (
    Cleanable,
    FailureChoice,
    Failures,
    KeyBacklog,
    KeyLimit,
    QueueOverview,
    Removed,
    Schedule,
    WorkerClient,
    clean_jobs,
    count_ended,
    count_jobs,
    empty_queue,
    find_waiting_parents,
    group_failures,
    key_backlogs,
    key_limits,
    limit_concurrency,
    limit_rate,
    list_schedules,
    list_workers,
    parked_jobs,
    pause_queue,
    read_overview,
    remove_rate_limit,
    reset_limit,
    resume_queue,
    set_limit,
)
from midday_worker.cli.act_options import ActOptions, DryRun, Yes, counted
from midday_worker.cli.commands.failed import render_groups
from midday_worker.cli.commands.queues import WAITING
from midday_worker.cli.commands.schedules import render_schedules
from midday_worker.cli.commands.workers import render_workers
from midday_worker.cli.failure import one_line_errors
from midday_worker.cli.moment import now_ms, span
from midday_worker.cli.output import AsJson, say_json
from midday_worker.cli.reach import KeyPrefix, QueueName, Reach, reach
from midday_worker.cli.removal import Removal
from midday_worker.cli.table import add_row, number, table, write
from midday_worker.cli.values import cleanable, duration, limit
from midday_worker.engine.producer.queue import Queue
from midday_worker.queues import RateLimit
from midday_worker.settings.durations import from_milliseconds
from midday_worker.settings.printable import one_line

app: Final = typer.Typer(help="Look at one queue, and act on it.", no_args_is_help=True, add_completion=False)

_KEYS: Final = 10
"""How many keys are shown whose jobs wait for a place."""

_FAILURES = 1_000
"""How many failed jobs are looked at, the newest."""


@app.command()
@one_line_errors
def show(queue: QueueName, prefix: KeyPrefix = None, as_json: AsJson = False) -> None:
    """Show what a queue holds, how it is set, who works it, and why its jobs fail."""

    async def act(at: Reach) -> None:
        found = await at.queue(queue)
        overview, workers, schedules = await asyncio.gather(
            read_overview(found), list_workers(found), list_schedules(found, 100)
        )
        if as_json:
            failures = await _failures(found)
            record = asdict(overview) | {
                "workers": None if workers is None else [asdict(worker) for worker in workers],
                "scheduled": [asdict(schedule) for schedule in schedules],
                "failures": asdict(failures),
                "limits": [asdict(limit) for limit in await key_limits(found)],
                "backlogs": [asdict(backlog) for backlog in await key_backlogs(found)],
            }
            say_json(record, indent=2)
            return
        await _write(found, overview, workers, schedules)

    reach(act, prefix)


@app.command()
@one_line_errors
def pause(queue: QueueName, prefix: KeyPrefix = None, as_json: AsJson = False) -> None:
    """Let no further job start; running ones go on."""

    async def act(at: Reach) -> None:
        found = await at.queue(queue)
        await pause_queue(found)
        running = (await count_jobs(found))["active"]
        again = shlex.join(("midday-worker", "queue", "resume", queue))
        text = f"Queue {queue} is paused; {counted(running)} still running. To let it go on: {again}"
        ActOptions(as_json=as_json).answer({"queue": queue, "act": "pause", "running": running}, text)

    reach(act, prefix)


@app.command()
@one_line_errors
def resume(queue: QueueName, prefix: KeyPrefix = None, as_json: AsJson = False) -> None:
    """Let jobs start again."""

    async def act(at: Reach) -> None:
        found = await at.queue(queue)
        await resume_queue(found)
        waiting = await _count(found, *WAITING)
        record = {"queue": queue, "act": "resume", "waiting": waiting}
        ActOptions(as_json=as_json).answer(record, f"Queue {queue} goes on. {counted(waiting)} waiting.")

    reach(act, prefix)


@app.command()
@one_line_errors
def drain(
    queue: QueueName,
    delayed: Annotated[bool, typer.Option("--delayed", help="Remove the delayed jobs too.")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    prefix: KeyPrefix = None,
    as_json: AsJson = False,
) -> None:
    """Remove all jobs that wait; running ones go on."""
    removal = Removal("drain", queue, ActOptions(dry_run=dry_run, yes=yes, as_json=as_json))

    async def act(at: Reach) -> None:
        found = await at.queue(queue)
        states = [*WAITING, *(["delayed"] if delayed else [])]
        # Of jobs that wait for a place, delayed is only how they wait.
        matching = await _count(found, *states) + (0 if delayed else await parked_jobs(found))

        async def remove(on_progress: Removed) -> int:
            done = await empty_queue(found, on_progress)
            return done + (await clean_jobs(found, "delayed", lambda more: on_progress(done + more)) if delayed else 0)

        jobs = counted(matching, "waiting or delayed job" if delayed else "waiting job")
        await removal.carry_out(matching, jobs, await find_waiting_parents(found, states, matching), remove)

    reach(act, prefix, removal.interrupted)


@app.command()
@one_line_errors
def clean(
    queue: QueueName,
    state: Annotated[
        str, typer.Option(parser=cleanable, metavar="STATE", help="The state of the jobs to remove.")
    ] = "completed",
    older_than: Annotated[
        int | None,
        typer.Option("--older-than", parser=duration("--older-than"), metavar="TIME", help='Only older ones: "1d".'),
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    prefix: KeyPrefix = None,
    as_json: AsJson = False,
) -> None:
    """Remove the jobs of one state, by default the completed ones."""
    removal = Removal("clean", queue, ActOptions(dry_run=dry_run, yes=yes, as_json=as_json))
    which, grace_ms = cast("Cleanable", state), older_than or 0

    async def act(at: Reach) -> None:
        found = await at.queue(queue)
        matching, exact = await _count_old(found, which, grace_ms)
        age = f" older than {from_milliseconds(grace_ms)}" if grace_ms else ""
        jobs = f"{'' if exact else 'up to '}{counted(matching, f'{which} job')}{age}"
        parents = await find_waiting_parents(found, [which], matching)
        await removal.carry_out(
            matching, jobs, parents, lambda on_progress: clean_jobs(found, which, on_progress, grace_ms=grace_ms)
        )

    reach(act, prefix, removal.interrupted)


@app.command()
@one_line_errors
def concurrency(
    queue: QueueName,
    most: Annotated[str, typer.Argument(metavar="N|none", help="Jobs at once, over all workers.", show_default=False)],
    prefix: KeyPrefix = None,
    as_json: AsJson = False,
) -> None:
    """Limit how many jobs run at once, over all workers of either language."""
    jobs = limit("The concurrency", most)

    async def act(at: Reach) -> None:
        await limit_concurrency(await at.queue(queue), jobs)
        said = "any number of jobs" if jobs is None else f"at most {counted(jobs)}"
        ActOptions(as_json=as_json).answer(
            {"queue": queue, "act": "concurrency", "concurrency": jobs},
            f"Queue {queue} now runs {said} at once, over all workers.",
        )

    reach(act, prefix)


@app.command("rate-limit")
@one_line_errors
def rate_limit(
    queue: QueueName,
    most: Annotated[str, typer.Argument(metavar="N|none", help="Jobs to start.", show_default=False)],
    per: Annotated[str, typer.Argument(metavar="TIME", help="In which time.")] = "1s",
    prefix: KeyPrefix = None,
    as_json: AsJson = False,
) -> None:
    """Limit how many jobs start in a time, over all workers of either language."""
    jobs, duration_ms = limit("The rate limit", most), duration("TIME")(per)

    async def act(at: Reach) -> None:
        found = await at.queue(queue)
        if jobs is None:
            await remove_rate_limit(found)
            said = "as fast as they can"
        else:
            await limit_rate(found, jobs, duration_ms)
            said = f"at most {jobs:,} in {from_milliseconds(duration_ms)}, over all workers"
        record = {"queue": queue, "act": "rate-limit", "max": jobs}
        record |= {"duration_ms": None if jobs is None else duration_ms}
        ActOptions(as_json=as_json).answer(record, f"Jobs of queue {queue} now start {said}.")

    reach(act, prefix)


@app.command("limit")
@one_line_errors
def limit_key(
    queue: QueueName,
    path: Annotated[str, typer.Argument(metavar="PATH", help="Where the key is in the payload.", show_default=False)],
    key: Annotated[str, typer.Argument(metavar="KEY", help="Whose limit it is.", show_default=False)],
    most: Annotated[str, typer.Argument(metavar="N|none", help="Jobs; none: as all keys.", show_default=False)],
    per: Annotated[str | None, typer.Argument(metavar="TIME", help="In which time; else at once.")] = None,
    prefix: KeyPrefix = None,
    as_json: AsJson = False,
) -> None:
    """Set the limit of one key, such as a tenant, for all workers and from now on."""
    jobs = limit("The limit", most)
    rate = None if jobs is None or per is None else RateLimit(jobs, duration("TIME")(per))

    async def act(at: Reach) -> None:
        found = await at.queue(queue)
        if jobs is None:
            await reset_limit(found, path, key)
        else:
            await set_limit(found, path, key, concurrency=jobs if rate is None else None, rate=rate)
        in_time = "at once" if rate is None else f"started in {from_milliseconds(rate.per_ms)}"
        said = "the limits that all keys have" if jobs is None else f"at most {counted(jobs)} {in_time}"
        record = {"queue": queue, "act": "limit", "path": path, "key": key, "max": jobs}
        ActOptions(as_json=as_json).answer(
            record | {"per_ms": None if rate is None else rate.per_ms},
            f"Queue {queue} now has, for {path}={key}, {said}.",
        )

    reach(act, prefix)


def render_backlogs(limits: list[KeyLimit], backlogs: list[KeyBacklog]) -> list[str]:
    """Return the limits per key of a queue, and who waits for a place, in lines."""
    lines: list[str] = []
    for each in limits:
        whose = f"each {each.path}" if each.key is None else f"{each.path}={each.key}"
        if each.concurrency is not None:
            lines.append(f"{whose}: {each.concurrency} at once")
        if each.max is not None:
            lines.append(f"{whose}: {each.max} in {from_milliseconds(each.per_ms or 0)}")
    for backlog in backlogs[:_KEYS]:
        running = f", {backlog.running:,} running" if backlog.kind == "concurrency" else ""
        lines.append(f"{backlog.path}={backlog.key}: {backlog.waiting:,} waiting for a place{running}")
    return [f"limit        {one_line(line)}" for line in lines]


async def _write(
    queue: Queue, overview: QueueOverview, workers: list[WorkerClient] | None, schedules: list[Schedule]
) -> None:
    counts = table("state", "jobs", right=("jobs",))
    for state, count in overview.counts.items():
        if count or state not in ("paused", "waiting-children", "prioritized"):
            add_row(counts, state, number(count, "red" if state == "failed" else ""))
    write(Text(one_line(overview.name), style="bold"), counts, "", describe(overview))
    if limits := await key_limits(queue):
        write(*render_backlogs(limits, await key_backlogs(queue)))
    if workers:
        write("", render_workers({queue.name: workers}))
    if schedules:
        write("", render_schedules(schedules))
    if overview.counts.get("failed"):
        failures = await _failures(queue)
        write("", render_groups(failures.groups[:5], now_ms()))
        if failures.looked_at < failures.total:
            write(
                "", Text(f"Of {failures.total:,} failed jobs the newest {failures.looked_at:,} were looked at.", "dim")
            )


async def _failures(queue: Queue) -> Failures:
    return await group_failures(queue, FailureChoice(cancelled=True), _FAILURES)


def describe(overview: QueueOverview) -> str:
    """Return how a queue is set, in lines."""
    rate = overview.rate
    lines = [
        f"paused       {'yes: no job starts' if overview.paused else 'no'}",
        f"concurrency  {overview.concurrency or 'no limit over all workers'}",
        f"rate limit   {f'{rate.max} in {from_milliseconds(rate.duration_ms)}' if rate else 'none over all workers'}",
        f"schedules    {overview.schedules}",
    ]
    if overview.limited_ms:
        lines.append(f"limited      no job starts for another {span(overview.limited_ms)}")
    return "\n".join(lines)


async def _count(queue: Queue, *states: str) -> int:
    counts = await count_jobs(queue)
    return sum(counts.get(state, 0) for state in states)


async def _count_old(queue: Queue, state: Cleanable, older_than_ms: int) -> tuple[int, bool]:
    """Return how many jobs would go; for jobs that haven't ended, whose ages only they know, the most that may."""
    if state in ("completed", "failed"):
        return await count_ended(queue, state, now_ms() - older_than_ms), True
    return await _count(queue, state), not older_than_ms and state not in ("active", "delayed")
