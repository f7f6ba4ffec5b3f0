"""What workers count, on real Redis; the sizes of queues; and BullMQ's own metrics as Node reads them."""

from __future__ import annotations

import asyncio
import time
from typing import cast

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobContext, JobRegistry, Settings, job
from midday_worker.client.client import redis_config
from midday_worker.demo.node import NodeRuntime
from midday_worker.engine.inspection.depth import measure_depths
from midday_worker.engine.redis.connection import Connection, RedisConfig, connect
from midday_worker.engine.redis.connections import Connections
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.errors import RedisUnavailableError
from midday_worker.testing import RedisServer
from midday_worker.workers.plan import Plan
from midday_worker.workers.process_metrics import measure_all
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.integration.engine.test_stalled import take_and_die

FILL = """
local thousand = {}
for i = 1, 1000 do thousand[i] = i end
for _ = 1, 1000 do redis.call('LPUSH', KEYS[1] .. ':wait', unpack(thousand)) end
for i = 1, 200000 do redis.call('ZADD', KEYS[1] .. ':delayed', i, 'd' .. i) end
redis.call('HSET', KEYS[1] .. ':1', 'timestamp', ARGV[1], 'opts', '{"delay":5000}')
"""

GET_METRICS = """
import { Queue } from "bullmq";
const [url, prefix] = process.argv.slice(2, 4);
const { hostname: host, port } = new URL(url);
const queue = new Queue("default", { connection: { host, port: Number(port) }, prefix });
const [completed, failed] = [await queue.getMetrics("completed"), await queue.getMetrics("failed")];
console.log(JSON.stringify([completed.meta.count, failed.meta.count]));
await queue.close();
"""


async def test_each_outcome_is_counted_once(client: JobClient, registry: JobRegistry, settings: Settings) -> None:
    async def handle(data: int, ctx: JobContext) -> None:
        if data == 0 or (data == 1 and ctx.job.attemptsMade == 0):
            raise ValueError("no")

    counted = job("counted", int, handle, attempts=3, backoff=None, registry=registry)
    handles = [await counted.trigger(data, client=client) for data in (0, 1, 2)]
    made_up = job("made-up", int, handle, registry=JobRegistry())
    await made_up.trigger(1, client=client)
    async with Crew(registry, settings) as crew:
        tally = crew.tallies["default"]

        async def all_done() -> bool:
            states = [await each.state() for each in handles]
            return states == ["failed", "completed", "completed"] and tally.of("made-up").parked == 1

        await eventually(all_done, "all have ended")
    counts = tally.of("counted")
    assert (counts.started, counts.succeeded, counts.failed) == (6, 2, 4)
    assert (counts.retried, counts.exhausted, counts.running, counts.cancelled) == (3, 1, 0, 0)
    assert sum(counts.durations.values[1:]) == 6
    assert sum(counts.waits.values[1:]) == 3


async def test_the_wait_does_not_count_a_jobs_delay(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    async def handle(data: int, ctx: JobContext) -> None: ...

    late = job("late", int, handle, registry=registry)
    triggered = await late.trigger(1, client=client, delay="1s")
    async with Crew(registry, settings) as crew:
        await triggered.result("20s")
    stored = await triggered.fetch()
    waited_ms = (stored.processedOn or 0) - stored.timestamp
    assert waited_ms >= 1000
    assert crew.tallies["default"].of("late").waits.values[0] == pytest.approx((waited_ms - 1000) / 1000)


async def test_a_time_that_makes_no_sense_keeps_no_job_from_running(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis, redis_prefix: str
) -> None:
    async def handle(data: int, ctx: JobContext) -> int:
        return data

    odd = job("odd", int, handle, registry=registry)
    triggered = await odd.trigger(7, client=client)
    await redis.hset(f"{redis_prefix}:default:{triggered.id}", "timestamp", "-" + 330 * "9")  # no float holds it
    async with Crew(registry, settings) as crew:
        assert await triggered.result("20s") == 7
    counts = crew.tallies["default"].of("odd")
    assert (counts.started, counts.succeeded, counts.running, counts.waits.values[0]) == (1, 1, 0, 0)


async def test_what_a_stop_cuts_short_is_handed_back(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    running = asyncio.Event()

    async def handle(data: int, ctx: JobContext) -> None:
        running.set()
        await asyncio.Event().wait()

    endless = job("endless", int, handle, registry=registry)
    await endless.trigger(1, client=client)
    async with Crew(registry, settings) as crew:
        await asyncio.wait_for(running.wait(), 10)
        counts = crew.tallies["default"].of("endless")
        assert counts.running == 1
        await crew.worker.drain(0)
    assert (counts.started, counts.handed_back, counts.failed, counts.running) == (1, 1, 0, 0)


async def test_what_somebody_cancels_is_no_failure(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    running = asyncio.Event()

    async def handle(data: int, ctx: JobContext) -> None:
        running.set()
        await asyncio.Event().wait()

    endless = job("endless", int, handle, registry=registry)
    triggered = await endless.trigger(1, client=client)
    async with Crew(registry, settings) as crew:
        await asyncio.wait_for(running.wait(), 10)
        await triggered.cancel()
        counts = crew.tallies["default"].of("endless")

        async def counted() -> bool:
            return counts.cancelled == 1

        await eventually(counted, "it is counted")
    assert (counts.started, counts.failed, counts.handed_back, counts.running) == (1, 0, 0, 0)


async def test_stalled_jobs_and_renewed_locks_are_counted(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    released = asyncio.Event()

    async def handle(data: int, ctx: JobContext) -> None:
        await released.wait()

    lost = job("lost", int, handle, registry=registry)
    triggered = await lost.trigger(1, client=client)
    await take_and_die(settings, "dead:1")
    config = WorkerConfig(queue="default", concurrency=1, lock_duration_ms=400, stalled_interval_ms=100)
    async with Crew(registry, settings, configs=(config,)) as crew:
        tally = crew.tallies["default"]

        async def counted() -> bool:
            return tally.of("lost").stalled == 1 and tally.lock_renewals > 0

        await eventually(counted, "it is counted")
        released.set()
        await triggered.result("10s")


async def test_a_million_jobs_are_measured_as_fast_as_ten(client: JobClient, redis: Redis, redis_prefix: str) -> None:
    big, now_ms = f"{redis_prefix}:big", round(time.time() * 1000)
    await redis.eval(FILL, 1, big, str(now_ms - 65_000))
    await redis.hset(f"{redis_prefix}:small:meta", "paused", "1")
    before = await redis.info("commandstats")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - redis-py's **kwargs are untyped
    large, small = await measure_depths(client.connection, redis_prefix, ["big", "small"], 5)
    after = await redis.info("commandstats")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - as above
    assert (large.jobs["waiting"], large.jobs["delayed"], large.jobs["failed"]) == (1_000_000, 200_000, 0)
    assert large.oldest_waiting_s == pytest.approx(60, abs=30)
    assert (large.paused, small.paused, small.oldest_waiting_s, sum(small.jobs.values())) == (False, True, 0.0, 0)
    used = {name.removeprefix("cmdstat_") for name in after if after[name] != before.get(name)}
    # None of them looks at more than one job.
    assert used - {"info", "hello", "client", "client|setinfo"} == {
        *("llen", "zcard", "hexists", "lindex", "zrange", "hmget"),
    }
    await redis.delete(f"{big}:wait", f"{big}:delayed")


async def test_jobs_and_keys_of_any_shape_are_measured(client: JobClient, redis: Redis, redis_prefix: str) -> None:
    await redis.lpush(f"{redis_prefix}:odd:wait", "gone", "odd")
    await redis.hset(f"{redis_prefix}:odd:odd", mapping={"timestamp": "never", "opts": "[1"})
    await redis.set(f"{redis_prefix}:odd:delayed", "no set")
    await redis.zadd(f"{redis_prefix}:odd:prioritized", {"text": 1})
    await redis.set(f"{redis_prefix}:odd:text", "no hash")
    (odd,) = await measure_depths(client.connection, redis_prefix, ["odd"], 5)
    assert (odd.jobs["waiting"], odd.jobs["prioritized"], odd.jobs["delayed"]) == (2, 1, 0)
    assert odd.oldest_waiting_s == pytest.approx(0, abs=30)


async def test_without_redis_the_sizes_are_given_up_in_time(mortal_redis: RedisServer) -> None:
    async with JobClient(Settings(env_file=None, redis_url=mortal_redis.url)) as client:
        await measure_depths(client.connection, "bull", ["q"], 5)
        mortal_redis.pause()
        with pytest.raises(RedisUnavailableError):
            await measure_depths(client.connection, "bull", ["q"], 0.2)
        mortal_redis.resume()


class OneAway(Connections):
    """Connections of which those for one prefix lead to where no server is."""

    def of(self, prefix: str | None = None) -> Connection:
        """Return the connection for the queues of a prefix."""
        return super().of(prefix) if prefix != "away" else Connection(connect(RedisConfig("redis://127.0.0.1:1")))


async def test_a_prefix_whose_server_is_away_hides_no_other(client: JobClient, settings: Settings) -> None:
    await client.queue("here").add("a", {}, {})
    plan = Plan((WorkerConfig(queue="there", prefix="away", concurrency=1), WorkerConfig(queue="here", concurrency=1)))
    connections = OneAway(redis_config(settings))
    try:
        measured = await measure_all(connections, plan)
    finally:
        await connections.close()
    assert [(depth.queue, depth.jobs["waiting"]) for depth in measured] == [("here", 1)]


async def test_node_reads_how_many_completed_and_failed(
    client: JobClient, registry: JobRegistry, settings: Settings, redis_server: RedisServer, node: NodeRuntime
) -> None:
    async def handle(data: int, ctx: JobContext) -> None:
        if data == 0:
            raise ValueError("no")

    some = job("some", int, handle, attempts=1, registry=registry)
    handles = [await some.trigger(data, client=client) for data in (0, 1, 2, 3)]
    async with Crew(registry, settings):

        async def ended() -> bool:
            return {await each.state() for each in handles} <= {"completed", "failed"}

        await eventually(ended, "all have ended")
    counts = cast("list[int]", await node.run(GET_METRICS, redis_server.url, settings.redis_prefix))
    assert counts == [3, 1]


async def test_a_job_that_fails_without_an_attempt_is_exhausted_and_has_not_started(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    async def handle(data: int, ctx: JobContext) -> None:
        raise ValueError("no")

    parent = job("parent", int, handle, registry=registry)
    child = job("child", int, handle, attempts=1, registry=registry)
    flow = await parent.trigger_flow(1, [child.node(2)], client=client)
    async with Crew(registry, settings) as crew:

        async def failed() -> bool:
            return await flow.state() == "failed"

        await eventually(failed, "the parent has failed")
    of_parent, of_child = crew.tallies["default"].of("parent"), crew.tallies["default"].of("child")
    assert (of_child.started, of_child.failed, of_child.exhausted) == (1, 1, 1)
    assert (of_parent.started, of_parent.failed, of_parent.exhausted) == (0, 0, 1)
