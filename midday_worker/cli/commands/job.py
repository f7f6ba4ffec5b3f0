"""``midday-worker job ...``."""

from __future__ import annotations

import json
import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Annotated, Final

import typer
from rich.text import Text

from midday_worker.admin import (
    Cut,
    FlowJob,
    FlowWindow,
    JobSnapshot,
    check_removal,
    count_children,
    find_waiting_parent,
    promote_job,
    read_flow,
    read_log,
    remove_job,
    retry_job,
)
from midday_worker.cli.act_options import ActOptions, DryRun, Yes, counted
from midday_worker.cli.failure import one_line_errors
from midday_worker.cli.moment import moment, now_ms
from midday_worker.cli.output import AsJson, remark, say, say_json
from midday_worker.cli.reach import JobId, KeyPrefix, OnlyQueue, Reach, reach
from midday_worker.cli.table import as_json as to_json
from midday_worker.cli.table import write
from midday_worker.cli.values import whole_number
from midday_worker.engine.producer.queue import Queue
from midday_worker.settings.printable import hanging, one_line

app: Final = typer.Typer(help="Look at one job, and act on it.", no_args_is_help=True, add_completion=False)

_SHOWN = 4_000
"""How much of a value is shown to people, in characters; JSON has it all."""

_CHILDREN = FlowWindow(depth=1, children=20, jobs=21)
_OUTCOMES = {
    "unprocessed": "not ended",
    "processed": "completed",
    "failed": "failed",
    "ignored": "failed, which is ignored",
}


@app.command()
@one_line_errors
def show(job_id: JobId, queue: OnlyQueue = None, prefix: KeyPrefix = None, as_json: AsJson = False) -> None:
    """Show all that is known of a job."""

    async def act(at: Reach) -> None:
        holder, job = await at.job(job_id, queue)
        logged = (await read_log(holder, job.id, 1)).total
        flow = await read_flow(holder, job, at.client.queue, _CHILDREN)
        if as_json:
            more = {"queue": holder.name, "log_lines": logged, "children": _record(flow)}
            say_json(asdict(job) | more, indent=2)
            return
        write(Text(f"{one_line(job.name)}  {one_line(job.id)}", style="bold"))
        for label, value in describe(job, holder.name, logged, now_ms()):
            text = Text(f"{label:<11} ", style="dim")
            text.append(value, "red" if label == "failed" else "")
            write(text)
        for label, value in children(flow):
            write(Text.assemble((f"{label:<11} ", "dim"), value))
        for label, value in _values(job):
            write("", Text(label, style="dim"), Text(value))

    reach(act, prefix)


@app.command()
@one_line_errors
def logs(
    job_id: JobId,
    queue: OnlyQueue = None,
    lines: Annotated[
        int, typer.Option("--lines", "-n", parser=whole_number("--lines", 1), metavar="N", help="The newest lines.")
    ] = 100,
    prefix: KeyPrefix = None,
    as_json: AsJson = False,
) -> None:
    """Show what a job logged."""

    async def act(at: Reach) -> None:
        holder, job = await at.job(job_id, queue)
        log = await read_log(holder, job.id, lines)
        if as_json:
            say_json({"id": job.id, "queue": holder.name, "lines": log.lines, "total": log.total})
            return
        for line in log.lines:
            say(line)
        if not log.lines:
            remark(f"Job {job_id} of queue {holder.name} has logged nothing.")
        elif log.total > len(log.lines):
            remark(f"The newest {len(log.lines):,} of {log.total:,} lines: --lines")

    reach(act, prefix)


@app.command()
@one_line_errors
def retry(job_id: JobId, queue: OnlyQueue = None, prefix: KeyPrefix = None, as_json: AsJson = False) -> None:
    """Run a job that has ended once more."""
    _act(job_id, queue, prefix, ActOptions(as_json=as_json), "retry", retry_job, "waits to run once more")


@app.command()
@one_line_errors
def promote(job_id: JobId, queue: OnlyQueue = None, prefix: KeyPrefix = None, as_json: AsJson = False) -> None:
    """Let a delayed job run now."""
    _act(job_id, queue, prefix, ActOptions(as_json=as_json), "promote", promote_job, "is due now")


@app.command()
@one_line_errors
def remove(
    job_id: JobId,
    queue: OnlyQueue = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    prefix: KeyPrefix = None,
    as_json: AsJson = False,
) -> None:
    """Remove a job that isn't running, and the children below it."""
    options = ActOptions(dry_run=dry_run, yes=yes, as_json=as_json)

    async def act(at: Reach) -> None:
        holder, job = await at.job(job_id, queue)
        await check_removal(holder, job_id)
        children = await count_children(holder, job_id)
        below = f" and {counted(children, 'child').replace('childs', 'children')}" if children else ""
        above = await find_waiting_parent(holder, job_id)
        loss = f"; its parent {above[1]} of queue {above[0]} would run without it" if above else ""
        deed = f"remove {job.state} job {job_id} ({job.name}){below} of queue {holder.name}{loss}"
        done = 0
        if options.agreed(deed, 1):
            await remove_job(holder, job_id)
            done = 1
        record = {"id": job_id, "queue": holder.name, "act": "remove", "done": done, "dry_run": options.dry_run}
        text = f"Removed job {job_id}{below} of queue {holder.name}." if done else options.unchanged(deed, 1)
        parent = {"queue": above[0], "id": above[1]} if above else None
        options.answer(record | {"children": children, "parent": parent}, text)

    reach(act, prefix)


def _act(
    job_id: str,
    queue: str | None,
    prefix: str | None,
    options: ActOptions,
    name: str,
    deed: Callable[[Queue, str], Awaitable[None]],
    then: str,
) -> None:
    async def act(at: Reach) -> None:
        holder, _ = await at.job(job_id, queue)
        await deed(holder, job_id)
        record = {"id": job_id, "queue": holder.name, "act": name, "done": 1}
        options.answer(record, f"Job {job_id} of queue {holder.name} {then}.")

    reach(act, prefix)


def describe(job: JobSnapshot, queue: str, logged: int, now: int) -> Sequence[tuple[str, str]]:
    """Return the lines that describe a job, as labels and values."""
    attempts = job.options.get("attempts")
    of = f" of {attempts}" if isinstance(attempts, int) and attempts > 0 else ""
    logs = ("midday-worker", "job", "logs", job.id, "-q", queue)
    lines = {
        "queue": queue,
        "state": job.state,
        "attempts": f"{job.attempts}{of}",
        "added": moment(job.added_ms, now),
        "started": moment(job.started_ms, now),
        "ended": moment(job.finished_ms, now),
        "due": moment(job.added_ms + job.delay_ms, now) if job.state == "delayed" and job.delay_ms else "",
        "waits for": f"a place of {job.waits_for}" if job.waits_for else "",
        "priority": str(job.priority) if job.priority else "",
        "stalls": str(job.stalls) if job.stalls else "",
        "worker": job.worker or "",
        "schedule": job.schedule_id or "",
        "parent": job.parent_key or "",
        "progress": json.dumps(job.progress, ensure_ascii=False, default=str) if job.progress else "",
        "log": f"{logged:,} lines: {shlex.join(logs)}" if logged else "",
        "unreadable": job.unreadable or "",
        "failed": job.failed_reason or "",
    }
    return [(label, one_line(value)) for label, value in lines.items() if value]


def children(flow: FlowJob) -> list[tuple[str, str]]:
    """Return the lines that describe a job's children: how many there are, and the first ones that haven't ended."""
    counts = [f"{count:,} {_OUTCOMES[outcome]}" for outcome, count in _counts(flow).items() if count]
    left = [child for child in flow.children if child.job.state not in ("completed", "failed")]
    lines = [("children", ", ".join(counts))] if counts else []
    return lines + [("waits for", one_line(f"{each.job.id} of {each.queue}: {each.job.state}")) for each in left]


def _counts(flow: FlowJob) -> dict[str, int]:
    return {outcome: flow.dependencies[outcome] for outcome in ("unprocessed", "processed", "failed", "ignored")}


def _record(flow: FlowJob) -> dict[str, object]:
    shown = [
        {"queue": child.queue, "id": child.job.id, "name": child.job.name, "state": child.job.state}
        for child in flow.children
    ]
    return {"counts": _counts(flow), "first": shown}


def _values(job: JobSnapshot) -> list[tuple[str, str]]:
    values = [("payload", _shown(job.data))]
    if job.result is not None:
        values.append(("result", _shown(job.result)))
    if job.stacktrace:
        values.append(("last traceback", hanging(job.stacktrace[-1][-_SHOWN:])))
    return values


def _shown(value: object) -> str:
    if isinstance(value, Cut):
        return f"({value.size:,} bytes, too large to be shown)"
    text = to_json(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ... ({len(text):,} characters; --json has them all)"
