"""``midday-worker watch``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Sequence
from typing import Annotated, Final, cast

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from midday_worker.cli.console import OutputConsole
from midday_worker.cli.failure import show_error
from midday_worker.cli.loading import Imports, load_jobs, settings_with
from midday_worker.cli.output import OutputError
from midday_worker.cli.reach import KeyPrefix, OnlyQueue, Reach, know_prefixes
from midday_worker.client.client import JobClient
from midday_worker.definition.factory import job
from midday_worker.definition.registry import JobRegistry
from midday_worker.errors import JobFailedError, JobNotFoundError, MiddayWorkerError
from midday_worker.handles.handle import JobHandle
from midday_worker.queues import QueueRegistry, check_queue_name
from midday_worker.settings.printable import hanging, one_line

app: Final = typer.Typer(add_completion=False)

FAILED: Final = 1
NOT_FOUND: Final = 2
NOT_FOLLOWED: Final = 3


@app.command()
def watch(
    id_: Annotated[str, typer.Argument(metavar="JOB_ID", help="The id that the job got when it was added.")],
    queue: OnlyQueue = None,
    name: Annotated[str | None, typer.Option("--job", metavar="JOB", help="What job it is, to find its queue.")] = None,
    imports: Imports = None,
    prefix: KeyPrefix = None,
) -> None:
    """Show a job's progress and log until it ends.

    Exits with 0 if it completed, 1 if it failed, 2 if it isn't there, 3 if it can't be followed.
    """
    watch_job(id_, imports or [], queue=queue, name=name, prefix=prefix)


def watch_job(
    job_id: str, imports: Sequence[str], *, queue: str | None, name: str | None, prefix: str | None = None
) -> None:
    """Show a job's progress and log until it ends, and exit by its outcome."""
    try:
        settings = settings_with()
        if prefix is None and not name:
            know_prefixes(settings)
        place = queue or (load_jobs(imports, settings).get(name).queue if name else None)
        asyncio.run(_watch(job_id, place, Reach(JobClient(settings), prefix)))
    except MiddayWorkerError as error:
        if not (isinstance(error, OutputError) and error.closed):
            show_error(str(error))
        raise typer.Exit(_code(error)) from None


def _code(error: MiddayWorkerError) -> int:
    if isinstance(error, JobFailedError):
        return FAILED
    return NOT_FOUND if isinstance(error, JobNotFoundError) else NOT_FOLLOWED


async def _handle(at: Reach, job_id: str, queue: str | None) -> JobHandle[object]:
    """Return a handle of whatever job it is."""
    if queue is not None:
        check_queue_name(queue)
    place = at.place(queue or (await at.holder(job_id)).name)
    found = await at.client.find(place, job_id)
    # Of one that is gone, its place is enough to say so.
    name = "job" if found is None else found.name or "job"
    queues = QueueRegistry()
    queues.add(place)
    return job(name, object, queue=place, registry=JobRegistry(queues)).handle(job_id, client=at.client)


async def _watch(job_id: str, queue: str | None, at: Reach) -> None:
    async with at.client:
        handle = await _handle(at, job_id, queue)
        state = await handle.state()  # or nothing is said while Redis is away
        console = OutputConsole()
        left, right = (TextColumn(text, markup=False) for text in ("{task.description}", "{task.fields[progress]}"))
        with Progress(left, BarColumn(), right, console=console, disable=not console.is_terminal) as bar:
            line = bar.add_task(one_line(f"{job_id} ({state} in {handle.queue})"), total=100, progress="")
            await asyncio.gather(_follow(_show_progress(handle, bar, line)), _follow(_show_log(handle, console)))
        result = await handle.result()
        try:
            console.print(f"Completed: {json.dumps(result, ensure_ascii=False)}")
        except OutputError as error:
            if not error.closed:  # else whoever read has seen enough, and the exit code says the rest
                raise


async def _follow(showing: Awaitable[None]) -> None:
    """Show as long as the job can be followed; why it can't is what asking for its result says. Raises OutputError."""
    try:
        await showing
    except OutputError:
        raise
    except Exception:
        return


async def _show_progress(handle: JobHandle[object], bar: Progress, line: TaskID) -> None:
    async for progress in handle.progress():
        text = json.dumps(progress, ensure_ascii=False)
        percent = percentage(progress)
        shown = text if percent is None else f"{percent:g}%"
        bar.update(line, completed=percent, progress=shown)
        if bar.disable:
            bar.console.print(f"Progress: {text}")


async def _show_log(handle: JobHandle[object], console: OutputConsole) -> None:
    async for row in handle.tail():
        console.print(hanging(row))


def percentage(progress: object) -> float | None:
    """Return what a stored progress says in percent: a number, or `{"done": 7, "total": 9}`; None if it says else."""
    if isinstance(progress, dict):
        counted = cast("dict[str, object]", progress)
        done, total = counted.get("done"), counted.get("total")
        if _is_number(done) and _is_number(total) and cast("float", total) > 0:
            return 100 * cast("float", done) / cast("float", total)
        return None
    return cast("float", progress) if _is_number(progress) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
