"""A queue with a prefix of its own: whatever is done to it is done there, and nothing under REDIS_PREFIX."""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import cast

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobFailedError, JobHandle, Settings
from midday_worker.admin import (
    find_waiting_parents,
    limit_rate,
    list_all_workers,
    pause_queue,
    read_overview,
    remove_rate_limit,
    resume_queue,
    retry_jobs,
)
from midday_worker.dashboard import create_dashboard
from midday_worker.engine.acts.cancellation import channel
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.integration.dashboard.visitor import Visitor, at
from tests.integration.queues.monitor import monitored
from tests.integration.queues.shop import OTHER, QUEUE, Shop

WITHIN = "60s"


@pytest.fixture
def settings(redis_server: RedisServer, redis_prefix: str) -> Settings:
    return Settings(env_file=None, redis_url=redis_server.url, redis_prefix=redis_prefix, board_login="none")


@pytest.fixture(params=["shared", "own"])
async def shop(request: pytest.FixtureRequest, settings: Settings, redis: Redis) -> AsyncIterator[Shop]:
    """A shop whose queue has no prefix, or one of its own. At its end it is looked at what Redis was asked."""
    ours = settings.redis_prefix
    own = f"{{own-{ours}}}"
    async with monitored(redis) as commands:
        yield Shop(own if request.param == "own" else None, settings)
    here, there = (own, ours) if request.param == "own" else (ours, own)
    names = (QUEUE, b64encode(QUEUE.encode()).decode())
    assert [command[:300] for command in commands if any(_mentions(command, there, name) for name in names)] == []
    assert all(any(_mentions(command, here, name) for command in commands) for name in names)
    assert not any(_mentions(command, own, OTHER) for command in commands)
    published = [command for command in commands if command.startswith("PUBLISH ") and QUEUE in command]
    assert all(command.startswith(f"PUBLISH {channel(here)} ") for command in published)
    found = [str(key) for key in await redis.keys("*")]  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
    assert any(key.startswith(f"{here}:{QUEUE}:") for key in found)
    assert [key for key in found if key.startswith(f"{there}:{QUEUE}:")] == []


def _mentions(text: str, prefix: str, queue: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(prefix)}:{re.escape(queue)}(?![\w])", text) is not None


async def failure_of(handle: JobHandle[str]) -> JobFailedError:
    with pytest.raises(JobFailedError) as failed:
        await handle.result(WITHIN)
    return failed.value


async def test_jobs_run_and_give_results(shop: Shop) -> None:
    send, report = shop.send, shop.report
    async with shop.client(), shop.working():
        handle = await send.trigger("ada")
        assert await handle.result(WITHIN) == "ada"
        assert (await handle.state(), await handle.attempts_made(), await handle.logs()) == (
            *("completed", 1),
            ["sending to ada"],
        )
        assert (await handle.fetch()).progress == 50
        assert [row async for row in handle.tail()] == ["sending to ada"]
        assert [step async for step in handle.progress()] == [50]
        many = await send.batch_trigger([{"payload": str(number)} for number in range(3)])
        assert [await each.result(WITHIN) for each in many] == ["0", "1", "2"]
        up = await report.trigger_flow("root", [send.node("b"), send.node("a", children=[report.node("c")])])
        assert await up.result(WITHIN) == ["ac", "b", "root"]
        assert [await child.result(WITHIN) for child in up.children] == ["b", "ac"]
        (down,) = await send.batch_trigger_flow([{"payload": "x", "children": [report.node("y"), send.node("z")]}])
        assert await down.result(WITHIN) == "xy"
        by_key = await (await down.fetch()).getChildrenValues()
        assert sorted(by_key.values(), key=str) == [["y"], "z"]
        assert await asyncio.to_thread(blocking, shop) == "blocking"
        again = send.handle(handle.id)
        assert await again.result(WITHIN) == "ada"


def blocking(shop: Shop) -> str:
    with JobClient.sync(shop.settings):
        return shop.send.sync.trigger("blocking").result(WITHIN)


async def test_jobs_are_acted_on(shop: Shop, redis: Redis) -> None:
    send = shop.send
    async with shop.client() as client:
        later = await send.trigger("later", delay="1h")
        await later.reschedule("2h")
        await later.change_priority(3)
        await later.update_data("sooner")
        await later.promote()
        gone = await send.trigger("gone", delay="1h")
        await gone.remove()
        assert await gone.state() == "unknown"
        never = await send.trigger("never", delay="1h")
        assert await never.cancel("not wanted") == "cancelled"
        flow = await send.trigger_flow("root", [shop.report.node("child", delay="1h"), send.node("own", delay="1h")])
        assert await flow.cancel(children=True) == "cancelled"
        assert [await child.state() for child in flow.children] == ["failed", "failed"]
        running = await send.trigger("for ever")
        async with shop.working():
            assert await later.result(WITHIN) == "sooner"
            await asyncio.wait_for(shop.started.wait(), 60)
            (heard,) = await redis.pubsub_numsub(channel(shop.prefix))  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - untyped in redis-py
            assert tuple(heard) == (channel(shop.prefix), 1)
            assert await running.cancel("too long") == "requested"
            assert (await failure_of(running)).reason == "cancelled: too long"
            failed = await send.trigger("nobody")
            assert "no such user" in (await failure_of(failed)).reason
            await failed.update_data("somebody")
            await failed.retry()
            assert await failed.result(WITHIN) == "somebody"
            assert (await retry_jobs(client.queue(shop.queue), "failed")).moved == 0
            assert await send.schedules() == []


async def test_schedules_fire(shop: Shop) -> None:
    async with shop.client() as client:
        schedule = await shop.send.trigger_recurring("often", every="1h", schedule_id="often")
        assert [each.id for each in await shop.send.schedules()] == ["often"]
        async with shop.working():

            async def ran() -> bool:
                return (await read_overview(client.queue(shop.queue))).counts["completed"] == 1

            await eventually(ran, "the schedule has fired")
        assert await schedule.next_run() is not None
        assert await schedule.remove()
        assert await schedule.fetch() is None


async def test_the_queue_is_managed_and_measured(shop: Shop) -> None:
    async with shop.client() as client:
        queue = client.queue(shop.queue)
        await pause_queue(queue)
        await limit_rate(queue, 100, 1_000)
        waiting = await shop.send.trigger("waits")
        parent = await shop.report.trigger_flow("parent", [shop.send.node("child")])
        assert (await find_waiting_parents(queue, ["waiting"], 10)).released == {OTHER: 1}
        async with shop.working():

            async def measured() -> bool:
                sizes = dict(await shop.monitor.metrics()).get("midday_worker_queue_jobs", {})
                return sum(sizes.get((QUEUE, state), [0])[0] for state in ("waiting", "paused")) == 2

            await eventually(measured, "the waiting jobs are counted")
            assert {name: len(found) for name, found in (await list_all_workers([queue]) or {}).items()} == {QUEUE: 1}
            await resume_queue(queue)
            await remove_rate_limit(queue)
            assert await waiting.result(WITHIN) == "waits"
            assert await parent.result(WITHIN) == ["child", "parent"]


def rows(answered: object) -> list[dict[str, object]]:
    return cast("list[dict[str, object]]", answered)


async def test_the_dashboard_shows_it_and_acts_on_it(shop: Shop) -> None:
    async with shop.client() as client:
        flow = await shop.report.trigger_flow("parent", [shop.send.node("nobody", on_failure="ignore")])
        child = flow.children[0]
        async with shop.working(), Visitor(create_dashboard(shop.registry, client=client)) as visitor:
            await flow.result(WITHIN)
            queues = rows((await visitor.get("/api/queues", {"activeQueue": QUEUE})).json["queues"])
            failed = [cast("dict[str, int]", row["counts"])["failed"] for row in queues]
            assert dict(zip([row["name"] for row in queues], failed, strict=True)) == {QUEUE: 1, OTHER: 0}
            assert (await visitor.get(at(QUEUE, child.id))).json["status"] == "failed"
            (tree,) = rows([(await visitor.get(at(QUEUE, child.id, "flow"))).json["flowRoot"]])
            assert [tree["queueName"], *(row["queueName"] for row in rows(tree["children"]))] == [OTHER, QUEUE]
            runs = rows((await visitor.get("/api/runs", {"queue": QUEUE})).json["runs"])
            assert [run["id"] for run in runs] == [child.id]
            await visitor.put("/api/queues/pause")
            added = await visitor.act("POST", at(QUEUE, "add"), {"name": "send", "data": "typed", "options": {}})
            assert added.status == 200, added.text
            await visitor.put("/api/queues/resume")
            tail = await visitor.get(at(QUEUE, child.id).replace("/api/queues", "/api/runs") + "/tail")
            assert "sending to nobody" in tail.text
            assert (await visitor.put(at(QUEUE, "retry", "failed"))).json["retried"] == 1
