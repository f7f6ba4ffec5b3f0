"""Handlers in processes of their own, on a real Redis: what travels, what is contained, and what is stopped."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from datetime import date
from pathlib import Path
from typing import TypeVar

import pytest
from loguru import logger

from midday_worker import JobClient, JobFailedError, JobHandle, Settings
from midday_worker.engine.job.interruption import Grace
from midday_worker.engine.worker.config import WorkerConfig
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.integration.processes import process_jobs as jobs

RUN = """
import asyncio, importlib, sys
from midday_worker import Settings
from midday_worker.workers.plan import make_plan
from midday_worker.workers.service import WorkerService

settings, registry = Settings(env_file=None), importlib.import_module(sys.argv[1]).registry
asyncio.run(WorkerService(registry, make_plan(registry, concurrency=2), settings).run())
"""
"""A worker service of a registry of its own."""

ResultT = TypeVar("ResultT")
CONFIG = WorkerConfig(queue="sums", concurrency=3, grace=Grace(clean_up_s=1))


def crew(settings: Settings, config: WorkerConfig = CONFIG) -> Crew:
    return Crew(jobs.registry, settings, configs=(config,))


async def first_line(handle: JobHandle[ResultT]) -> str:
    """Wait for the first line of the job's log."""
    lines: list[str] = []

    async def is_there() -> bool:
        stored = await handle.client.queue(handle.queue).getJobLogs(handle.id)
        lines.extend(stored["logs"])
        return bool(lines)

    await eventually(is_there, "the job has logged a line", 30)
    return lines[0]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def gone(pid: int) -> None:
    async def is_gone() -> bool:
        return not is_alive(pid)

    await eventually(is_gone, f"process {pid} has ended", 15)


async def test_payload_and_result_travel_typed(client: JobClient, settings: Settings) -> None:
    async with crew(settings):
        handle = await jobs.add_up.trigger(jobs.Range(start=1, stop=4), client=client)
        assert await handle.result("60s") == jobs.Sum(total=6, computed_on=date(2026, 1, 2))
        assert (await handle.fetch()).returnvalue == {"total": 6, "computedOn": "2026-01-02"}


async def test_a_helper_may_define_jobs_and_handlers_may_be_of_other_modules(
    client: JobClient, settings: Settings
) -> None:
    async with crew(settings):
        handles = [await each.trigger(4) for each in (jobs.helped, jobs.doubled, jobs.helpers_own)]
        assert [await handle.result(timeout="60s") for handle in handles] == [5, 8, 8]


async def test_a_process_is_used_again_and_replaced_after_its_tasks(client: JobClient, settings: Settings) -> None:
    async with crew(settings) as running:
        pids = [await (await jobs.where.trigger("", client=client)).result("60s") for _ in range(5)]
        assert os.getpid() not in pids
        assert [pids.index(pid) for pid in pids] == [0, 0, 2, 2, 4]
        await gone(pids[0])
        (worker,) = running.workers
        assert worker.processes.pids == {pids[4]}
    await gone(pids[4])


async def test_progress_log_and_logging_arrive(client: JobClient, settings: Settings) -> None:
    records: list[tuple[str, str | None, object]] = []
    sink = logger.add(
        lambda message: records.append(
            (message.record["message"], message.record["name"], message.record["extra"].get("job_id"))
        )
    )
    async with crew(settings):
        handle = await jobs.tell.trigger("Ada", client=client, attempts=2)
        job_id = handle.id
        assert await handle.result("60s") == [job_id, "tell", "sums", "Ada", 1, 2]
        job = await handle.fetch()
        assert job.progress == {"rows": 7}
        stored = await client.queue("sums").getJobLogs(job_id)
        assert stored["logs"] == ["a line of the job's log"]
    logger.remove(sink)
    assert ("logged by Ada", jobs.__name__, job_id) in records
    assert ("logged by a library", "some.library", job_id) in records


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("large", "^2 is more than 1$"),
        ("local", "^LocalError: known to nobody else$"),
        ("final", "^never again$"),
        ("exit", "^4$"),
        ("db", r"ctx\.db is not available in a plain function"),
        ("result", "^The result of job 'fail', a set, can't be stored"),
        ("word", "invalid literal for int"),
    ],
)
async def test_what_the_handler_raises_fails_the_job_with_the_childs_traceback(
    data: str, reason: str, client: JobClient, settings: Settings
) -> None:
    async with crew(settings):
        with pytest.raises(JobFailedError) as raised:
            await (await jobs.fail.trigger(data, client=client)).result("60s")
    assert re.search(reason, raised.value.reason), raised.value.reason
    stack = raised.value.stacktrace[-1]
    assert "in its process:" in stack
    files = [Path(line.split('"')[1]).name for line in stack.splitlines() if line.lstrip().startswith("File ")]
    # A result is refused after the handler, by what has called it.
    assert files[0] == ("process_jobs.py" if data != "result" else "job_runner.py")


async def test_the_classes_of_errors_keep_their_meaning(client: JobClient, settings: Settings) -> None:
    async with crew(settings):
        final = await jobs.fail.trigger("final", client=client, attempts=5)
        with pytest.raises(JobFailedError) as raised:
            await final.result("60s")
        assert raised.value.attempts == 1
        later = await jobs.fail.trigger("later", client=client, attempts=5)

        async def is_delayed() -> bool:
            return await later.state() == "delayed"

        await eventually(is_delayed, "it is tried again later", 30)
        assert (await later.fetch()).failedReason == "the bank is busy"


async def test_rules_apply_to_a_class_that_holds_what_cannot_be_pickled(client: JobClient, settings: Settings) -> None:
    async with crew(settings):
        with pytest.raises(JobFailedError) as raised:
            await (await jobs.hold.trigger(None, client=client)).result("60s")
    assert (raised.value.attempts, raised.value.reason) == (1, "held")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("kill", "ended by SIGKILL before the handler returned: the system is out of memory, or somebody killed it"),
        ("abort", "ended by SIGABRT before the handler returned"),
        ("exit", "exited with code 3 before the handler returned"),
    ],
)
async def test_a_process_that_dies_fails_only_its_own_job(
    data: str, reason: str, client: JobClient, settings: Settings
) -> None:
    async with crew(settings):
        others = await jobs.compute.batch_trigger([{"payload": 1.0}, {"payload": 1.0}], client=client)
        dying = await jobs.die.trigger(data, client=client)
        with pytest.raises(JobFailedError, match=reason):
            await dying.result("60s")
        for handle in others:
            assert await handle.result("60s") > 0
            assert (await handle.fetch()).attemptsStarted == 1
        after = await jobs.add_up.trigger(jobs.Range(start=0, stop=3), client=client)
        assert (await after.result("60s")).total == 3


async def test_a_timeout_stops_the_handler_and_what_it_has_started(client: JobClient, settings: Settings) -> None:
    async with crew(settings):
        handle = await jobs.spin.trigger("child", client=client, timeout="4s")
        child, grandchild = map(int, (await first_line(handle)).split())
        with pytest.raises(
            JobFailedError, match=r"timeout of 4000 ms; it was at .*process_jobs\.py, line \d+, in spin$"
        ):
            await handle.result("60s")
        await gone(child)
        await gone(grandchild)


async def test_a_handler_sees_that_its_time_is_up_and_its_process_lives_on(
    client: JobClient, settings: Settings
) -> None:
    async with crew(settings):
        handle = await jobs.obey.trigger("", client=client, timeout="4s")
        pid = int(await first_line(handle))
        with pytest.raises(JobFailedError, match="timeout of 4000 ms"):
            await handle.result("60s")
        stored = await client.queue("sums").getJobLogs(handle.id)
        assert stored["logs"][1:] == ["has seen it"]
        assert await (await jobs.where.trigger("", client=client)).result("60s") == pid


async def test_a_cancelled_job_is_stopped(client: JobClient, settings: Settings) -> None:
    async with crew(settings):
        handle = await jobs.spin.trigger("", client=client)
        pid = int((await first_line(handle)).split()[0])
        await handle.cancel("not needed")
        with pytest.raises(JobFailedError, match="cancelled: not needed"):
            await handle.result("60s")
        await gone(pid)


async def test_a_drain_lets_processes_finish_and_kills_and_hands_back_what_does_not(
    client: JobClient, settings: Settings
) -> None:
    running = crew(settings)
    await running.__aenter__()
    finishing = await jobs.compute.trigger(2.0, client=client)
    spinning = await jobs.spin.trigger("", client=client)
    pid = int((await first_line(spinning)).split()[0])
    await first_line(finishing)  # it is active earlier, when it may still be handed back
    assert await running.worker.drain(6) is False
    await running.__aexit__(None, None, None)
    assert (await finishing.state(), await spinning.state()) == ("completed", "waiting")
    await gone(pid)
    assert (await spinning.fetch()).attemptsMade == 0


async def test_handlers_that_keep_processors_busy_keep_their_locks(client: JobClient, settings: Settings) -> None:
    config = WorkerConfig(queue="sums", concurrency=2, lock_duration_ms=1_000, stalled_interval_ms=250)
    async with crew(settings, config), crew(settings, config):
        handles = await jobs.compute.batch_trigger([{"payload": 3.0}, {"payload": 3.0}], client=client)
        for handle in handles:
            assert await handle.result("60s") > 0
            assert (await handle.fetch()).attemptsStarted == 1


async def test_the_processes_of_a_worker_that_is_killed_end(settings: Settings, client: JobClient) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", RUN, jobs.__name__),
        env={**os.environ, "REDIS_URL": settings.redis_url.get_secret_value(), "REDIS_PREFIX": settings.redis_prefix},
    )
    try:
        handle = await jobs.spin.trigger("", client=client)
        pid = int((await first_line(handle)).split()[0])
        process.kill()
        await gone(pid)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
