"""Many jobs, and many flows, in one call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError, ResponseError

from midday_worker import (
    BulkItem,
    FlowItem,
    JobClient,
    JobContext,
    JobDefinition,
    JobRegistry,
    OptionError,
    PayloadError,
    RedisRefusedError,
    RedisUnavailableError,
    Settings,
    job,
)
from midday_worker.engine.producer.add_commands import Addition
from midday_worker.engine.producer.backend import Backend
from midday_worker.engine.redis.connection import RedisConfig, connect
from midday_worker.engine.transport.pipelining import PipelinedRedis
from midday_worker.errors import FlowError
from midday_worker.testing import RedisServer
from tests.integration.crew import Crew
from tests.integration.engine.command_stats import command
from tests.integration.stored_keys import keys_of
from tests.redis_proxy import LossyProxy


@pytest.fixture
def number(registry: JobRegistry) -> JobDefinition[int, int]:
    async def handle(data: int, ctx: JobContext) -> int:
        return data + sum(await ctx.children_results(definition))

    definition: JobDefinition[int, int] = job("number", int, handle, registry=registry)
    return definition


def flow(number: JobDefinition[int, int], root: int) -> FlowItem[int]:
    return {"payload": root, "children": [number.node(10 * root), number.node(100 * root)]}


@pytest.mark.parametrize("count", [10_000, pytest.param(100_000, marks=pytest.mark.long)])
async def test_many_jobs_are_added_in_order_and_told_of(
    client: JobClient, number: JobDefinition[int, int], redis: Redis, count: int
) -> None:
    told: list[tuple[int, int]] = []

    def tell(added: int, total: int) -> None:
        told.append((added, total))

    handles = await number.batch_trigger(
        ({"payload": index} for index in range(count)),
        client=client,
        on_progress=tell,
    )
    assert told == [(done, count) for done in range(1_000, count + 1, 1_000)]
    wait = client.queue("default").keys["wait"]
    assert await redis.llen(wait) == count
    assert (await redis.lrange(wait, 0, -1))[::-1] == [handle.id for handle in handles]


async def test_flows_are_added_together_and_each_parent_waits_for_its_own_children(
    client: JobClient, number: JobDefinition[int, int], registry: JobRegistry, settings: Settings
) -> None:
    told: list[tuple[int, int]] = []

    def tell(added: int, total: int) -> None:
        told.append((added, total))

    handles = await number.batch_trigger_flow(
        [flow(number, root) for root in range(1, 501)],
        client=client,
        on_progress=tell,
    )
    assert told == [(333, 500), (500, 500)]  # three jobs each, and none is split
    async with Crew(registry, settings.model_copy(update={"concurrency": 50})):
        results = await asyncio.gather(*(handle.result("60s") for handle in handles[:3] + handles[-3:]))
    assert results == [111 * root for root in (1, 2, 3, 498, 499, 500)]
    assert [child.job for child in handles[0].children] == ["number", "number"]


@pytest.mark.parametrize(
    ("item", "error", "where"),
    [
        ({"payload": "x", "children": []}, PayloadError, "payload 1 of the batch"),
        ({"payload": 1, "children": [], "options": {"prority": 1}}, OptionError, "Flow 1 of the batch"),
        ({"payload": 1, "children": [3]}, FlowError, "Flow 1 of the batch"),
        ({"payload": 1}, FlowError, "Flow 1 of the batch for job 'number' has no children"),
    ],
    ids=["payload", "option", "child", "no children"],
)
async def test_one_wrong_flow_keeps_all_from_being_added(
    client: JobClient, number: JobDefinition[int, int], redis: Redis, item: object, error: type[Exception], where: str
) -> None:
    items: list[FlowItem[int]] = [flow(number, 1), item]  # type: ignore[list-item]  # pyright: ignore[reportAssignmentType] - wrong on purpose
    with pytest.raises(error, match=where):
        await number.batch_trigger_flow(items, client=client)
    assert await keys_of(redis, client.settings) == []


async def test_two_flows_of_a_batch_cannot_have_the_same_id(
    client: JobClient, number: JobDefinition[int, int], redis: Redis
) -> None:
    items: list[FlowItem[int]] = [{**flow(number, root), "options": {"job_id": "same"}} for root in (1, 2)]
    with pytest.raises(OptionError, match="same"):
        await number.batch_trigger_flow(items, client=client)
    assert await keys_of(redis, client.settings) == []


async def test_a_batch_that_breaks_off_says_what_was_added(
    mortal_redis: RedisServer, redis_prefix: str, number: JobDefinition[int, int]
) -> None:
    settings = Settings(
        env_file=None, redis_url=mortal_redis.url, redis_prefix=redis_prefix, redis_command_timeout="2s"
    )
    items: list[BulkItem[int]] = [{"payload": index} for index in range(20_000)]

    def kill(added: int, total: int) -> None:
        if added == 3_000:
            mortal_redis.kill()

    async with JobClient(settings) as client:
        with pytest.raises(
            RedisUnavailableError, match=r"[3-6],000 jobs of the same call were written before"
        ) as caught:
            await number.batch_trigger(items, client=client, on_progress=kill)
        mortal_redis.restart()
        async with connect(RedisConfig(mortal_redis.url)) as redis:
            waiting = (await redis.lrange(client.queue("default").keys["wait"], 0, -1))[::-1]
    added = list(caught.value.added_ids)
    assert len(added) >= 3_000
    assert waiting[: len(added)] == added


async def test_a_transaction_is_whole_though_others_send_and_its_caller_is_cancelled(redis: Redis) -> None:
    assert isinstance(redis, PipelinedRedis)
    key = "transaction-test"
    await redis.run_transaction([("DEL", key)])
    adds = [("RPUSH", key, str(index)) for index in range(100)]
    running = asyncio.create_task(redis.run_transaction(adds))
    others = [asyncio.ensure_future(redis.set(f"{key}:{index}", "x", px=1_000)) for index in range(20)]
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(*others)
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await redis.run_transaction([("ECHO", "and")]) == ["and"]
    assert await redis.lrange(key, 0, -1) == [str(index) for index in range(100)]
    assert await redis.run_transaction([("DEL", key), ("EXISTS", key)]) == [1, 0]


async def test_a_transaction_that_the_server_refuses_raises_and_leaves_the_connection_in_step(redis: Redis) -> None:
    assert isinstance(redis, PipelinedRedis)
    with pytest.raises(Exception, match=r"unknown command|wrong number"):
        await redis.run_transaction([("SET", "transaction-test", "1"), ("NONSENSE",)])
    assert await redis.exists("transaction-test") == 0
    done, refused = await redis.run_transaction([("SET", "transaction-test", "x"), ("INCR", "transaction-test")])
    assert (done, str(refused)) == ("OK", "value is not an integer or out of range")
    assert await redis.delete("transaction-test") == 1
    assert await redis.run_transaction([("ECHO", "in step")]) == ["in step"]


async def test_a_transaction_on_a_connection_that_breaks_raises_once(redis_server: RedisServer) -> None:
    async with LossyProxy(redis_server, b"the victim") as proxy, connect(RedisConfig(proxy.url)) as redis:
        assert isinstance(redis, PipelinedRedis)
        with pytest.raises(ConnectionError, match=r"closed|reset"):
            await redis.run_transaction([("ECHO", "the victim")] * 10)
        assert await redis.run_transaction([("ECHO", "1")]) == ["1"]


async def test_a_transaction_that_can_not_be_packed_is_not_begun(redis: Redis) -> None:
    assert isinstance(redis, PipelinedRedis)
    with pytest.raises(UnicodeEncodeError):
        await redis.run_transaction([("ECHO", "begun"), ("ECHO", "\ud800")])
    assert await redis.run_transaction([("ECHO", "in step")]) == ["in step"]


async def test_a_user_who_may_not_send_multi_adds_nothing_of_a_batch(
    mortal_redis: RedisServer, number: JobDefinition[int, int]
) -> None:
    async with connect(RedisConfig(mortal_redis.url)) as admin:
        await command(admin, "ACL", "SETUSER", "clerk", "on", ">pass", "~*", "&*", "+@all", "-multi")
        url = mortal_redis.url.replace("redis://", "redis://clerk:pass@")
        async with JobClient(Settings(env_file=None, redis_url=url)) as client:
            await number.trigger(0, client=client)
            for _ in range(2):
                with pytest.raises(RedisRefusedError, match="permissions to run the 'multi' command"):
                    await number.batch_trigger([{"payload": 1}, {"payload": 2}], client=client)
            assert await client.queue("default").getJobCounts("waiting") == {"waiting": 1}


async def test_of_thousands_that_are_under_way_those_that_were_added_are_named_in_order_whichever_fails(
    client: JobClient, number: JobDefinition[int, int], redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, sent, others_done = Backend.add, list[list[str]](), asyncio.Event()

    async def fail_the_first_last(backend: Backend, additions: Sequence[Addition]) -> list[object]:
        sent.append([addition.id for addition in additions])
        if len(sent) == 1:
            await others_done.wait()
            raise ResponseError("OOM command not allowed")
        answers = await real(backend, additions)
        if len(sent) == 3:
            others_done.set()
        return answers

    monkeypatch.setattr(Backend, "add", fail_the_first_last)
    with pytest.raises(RedisRefusedError, match="2,000 jobs of the same call were written before") as caught:
        await number.batch_trigger([{"payload": index} for index in range(5_000)], client=client)
    waiting = await redis.lrange(client.queue("default").keys["wait"], 0, -1)
    assert len(sent) == 3
    assert list(caught.value.added_ids) == [*sent[1], *sent[2]]
    assert sorted(caught.value.added_ids) == sorted(waiting)


async def test_one_job_that_is_refused_does_not_hide_that_the_others_were_added(
    client: JobClient, number: JobDefinition[int, int], redis: Redis
) -> None:
    """Redis carries out the rest of a transaction, whatever one script of it stumbles over."""
    queue = client.queue("default")
    await redis.set(queue.toKey("taken"), "no hash")
    items: list[BulkItem[int]] = [{"payload": index} for index in range(3)]
    items[1]["options"] = {"job_id": "taken", "deduplication": {"id": "x"}}
    await redis.rpush(f"{queue.keys['']}de:x", "no string")
    with pytest.raises(RedisRefusedError, match=r"WRONGTYPE.* 2 jobs of the same call were written before") as caught:
        await number.batch_trigger(items, client=client)
    waiting = (await redis.lrange(queue.keys["wait"], 0, -1))[::-1]
    assert list(caught.value.added_ids) == waiting
    assert len(waiting) == 2


async def test_a_batch_that_breaks_off_names_every_job_that_may_have_been_added(
    client: JobClient, number: JobDefinition[int, int], redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, sent = Backend.add, list[Addition]()

    async def lose(backend: Backend, additions: Sequence[Addition]) -> list[object]:
        first = not sent or sent[0] is additions[0]
        sent.extend(additions)
        if first:
            raise ConnectionError("the connection broke")
        return await real(backend, additions)

    monkeypatch.setattr(Backend, "add", lose)
    with pytest.raises(RedisUnavailableError) as caught:
        await number.batch_trigger([{"payload": index} for index in range(3_000)], client=client)
    waiting = await redis.lrange(client.queue("default").keys["wait"], 0, -1)
    assert len(waiting) == 2_000
    assert set(caught.value.job_ids) == {addition.id for addition in sent}
    assert caught.value.may_have_been_written
