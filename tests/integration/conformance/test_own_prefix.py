"""A queue with a prefix of its own, shared with the queues and workers of Node that have the same option `prefix`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Final, cast

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobContext, JobDefinition, JobRegistry, QueueRegistry, Settings, job, queue
from tests.integration.conformance.node_peer import NodePeer, NodeProcess
from tests.integration.crew import Crew

MAILS: Final = "mails"
REPORTS: Final = "reports"
WITHIN: Final = "60s"


class Both:
    """Jobs on the queue `mails`, which has a prefix of its own, and on `reports`, which has none."""

    def __init__(self, mails: NodePeer, reports: NodePeer, settings: Settings) -> None:
        self.mails, self.reports = mails, reports
        self.settings = settings
        self.registry = JobRegistry(QueueRegistry())
        own = queue(MAILS, prefix=mails.prefix, registry=self.registry.queues)
        self.mail: JobDefinition[dict[str, str], object] = job(
            "act", dict[str, str], self._send, queue=own, registry=self.registry
        )
        elsewhere = JobRegistry(self.registry.queues)
        self.report: JobDefinition[dict[str, str], object] = job(
            "act", dict[str, str], queue=REPORTS, registry=elsewhere
        )

    async def _send(self, data: dict[str, str], ctx: JobContext) -> object:
        return data


@pytest.fixture
async def both(node_process: NodeProcess, peer: NodePeer, settings: Settings) -> AsyncIterator[Both]:
    own = NodePeer(node_process, f"{{own-{settings.redis_prefix}}}")
    yield Both(own, peer, settings)
    await own.close()


async def test_jobs_go_both_ways(both: Both, client: JobClient) -> None:
    theirs = both.mail.handle(await both.mails.add(MAILS, "act", {"tag": "node"}), client=client)
    async with Crew(both.registry, both.settings):
        assert await theirs.result(WITHIN) == {"tag": "node"}
    (seen,) = await both.mails.views(MAILS, [theirs.id])
    assert (seen["state"], seen["value"]) == ("completed", {"tag": "node"})
    ours = await both.mail.trigger({"tag": "python"}, client=client)
    await both.mails.work(MAILS)
    assert await ours.result(WITHIN) == {"tag": "python"}


async def test_flows_across_prefixes_are_written_alike_and_run_in_both_languages(
    both: Both, client: JobClient, redis: Redis
) -> None:
    ours = await both.report.trigger_flow({"do": "children"}, [both.mail.node({"tag": "a"})], client=client)
    child = {"name": "act", "queueName": MAILS, "prefix": both.mails.prefix, "data": {"tag": "a"}}
    parent = {"name": "act", "queueName": REPORTS, "data": {"do": "children"}, "opts": {"jobId": "up"}}
    await both.reports.ask("flow", args=[{**parent, "children": [{**child, "opts": {"jobId": "down"}}]}])
    flows = ((ours.id, ours.children[0].id), ("up", "down"))
    python, node = [await _links(redis, both, *ids) for ids in flows]
    assert python == node
    assert python["parentKey"] == f"{both.settings.redis_prefix}:{REPORTS}:PARENT"
    async with Crew(both.registry, both.settings):
        for _, job_id in flows:
            await both.mail.handle(job_id, client=client).result(WITHIN)
    await both.reports.work(REPORTS)
    for job_id, _ in flows:
        result = cast("dict[str, object]", await both.report.handle(job_id, client=client).result(WITHIN))
        assert result["values"] == [{"tag": "a"}]


async def _links(redis: Redis, both: Both, parent: str, child: str) -> dict[str, object]:
    """What binds a flow's jobs together, without their ids."""
    stored = await redis.hmget(f"{both.mails.prefix}:{MAILS}:{child}", ["parentKey", "parent"])
    pending = await redis.smembers(f"{both.settings.redis_prefix}:{REPORTS}:{parent}:dependencies")
    text = json.dumps([*stored, *pending]).replace(parent, "PARENT").replace(child, "CHILD")
    key, about, dependency = cast("list[str]", json.loads(text))
    above = cast("dict[str, str]", json.loads(about))
    return {"parentKey": key, "parent": (above["id"], above["queueKey"]), "dependency": dependency}
