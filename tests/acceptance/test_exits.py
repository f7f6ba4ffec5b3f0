"""What handlers hold or raise, and the process that has to live on, or to end."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from midday_worker import JobClient, JobContext, JobFailedError, JobRegistry, job
from midday_worker.workers.stopping import SAME_SIGNAL_S
from tests.acceptance.command import Command, Running
from tests.acceptance.test_run import add

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

FORKS = '''
"""Handlers that fork."""

import asyncio
import multiprocessing
import signal
import subprocess
import time

from midday_worker import JobContext, SyncJobContext, job

fork = multiprocessing.get_context("fork")
OURS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# As the worker imports this, it has not begun to take signals.
BEFORE = [signal.getsignal(number) for number in OURS]


def handling(_number: int) -> list[object]:
    """Whether this process does at its signals what it did before, and where it writes their numbers."""
    return [[signal.getsignal(number) for number in OURS] == BEFORE, signal.set_wakeup_fd(-1)]


def terminated() -> list[int]:
    codes = []
    for _ in range(20):
        child = fork.Process(target=time.sleep, args=(60,), daemon=True)
        child.start()
        child.terminate()
        child.join(10)
        codes.append(child.exitcode)
    return codes


@job("pool", attempts=1)
def pool(data: int, ctx: SyncJobContext) -> list[list[object]]:
    with fork.Pool(1) as workers:
        return workers.map(handling, [1])


@job("terminate-thread", attempts=1)
def terminate_thread(data: int, ctx: SyncJobContext) -> list[int]:
    return terminated()


@job("terminate", attempts=1)
async def terminate(data: int, ctx: JobContext) -> list[int]:
    return terminated()


@job("program", attempts=1)
async def program(data: int, ctx: JobContext) -> list[int]:
    process = await asyncio.create_subprocess_exec("sleep", "60")
    process.terminate()
    plain = subprocess.Popen(["sleep", "60"])
    plain.terminate()
    return [await process.wait(), plain.wait(10)]
'''

HOLDS = '''
"""Handlers that hold their process."""

import asyncio
import threading
import time

from midday_worker import JobContext, job


async def hold() -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            pass


@job("in-thread")
async def in_thread(data: object, ctx: JobContext) -> None:
    ctx.logger.warning("holding")
    await asyncio.to_thread(time.sleep, 60)


@job("stubborn")
async def stubborn(data: object, ctx: JobContext) -> None:
    ctx.logger.warning("holding")
    await hold()


@job("blocking")
async def blocking(data: object, ctx: JobContext) -> None:
    ctx.logger.warning("holding")
    time.sleep(60)


@job("leaves-task", attempts=1)
async def leaves_task(data: object, ctx: JobContext) -> None:
    globals()["left"] = asyncio.create_task(hold(), name="left behind")


@job("leaves-thread", attempts=1)
async def leaves_thread(data: object, ctx: JobContext) -> None:
    threading.Thread(target=time.sleep, args=(60,)).start()
'''


async def elsewhere(data: object, ctx: JobContext) -> object:
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


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
async def test_what_a_handler_forks_is_ended_by_its_signals_and_the_worker_is_not(
    command: Command, client: JobClient, loop: str
) -> None:
    (command.folder / "forking.py").write_text(FORKS)
    if loop == "asyncio":
        without_uvloop(command.folder)
    running = await command.start("run", "--import", "forking")
    await running.until("terminate-thread")

    assert await outcome(client, "pool", 1) == str([[True, -1]])
    for name in ("terminate-thread", "terminate"):
        assert await outcome(client, name, 1) == str([-signal.SIGTERM] * 20)
    assert await outcome(client, "program", 1) == str([-signal.SIGTERM] * 2)

    running.signal(signal.SIGTERM)
    await running.until("stopping")
    assert "stopping" not in "".join(running.lines[:-1])
    assert await running.end() == 0


async def holding(command: Command, *options: str) -> Running:
    """Start a worker of the handlers that hold it."""
    (command.folder / "holds.py").write_text(HOLDS)
    running = await command.start(
        "run", "--import", "holds", *options, WORKER_CANCEL_GRACE="200ms", WORKER_CUT_GRACE="100ms"
    )
    await running.until("stubborn")
    return running


async def test_a_drain_ends_the_process_though_handlers_do_not_end(command: Command, client: JobClient) -> None:
    running = await holding(command, "--drain-timeout", "100ms")
    for name in ("in-thread", "stubborn"):
        await add(client, name)
        await running.until("holding")
    running.signal(signal.SIGTERM)
    await running.until("stopped")
    assert await ended(running, 10) == 1
    assert await client.queue("default").getJobCounts("waiting", "active") == {"waiting": 2, "active": 0}


@pytest.mark.parametrize("name", ["leaves-task", "leaves-thread"])
async def test_what_handlers_have_left_behind_holds_no_process_and_is_not_a_clean_end(
    command: Command, client: JobClient, name: str
) -> None:
    running = await holding(command)
    await outcome(client, name, 1)
    running.signal(signal.SIGTERM)
    await running.until("stopped")
    assert await ended(running, 10) == 1


async def test_a_second_signal_ends_the_process_though_a_handler_blocks_the_event_loop(
    command: Command, client: JobClient
) -> None:
    running = await holding(command)
    await add(client, "blocking")
    await running.until("holding")
    running.signal(signal.SIGTERM)
    await asyncio.sleep(SAME_SIGNAL_S + 0.1)  # until then it counts as the same
    running.signal(signal.SIGTERM)
    assert await ended(running, 10) == 1
