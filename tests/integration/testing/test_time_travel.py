"""`time_travel`: months in a second, on the true engine and a real Redis."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from midday_worker import (
    JobContext,
    JobDefinition,
    JobHandle,
    JobRegistry,
    Payload,
    PerKey,
    RateLimit,
    RetryAfter,
    Settings,
    SyncJobContext,
    cron,
    every,
    job,
    queue,
)
from midday_worker.errors import DurationError, InvalidInputError
from midday_worker.testing import RedisServer, Run, World, running_worker, time_travel

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Empty(Payload):
    """Nothing."""


STOCKHOLM = ZoneInfo("Europe/Stockholm")


@pytest.fixture
def settings(redis_server: RedisServer) -> Settings:
    return Settings(env_file=None, redis_url=redis_server.url)


@pytest.fixture
def note(registry: JobRegistry) -> JobDefinition[str, str]:
    @job("note", registry=registry, attempts=1)
    async def note(data: str, ctx: JobContext) -> str:
        return data

    return note


def after(runs: list[Run], start: datetime = START) -> list[timedelta]:
    """Return how long after the start each was, in whole minutes."""
    return [timedelta(minutes=round((run.at - start) / timedelta(minutes=1))) for run in runs]


def days(*numbers: float) -> list[timedelta]:
    return [timedelta(days=number) for number in numbers]


async def test_delays_fall_on_their_days_and_nothing_runs_early(
    registry: JobRegistry, settings: Settings, note: JobDefinition[str, str]
) -> None:
    async with time_travel(registry, settings=settings, start=START) as world:
        for delay in ("30d", "3d", "14d", "0s"):
            await note.trigger(delay, delay=delay)
        await world.advance(timedelta(days=2, hours=23, minutes=59))
        assert [run.data for run in world.runs] == ["0s"]
        await world.advance("1m")
        assert [run.data for run in world.runs] == ["0s", "3d"]
        await world.advance("28d")
        assert [run.data for run in world.runs] == ["0s", "3d", "14d", "30d"]
        assert after(world.runs) == days(0, 3, 14, 30)
        world.assert_ran(note, times=4)
        assert timedelta(days=31) <= world.now() - START < timedelta(days=31, minutes=5)


async def test_schedules_fire_at_their_local_times_over_a_change_of_clocks(
    registry: JobRegistry, settings: Settings
) -> None:
    """On 29 March 2026 Stockholm goes from UTC+1 to UTC+2."""

    @job("weekly", registry=registry, schedule=cron("0 9 * * 1", tz="Europe/Stockholm"))
    async def weekly(data: Empty, ctx: JobContext) -> None: ...

    @job("daily", registry=registry, schedule=every("1d"))
    async def daily(data: Empty, ctx: JobContext) -> None: ...

    async with time_travel(registry, settings=settings, start=START) as world:
        await world.advance("43d")
        local = [run.at.astimezone(STOCKHOLM) for run in world.runs_of(weekly)]
        assert [(at.month, at.day, at.hour, at.minute) for at in local] == [
            (3, day, 9, 0) for day in (2, 9, 16, 23, 30)
        ] + [(4, 6, 9, 0), (4, 13, 9, 0)]
        assert len(world.runs_of(daily)) in (43, 44)


async def test_retries_wait_for_their_backoff(registry: JobRegistry, settings: Settings) -> None:
    @job("flaky", registry=registry, attempts=4, backoff={"type": "exponential", "delay": "1h"})
    async def flaky(data: str, ctx: JobContext) -> None:
        if ctx.job.attemptsMade == 1:
            raise RetryAfter("1d")
        raise ValueError("away")

    async with time_travel(registry, settings=settings, start=START) as world:
        handle = await flaky.trigger("x")
        await world.advance("7d")
        assert after(world.failed) == [timedelta(hours=hours) for hours in (0, 1, 25, 29)]
        assert [run.attempt for run in world.failed] == [1, 2, 3, 4]
        assert await handle.state() == "failed"
        with pytest.raises(AssertionError, match=r"flaky completed never\.(?s:.*)attempt 4\) failed: ValueError: away"):
            world.assert_ran(flaky)


async def test_what_expires_in_redis_expires_by_the_worlds_clock(
    registry: JobRegistry, settings: Settings, note: JobDefinition[str, str]
) -> None:
    async with time_travel(registry, settings=settings) as world:

        async def added(trigger: Callable[[], Awaitable[JobHandle[str]]]) -> list[bool | None]:
            """Ask now, and a day later."""
            found: list[bool | None] = []
            for pause in ("23h", "2h", "0s"):
                handle = await trigger()
                found.append(handle.added)
                await world.advance(pause)
            return found

        assert await added(lambda: note.trigger("a", idempotency_key="k")) == [True, False, True]
        assert await added(lambda: note.trigger("b", throttle=("u", "1d"))) == [True, False, True]
        assert await added(lambda: note.trigger("c", deduplication={"id": "d", "ttl": "1d"})) == [True, False, True]


async def test_a_debounced_job_runs_when_it_has_been_quiet(
    registry: JobRegistry, settings: Settings, note: JobDefinition[str, str]
) -> None:
    async with time_travel(registry, settings=settings, start=START) as world:
        for text in ("d", "dr", "draft"):
            await note.trigger(text, debounce=("u", "2d"))
            await world.advance("1d")
        assert world.runs == []
        await world.advance("1d")
        assert [run.data for run in world.runs] == ["draft"]
        assert after(world.runs) == days(4)


async def test_a_rate_limit_lets_as_many_start_as_the_worlds_hours_allow(
    registry: JobRegistry, settings: Settings
) -> None:
    slow = queue("slow", rate_limit=RateLimit(2, "1h"), registry=registry.queues)

    @job("call", queue=slow, registry=registry)
    async def call(data: int, ctx: JobContext) -> None: ...

    async with time_travel(registry, settings=settings, start=START) as world:
        await call.batch_trigger([{"payload": number} for number in range(6)])
        await world.run_until_idle()
        assert len(world.runs) == 2
        await world.advance("1d")
        assert after(world.runs) == [timedelta(hours=hours) for hours in (0, 0, 1, 1, 2, 2)]


async def test_limits_per_key_let_as_many_start_as_the_worlds_hours_allow(
    registry: JobRegistry, settings: Settings
) -> None:
    limits = [PerKey("team", concurrency=1), PerKey("provider", rate=RateLimit(2, "1h"))]
    limited = queue("limited", limits=limits, registry=registry.queues)

    @job("call", queue=limited, registry=registry)
    async def call(data: dict[str, str], ctx: JobContext) -> None: ...

    async with time_travel(registry, settings=settings, start=START) as world:
        await call.batch_trigger([{"payload": {"provider": "a"}} for _ in range(6)])
        await call.trigger({"team": "b"}, delay="90m")
        await world.run_until_idle()
        assert len(world.runs) == 2
        await world.advance("59m")
        assert len(world.runs) == 2
        await world.advance("1d")
        assert after(world.runs) == [timedelta(hours=hours) for hours in (0, 0, 1, 1, 1.5, 2, 2)]
        await world.client.queue("limited").pause()
        await call.trigger({"provider": "a"}, delay="1h")
        await world.advance("1d")
        assert len(world.runs) == 7


async def test_time_is_refused_to_go_backwards(registry: JobRegistry, settings: Settings, note: object) -> None:
    async with time_travel(registry, settings=settings) as world:
        for duration in (-1, timedelta(seconds=-1), "-1d"):
            with pytest.raises(DurationError, match="can't be moved backwards"):
                await world.advance(duration)
        with pytest.raises(DurationError, match="can't be moved backwards"):
            await world.advance_to(world.now() - timedelta(days=1))
        with pytest.raises(InvalidInputError, match="no time zone"):
            await world.advance_to(datetime(2099, 1, 1))


def replaced() -> list[str]:
    """Return the modules that don't see the real clock."""
    loaded = [(name, module) for name, module in sys.modules.items() if name.startswith(("midday_worker", "bullmq"))]
    return [name for name, module in loaded if type(getattr(module, "time", None)).__name__.endswith("WorldTime")]


async def test_real_time_is_back_after_an_error(
    registry: JobRegistry, settings: Settings, note: JobDefinition[str, str]
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with time_travel(registry, settings=settings) as world:
            await world.advance("1d")
            assert replaced()
            raise ZeroDivisionError
    assert replaced() == []


async def test_worlds_one_after_the_other_and_in_threads_are_apart(
    registry: JobRegistry, settings: Settings, note: JobDefinition[str, str]
) -> None:
    both, ends = threading.Barrier(2, timeout=60), dict[int, datetime]()

    async def travel(number: int) -> None:
        async with time_travel(registry, settings=settings, start=START) as world:
            await asyncio.to_thread(both.wait)
            await note.trigger(str(number), delay=timedelta(days=number))
            await world.advance(timedelta(days=number))
            await asyncio.to_thread(both.wait)
            ends[number] = world.now()
            assert [run.data for run in world.runs] == [str(number)]
            assert after(world.runs) == days(number)

    await asyncio.gather(*(asyncio.to_thread(asyncio.run, travel(number)) for number in (1, 100)))
    assert ends[100] - ends[1] > timedelta(days=98)
    assert replaced() == []
    async with time_travel(registry, settings=settings) as world:
        await world.advance("10m")
        assert world.runs == []
        await refuse_another(registry, settings)
    async with running_worker(registry, settings=settings):
        await refuse_another(registry, settings)


async def refuse_another(registry: JobRegistry, settings: Settings) -> None:
    """Triggers would go to the latest, and the world's clock be read by both."""
    for another in (time_travel, running_worker):
        with pytest.raises(InvalidInputError, match="on this event loop already"):
            async with another(registry, settings=settings):
                pass


async def test_flows_and_what_handlers_trigger_run_in_the_worlds_time(
    registry: JobRegistry, settings: Settings, note: JobDefinition[str, str]
) -> None:
    @job("parent", registry=registry)
    async def parent(data: str, ctx: JobContext) -> None:
        await note.trigger("later", delay="1h")

    async with time_travel(registry, settings=settings, start=START) as world:
        await parent.trigger_flow("p", children=[note.node("child", delay="2d")])
        await world.advance("3d")
        assert [run.data for run in world.runs] == ["child", "p", "later"]
        assert after(world.runs) == [timedelta(days=2), timedelta(days=2), timedelta(days=2, hours=1)]


async def test_plain_functions_trigger_in_the_worlds_time_too(registry: JobRegistry, settings: Settings) -> None:
    @job("plain", registry=registry)
    def plain(data: str, ctx: SyncJobContext) -> None:
        if data == "first":
            plain.sync.trigger("second", delay="2d")

    async with time_travel(registry, settings=settings, start=START) as world:
        await plain.trigger("first")
        await world.advance("3d")
        assert after(world.runs) == days(0, 2)


async def test_a_deadline_passes_while_the_queue_is_paused(
    registry: JobRegistry, settings: Settings, note: JobDefinition[str, str]
) -> None:
    async with time_travel(registry, settings=settings, start=START) as world:
        queue = world.client.queue("default")
        await queue.pause()
        late, early = [await note.trigger("x", delay="1d", deadline=deadline) for deadline in ("2d", "9d")]
        await world.advance("3d")
        assert world.runs == []
        await queue.resume()
        await world.run_until_idle()
        assert (await late.state(), await early.state()) == ("failed", "completed")


async def test_without_a_server_it_starts_one(
    registry: JobRegistry, note: JobDefinition[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)

    async def look(world: World) -> None:
        handle = await note.trigger("x", delay="1w")
        await world.advance("1w")
        assert await handle.result(timeout="30s") == "x"

    async with time_travel(registry, settings=Settings(env_file=None)) as world:
        await look(world)
