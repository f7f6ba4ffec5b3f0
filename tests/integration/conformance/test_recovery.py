"""A killed process's job is taken up by a worker of the other language."""

from __future__ import annotations

import asyncio
import sys
from typing import Final

from midday_worker.demo.node import NodeRuntime
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.testing import RedisServer
from tests.conftest import ROOT
from tests.deadline import eventually
from tests.integration.conformance.bridge import QUEUE, Bridge
from tests.integration.conformance.case import Add
from tests.integration.conformance.node_peer import NodePeer, NodeProcess

LOCK_MS: Final = 500
CONFIG: Final = WorkerConfig(queue=QUEUE, concurrency=1, lock_duration_ms=LOCK_MS, stalled_interval_ms=LOCK_MS)
IN_NODE: Final = {"lockDuration": LOCK_MS, "stalledInterval": LOCK_MS}


async def one_holds(bridge: Bridge) -> None:
    async def holds() -> bool:
        return len(await bridge.runs()) == 1

    await eventually(holds, "the doomed worker has the job", within_s=30)


async def test_python_takes_up_what_a_killed_node_process_held(
    bridge: Bridge, node_runtime: NodeRuntime, redis_server: RedisServer, redis_prefix: str
) -> None:
    job_id = await bridge.add("node", Add(tag="a", act={"do": "hold"}))
    doomed = NodeProcess(node_runtime, redis_server.url)
    await NodePeer(doomed, redis_prefix).work(QUEUE, **IN_NODE)
    await one_holds(bridge)
    doomed.kill()
    await bridge.open_gate()
    async with bridge.working("python", config=CONFIG):
        await bridge.settled()
    await check(bridge, job_id, ["node", "python"])


async def test_node_takes_up_what_a_killed_python_process_held(bridge: Bridge, redis_prefix: str) -> None:
    job_id = await bridge.add("python", Add(tag="a", act={"do": "hold"}))
    doomed = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.conformance.lone_worker",
        bridge.settings.redis_url.get_secret_value(),
        redis_prefix,
        str(LOCK_MS),
        cwd=ROOT,
    )
    try:
        await one_holds(bridge)
    finally:
        doomed.kill()
        await doomed.wait()
    await bridge.open_gate()
    await bridge.peer.work(QUEUE, **IN_NODE)
    await bridge.settled()
    await check(bridge, job_id, ["python", "node"])


async def check(bridge: Bridge, job_id: str, by: list[str]) -> None:
    assert [run.by for run in await bridge.runs()] == by
    for language in ("python", "node"):
        (view,) = await bridge.views(language, [job_id])
        assert (view["state"], view["attempts"]) == ("completed", 1), f"read in {language}"
