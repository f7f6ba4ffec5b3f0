"""`midday-worker run --processes N`: several processes, one service."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from pathlib import Path

import pytest

from midday_worker import JobClient, JobHandle, Settings
from midday_worker.client.client import redis_config
from midday_worker.definition.factory import job
from midday_worker.definition.registry import JobRegistry
from midday_worker.engine.inspection.health import heartbeats, stop_beating
from midday_worker.engine.redis.connection import Connection, connect
from midday_worker.testing import RedisServer
from midday_worker.workers.stopping import SAME_SIGNAL_S
from tests.acceptance.command import Command, Running
from tests.acceptance.test_run import require_password
from tests.deadline import eventually

FRAGILE = """
import asyncio
import os
from pathlib import Path

from midday_worker import JobContext, job


@job("hold")
async def hold(data: int, ctx: JobContext) -> int:
    ctx.logger.info("holding")
    while not Path("release").exists():
        await asyncio.sleep(0.02)
    return os.getpid()


@job("leave", queue="doors", attempts=1)
async def leave(data: int, ctx: JobContext) -> None:
    os._exit(data)
"""

SCHEDULED = """
from midday_worker import JobContext, Payload, every, job


class Nothing(Payload): ...


@job("tick", queue="ticks", schedule=every("1h"))
async def tick(data: Nothing, ctx: JobContext) -> None: ...
"""

registry = JobRegistry()


@job("hold", registry=registry)
async def hold(data: int, ctx: object) -> int:
    raise NotImplementedError


@job("leave", queue="doors", registry=registry)
async def leave(data: int, ctx: object) -> None:
    raise NotImplementedError


@pytest.fixture(autouse=True)
def fragile(project: Path) -> None:
    (project / "shop" / "fragile.py").write_text(FRAGILE)
    (project / "shop" / "scheduled.py").write_text(SCHEDULED)
    (project / "shop" / "suicidal.py").write_text("import os, signal\n\nos.kill(os.getpid(), signal.SIGSEGV)\n")


async def started(command: Command, count: int, *arguments: str, **environment: str) -> tuple[Running, list[int]]:
    """Start a service, and return it with the ids of its processes once all are ready."""
    running = await command.start(
        *("run", "--import", "shop.fragile", "--processes", str(count), "--concurrency", "1", *arguments), **environment
    )
    pids: dict[int, int] = {}
    while len(pids) < count:
        pids.update([await next_ready(running)])
    return running, [pids[index] for index in range(1, count + 1)]


async def next_ready(running: Running) -> tuple[int, int]:
    """Return the number and the id of the process that becomes ready next."""
    found = re.search(r"process (\d+) of \d+ is ready \(pid (\d+)\)", await running.until("is ready"))
    assert found
    return int(found[1]), int(found[2])


async def holding(running: Running, client: JobClient, count: int) -> list[JobHandle[int]]:
    """Give each process a job that lasts until it is released; return them by the processes' numbers."""
    handles = {handle.id: handle for handle in [await hold.trigger(number, client=client) for number in range(count)]}
    where: dict[int, JobHandle[int]] = {}
    for _ in range(count):
        line = await running.until("holding")
        (found,) = [job_id for job_id in handles if job_id in line]
        number = re.search(r"#(\d+) ", line)
        assert number, line
        where[int(number[1])] = handles[found]
    assert sorted(where) == list(range(1, count + 1))
    return [where[number] for number in sorted(where)]


async def test_one_that_is_killed_is_replaced_and_no_job_is_lost(
    command: Command, client: JobClient, project: Path
) -> None:
    running, pids = await started(command, 3, WORKER_LOCK_DURATION="3s", WORKER_STALLED_INTERVAL="1s")
    handles = await holding(running, client, 3)
    os.kill(pids[1], signal.SIGKILL)
    await running.until(f"process 2 (pid {pids[1]}) was killed by SIGKILL; it is started again in")
    number, successor = await next_ready(running)
    assert number == 2
    while handles[1].id not in await running.until("holding"):  # its lock expires, and it is taken again
        continue
    (project / "release").touch()
    # The others were busy with their own: what the dead one held was done by its successor.
    assert [await handle.result("10s") for handle in handles] == [pids[0], successor, pids[2]]
    running.signal(signal.SIGTERM)
    assert await running.end() == 0


async def test_a_handler_that_ends_its_process_takes_no_other_down(
    command: Command, client: JobClient, project: Path
) -> None:
    running, pids = await started(command, 2)
    handles = await holding(running, client, 2)
    await leave.trigger(3, client=client)
    line = await running.until("ended with exit code 3")
    _, successor = await next_ready(running)
    (project / "release").touch()
    (survivor,) = [pid for pid in pids if str(pid) not in line]
    assert await handles[pids.index(survivor)].result("10s") == survivor
    assert await (await hold.trigger(9, client=client)).result("10s") in (survivor, successor)
    running.signal(signal.SIGTERM)
    assert await running.end() == 0


async def test_sigterm_lets_the_jobs_of_all_finish_and_exits_with_0(
    command: Command, client: JobClient, project: Path
) -> None:
    """In production each line is an object, and names its process; what is for all is said once.

    None of them has written the schedules that they were told to leave alone.
    """
    alone = ("--import", "shop.scheduled", "--no-schedules")
    running, pids = await started(command, 3, *alone, ENVIRONMENT="production")
    handles = [await hold.trigger(number, client=client) for number in range(3)]
    for _ in range(3):
        await running.until("holding")
    running.signal(signal.SIGTERM)
    for _ in range(3):
        await running.until("stopping: no further jobs")
    await asyncio.sleep(SAME_SIGNAL_S + 0.1)  # until then it would count as the same signal anyway
    os.kill(pids[0], signal.SIGTERM)  # as an init system does that signals every process: it forces nothing
    (project / "release").touch()
    assert await running.end() == 0
    assert sorted([await handle.result("1s") for handle in handles]) == sorted(pids)
    lines = [json.loads(line) for line in running.lines]
    assert len([line for line in lines if "environment  production" in line["message"]]) == 1
    stopping = [line["worker_process"] for line in lines if "stopping: no further" in line["message"]]
    assert sorted(stopping) == [1, 2, 3]
    assert any("ticks" in line["message"] for line in lines)  # the queue was worked
    assert await client.schedules("ticks") == []


async def test_a_second_signal_forces_all_and_exits_with_1(command: Command, client: JobClient) -> None:
    running, pids = await started(command, 2, "--drain-timeout", "20s")
    handles = await holding(running, client, 2)
    # A terminal's Ctrl-C is for the supervisor alone.
    assert {os.getpgid(pid) for pid in pids}.isdisjoint({os.getpgid(running.process.pid)})
    running.signal(signal.SIGINT)
    await running.until("stopping: no further jobs")
    await running.until("stopping: no further jobs")
    await asyncio.sleep(SAME_SIGNAL_S + 0.1)  # until then it counts as the same Ctrl-C
    assert [await handle.state() for handle in handles] == ["active", "active"]
    running.signal(signal.SIGINT)
    assert await running.end() == 1
    assert [await handle.state() for handle in handles] == ["waiting", "waiting"]


async def test_what_is_wrong_for_all_is_said_in_one_line(command: Command, mortal_redis: RedisServer) -> None:
    bad_import = (await command.run("run", "--processes", "3", "--import", "shop.jbos")).refused()
    assert bad_import.startswith("Can't import 'shop.jbos' (from --import shop.jbos): no such module")
    await require_password(mortal_redis)
    url = mortal_redis.url.replace("redis://", "redis://:hunter2@")
    wrong_password = (await command.run("run", WORKER_PROCESSES="3", REDIS_URL=url)).refused()
    assert "Redis refused" in wrong_password
    none = (await command.run("run", "--processes", "3", WORKER_CONCURRENCY="many")).refused()
    assert none.startswith("WORKER_CONCURRENCY is 'many'")


async def test_a_crash_loop_is_given_up_with_a_clear_line(command: Command) -> None:
    ended = await command.run("run", "--processes", "3", "--import", "shop.suicidal")
    assert ended.code == 1
    *tries, last = ended.err.splitlines()
    assert last.startswith("Error: The worker processes don't stay up, and are given up: process 1 (pid ")
    assert last.endswith("was killed by SIGSEGV.")
    assert all("is started again in" in line for line in tries)
    assert len(tries) == 4


async def test_without_their_supervisor_they_drain_and_end(command: Command, client: JobClient, project: Path) -> None:
    running, pids = await started(command, 2)
    handles = await holding(running, client, 2)
    running.signal(signal.SIGKILL)
    await running.until("stopping: no further jobs")
    await running.until("stopping: no further jobs")
    (project / "release").touch()
    # Their standard error is at its end when both are gone.
    assert await running.end() == -signal.SIGKILL
    assert [await handle.result("1s") for handle in handles] == pids


async def test_health_counts_the_processes(command: Command, settings: Settings) -> None:
    running, pids = await started(command, 2)
    connection, prefix = Connection(connect(redis_config(settings))), settings.redis_prefix

    async def both() -> bool:
        return len(await heartbeats(connection, prefix)) == 2

    await eventually(both, "both have sent a heartbeat")
    well = await command.run("health")
    assert f"ok   worker: 2 of 2 processes of pid {running.process.pid}: pid {pids[0]} on " in well.out
    os.kill(pids[1], signal.SIGSTOP)
    (silent,) = [beat for beat in await heartbeats(connection, prefix) if beat.process == 2]
    await stop_beating(connection, prefix, silent)
    await connection.close()
    ill = await command.run("health")
    os.kill(pids[1], signal.SIGCONT)
    assert "FAIL worker: 1 of 2 processes" in ill.out
    assert "without one: 2" in ill.out
    assert ill.code == 1
    running.signal(signal.SIGTERM)
    assert await running.end() == 0
