"""Of a job whose hash is gone nothing stays: not for a later trigger, a schedule or a flow's parent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from midday_worker import (
    JobClient,
    JobContext,
    JobDefinition,
    JobFailedError,
    JobHandle,
    JobRegistry,
    QueueRegistry,
    Settings,
    job,
    queue,
)
from midday_worker.request import FailurePolicy
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.integration.stored_keys import keys_of

WITHIN = "20s"
GONE = "data is gone"
SETS = ("failed", "completed", "delayed", "prioritized")


class Errands:
    """A job that may lose its own hash as it runs, and a parent that says which children it has results of."""

    def __init__(self, registry: JobRegistry, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self.runs: list[str] = []
        self.ran = asyncio.Event()
        self.errand: JobDefinition[str, str] = job("errand", str, self.handle, queue="errands", registry=registry)
        self.parent: JobDefinition[None, list[str]] = job("top", None, self.collect, queue="tops", registry=registry)

    async def handle(self, data: str, ctx: JobContext) -> str:
        self.runs.append(data)
        self.ran.set()
        if data.startswith("lose"):
            await self.lose(ctx.job.id)
        if data.endswith("fail"):
            raise ValueError("it is broken")
        return data

    async def collect(self, data: None, ctx: JobContext) -> list[str]:
        return await ctx.children_results(self.errand)

    async def lose(self, job_id: str) -> None:
        """Let a job's hash be gone."""
        assert await self._redis.delete(f"{self._prefix}:errands:{job_id}") == 1


@pytest.fixture
def errands(registry: JobRegistry, redis: Redis, settings: Settings) -> Errands:
    return Errands(registry, redis, settings.redis_prefix)


@pytest.fixture
def nothing_stays(redis: Redis, settings: Settings) -> Callable[[str], Awaitable[None]]:
    """Return what waits until no key and no state holds a job's id."""

    async def wait(job_id: str) -> None:
        queue = f"{settings.redis_prefix}:errands"

        async def is_nowhere() -> bool:
            states = [await redis.zscore(f"{queue}:{state}", job_id) for state in SETS]
            lists = [await redis.lpos(f"{queue}:{state}", job_id) for state in ("wait", "active")]
            keys = [key for key in await keys_of(redis, settings) if job_id in key]
            return not keys and states == [None] * len(SETS) and lists == [None] * 2

        await eventually(is_nowhere, f"nothing stays of job {job_id}")

    return wait


@pytest.mark.parametrize(("priority", "delay"), [(0, 0), (3, 0), (0, 500)])
async def test_a_job_that_lost_its_hash_as_it_waited_swallows_no_later_trigger(
    client: JobClient,
    registry: JobRegistry,
    settings: Settings,
    errands: Errands,
    nothing_stays: Callable[[str], Awaitable[None]],
    priority: int,
    delay: int,
) -> None:
    await errands.errand.trigger("first", client=client, job_id="order-7", priority=priority, delay=delay)
    once = await errands.errand.trigger(
        "first", client=client, deduplication={"id": "d"}, priority=priority, delay=delay
    )
    for job_id in ("order-7", once.id):
        await errands.lose(job_id)
    async with Crew(registry, settings):
        for job_id in ("order-7", once.id):
            await nothing_stays(job_id)
        assert errands.runs == []
        by_id = await errands.errand.trigger("second", client=client, job_id="order-7")
        by_deduplication = await errands.errand.trigger("second", client=client, deduplication={"id": "d"})
        assert by_deduplication.id != once.id
        assert [await each.result(WITHIN) for each in (by_id, by_deduplication)] == ["second"] * 2


@pytest.mark.parametrize("data", ["lose", "lose and fail"])
@pytest.mark.parametrize("attempts", [1, 2])
async def test_a_job_that_lost_its_hash_as_it_ran_swallows_no_later_trigger(
    client: JobClient,
    registry: JobRegistry,
    settings: Settings,
    errands: Errands,
    nothing_stays: Callable[[str], Awaitable[None]],
    data: str,
    attempts: int,
) -> None:
    first = await errands.errand.trigger(
        data, client=client, job_id="order-7", attempts=attempts, deduplication={"id": "d"}
    )
    async with Crew(registry, settings):
        await errands.ran.wait()
        await nothing_stays("order-7")
        second = await errands.errand.trigger("second", client=client, job_id="order-7", deduplication={"id": "d"})
        assert await second.result(WITHIN) == "second"
    assert first.id == second.id
    assert errands.runs == [data, "second"]


async def test_who_waits_for_a_job_that_lost_its_hash_is_told(
    client: JobClient, registry: JobRegistry, settings: Settings, errands: Errands
) -> None:
    handle = await errands.errand.trigger("lose", client=client)
    waiting = asyncio.create_task(handle.result(WITHIN))
    await asyncio.sleep(0)
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError, match=GONE):
            await waiting


async def ends_by_policy(flow: JobHandle[list[str]], policy: FailurePolicy) -> None:
    """Wait until a parent has ended as its lost child's policy says."""
    if policy == "fail":
        with pytest.raises(JobFailedError, match=f"child .*:{flow.children[0].id} failed"):
            await flow.result(WITHIN)
        return
    assert await flow.result(WITHIN) == ([] if policy == "continue" else ["other"])
    ignored = await (await flow.fetch()).getIgnoredChildrenFailures()
    assert len(ignored) == (0 if policy == "remove" else 1)


@pytest.mark.parametrize("policy", ["fail", "ignore", "remove", "continue"])
@pytest.mark.parametrize("data", ["as it waits", "lose as it runs"])
async def test_a_parent_hears_of_a_child_that_lost_its_hash_as_of_one_that_failed(
    client: JobClient, registry: JobRegistry, settings: Settings, errands: Errands, policy: FailurePolicy, data: str
) -> None:
    other = errands.errand.node("other", delay="1d" if policy == "continue" else 0)
    flow = await errands.parent.trigger_flow(None, [errands.errand.node(data, on_failure=policy), other], client=client)
    if not data.startswith("lose"):
        await errands.lose(flow.children[0].id)
    async with Crew(registry, settings):
        await ends_by_policy(flow, policy)


async def test_many_that_lost_their_hashes_share_a_search_for_their_parents(
    client: JobClient, registry: JobRegistry, settings: Settings, errands: Errands
) -> None:
    flows = [
        await errands.parent.trigger_flow(None, [errands.errand.node("x", on_failure="ignore")], client=client)
        for _ in range(20)
    ]
    for flow in flows:
        await errands.lose(flow.children[0].id)
    async with Crew(registry, settings):
        assert [await flow.result(WITHIN) for flow in flows] == [[]] * 20


async def test_a_parent_of_unknown_policy_fails(
    client: JobClient, registry: JobRegistry, settings: Settings, errands: Errands, redis: Redis
) -> None:
    """As of a flow that Node added: a child that nobody can retry would keep it waiting for ever."""
    node = errands.errand.node("x", on_failure="ignore")
    flow = await errands.parent.trigger_flow(None, [node], client=client)
    await redis.hset(f"{settings.redis_prefix}:tops:{flow.id}", "opts", "{}")
    await errands.lose(flow.children[0].id)
    async with Crew(registry, settings):
        await ends_by_policy(flow, "fail")


async def test_a_parent_is_found_under_a_prefix_of_its_own_among_keys_that_may_not_be_read(
    client: JobClient, errands: Errands, redis: Redis, redis_server: RedisServer, redis_prefix: str
) -> None:
    registry, own = JobRegistry(QueueRegistry()), f"{{own-{redis_prefix}}}"
    queue("tops", prefix=own, registry=registry.queues)
    top = job("top", None, errands.collect, queue="tops", registry=registry)
    job("errand", str, errands.handle, queue="errands", registry=registry)
    lost = errands.errand.node("as it waits", on_failure="ignore")
    flow = await top.trigger_flow(None, [lost, errands.errand.node("other")], client=client)
    await errands.lose(flow.children[0].id)
    await redis.sadd(f"another-{redis_prefix}:program:7:dependencies", "x")
    user = f"worker-{redis_prefix}"
    rights = (f"~{redis_prefix}:*", f"~{own}:*", "allchannels", "+@all")
    await client.queue("errands").ask("ACL", "SETUSER", user, "on", ">secret", *rights)
    url = f"redis://{user}:secret@{redis_server.host}:{redis_server.port}"
    async with Crew(registry, Settings(env_file=None, redis_url=SecretStr(url), redis_prefix=redis_prefix)):
        await ends_by_policy(flow, "ignore")


async def test_a_schedule_goes_on_that_lost_its_runs_hash(
    client: JobClient, registry: JobRegistry, settings: Settings, errands: Errands, redis: Redis
) -> None:
    await errands.errand.trigger_recurring("tick", every="1s", schedule_id="ticks", client=client)
    due = await redis.zscore(f"{settings.redis_prefix}:errands:repeat", "ticks")
    run = f"repeat:ticks:{int(due or 0)}"
    await errands.lose(run)
    async with Crew(registry, settings):

        async def has_run_twice() -> bool:
            return errands.runs[:2] == ["tick", "tick"]

        await eventually(has_run_twice, "the schedule goes on")
    assert not await redis.exists(f"{settings.redis_prefix}:errands:{run}")
