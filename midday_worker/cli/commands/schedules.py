"""``midday-worker schedules``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Final

import typer
from rich.table import Table

from midday_worker.admin import Schedule, list_schedules, remove_schedule, run_schedule
from midday_worker.cli.act_options import ActOptions, DryRun, Yes, counted
from midday_worker.cli.failure import one_line_errors
from midday_worker.cli.loading import Imports
from midday_worker.cli.moment import moment, now_ms
from midday_worker.cli.output import AsJson, remark, say_json
from midday_worker.cli.reach import KeyPrefix, OnlyQueue, Reach, nearest, only_one, reach
from midday_worker.cli.table import add_row, number, table, write
from midday_worker.definition.registry import default_registry
from midday_worker.engine.producer.queue import Queue
from midday_worker.errors import ConfigurationError, MiddayWorkerError
from midday_worker.settings.durations import from_milliseconds
from midday_worker.workers.schedule_change import ScheduleChange
from midday_worker.workers.schedule_sync import ScheduleSync

app: Final = typer.Typer(help="Look at recurring jobs, and act on them.", no_args_is_help=True, add_completion=False)

ScheduleId = Annotated[str, typer.Argument(metavar="SCHEDULE", help="The schedule's id.", show_default=False)]

_MOST = 1_000
"""How many schedules of a queue are listed."""
_WRITTEN: Final = ("add", "change", "remove")


@app.command("list")
@one_line_errors
def list_(queue: OnlyQueue = None, prefix: KeyPrefix = None, as_json: AsJson = False) -> None:
    """List the schedules, the next to fire first."""

    async def act(at: Reach) -> None:
        found = await _all(await at.queues(queue))
        schedules = [schedule for of_queue in found for schedule in of_queue]
        if as_json:
            say_json([asdict(schedule) for schedule in schedules], indent=2)
        elif schedules:
            write(render_schedules(schedules))
        else:
            write("No schedules. They are made with trigger_recurring(), or declared with job(schedule=...).")

    reach(act, prefix)


@app.command()
@one_line_errors
def run(schedule: ScheduleId, queue: OnlyQueue = None, prefix: KeyPrefix = None, as_json: AsJson = False) -> None:
    """Run a schedule's job once, now, beside its own runs."""

    async def act(at: Reach) -> None:
        holder = await _holder(at, schedule, queue)
        job_id = await run_schedule(holder, schedule)
        if job_id is None:
            raise _gone(schedule, holder)
        record = {"schedule": schedule, "queue": holder.name, "act": "run", "id": job_id}
        ActOptions(as_json=as_json).answer(
            record, f"Added job {job_id} to queue {holder.name}, as the runs of {schedule} are."
        )

    reach(act, prefix)


@app.command()
@one_line_errors
def remove(
    schedule: ScheduleId,
    queue: OnlyQueue = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    prefix: KeyPrefix = None,
    as_json: AsJson = False,
) -> None:
    """Remove a schedule and its next run."""
    options = ActOptions(dry_run=dry_run, yes=yes, as_json=as_json)

    async def act(at: Reach) -> None:
        holder = await _holder(at, schedule, queue)
        deed = f"remove schedule {schedule} and its next run of queue {holder.name}"
        done = options.agreed(deed, 1)
        if done and not await remove_schedule(holder, schedule):
            raise _gone(schedule, holder)
        record = {"schedule": schedule, "queue": holder.name, "act": "remove", "done": int(done)}
        text = f"Removed schedule {schedule} of queue {holder.name}." if done else options.unchanged(deed, 1)
        options.answer(record | {"dry_run": options.dry_run}, text)

    reach(act, prefix)


@app.command()
@one_line_errors
def diff(imports: Imports = None, as_json: AsJson = False) -> None:
    """Show what would become of the schedules in Redis if a worker with these jobs started now."""

    async def act(at: Reach) -> None:
        _answer(await _sync_of(at).diff(), done=False, as_json=as_json)

    reach(act, imports=imports or ())


@app.command()
@one_line_errors
def sync(imports: Imports = None, dry_run: DryRun = False, yes: Yes = False, as_json: AsJson = False) -> None:
    """Bring the schedules in Redis to what these jobs declare, as a worker does when it starts."""

    async def act(at: Reach) -> None:
        schedules = _sync_of(at)
        changes = await schedules.diff()
        removals = sum(change.act == "remove" for change in changes)
        options = ActOptions(dry_run=dry_run, yes=yes, as_json=as_json)
        done = not dry_run and (not removals or options.agreed(f"remove {counted(removals, 'schedule')}", removals))
        _answer(await schedules.reconcile() if done else changes, done=done, as_json=as_json)

    reach(act, imports=imports or ())


def _sync_of(at: Reach) -> ScheduleSync:
    if not len(default_registry):
        raise ConfigurationError("No jobs are registered: name the package that defines them with --import.")
    return ScheduleSync(default_registry, at.settings, at.client)


def _answer(changes: Sequence[ScheduleChange], *, done: bool, as_json: bool) -> None:
    """Write what is different. Exits with 1 if something is somebody else's."""
    if as_json:
        say_json([{**asdict(change), "done": done and change.act in _WRITTEN} for change in changes], indent=2)
    elif changes:
        shown = table("act", "schedule", "queue", "why")
        for change in changes:
            add_row(shown, change.act, change.id, change.queue, change.why)
        write(shown)
    else:
        write("The schedules are as the jobs declare them.")
    if not done and changes:
        remark("Nothing was changed.")
    if any(change.act == "refuse" for change in changes):
        raise typer.Exit(1)


def render_schedules(schedules: Sequence[Schedule]) -> Table:
    """Return the table of the schedules."""
    shown, now = table("schedule", "queue", "job", "when", "next", "runs", right=("runs",)), now_ms()
    for schedule in schedules:
        cells = (schedule.id, schedule.queue, schedule.job, recurrence(schedule), _following(schedule, now))
        # BullMQ has counted the run that is still to come.
        add_row(shown, *cells, number(schedule.iterations if schedule.over else max(schedule.iterations - 1, 0)))
    return shown


def recurrence(schedule: Schedule) -> str:
    """Return when a schedule fires, in words."""
    if schedule.every_ms:
        return f"every {from_milliseconds(schedule.every_ms)}"
    return f"{schedule.pattern or '?'} {schedule.tz or 'UTC'}"


def _following(schedule: Schedule, now: int) -> str:
    if schedule.over:
        return "over"
    # A run that is due waits for a worker, or is lost: `midday-worker doctor` tells.
    due = "due " if (schedule.next_run_ms or now) < now else ""
    return f"{due}{moment(schedule.next_run_ms, now)}"


async def _all(queues: Sequence[Queue]) -> list[list[Schedule]]:
    return await asyncio.gather(*(list_schedules(queue, _MOST) for queue in queues))


async def _holder(at: Reach, schedule_id: str, queue: str | None) -> Queue:
    queues = await at.queues(queue)
    found = await _all(queues)
    ids = {one.id for of_queue in found for one in of_queue}
    having = [
        one for one, of_queue in zip(queues, found, strict=True) if any(has.id == schedule_id for has in of_queue)
    ]
    holder = only_one(f"Schedule {schedule_id}", having)
    if holder is None:
        near = nearest(schedule_id, ids)
        hint = f"Did you mean {' or '.join(near)}?" if near else "midday-worker schedules list shows them."
        raise MiddayWorkerError(f"No schedule {schedule_id}{f' in queue {queue}' if queue else ''}. {hint}")
    return holder


def _gone(schedule_id: str, queue: Queue) -> MiddayWorkerError:
    return MiddayWorkerError(f"Schedule {schedule_id} of queue {queue.name} was removed meanwhile.")
