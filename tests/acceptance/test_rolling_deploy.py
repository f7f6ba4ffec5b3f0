"""A producer that knows a job before the workers do: the job waits for the worker that knows it."""

from __future__ import annotations

import signal
from pathlib import Path

from midday_worker import JobClient
from tests.acceptance.command import Command
from tests.acceptance.test_run import add
from tests.deadline import eventually

NEW_JOB = """
from midday_worker import JobContext, job


@job("send-mails", queue="mails", attempts=2)
async def send_mails(data: dict[str, object], ctx: JobContext) -> str:
    ctx.logger.info("the new worker runs it, attempt {made}", made=ctx.job.attemptsMade + 1)
    return "sent"
"""


async def test_a_job_that_the_old_workers_do_not_know_is_run_by_the_new_one(
    command: Command, project: Path, client: JobClient
) -> None:
    old = await command.start("run")
    await old.until("send-mail")
    job_id = await add(client, "send-mails", "mails")
    line = await old.until("parked for")
    assert "No job named 'send-mails' is registered" in line
    assert "Did you mean 'send-mail'" in line
    assert "A worker of queue mails that isn't deployed yet may know it" in line
    assert "parked for 5 s (1 of 12)" in line

    async def is_parked() -> bool:
        return await client.state("mails", job_id) == "delayed"

    await eventually(is_parked, "the job is parked")
    (project / "shop" / "later.py").write_text(NEW_JOB)
    new = await command.start("run", "--import", "shop.jobs", "--import", "shop.later")
    await new.until("send-mails")
    old.signal(signal.SIGTERM)
    assert await old.end() == 0
    ran = await new.until("the new worker runs it")
    assert "attempt 1" in ran

    async def is_completed() -> bool:
        return await client.state("mails", job_id) == "completed"

    await eventually(is_completed, "the job is completed")
    new.signal(signal.SIGTERM)
    assert await new.end() == 0


async def test_a_job_that_nobody_ever_knows_fails_after_the_last_try(command: Command, client: JobClient) -> None:
    running = await command.start("run", UNKNOWN_JOB_RETRIES="0")
    await running.until("send-mail")
    job_id = await add(client, "send-nothing", "mails")

    async def has_failed() -> bool:
        return await client.state("mails", job_id) == "failed"

    await eventually(has_failed, "the job fails")
    failed = await client.find("mails", job_id)
    assert failed is not None
    assert "No job named 'send-nothing' is registered" in str(failed.failedReason)
    assert "Given up after 0 tries" in str(failed.failedReason)
    running.signal(signal.SIGTERM)
    assert await running.end() == 0
