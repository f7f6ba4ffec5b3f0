"""The doctor on a real Redis: what is wrong is found, and what is well isn't said."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobDefinition, JobRegistry, Settings, job
from midday_worker.admin import Expected, Finding, examine, list_prefixes, list_queues, pause_queue, queue_exists
from midday_worker.engine.producer.queue import Queue
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.integration.crew import Crew

Mail = JobDefinition[str, str]

HANDLED: Final[Mapping[str, set[str]]] = {"emails": {"send-mail"}}
NOTHING: Final = Expected(prefix="bull", largest=1, handled={}, declared={})


async def found(client: JobClient, largest: int = 1_000, handled: Mapping[str, set[str]] = HANDLED) -> list[Finding]:
    """What the doctor found of the test's own queues."""
    expected = Expected(prefix=client.settings.redis_prefix, largest=largest, handled=handled, declared={})
    return [
        finding for finding in await examine(client.connection, expected, client.queue) if finding.queue is not None
    ]


async def test_a_queue_with_a_worker_and_handlers_is_well(
    mail: Mail, client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    await mail.trigger("ada", client=client, delay="1h")
    async with Crew(registry, settings):
        assert await found(client) == []


async def test_the_server_is_looked_at_first(client: JobClient) -> None:
    findings = await examine(
        client.connection, Expected(prefix="bull", largest=1, handled={}, declared={}), client.queue
    )
    assert [finding.check for finding in findings[:6]] == [
        *("redis", "eviction policy", "clock", "versions", "prefix", "handlers")
    ]
    assert {finding.grade for finding in findings[:4]} == {"ok"}
    assert "--import" in findings[5].fix


async def test_an_eviction_policy_that_drops_jobs_is_found(mortal_redis: RedisServer) -> None:
    settings = Settings(env_file=None, redis_url=mortal_redis.url)
    async with JobClient(settings) as client:
        await client.connection.conn.config_set("maxmemory-policy", "allkeys-lru")  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
        findings = await examine(
            client.connection, Expected(prefix="bull", largest=1, handled={}, declared={}), client.queue
        )
    assert [finding.check for finding in findings if finding.grade == "fail"] == ["eviction policy"]


async def test_jobs_that_wait_for_no_worker_are_found(mail: Mail, client: JobClient, queue: Queue) -> None:
    await mail.trigger("ada", client=client)
    await mail.trigger("ada", client=client, priority=3)
    (finding,) = await found(client)
    assert (finding.check, finding.text) == ("no workers", "2 jobs wait, and no worker is connected")
    await pause_queue(queue)
    (finding,) = await found(client)
    assert (finding.check, finding.grade) == ("paused queue", "fail")


async def test_a_parent_behind_a_queue_without_workers_is_found(
    mail: Mail, client: JobClient, settings: Settings
) -> None:
    """Its own queue has a worker, and the child waits for none: it is delayed."""
    registry = JobRegistry()
    total = job("total", int, lambda _data, _ctx: None, queue="totals", registry=registry)
    flow = await total.trigger_flow(1, [mail.node("ada", delay="1h")], client=client)
    async with Crew(registry, settings):
        findings = await found(client, handled={**HANDLED, "totals": {"total"}})
    assert [(one.check, one.grade, one.queue) for one in findings] == [("parents without workers", "fail", "totals")]
    assert findings[0].text == f"1 job waits for children in queue emails, which has no worker ({flow.id})"


async def test_names_without_a_handler_are_found_in_every_state_and_in_schedules(
    mail: Mail, client: JobClient, queue: Queue
) -> None:
    await queue.add("send-mial", "ada", {"delay": 3_600_000})
    await mail.trigger_recurring("ada", "0 9 * * *", schedule_id="daily", client=client)
    (finding,) = await found(client)
    assert "1 of 'send-mial'" in finding.text
    missing = await found(client, handled={"emails": {"other"}})
    assert [finding.text.split(" of ")[1].split(",")[0] for finding in missing] == ["'send-mail'", "'send-mial'"]


async def test_large_payloads_are_found(mail: Mail, client: JobClient) -> None:
    await mail.trigger("x" * 500, client=client, delay="1h", job_id="small")
    large = await mail.trigger("x" * 2_000, client=client, delay="1h")
    (finding,) = await found(client)
    assert (finding.check, finding.text) == (
        "large payloads",
        f"1 job has a payload of more than 1,000 bytes; {large.id}: 2,002",
    )


async def test_running_jobs_without_a_worker_are_found(
    mail: Mail, client: JobClient, queue: Queue, redis: Redis
) -> None:
    handle = await mail.trigger("ada", client=client)
    await redis.lmove(queue.keys["wait"], queue.keys["active"])
    (finding,) = await found(client)
    assert (finding.check, finding.grade) == ("stuck jobs", "fail")
    assert finding.text.startswith("1 job runs without a worker")
    assert handle.id in finding.text
    await redis.set(f"{queue.toKey(handle.id)}:lock", "a worker's token")
    assert await found(client) == []


async def test_delayed_jobs_that_should_have_started_are_found(
    mail: Mail, client: JobClient, queue: Queue, redis: Redis
) -> None:
    handle = await mail.trigger("ada", client=client, delay="1h")
    await redis.zadd(queue.keys["delayed"], {handle.id: (time.time() - 300) * 1000 * 0x1000})
    (finding,) = await found(client)
    assert (finding.check, finding.grade) == ("overdue jobs", "warn")
    assert finding.text.startswith("1 job is still delayed")


@pytest.mark.parametrize(("due_s_ago", "is_dead"), [(300, True), (5, False)])
async def test_schedules_that_will_not_fire_again_are_found(
    mail: Mail, client: JobClient, queue: Queue, redis: Redis, due_s_ago: float, *, is_dead: bool
) -> None:
    schedule = await mail.trigger_recurring("ada", every="1h", schedule_id="hourly", client=client)
    over = await mail.trigger_recurring("bo", every="1h", schedule_id="over", limit=1, client=client)
    due = round((time.time() - due_s_ago) * 1000)
    for each in (schedule, over):
        at = await redis.zscore(queue.keys["repeat"], each.id)
        await redis.zrem(queue.keys["delayed"], f"repeat:{each.id}:{at:.0f}")
        await redis.lrem(queue.keys["wait"], 0, f"repeat:{each.id}:{at:.0f}")
        await redis.zadd(queue.keys["repeat"], {each.id: due})
    found_now = [(finding.check, finding.grade) for finding in await found(client)]
    assert found_now == ([("dead schedules", "fail")] if is_dead else [])
    # A run that is due and waits, or runs, is one that is yet to come.
    await redis.hset(queue.toKey(f"repeat:hourly:{due}"), "name", "send-mail")
    await redis.lpush(queue.keys["active"], f"repeat:hourly:{due}")
    await redis.set(f"{queue.toKey(f'repeat:hourly:{due}')}:lock", "a worker's token")
    assert await found(client) == []


async def test_a_flow_that_waits_for_children_that_are_gone_is_found(
    mail: Mail, client: JobClient, queue: Queue, redis: Redis
) -> None:
    flow = await mail.trigger_flow("root", [mail.node("a", delay="1h")], client=client)
    assert [finding.check for finding in await found(client)] == ["parents without workers"]
    await redis.delete(f"{queue.toKey(flow.id)}:dependencies")
    (finding,) = await found(client)
    assert (finding.check, finding.grade) == ("stuck flows", "fail")
    assert f"job show {flow.id} -q emails" in finding.fix


async def test_queues_are_listed_by_what_they_hold_and_by_their_workers(
    mail: Mail, client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis
) -> None:
    prefix = settings.redis_prefix
    await redis.hset(f"{prefix}:emails:repeat:meta", "every", "1")  # a schedule of that id, and no queue
    assert await list_queues(client.connection, prefix) == []
    assert await queue_exists(client.queue("emails")) is False

    async def listed() -> bool:
        return await list_queues(client.connection, prefix) == ["emails"]

    async with Crew(registry, settings):
        await eventually(listed, "the worker's queue is listed")
    await mail.trigger("ada", client=client)
    assert await list_queues(client.connection, prefix) == ["emails"]
    assert (await list_prefixes(client.connection))[0][prefix] == ["emails"]
    assert await queue_exists(client.queue("emails")) is True


async def test_a_prefix_with_a_pattern_in_it_is_taken_as_it_is(redis: Redis, client: JobClient) -> None:
    await redis.hset("a[b]*:emails:meta", "opts.maxLenEvents", "1")
    await redis.hset("abx:images:meta", "opts.maxLenEvents", "1")
    try:
        assert await list_queues(client.connection, "a[b]*") == ["emails"]
    finally:
        await redis.delete("a[b]*:emails:meta", "abx:images:meta")
