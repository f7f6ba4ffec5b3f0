"""A primary that is dead and has no replica: what concerns the other nodes is still shown, and this one is named."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import cast

import pytest

from midday_worker import (
    JobClient,
    JobRegistry,
    QueueDefinition,
    QueueRegistry,
    RedisUnavailableError,
    Settings,
    job,
    queue,
)
from midday_worker.admin import Expected, Finding, examine, list_prefixes
from midday_worker.cli.reach import Reach
from midday_worker.dashboard import create_dashboard
from tests.integration.cluster.test_reach import elsewhere, handle
from tests.integration.dashboard.visitor import Answer, Visitor
from tests.redis_cluster import ClusterNode, RedisCluster


@pytest.fixture
def far_prefix(cluster: RedisCluster, redis_prefix: str) -> str:
    return elsewhere(redis_prefix, cluster)


@pytest.fixture
def registry(far_prefix: str) -> JobRegistry:
    queues = QueueRegistry()
    registry = JobRegistry(queues=queues)
    job("near", int, handle, registry=registry)
    job("far", int, handle, registry=registry, queue=queue("emails", prefix=far_prefix, registry=queues))
    return registry


@pytest.fixture
async def clients(
    cluster: RedisCluster, registry: JobRegistry, redis_prefix: str, far_prefix: str
) -> AsyncIterator[list[JobClient]]:
    """One whose REDIS_PREFIX is at the node that lives on, and one whose is at the other; both have added a job."""
    prefixes = (redis_prefix, far_prefix)
    every = [
        Settings(env_file=None, redis_url=cluster.url, redis_prefix=prefix, board_login="none") for prefix in prefixes
    ]
    async with JobClient(every[0]) as first, JobClient(every[1]) as second:
        for definition in registry:
            await definition.trigger(1, client=first)
        yield [first, second]


@pytest.fixture
async def dead(cluster: RedisCluster, clients: list[JobClient], far_prefix: str) -> AsyncIterator[ClusterNode]:
    """The node of the queue emails. The others go on without its slots."""
    node = cluster.node_of(far_prefix)
    replica = cluster.replica_of(node)
    others = [each for each in cluster.nodes if each not in (node, replica)]
    for each in others:
        each.ask("CONFIG", "SET", "cluster-require-full-coverage", "no")
    replica.kill()
    node.kill()
    yield node
    for each in others:
        each.ask("CONFIG", "SET", "cluster-require-full-coverage", "yes")


async def test_the_others_are_shown_and_the_dead_one_is_named(
    dead: ClusterNode,
    clients: list[JobClient],
    registry: JobRegistry,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In one test, as such a cluster takes seconds."""
    near, far = clients
    place = f"127.0.0.1:{dead.port}"
    await prefixes_are_listed(clients, place)
    await doctor_goes_on(clients, registry, place)
    monkeypatch.setattr("midday_worker.cli.reach.default_registry", registry)
    assert [each.name for each in await Reach(near).queues()] == ["default"]
    assert f"Without queue emails: Node {place} of the cluster can't be reached (" in capsys.readouterr().err
    with pytest.raises(RedisUnavailableError, match=place):
        await Reach(far, far.settings.redis_prefix).queues()
    await dashboard_goes_on(near, registry, place)


async def prefixes_are_listed(clients: list[JobClient], place: str) -> None:
    near, far = (client.settings.redis_prefix for client in clients)
    for client in clients:
        found, away = await list_prefixes(client.connection)
        assert found[near] == ["default"]
        assert far not in found
        assert [place in text for text in away] == [True]


async def doctor_goes_on(clients: list[JobClient], registry: JobRegistry, place: str) -> None:
    near, far = clients
    own = [each for each in registry.queues if each.prefix]
    findings = await findings_of(near, own)
    assert [each.queue for each in findings if each.check == "no workers"] == ["default"]
    assert [each for each in findings if each.grade == "fail" and place in each.text]
    findings = await findings_of(far, [])
    assert [each for each in findings if each.grade == "fail" and place in each.text]
    assert [each for each in findings if each.text.endswith(f"the keys of REDIS_PREFIX are at {place}")]


async def dashboard_goes_on(client: JobClient, registry: JobRegistry, place: str) -> None:
    async with Visitor(create_dashboard(registry, client=client)) as visitor:
        shown = {each["name"]: each for each in rows(await visitor.get("/api/queues?activeQueue=emails"), "queues")}
        assert cast("dict[str, int]", shown["default"]["counts"])["waiting"] == 1
        assert "description" not in shown["default"]
        assert place in str(shown["emails"]["description"])
        assert [run["queue"] for run in rows(await visitor.get("/api/runs"), "runs")] == ["default"]
        names = cast("dict[str, dict[str, str]]", (await visitor.get("/api/runs/names")).json["queues"])
        assert place in names["emails"]["away"]
        for path in ("/api/redis/stats", "/api/job-schedulers"):
            assert (await visitor.get(path)).status == 200, path


async def findings_of(client: JobClient, own: Sequence[QueueDefinition]) -> list[Finding]:
    expected = Expected(prefix=client.settings.redis_prefix, own=own, largest=9, handled={}, declared={})
    return await examine(client.connection, expected, client.queue)


def rows(answer: Answer, name: str) -> list[dict[str, object]]:
    return cast("list[dict[str, object]]", answer.json[name])
