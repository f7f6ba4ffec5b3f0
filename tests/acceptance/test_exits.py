"""What handlers hold or raise, and the process that has to live on, or to end."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from midday_worker import JobClient, JobContext, JobFailedError, JobRegistry, job
from tests.acceptance.command import Command, Running

JOBS = '''
"""Handlers that try to end their process."""

import asyncio
import sys
from collections.abc import Sequence

from midday_worker import BatchContext, BatchOptions, JobContext, SyncJobContext, job


async def leave() -> None:
    await asyncio.sleep(0)
    sys.exit(3)


async def interrupt() -> None:
    raise KeyboardInterrupt


async def group() -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(leave())


WAYS = {
    "itself": leave,
    "interrupt": interrupt,
    "task": lambda: asyncio.create_task(leave()),
    "gathered": lambda: asyncio.gather(asyncio.sleep(30), interrupt()),
    "group": group,
    "thread": lambda: asyncio.gather(asyncio.to_thread(sys.exit, 3)),
}
NOBODYS = {
    "callback": lambda loop: loop.call_soon(sys.exit, 3),
    "timer": lambda loop: loop.call_later(0.01, sys.exit, 3),
    "unawaited": lambda loop: loop.create_task(interrupt()),
    "stop": lambda loop: loop.stop(),
}


@job("leave", attempts=1)
async def leave_somehow(data: str, ctx: JobContext) -> str:
    if data in WAYS:
        await WAYS[data]()
    else:
        NOBODYS[data](asyncio.get_running_loop())
        await asyncio.sleep(0.05)
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]


@job("leave-thread", attempts=1)
def leave_thread(data: str, ctx: SyncJobContext) -> str:
    sys.exit(3)


@job("leave-batch", attempts=1, batch=BatchOptions(max_size=1))
def leave_batch(data: list[str], ctx: BatchContext) -> Sequence[str]:
    sys.exit(3)
'''


async def elsewhere(data: object, ctx: JobContext) -> str:
    raise NotImplementedError


async def outcome(client: JobClient, name: str, payload: object) -> str:
    """Run a job of the project and return its result, or why it failed."""
    definition = job(name, object, elsewhere, attempts=1, registry=JobRegistry())
    try:
        return str(await (await definition.trigger(payload, client=client)).result("20s"))
    except JobFailedError as error:
        return error.reason


async def ended(running: Running, within_s: float) -> int:
    """Return the exit code of a worker that was just told to end, in time."""
    began = time.monotonic()
    code = await running.end()
    assert time.monotonic() - began < within_s, "".join(running.lines)
    return code


def without_uvloop(project: Path) -> None:
    """Let the worker find none."""
    (project / "uvloop.py").write_text("raise ImportError('not here')\n")


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
async def test_what_tries_to_end_the_process_fails_its_attempt_alone(
    command: Command, client: JobClient, loop: str
) -> None:
    (command.folder / "exiting.py").write_text(JOBS)
    if loop == "asyncio":
        without_uvloop(command.folder)
    running = await command.start("run", "--import", "exiting")
    await running.until("leave-batch")

    ways = ("itself", "interrupt", "task", "gathered", "group", "thread")
    found = {way: await outcome(client, "leave", way) for way in ways}
    assert found == {way: "KeyboardInterrupt" if way in ("interrupt", "gathered") else "3" for way in ways}
    assert [await outcome(client, name, "now") for name in ("leave-thread", "leave-batch")] == ["3", "3"]
    for way in ("callback", "timer", "unawaited", "stop"):
        assert await outcome(client, "leave", way) == loop

    running.signal(signal.SIGTERM)
    assert await running.end() == 0
    said = "".join(running.lines)
    assert "SystemExit" in said
    assert "the worker goes on" in said
