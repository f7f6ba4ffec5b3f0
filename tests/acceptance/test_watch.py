"""`midday-worker watch`: a job's progress, log and outcome."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest

from midday_worker import JobClient, JobContext, JobDefinition, JobRegistry, job
from midday_worker.testing import RedisServer
from tests.acceptance.command import Command
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.integration.following.listeners import listeners


@pytest.fixture
def registry() -> JobRegistry:
    return JobRegistry()


@pytest.fixture
def count(registry: JobRegistry) -> JobDefinition[int, int]:
    async def handle(data: int, ctx: JobContext) -> int:
        await ctx.log("[bold]counting[/bold]")
        async for number in ctx.track(range(4), per_second=1_000):
            if number == data:
                raise LookupError(f"there is no {data}")
        await ctx.log("counted")
        return 4

    return job("send-mail", int, handle, queue="mails", attempts=1, registry=registry)


async def test_a_job_that_completes(
    command: Command, client: JobClient, registry: JobRegistry, count: JobDefinition[int, int]
) -> None:
    """Its queue is looked for, told, or found by the job's name in the service's own registry."""
    handle = await count.trigger(9, client=client)
    async with Crew(registry, client.settings):
        for where in ([], ["--queue", "mails"], ["--job", "send-mail"]):
            watched = await command.run("watch", handle.id, *where)
            assert (watched.code, watched.err) == (0, "")
            lines = watched.out.splitlines()
            assert lines[-1] == "Completed: 4"
            assert [line for line in lines if "count" in line] == ["[bold]counting[/bold]", "counted"]
            assert "Progress: 100" in lines


async def test_a_job_that_fails(
    command: Command, client: JobClient, registry: JobRegistry, count: JobDefinition[int, int]
) -> None:
    handle = await count.trigger(2, client=client)
    async with Crew(registry, client.settings):
        watched = await command.run("watch", handle.id, "--queue", "mails")
    assert watched.refused(1) == f"Job 'send-mail' ({handle.id}, queue mails) failed after 1 attempt(s): there is no 2"
    assert "[bold]counting[/bold]\n" in watched.out


async def test_a_job_that_is_not_there(command: Command) -> None:
    watched = await command.run("watch", "nobody")
    assert watched.refused(2).startswith("No job nobody in any queue: it was never written")
    watched = await command.run("watch", "nobody", "--queue", "mails")
    assert watched.refused(2).startswith("No job nobody in queue mails: it was never written")


async def test_a_job_that_is_removed_meanwhile(
    command: Command, client: JobClient, count: JobDefinition[int, int]
) -> None:
    handle = await count.trigger(9, client=client, delay="1h")
    watching = asyncio.create_task(command.run("watch", handle.id))
    await eventually(lambda: listeners(client.connection.conn, client.settings, "mails"), "it is watched")
    await handle.remove()
    assert "it was removed while it was delayed" in (await watching).refused(2)


async def test_who_stops_watching_does_not_stop_the_job(
    command: Command, client: JobClient, count: JobDefinition[int, int]
) -> None:
    """No outcome was seen, so the exit code is none of theirs."""
    handle = await count.trigger(9, client=client, delay="1h")
    watching = await command.start("watch", handle.id)
    await eventually(lambda: listeners(client.connection.conn, client.settings, "mails"), "it is watched")
    watching.signal(signal.SIGINT)
    assert await watching.end() == 130
    assert "Traceback" not in "".join(watching.lines)
    assert await handle.state() == "delayed"


async def test_what_can_not_be_followed(command: Command, mortal_redis: RedisServer) -> None:
    assert "no-such-job" in (await command.run("watch", "nobody", "--job", "no-such-job")).refused(3)
    assert "accepted: a non-empty text" in (await command.run("watch", "nobody", "--queue", "a:b")).refused(3)
    mortal_redis.kill()
    watched = await command.run("watch", "nobody", REDIS_URL=mortal_redis.url)
    assert "Redis is not reachable" in watched.refused(3)


async def test_in_a_terminal_a_bar_moves(
    command: Command, client: JobClient, registry: JobRegistry, count: JobDefinition[int, int]
) -> None:
    handle = await count.trigger(9, client=client)
    ours, theirs = os.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "midday_worker", "watch", handle.id, "--queue", "mails"),
        cwd=command.folder,
        env={**command.environment, "TERM": "xterm", "COLUMNS": "100"},
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    async with Crew(registry, client.settings):
        shown = await asyncio.wait_for(asyncio.to_thread(read_all, ours), 120)
        assert await process.wait() == 0
    assert "100%" in shown
    assert "━" in shown
    assert "Completed: 4" in shown


def read_all(terminal: int) -> str:
    parts: list[bytes] = []
    try:
        while part := os.read(terminal, 65_536):
            parts.append(part)
    except OSError:  # what Linux says when the other side has closed
        pass
    finally:
        os.close(terminal)
    return b"".join(parts).decode()
