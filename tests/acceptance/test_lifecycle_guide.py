"""docs/guide/lifecycle.md: every block of it is run."""

from __future__ import annotations

import os
import shlex
import signal
from pathlib import Path
from typing import Final

import pytest

from midday_worker.testing import RedisServer
from tests.acceptance.command import Command
from tests.acceptance.readme_blocks import README, block, blocks, run_python

TRIGGER_HANGING: Final = """
from my_service.hanging import hang
handle = await hang.trigger(None)
print(handle.id)
"""
READ_REASON: Final = """
from midday_worker import JobFailedError, JobHandle
from midday_worker.client.client import current_client
from my_service.hanging import hang
handle = JobHandle("JOB_ID", hang.id, hang.queue, current_client(), hang)
try:
    await handle.result("20s")
except JobFailedError as error:
    print(error.reason)
"""
HANGING: Final = """
import asyncio
from midday_worker import JobContext, job

@job("hang", queue="reports")
async def hang(data: None, ctx: JobContext) -> None:
    ctx.logger.info("hangs")
    try:
        await asyncio.Event().wait()
    finally:
        ctx.logger.info("cleaned up")
"""
GUIDE: Final = README.parent / "docs" / "guide" / "lifecycle.md"
JOBS: Final = "The life of a job"


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """A folder with `my_service/jobs.py` as the guide writes it."""
    (tmp_path / "my_service").mkdir()
    (tmp_path / "my_service" / "__init__.py").write_text("")
    (tmp_path / "my_service" / "jobs.py").write_text(block(JOBS, "python", GUIDE))
    (tmp_path / "my_service" / "hanging.py").write_text(HANGING)
    return tmp_path


@pytest.fixture
def environment(redis_server: RedisServer, redis_prefix: str) -> dict[str, str]:
    return {"REDIS_URL": redis_server.url, "REDIS_PREFIX": redis_prefix, "PATH": os.environ["PATH"]}


def test_every_block_is_run_by_a_test_of_this_module() -> None:
    assert [(found.heading, found.language) for found in blocks(GUIDE)] == [
        (JOBS, "python"),
        ("Acts on a job", "python"),
        ("Cancel a job", "python"),
        ("Cancel a job", "bash"),
        ("Node's workers", "typescript"),
        ("Timeouts and deadlines", "python"),
    ]


async def test_cancelling(service: Path, environment: dict[str, str]) -> None:
    printed = await run_python(block("Cancel a job", "python", GUIDE), service, environment)
    assert printed.splitlines() == ["cancelled", "cancelled: the customer has left"]


async def test_timeouts_and_deadlines(service: Path, environment: dict[str, str]) -> None:
    source = block("Timeouts and deadlines", "python", GUIDE).replace("await report", "handle = await report")
    printed = await run_python(f"{source}\nprint(sorted((await handle.fetch()).opts['midday']))", service, environment)
    assert printed == "['deadline', 'retryOnTimeout', 'timeout']\n"


async def test_cancelling_in_the_shell(service: Path, environment: dict[str, str]) -> None:
    """While a worker process runs the job: it sees CancelledError, and cleans up."""
    command = Command(service, environment)
    try:
        running = await command.start("run", "--import", "my_service")
        await running.until("report")
        job_id = (await run_python(TRIGGER_HANGING, service, environment)).strip()
        await running.until("hangs")
        (line,) = block("Cancel a job", "bash", GUIDE).splitlines()
        program, *arguments = shlex.split(line.replace("JOB_ID", job_id))
        assert program == "midday-worker"
        cancelled = await command.run(*arguments)
        assert cancelled.out == f"Job {job_id} of queue reports is running and was told to stop\n"
        await running.until("cleaned up")
        printed = await run_python(READ_REASON.replace("JOB_ID", job_id), service, environment)
        assert printed == "cancelled: the customer has left\n"
        running.signal(signal.SIGTERM)
        assert await running.end() == 0
    finally:
        await command.kill()


async def test_acts_on_a_job(service: Path, environment: dict[str, str]) -> None:
    printed = await run_python(block("Acts on a job", "python", GUIDE), service, environment)
    refusal, state = printed.splitlines()
    assert refusal.endswith("of queue reports can't be promoted: it is prioritized. Allowed: delayed.")
    assert state == "prioritized ('delayed',)"
