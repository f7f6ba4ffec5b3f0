"""The manners of one server, on a cluster: handlers in processes, replicas that are waited for, TLS."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from midday_worker import JobClient, NotReplicatedError, Settings
from tests.integration.crew import Crew
from tests.integration.jobs.certificate import write_certificate
from tests.integration.topologies import follow_jobs as jobs
from tests.redis_cluster import ClusterNode, RedisCluster, until
from tests.redis_proxy import TlsProxy


async def test_adds_wait_for_a_replica_and_handlers_run_in_processes(cluster: RedisCluster, redis_prefix: str) -> None:
    settings = Settings(
        env_file=None,
        redis_url=cluster.url,
        redis_prefix=redis_prefix,
        redis_wait_replicas=1,
        redis_command_timeout=2_000,
    )
    replica = cluster.replica_of(cluster.node_of(redis_prefix))
    async with Crew(jobs.registry, settings), JobClient(settings) as client:
        assert await (await jobs.square.trigger(7, client=client)).result("30s") == 49
        replica.pause()
        try:
            with pytest.raises(NotReplicatedError, match="0 of 1 replicas"):
                await jobs.square.trigger(8, client=client)
        finally:
            replica.resume()


@pytest.fixture
def lone_node() -> Iterator[ClusterNode]:
    """A cluster of one node."""
    with ClusterNode() as node:
        node.ask("CLUSTER", "ADDSLOTS", *range(16_384))
        until(lambda: "cluster_state:ok" in str(node.ask("CLUSTER", "INFO")), "all is well")
        yield node


async def test_nodes_are_asked_and_used_by_tls(lone_node: ClusterNode, tmp_path: Path) -> None:
    """Under the host's name that the cluster announces, which the certificate is for."""
    certificate = await asyncio.to_thread(write_certificate, tmp_path)
    async with TlsProxy(lone_node, certificate) as proxy:
        announced: dict[str, str | int] = {"port": proxy.port, "hostname": "localhost"}
        for name, value in announced.items():
            lone_node.ask("CONFIG", "SET", f"cluster-announce-{name}", value)
        lone_node.ask("CONFIG", "SET", "cluster-preferred-endpoint-type", "hostname")
        url = f"{proxy.url.replace('rediss:', 'rediss+cluster:')}?ssl_ca_certs={certificate[0]}"
        settings = Settings(env_file=None, redis_url=url, redis_prefix="{tls}")
        async with Crew(jobs.registry, settings), JobClient(settings) as client:
            assert await (await jobs.square.trigger(7, client=client)).result("30s") == 49
