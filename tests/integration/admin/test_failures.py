"""Failed jobs in groups, and the retry of those that are chosen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobDefinition, JobRegistry, Settings
from midday_worker.admin import (
    FailedCount,
    FailureChoice,
    Moved,
    count_failed,
    count_jobs,
    failed_page,
    get_job,
    group_failures,
    retry_failed,
)
from midday_worker.engine.producer.queue import Queue
from tests.deadline import eventually
from tests.integration.crew import Crew

Mail = JobDefinition[str, str]

ALL = FailureChoice()


@pytest.fixture
async def failed(
    mail: Mail, client: JobClient, queue: Queue, registry: JobRegistry, settings: Settings
) -> AsyncIterator[list[str]]:
    """Five failed jobs of one kind, by their ids, the first to fail first; and one job that completed."""
    await mail.trigger("ada", client=client)
    for _ in range(5):
        await mail.trigger("nobody", client=client)
    async with Crew(registry, settings):

        async def all_ended() -> bool:
            counts = await count_jobs(queue)
            return (counts["failed"], counts["completed"]) == (5, 1)

        await eventually(all_ended, "all jobs have ended")
    yield [job.id for job in await failed_page(queue, ALL, 0, 10)]


def now_ms() -> int:
    return round(time.time() * 1000)


async def counted(queue: Queue) -> tuple[int, int]:
    counts = await count_jobs(queue)
    return counts["failed"], counts["waiting"]


async def test_failed_jobs_are_grouped_by_name_and_by_what_their_reasons_share(
    failed: list[str], queue: Queue, redis: Redis
) -> None:
    for number, job_id in enumerate(failed[:3]):
        await redis.hset(queue.toKey(job_id), "failedReason", f"timed out after {number} s")
    found = await group_failures(queue, ALL, 1_000)
    assert [(group.job, group.reason, group.count) for group in found.groups] == [
        ("send-mail", "timed out after <n> s", 3),
        ("send-mail", "no such user", 2),
    ]
    assert (found.looked_at, found.total) == (5, 5)
    assert found.groups[1].newest_id == failed[-1]


async def test_only_so_many_are_looked_at_the_newest(failed: list[str], queue: Queue) -> None:
    found = await group_failures(queue, ALL, 2)
    assert (found.groups[0].count, found.groups[0].newest_id) == (2, failed[-1])
    assert (found.looked_at, found.total) == (2, 5)


async def test_what_is_no_job_among_the_failed_hides_no_other(failed: list[str], queue: Queue, redis: Redis) -> None:
    await redis.zadd(queue.keys["failed"], {"gone": now_ms(), "odd": now_ms()})
    await redis.set(queue.toKey("odd"), "a text")
    found = await group_failures(queue, ALL, 1_000)
    assert [(group.job, group.count) for group in found.groups] == [("send-mail", 5), ("", 1), ("", 1)]
    done = await retry_failed(queue, ALL, now_ms=now_ms())
    assert (done.moved, done.skipped) == (5, 2)


async def test_chosen_jobs_are_retried_and_no_others(failed: list[str], queue: Queue, redis: Redis) -> None:
    await redis.hset(queue.toKey(failed[1]), "failedReason", "Timed out after 3 s")
    await redis.hset(queue.toKey(failed[3]), "failedReason", "timed out after 40 s")
    choice = FailureChoice(reason="timed out after <n> s")
    assert await count_failed(queue, choice) == FailedCount(matching=2, cancelled=0)
    assert await retry_failed(queue, choice, now_ms=now_ms()) == Moved(2, 0)
    assert [(await get_job(queue, job_id)).state for job_id in failed] == [
        *("failed", "waiting", "failed", "waiting", "failed")
    ]
    assert await retry_failed(queue, FailureChoice(job="other"), now_ms=now_ms()) == Moved(0, 0)


@pytest.mark.parametrize(
    ("choice", "count", "retried"),
    [
        (ALL, FailedCount(matching=3, cancelled=2), (2, 3, 4)),
        (FailureChoice(reason="no such"), FailedCount(matching=3, cancelled=1), (2, 3, 4)),
        (FailureChoice(reason="cancelled: no such"), FailedCount(matching=1, cancelled=0), (1,)),
        (FailureChoice(cancelled=True), FailedCount(matching=5, cancelled=0), (0, 1, 2, 3, 4)),
        (FailureChoice(cancelled=True, reason="no such"), FailedCount(matching=4, cancelled=0), (1, 2, 3, 4)),
    ],
)
async def test_cancelled_jobs_are_retried_only_if_asked_for(
    failed: list[str], queue: Queue, redis: Redis, choice: FailureChoice, count: FailedCount, retried: tuple[int, ...]
) -> None:
    await redis.hset(queue.toKey(failed[0]), "failedReason", "cancelled: the customer has left")
    await redis.hset(queue.toKey(failed[1]), "failedReason", "cancelled: no such user")
    assert await count_failed(queue, choice) == count
    assert await retry_failed(queue, choice, now_ms=now_ms()) == Moved(len(retried), 0)
    states = [(await get_job(queue, job_id)).state for job_id in failed]
    assert states == ["waiting" if place in retried else "failed" for place in range(5)]


async def test_cancelled_jobs_are_a_group_of_their_own_the_last(failed: list[str], queue: Queue, redis: Redis) -> None:
    for job_id in failed[:3]:
        await redis.hset(queue.toKey(job_id), "failedReason", "cancelled: the customer has left")
    found = await group_failures(queue, FailureChoice(cancelled=True), 1_000)
    assert [(group.count, group.cancelled) for group in found.groups] == [(2, False), (3, True)]
    assert [group.count for group in (await group_failures(queue, ALL, 1_000)).groups] == [2]


async def test_since_leaves_out_what_failed_before(failed: list[str], queue: Queue, redis: Redis) -> None:
    now = now_ms()
    await redis.zadd(queue.keys["failed"], {failed[0]: now - 7_200_000, failed[1]: now - 3_000_000})
    choice = FailureChoice(since_ms=now - 3_600_000)
    assert await count_failed(queue, choice) == FailedCount(matching=4, cancelled=0)
    assert (await retry_failed(queue, choice, now_ms=now_ms())).moved == 4
    assert (await get_job(queue, failed[0])).state == "failed"


async def test_batches_follow_each_other_and_tell_their_progress(
    failed: list[str], queue: Queue, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("midday_worker.admin.failure_retry.BATCH", 2)
    await redis.hset(queue.toKey(failed[0]), "name", "other")
    said: list[Moved] = []
    done = await retry_failed(queue, FailureChoice(job="send-mail"), said.append, now_ms=now_ms())
    assert (done, await counted(queue)) == (Moved(4, 0), (1, 4))
    assert [progress.moved for progress in said] == [1, 3, 4]


async def test_a_retry_that_is_interrupted_goes_on_where_it_was(
    failed: list[str], queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("midday_worker.admin.failure_retry.BATCH", 2)

    def interrupt(_: Moved) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await retry_failed(queue, ALL, interrupt, now_ms=now_ms())
    assert await counted(queue) == (3, 2)
    assert await retry_failed(queue, ALL, now_ms=now_ms()) == Moved(3, 0)
    assert await counted(queue) == (0, 5)


async def test_two_retries_at_once_retry_each_job_once(failed: list[str], queue: Queue) -> None:
    first, second = await asyncio.gather(*(retry_failed(queue, ALL, now_ms=now_ms()) for _ in range(2)))
    assert first.moved + second.moved == len(failed)
    assert await counted(queue) == (0, 5)


async def test_a_job_that_was_retried_and_completed_meanwhile_is_left_alone(
    failed: list[str], queue: Queue, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at it and the act another has retried it, and it has completed."""
    real = failed_page

    async def page_then_completed(*args: object, **kwargs: object) -> object:
        page = await real(*args, **kwargs)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - passed on
        await redis.zrem(queue.keys["failed"], failed[0])
        await redis.zadd(queue.keys["completed"], {failed[0]: now_ms()})
        return page

    monkeypatch.setattr("midday_worker.admin.failure_retry.failed_page", page_then_completed)
    assert await retry_failed(queue, ALL, now_ms=now_ms()) == Moved(4, 1)
    assert (await get_job(queue, failed[0])).state == "completed"


async def test_what_fails_again_is_not_retried_again(
    failed: list[str], queue: Queue, registry: JobRegistry, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("midday_worker.admin.failure_retry.BATCH", 1)
    async with Crew(registry, settings):
        # As if by the clock of a worker that is behind: what fails again is within the span again.
        done = await retry_failed(queue, ALL, now_ms=now_ms() + 3_600_000)
    assert done.moved + done.skipped <= len(failed)
