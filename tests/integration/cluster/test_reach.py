"""What is said of a cluster that can't be used as it is named, and what is asked of all of its nodes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from redis.crc import key_slot
from sqlalchemy.ext.asyncio import AsyncSession

from midday_worker import (
    ConfigurationError,
    JobClient,
    JobContext,
    JobRegistry,
    QueueDefinition,
    QueueRegistry,
    RedisRefusedError,
    Settings,
    job,
    queue,
)
from midday_worker.admin import Expected, examine
from midday_worker.client.client import redis_config
from midday_worker.databases import create_database
from midday_worker.embedded import free_port
from midday_worker.engine.inspection.queue_names import list_prefixes
from midday_worker.engine.inspection.worker_clients import list_workers
from midday_worker.engine.redis.connections import Connections
from midday_worker.errors import FlowError
from midday_worker.outbox.relay import Backlog, Relay, backlog, replay
from midday_worker.outbox.table import make_table
from midday_worker.testing import RedisServer
from midday_worker.workers.startup import wait_for_redis
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.redis_cluster import RedisCluster


async def started(url: str, prefix: str = "{bull}", limit: str = "20s") -> str:
    """Return the version of the Redis that a worker would start on."""
    settings = Settings(env_file=None, redis_url=url, redis_prefix=prefix, startup_timeout=limit)
    connections = Connections(redis_config(settings))
    try:
        async with asyncio.timeout(15):
            return await wait_for_redis(connections.of(), settings, asyncio.Event())
    finally:
        await connections.close()


async def handle(data: int, ctx: JobContext) -> int:
    return data


def elsewhere(prefix: str, cluster: RedisCluster) -> str:
    """Return a prefix whose keys another node holds."""
    here = cluster.node_of(prefix)
    return next(each for n in range(1_000) if cluster.node_of(each := f"{{{n}-{prefix.strip('{}')}}}") is not here)


async def test_a_worker_starts_on_a_cluster(cluster: RedisCluster, lines: list[str]) -> None:
    assert await started(cluster.url)
    assert lines == []


async def test_a_node_that_is_named_alone_is_told_how_to_be(cluster: RedisCluster, registry: JobRegistry) -> None:
    url = cluster.node_of("{bull}").url
    with pytest.raises(ConfigurationError, match=r"node of a cluster: REDIS_URL must be redis\+cluster://"):
        await started(url)
    add = job("add", int, handle, registry=registry)
    other = cluster.other_than(cluster.node_of("{bull}")).url
    async with JobClient(Settings(env_file=None, redis_url=other, redis_prefix="{bull}")) as client:
        with pytest.raises(RedisRefusedError, match=r"node of a cluster: REDIS_URL must be redis\+cluster://"):
            await add.trigger(1, client=client)


async def test_a_redis_that_is_no_cluster_is_told_how_to_be(redis_server: RedisServer) -> None:
    with pytest.raises(RedisRefusedError, match=r"no node of a cluster: REDIS_URL must be redis://"):
        await started(redis_server.url.replace("redis://", "redis+cluster://"))


async def test_a_prefix_without_a_hash_tag_is_refused(cluster: RedisCluster, registry: JobRegistry) -> None:
    with pytest.raises(ConfigurationError, match=r"prefix 'bull' needs a hash tag, such as \{bull\}"):
        await started(cluster.url, "bull")
    add = job("add", int, handle, registry=registry)
    async with JobClient(Settings(env_file=None, redis_url=cluster.url)) as client:
        with pytest.raises(ConfigurationError, match=r"prefix 'bull' needs a hash tag, such as \{bull\}"):
            await add.trigger(1, client=client)


@pytest.mark.parametrize("name", ["{emails}", "}x{", "a{b}{c}"])
async def test_a_queue_may_have_braces_in_its_name(cluster: RedisCluster, redis_prefix: str, name: str) -> None:
    """The tag of its prefix comes first, and decides. Alone it isn't enough: a prefix has keys of its own."""
    registry = JobRegistry(queues=QueueRegistry())
    add = job("add", int, handle, registry=registry, queue=name)
    settings = Settings(env_file=None, redis_url=cluster.url, redis_prefix=redis_prefix)
    async with JobClient(settings) as client, Crew(registry, settings):
        parent = await add.trigger_flow(1, [add.node(2)], client=client)
        async with asyncio.timeout(30):
            assert await parent.result() == 1
        found, _ = await list_prefixes(client.connection)
    assert found[redis_prefix] == [name]
    async with JobClient(Settings(env_file=None, redis_url=cluster.url)) as client:
        with pytest.raises(ConfigurationError, match="One in a queue's name is not enough"):
            await add.trigger(1, client=client)


async def test_nodes_that_are_down_are_waited_for_by_name(lines: list[str]) -> None:
    url = f"redis+cluster://no-such-host.invalid:1,127.0.0.1:{free_port()}"
    with pytest.raises(ConfigurationError, match=r"did not answer within 1 s"):
        await started(url, limit="1s")
    assert "does not answer yet; trying up to 1 s" in lines[0]
    assert "no node of the cluster answers: no-such-host.invalid:1 (" in lines[0]


async def test_a_flow_over_several_slots_is_refused_before_anything_is_written(
    cluster: RedisCluster, redis_prefix: str
) -> None:
    other = elsewhere(redis_prefix, cluster)
    queues = QueueRegistry()
    registry = JobRegistry(queues=queues)
    emails = queue("emails", prefix=other, registry=queues)
    parent = job("parent", int, handle, registry=registry)
    child = job("child", int, handle, registry=registry, queue=emails)
    async with JobClient(Settings(env_file=None, redis_url=cluster.url, redis_prefix=redis_prefix)) as client:
        with pytest.raises(FlowError, match="different slots") as refused:
            await parent.trigger_flow(1, [child.node(2)], client=client)
        assert f"default (prefix {redis_prefix}), emails (prefix {other})" in str(refused.value)
        found, _ = await list_prefixes(client.connection)
    assert redis_prefix not in found
    assert other not in found


async def test_a_row_of_the_outbox_goes_to_the_slot_of_its_queue(
    settings: Settings, redis_prefix: str, registry: JobRegistry, tmp_path: Path
) -> None:
    """With the key that says that it was added, which its script is called with."""
    url = f"sqlite:///{tmp_path}/outbox.db"
    database, prefixes = create_database(url), [f"{{{redis_prefix[1:-1]}-{number}}}" for number in range(4)]
    async with JobClient(settings) as client, AsyncSession(database.engine()) as within:
        await (await within.connection()).run_sync(make_table)
        for prefix in prefixes:
            place = queue(prefix.strip("{}"), prefix=prefix, registry=registry.queues)
            work = job(prefix, int, handle, registry=registry, queue=place)
            await work.trigger_flow(1, [work.node(2), work.node(3)], session=within)
        await within.commit()
        relay = Relay(url, client)
        assert await relay.relay_some() == 4
        await replay(database, 0)
        assert await relay.relay_some() == 4
        for prefix in prefixes:
            known = client.queue_at(prefix, prefix.strip("{}"))
            counts = await known.getJobCounts("waiting", "waiting-children")
            assert counts == {"waiting": 2, "waiting-children": 1}
        assert await backlog(database) == Backlog(rows=0, oldest_s=0, refused=0, error=None)
        await relay.dispose()
    await database.dispose()


async def test_queues_and_workers_are_found_on_every_node(cluster: RedisCluster, redis_prefix: str) -> None:
    """By `doctor`, the lists of workers and the prefixes; a worker of each queue does its jobs."""
    other = elsewhere(redis_prefix, cluster)
    queues = QueueRegistry()
    registry = JobRegistry(queues=queues)
    emails = queue("emails", prefix=other, registry=queues)
    here = job("here", int, handle, registry=registry)
    there = job("there", int, handle, registry=registry, queue=emails)
    settings = Settings(env_file=None, redis_url=cluster.url, redis_prefix=redis_prefix)
    async with JobClient(settings) as client, Crew(registry, settings):
        async with asyncio.timeout(30):
            assert await (await here.trigger(1, client=client)).result() == 1
            assert await (await there.trigger(2, client=client)).result() == 2
        found, _ = await list_prefixes(client.connection)
        assert (found[redis_prefix], found[other]) == (["default"], ["emails"])
        for each in ("default", emails):

            async def has_worker(each: str | QueueDefinition = each) -> object:
                return await list_workers(client.queue(each))

            await eventually(has_worker, "its worker is listed")
        expected = Expected(prefix=redis_prefix, own=[emails], largest=1_000, handled={}, declared={})
        findings = await examine(client.connection, expected, client.queue)
    texts = [finding.text for finding in findings if finding.check == "cluster"]
    assert f"REDIS_PREFIX are at 127.0.0.1:{cluster.node_of(redis_prefix).port}" in texts[0]
    assert [finding for finding in findings if finding.grade == "fail"] == []


async def test_a_node_of_the_url_may_be_gone(cluster: RedisCluster, redis_prefix: str, registry: JobRegistry) -> None:
    add = job("add", int, handle, registry=registry)
    """Jobs don't mind; `doctor` names it."""
    gone = f"127.0.0.1:{free_port()}"
    url = f"redis+cluster://{gone},{cluster.url.rpartition('//')[2]}"
    async with JobClient(Settings(env_file=None, redis_url=url, redis_prefix=redis_prefix)) as client:
        await add.trigger(1, client=client)
        assert cluster.node_of(redis_prefix).ask("CLUSTER", "COUNTKEYSINSLOT", key_slot(redis_prefix.encode()))
        expected = Expected(prefix=redis_prefix, largest=1_000, handled={}, declared={})
        findings = await examine(client.connection, expected, client.queue)
    assert any(each.text.startswith(f"REDIS_URL names {gone} (") for each in findings)


RIGHTS = (
    *("-@all", "+@read", "+@write", "+@scripting", "+@transaction", "+@connection", "-@dangerous", "+info", "+time"),
    *("+subscribe", "+unsubscribe", "+publish", "+cluster|slots"),
)


async def test_the_rights_that_are_documented_are_enough(
    cluster: RedisCluster, redis_prefix: str, registry: JobRegistry
) -> None:
    """A worker's and a producer's, on every node."""
    for node in cluster.nodes:
        keys = (f"~{redis_prefix}:*", "resetchannels", f"&{redis_prefix}:*")
        node.ask("ACL", "SETUSER", "limited", "on", ">secret", *keys, *RIGHTS)
        node.ask("ACL", "LOG", "RESET")
    add = job("add", int, handle, registry=registry)
    url = cluster.url.replace("//", "//limited:secret@")
    settings = Settings(env_file=None, redis_url=url, redis_prefix=redis_prefix)
    async with JobClient(settings) as client, Crew(registry, settings):
        async with asyncio.timeout(30):
            assert await (await add.trigger(1, client=client)).result() == 1
            later = await add.trigger(2, client=client, delay="1h")
            assert await later.cancel() == "cancelled"
    assert [node.ask("ACL", "LOG") for node in cluster.nodes] == [[]] * len(cluster.nodes)
    for node in cluster.nodes:
        node.ask("ACL", "DELUSER", "limited")
