"""Runs of many queues from Python, as docs/dashboard.md shows it, and runs that move while they are looked through."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient
from midday_worker.admin.runs import RunChoice, Tag, act_on_runs, bulk, count_runs, list_runs, scan
from midday_worker.engine.producer.queue import Queue

PAGE = Path(__file__).parents[3] / "docs" / "dashboard.md"


async def store(redis: Redis, queue: Queue, state: str, job_id: str, at_ms: int, data: object) -> None:
    """Store a job as BullMQ does, as far as it is read here."""
    fields = {"name": "send", "timestamp": str(at_ms), "data": json.dumps(data), "opts": "{}"}
    for field, text in fields.items():
        await redis.hset(queue.toKey(job_id), field, text)
    if state == "wait":
        await redis.lpush(queue.keys[state], job_id)
    else:
        await redis.zadd(queue.keys[state], {job_id: at_ms})


async def fill(redis: Redis, client: JobClient) -> None:
    for name in ("emails", "reports"):
        for number in range(12):
            data = {"teamId": number % 3}
            await store(redis, client.queue(name), "failed", f"{name}-{number}", 1_000 + number, data)


async def test_the_example_in_the_page_about_it_works(client: JobClient, redis: Redis) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    names: dict[str, object] = {}
    exec(compile(block, str(PAGE), "exec"), names)  # noqa: S102 - our own page's
    retry_team = cast("Callable[[JobClient, str], Awaitable[int]]", names["retry_team"])
    await fill(redis, client)
    assert await retry_team(client, "2") == 8
    assert await retry_team(client, "2") == 0
    assert await redis.zcard(client.queue("emails").keys["failed"]) == 8


async def test_queues_are_merged_by_time_and_a_page_ends_where_the_next_begins(client: JobClient, redis: Redis) -> None:
    await fill(redis, client)
    choice = RunChoice(queues=("emails", "reports"), states=("failed",))
    first = await list_runs(client.queue, choice, most=7)
    second = await list_runs(client.queue, choice, 40, first.cursor)
    times = [run.at_ms for run in (*first.runs, *second.runs)]
    assert (len(first.runs), len(times), second.cursor) == (7, 24, None)
    assert times == sorted(times, reverse=True)
    assert {(run.queue, run.id) for run in (*first.runs, *second.runs)} == {
        (name, f"{name}-{number}") for name in ("emails", "reports") for number in range(12)
    }


@pytest.mark.parametrize("state", ["failed", "wait"])
async def test_a_list_goes_on_although_the_run_that_it_was_left_at_is_gone(
    client: JobClient, redis: Redis, state: str
) -> None:
    queue = client.queue("emails")
    for number in range(10):
        await store(redis, queue, state, f"job-{number}", 1_000 + number, {})
    choice = RunChoice(queues=("emails",))
    first = await list_runs(client.queue, choice, most=4)
    assert [run.id for run in first.runs] == ["job-9", "job-8", "job-7", "job-6"]
    await (redis.zrem(queue.keys[state], "job-6") if state == "failed" else redis.lrem(queue.keys[state], 0, "job-6"))
    second = await list_runs(client.queue, choice, 10, first.cursor)
    assert [run.id for run in second.runs] == [f"job-{number}" for number in reversed(range(6))]


async def test_newer_runs_that_come_meanwhile_are_not_listed_again(client: JobClient, redis: Redis) -> None:
    queue = client.queue("emails")
    for number in range(6):
        await store(redis, queue, "wait", f"job-{number}", 1_000 + number, {})
    choice = RunChoice(queues=("emails",))
    first = await list_runs(client.queue, choice, most=3)
    for number in range(6, 9):
        await store(redis, queue, "wait", f"job-{number}", 1_000 + number, {})
    second = await list_runs(client.queue, choice, 10, first.cursor)
    assert [run.id for run in second.runs] == ["job-2", "job-1", "job-0"]


async def test_a_count_goes_on_until_all_are_looked_at(
    client: JobClient, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "MOST", 10)
    await fill(redis, client)
    choice = RunChoice(queues=("emails", "reports"), tags=(Tag("teamId", "0"),))
    counted = await count_runs(client.queue, choice, "retry")
    matched, calls = counted.matched, 1
    while counted.cursor is not None:
        counted = await count_runs(client.queue, choice, "retry", counted.cursor)
        matched, calls = matched + counted.matched, calls + 1
    assert (matched, calls, counted.scanned, counted.total) == (8, 3, 24, 24)


async def test_an_act_means_only_states_that_allow_it(client: JobClient, redis: Redis) -> None:
    await fill(redis, client)
    choice = RunChoice(queues=("emails", "reports"))
    assert (await count_runs(client.queue, choice, "promote")).matched == 0
    step = await act_on_runs(client.queue, choice, "promote", 100)
    assert (step.done, step.refused, step.cursor) == (0, {}, None)


@pytest.mark.parametrize("state", ["failed", "wait"])
async def test_steps_of_an_act_leave_none_out_between_them(
    client: JobClient, redis: Redis, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 2)
    monkeypatch.setattr(bulk, "_AT_ONCE", 2)
    queue = client.queue("emails")
    for number in range(12):
        await store(redis, queue, state, f"job-{number}", 1_000, {"teamId": number % 3})
    choice = RunChoice(queues=("emails",), text='"teamId":1')
    rest = RunChoice(queues=("emails",), text="teamId")
    for chosen, left in ((choice, 8), (rest, 0)):
        step = await act_on_runs(client.queue, chosen, "remove", 100)
        while step.cursor is not None:
            step = await act_on_runs(client.queue, chosen, "remove", 100, step.cursor)
        assert (await list_runs(client.queue, chosen, 50)).runs == ()
        assert (await list_runs(client.queue, RunChoice(queues=("emails",)), 50)).total == left


async def test_a_run_that_another_retries_meanwhile_is_said_to_be_elsewhere(client: JobClient, redis: Redis) -> None:
    await fill(redis, client)
    queue = client.queue("emails")
    # It is in two states, as it is for who reads them one after the other.
    await redis.zadd(queue.keys["completed"], {"emails-3": 5})
    step = await act_on_runs(client.queue, RunChoice(queues=("emails",), states=("failed",)), "retry", 100)
    assert (step.done, step.refused) == (11, {"it is completed": 1})
