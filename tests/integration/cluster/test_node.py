"""Node with ioredis' Cluster and Python on one cluster, both ways.

The whole of what one server passes: `pytest tests/integration/conformance --cluster`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, Settings
from midday_worker.demo.node import NodeRuntime
from midday_worker.engine.redis.connection import RedisConfig, connect
from tests.integration.conformance.bridge import QUEUE, Bridge
from tests.integration.conformance.case import Add, Language
from tests.integration.conformance.flow_case import LOWER, OUTCOMES, UPPER, tree
from tests.integration.conformance.node_peer import NodePeer, NodeProcess
from tests.integration.conformance.test_flows import add_flow
from tests.integration.conformance.test_schedules import make
from tests.redis_cluster import RedisCluster

BOTH_WAYS = pytest.mark.parametrize(("maker", "runner"), [("python", "node"), ("node", "python")])


@pytest.fixture(scope="module")
def node_process(node: NodeRuntime, whole_cluster: RedisCluster) -> Iterator[NodeProcess]:
    process = NodeProcess(node, whole_cluster.url)
    yield process
    process.close()


@pytest.fixture
def settings(cluster: RedisCluster, redis_prefix: str) -> Settings:
    return Settings(env_file=None, redis_url=cluster.url, redis_prefix=redis_prefix)


@pytest.fixture
async def redis(cluster: RedisCluster, redis_prefix: str) -> AsyncIterator[Redis]:
    async with connect(RedisConfig(cluster.url, redis_prefix)) as redis:
        yield redis


@pytest.fixture
async def peer(node_process: NodeProcess, redis_prefix: str) -> AsyncIterator[NodePeer]:
    peer = NodePeer(node_process, redis_prefix)
    yield peer
    await peer.close()


@pytest.fixture
def bridge(client: JobClient, peer: NodePeer, redis: Redis, settings: Settings) -> Bridge:
    return Bridge(client, peer, redis, settings)


@BOTH_WAYS
async def test_a_flow_that_one_adds_the_other_runs(maker: Language, runner: Language, bridge: Bridge) -> None:
    root_id, _ = await add_flow(bridge, maker, tree("ignore", "leaf"))
    async with bridge.working(runner, UPPER), bridge.working(maker, LOWER):
        await bridge.settled(UPPER, LOWER)
    for by in ("python", "node"):
        (root,) = await bridge.views(by, [root_id], UPPER)
        assert root["value"] == OUTCOMES["ignore", "leaf"].root


@BOTH_WAYS
async def test_a_result_of_one_is_waited_for_by_the_other(maker: Language, runner: Language, bridge: Bridge) -> None:
    if maker == "node":
        await bridge.peer.ask("listen", QUEUE)
    job_id = await bridge.add(maker, Add(tag="value", act={"do": "value", "value": [1]}))
    async with bridge.working(runner):
        if maker == "python":
            assert await bridge.definition().handle(job_id, client=bridge.client).result("30s") == [1]
        else:
            assert await bridge.peer.ask("finished", QUEUE, job=job_id) == {"value": [1]}


@BOTH_WAYS
async def test_a_schedule_of_one_is_advanced_by_the_other(maker: Language, runner: Language, bridge: Bridge) -> None:
    await make(bridge, maker, every=150, limit=3)
    async with bridge.working(runner):
        await bridge.settled()
    assert len(await bridge.runs()) == 3


async def test_what_python_cancels_node_never_starts(bridge: Bridge) -> None:
    job_id = await bridge.add("node", Add(tag="never", act={"do": "value", "value": 1}))
    assert await bridge.definition().handle(job_id, client=bridge.client).cancel("enough") == "cancelled"
    async with bridge.working("node"):
        await bridge.settled()
    assert await bridge.runs() == []
    (view,) = await bridge.views("node", [job_id])
    assert (view["state"], view["reason"]) == ("failed", "cancelled: enough")
