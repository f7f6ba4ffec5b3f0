"""Plain work, on both engines: a test of a fault fails for its fault, not for how the stock port is called."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.integration.faults.engine import Engine
from tests.integration.faults.state import until_state


async def test_jobs_are_added_read_run_and_failed(engine: Engine) -> None:
    async def handle(data: object) -> object:
        if data == "bad":
            raise RuntimeError("no")
        return data

    ids = [await engine.add("good", job_id="first"), *await engine.add_many(["bad", "good"], attempts=1)]
    assert sorted(await engine.waiting()) == sorted(ids)
    async with engine.working(handle) as work:
        for job_id, state in zip(ids, ["completed", "failed", "completed"], strict=True):
            await until_state(engine, job_id, state)
        await work.stop()


async def test_a_flow_and_a_schedule_are_written(engine: Engine) -> None:
    await engine.add_flow("parent", [("child", 0)])
    assert await engine.state("parent") == "waiting-children"
    await engine.schedule("hourly", pattern="0 * * * *", tz="UTC")
    next_run = await engine.next_run("hourly")
    assert next_run is not None
    assert timedelta(0) < next_run - datetime.now(UTC) <= timedelta(hours=1)
