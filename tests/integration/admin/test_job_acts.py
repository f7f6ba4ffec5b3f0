"""Acts on one job: what they do to it, and what they refuse."""

from __future__ import annotations

import time

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobDefinition, JobRegistry, Settings
from midday_worker.admin import (
    Cut,
    change_data,
    change_delay,
    change_priority,
    find_job,
    get_job,
    list_schedules,
    promote_job,
    read_log,
    remove_job,
    remove_unprocessed_children,
    retry_job,
)
from midday_worker.engine.producer.queue import Queue
from midday_worker.errors import JobFailedError, JobNotFoundError, JobStateError, ScheduledRunError
from tests.integration.crew import Crew

Mail = JobDefinition[str, str]


async def test_a_job_is_read_with_all_that_is_known_of_it(
    mail: Mail, client: JobClient, queue: Queue, registry: JobRegistry, settings: Settings
) -> None:
    good = await mail.trigger("ada", client=client, priority=4)
    bad = await mail.trigger("nobody", client=client)
    async with Crew(registry, settings):
        await good.result("10s")
        with pytest.raises(JobFailedError):
            await bad.result("10s")
    done, failed = await get_job(queue, good.id), await get_job(queue, bad.id)
    assert (done.name, done.state, done.data, done.result, done.priority) == ("send-mail", "completed", "ada", "ADA", 4)
    assert done.added_ms <= (done.started_ms or 0) <= (done.finished_ms or 0) <= time.time() * 1000 + 1_000
    assert (failed.state, failed.failed_reason, failed.attempts) == ("failed", "no such user", 1)
    assert "LookupError: no such user" in failed.stacktrace[0]
    assert (await read_log(queue, good.id)).lines == ("sending to ada",)


async def test_a_large_payload_is_left_where_it_is(mail: Mail, client: JobClient, queue: Queue) -> None:
    handle = await mail.trigger("x" * 2_000, client=client)
    assert (await get_job(queue, handle.id, longest=2_001)).data == Cut(2_002)
    assert (await get_job(queue, handle.id, longest=2_002)).data == "x" * 2_000


@pytest.mark.parametrize("key", ["meta", "events", "wait", "repeat:daily", "", "no/such:job", "{a}:logs", "{a}:events"])
async def test_what_is_no_job_s_key_is_no_job(key: str, mail: Mail, client: JobClient, queue: Queue) -> None:
    """Acts on "meta" would otherwise remove the queue's own settings."""
    handle = await mail.trigger("ada", client=client)
    await mail.trigger_recurring("ada", "0 9 * * *", schedule_id="daily", client=client)
    job_id = key.replace("{a}", handle.id)
    assert await find_job(queue, job_id) is None
    for act in (retry_job, promote_job, remove_job, remove_unprocessed_children):
        with pytest.raises(JobNotFoundError):
            await act(queue, job_id)
    with pytest.raises(JobNotFoundError):
        await change_data(queue, job_id, "eve")
    assert (await list_schedules(queue))[0].id == "daily"


async def test_a_job_that_has_ended_is_retried_and_no_other(
    mail: Mail, client: JobClient, queue: Queue, registry: JobRegistry, settings: Settings
) -> None:
    bad = await mail.trigger("nobody", client=client)
    with pytest.raises(JobStateError, match="can't be retried: it is waiting"):
        await retry_job(queue, bad.id)
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError):
            await bad.result("10s")
    await retry_job(queue, bad.id)
    assert (await get_job(queue, bad.id)).state == "waiting"


async def test_a_delayed_job_is_promoted_or_put_off(mail: Mail, client: JobClient, queue: Queue) -> None:
    later = await mail.trigger("ada", client=client, delay="1h")
    due_ms = round(time.time() * 1000) + 7_200_000
    await change_delay(queue, later.id, due_ms)
    assert abs((await get_job(queue, later.id)).delay_ms - 7_200_000) < 60_000
    await promote_job(queue, later.id)
    assert (await get_job(queue, later.id)).state == "waiting"
    with pytest.raises(JobStateError, match="it is waiting"):
        await promote_job(queue, later.id)
    with pytest.raises(JobStateError, match="it is waiting"):
        await change_delay(queue, later.id, due_ms)


async def test_payload_and_priority_are_changed(mail: Mail, client: JobClient, queue: Queue) -> None:
    handle = await mail.trigger("ada", client=client)
    await change_data(queue, handle.id, "eve")
    await change_priority(queue, handle.id, 7)
    changed = await get_job(queue, handle.id)
    assert (changed.data, changed.priority, changed.state) == ("eve", 7, "prioritized")


async def test_a_job_is_removed_unless_a_worker_has_it(
    mail: Mail, client: JobClient, queue: Queue, redis: Redis
) -> None:
    handle = await mail.trigger("ada", client=client)
    await redis.set(f"{queue.toKey(handle.id)}:lock", "a worker's token")
    with pytest.raises(JobStateError, match=r"it is waiting\. A worker holds its lock\."):
        await remove_job(queue, handle.id)
    await redis.delete(f"{queue.toKey(handle.id)}:lock")
    await remove_job(queue, handle.id)
    assert await find_job(queue, handle.id) is None


async def test_the_next_run_of_a_schedule_is_not_removed_alone(mail: Mail, client: JobClient, queue: Queue) -> None:
    await mail.trigger_recurring("ada", "0 9 * * *", schedule_id="daily", client=client)
    (schedule,) = await list_schedules(queue)
    with pytest.raises(ScheduledRunError) as caught:
        await remove_job(queue, f"repeat:daily:{schedule.next_run_ms}")
    assert caught.value.schedule_id == "daily"


async def test_children_that_have_not_started_are_removed(mail: Mail, client: JobClient, queue: Queue) -> None:
    flow = await mail.trigger_flow("root", [mail.node("a"), mail.node("b")], client=client)
    assert await remove_unprocessed_children(queue, flow.id) == 2
    assert await remove_unprocessed_children(queue, flow.id) == 0
    assert [await find_job(queue, child.id) for child in flow.children] == [None, None]
