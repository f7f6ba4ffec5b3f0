"""A Node process for each major version of BullMQ that Node teams use, and both languages on one prefix."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Final

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, Settings
from midday_worker.demo.node import BULLMQ_PACKAGES, NodeRuntime
from midday_worker.testing import RedisServer
from tests.conftest import ROOT
from tests.integration.conformance.bridge import Bridge
from tests.integration.conformance.node_peer import NodePeer, NodeProcess
from tests.redis_cluster import RedisCluster

MAJORS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "bullmq-6": ("node", BULLMQ_PACKAGES),
    "bullmq-5": ("node-5", {"bullmq": "5.81.5", "ioredis": "5.11.1"}),
}
"""The folder under .midday/ and the packages of each."""


@pytest.fixture(scope="session")
def redis_server(redis_server: RedisServer, pytestconfig: pytest.Config) -> Iterator[RedisServer | RedisCluster]:
    """One server for all tests, or a cluster: `pytest tests/integration/conformance --cluster`."""
    if not pytestconfig.getoption("--cluster"):
        yield redis_server
        return
    with RedisCluster() as cluster:
        yield cluster


@pytest.fixture
def redis_prefix(redis_prefix: str, pytestconfig: pytest.Config) -> str:
    return f"{{{redis_prefix}}}" if pytestconfig.getoption("--cluster") else redis_prefix


@pytest.fixture(scope="session", params=MAJORS)
def node_runtime(request: pytest.FixtureRequest) -> NodeRuntime:
    """Node with one major version of its own BullMQ; each test runs with all of them."""
    folder, packages = MAJORS[str(request.param)]
    runtime = NodeRuntime(ROOT / ".midday" / folder, packages)
    runtime.install()
    return runtime


@pytest.fixture(scope="session")
def major(node_runtime: NodeRuntime) -> int:
    """The major version of Node's BullMQ."""
    return int(node_runtime.packages["bullmq"].partition(".")[0])


@pytest.fixture(scope="session")
def node_process(node_runtime: NodeRuntime, redis_server: RedisServer) -> Iterator[NodeProcess]:
    """One Node process for all tests."""
    process = NodeProcess(node_runtime, redis_server.url)
    yield process
    process.close()


@pytest.fixture
async def peer(node_process: NodeProcess, redis_prefix: str) -> AsyncIterator[NodePeer]:
    """Node on this test's prefix."""
    peer = NodePeer(node_process, redis_prefix)
    yield peer
    await peer.close()


@pytest.fixture
def bridge(client: JobClient, peer: NodePeer, redis: Redis, settings: Settings) -> Bridge:
    return Bridge(client, peer, redis, settings)
