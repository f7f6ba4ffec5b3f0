"""Recurring jobs on a real Redis, written by triggers and advanced by workers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobContext, JobDefinition, JobRegistry, Payload, ScheduleHandle, Settings, job
from midday_worker.engine.producer.scheduler import fires_at_ms
from midday_worker.errors import ScheduleError
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.integration.stored_keys import keys_of


class Ticks:
    """A recurring job that keeps when it ran and for whom."""

    def __init__(self, registry: JobRegistry) -> None:
        self.of: list[str] = []
        self.ids: list[str] = []
        self.definition: JobDefinition[str, None] = job("tick", str, self.handle, registry=registry)

    async def handle(self, data: str, ctx: JobContext) -> None:
        self.of.append(data)
        self.ids.append(ctx.job.id)

    async def until(self, count: int, within_s: float = 10) -> None:
        async def are_there() -> bool:
            return len(self.of) >= count

        await eventually(are_there, f"{count} ticks", within_s)

    async def have_run_out(self, client: JobClient) -> None:
        """Wait until a later job has run: what was due before it, had there been any, has run too."""
        last = await self.definition.trigger("last", delay="800ms", client=client)
        await last.result("10s")
        self.of.remove("last")
        self.ids.remove(last.id)


@pytest.fixture
def ticks(registry: JobRegistry) -> Ticks:
    return Ticks(registry)


async def test_a_cron_schedule_is_in_its_time_zone(client: JobClient, ticks: Ticks) -> None:
    schedule = await ticks.definition.trigger_recurring("u1", "0 9 * * *", tz="Europe/Stockholm", client=client)
    next_run = await schedule.next_run()
    assert next_run is not None
    local = next_run.astimezone(ZoneInfo("Europe/Stockholm"))
    assert (local.hour, local.minute, local.second) == (9, 0, 0)
    assert timedelta(0) < next_run - datetime.now(UTC) <= timedelta(hours=25)
    stored = await schedule.fetch()
    assert stored is not None
    assert (stored.pattern, stored.tz, stored.job, stored.data) == ("0 9 * * *", "Europe/Stockholm", "tick", "u1")


async def test_a_cron_schedule_without_a_time_zone_is_in_utc_and_says_so(client: JobClient, ticks: Ticks) -> None:
    schedule = await ticks.definition.trigger_recurring("u1", "30 4 * * *", client=client)
    stored, next_run = await schedule.fetch(), await schedule.next_run()
    assert stored is not None
    assert next_run is not None
    assert (stored.tz, next_run.hour, next_run.minute) == ("UTC", 4, 30)


async def test_the_same_call_again_leaves_one_schedule_and_one_next_run(
    client: JobClient, ticks: Ticks, settings: Settings, redis: Redis
) -> None:
    for _ in range(3):
        await ticks.definition.trigger_recurring("u1", "0 9 * * *", client=client)
    assert len(await ticks.definition.schedules(client=client)) == 1
    assert await redis.zcard(f"{settings.redis_prefix}:default:delayed") == 1


async def test_a_field_with_a_default_that_a_deploy_adds_makes_no_second_schedule(
    client: JobClient, registry: JobRegistry
) -> None:
    class Digest(Payload):
        team: str

    class LaterDigest(Digest):
        locale: str = "en"

    async def handle(data: Digest, ctx: JobContext) -> None: ...

    for schema, deployed in ((Digest, registry), (LaterDigest, JobRegistry())):
        digest = job("digest", schema, handle, registry=deployed)
        schedule = await digest.trigger_recurring({"team": "a"}, "0 9 * * *", client=client)
        await digest.trigger_recurring({"team": "b"}, "0 9 * * *", client=client)
        assert len(await digest.schedules(client=client)) == 2
    stored = await schedule.fetch()
    assert stored is not None
    assert stored.data == {"team": "a", "locale": "en"}, "the next runs are as the new code writes them"


async def test_schedules_of_two_payloads_stand_side_by_side(client: JobClient, ticks: Ticks) -> None:
    first = await ticks.definition.trigger_recurring("u1", "0 9 * * *", client=client)
    second = await ticks.definition.trigger_recurring("u2", "0 9 * * *", client=client)
    listed = await ticks.definition.schedules(client=client)
    assert {schedule.id for schedule in listed} == {first.id, second.id}
    assert first.id != second.id


async def test_removing_a_schedule_removes_its_next_run(
    client: JobClient, ticks: Ticks, settings: Settings, redis: Redis
) -> None:
    schedule = await ticks.definition.trigger_recurring("u1", "0 9 * * *", client=client)
    assert await schedule.remove() is True
    assert await schedule.remove() is False
    assert await schedule.next_run() is None
    assert await redis.zcard(f"{settings.redis_prefix}:default:delayed") == 0


async def test_every_is_advanced_by_the_worker_until_its_limit(
    client: JobClient, ticks: Ticks, registry: JobRegistry, settings: Settings
) -> None:
    schedule = await ticks.definition.trigger_recurring("u1", every="200ms", limit=4, client=client)
    async with Crew(registry, settings):
        await ticks.until(4)

        async def is_over() -> bool:
            return await schedule.next_run() is None

        await eventually(is_over, "the schedule is over after its limit")
        await ticks.have_run_out(client)
    assert ticks.of == ["u1"] * 4
    assert len(set(ticks.ids)) == 4


async def test_a_schedule_that_has_had_its_runs_stays_over_when_programs_write_it_again(
    client: JobClient, ticks: Ticks, registry: JobRegistry, settings: Settings
) -> None:
    """Each program writes its schedules as it starts; a deploy must not run a job again that is to run twice in all."""

    async def write() -> ScheduleHandle:
        return await ticks.definition.trigger_recurring("u1", every="200ms", limit=2, client=client)

    schedule = await write()
    async with Crew(registry, settings):
        await ticks.until(2)
        await asyncio.gather(*(write() for _ in range(5)))
        await ticks.have_run_out(client)
        assert await schedule.next_run() is None
        await write()
        await ticks.have_run_out(client)
    assert ticks.of == ["u1"] * 2
    assert await schedule.remove() is True


async def test_another_rule_lets_a_schedule_that_is_over_begin_anew(
    client: JobClient, ticks: Ticks, registry: JobRegistry, settings: Settings
) -> None:
    schedule = await ticks.definition.trigger_recurring("u1", every="100ms", limit=3, client=client)
    async with Crew(registry, settings):
        await ticks.until(3)
        await ticks.definition.trigger_recurring("u1", every="200ms", limit=1, client=client)
        await ticks.until(4)
        again = await ticks.definition.trigger_recurring("u1", "* * * * * *", limit=2, client=client)
        assert again.id == schedule.id
        await ticks.until(6)
        stored = await again.fetch()
        assert stored is not None
        assert stored.iterations == 2
        await ticks.have_run_out(client)
        assert await schedule.next_run() is None
    assert len(ticks.of) == 6


async def test_writing_a_schedule_again_between_its_runs_gives_it_no_more_of_them(
    client: JobClient, ticks: Ticks, registry: JobRegistry, settings: Settings
) -> None:
    queue = client.queue("default")
    async with Crew(registry, settings):
        for run in (1, 2, 3):
            schedule = await ticks.definition.trigger_recurring("u1", every="1h", limit=3, client=client)
            if run > 1:
                stored = await schedule.fetch()
                assert stored is not None
                assert not stored.over
                following = await queue.getJob(f"repeat:{schedule.id}:{stored.next_run_ms}")
                assert following is not None
                await following.promote()
            await ticks.until(run)
            await ticks.have_run_out(client)
        # Its last run was due in an hour or two; it has been promoted, and there is no other.
        assert await schedule.next_run() is None
        assert [each.over for each in await client.schedules("default")] == [True]
        await ticks.definition.trigger_recurring("u1", every="1h", limit=3, client=client)
        await ticks.have_run_out(client)
    assert ticks.of == ["u1"] * 3


@pytest.mark.parametrize("limit", [None, 3, 2])
async def test_every_does_not_run_after_its_end(
    client: JobClient, ticks: Ticks, registry: JobRegistry, settings: Settings, limit: int | None
) -> None:
    end = datetime.now(UTC) + timedelta(milliseconds=700)
    schedule = await ticks.definition.trigger_recurring("u1", every="300ms", end=end, limit=limit, client=client)
    async with Crew(registry, settings):
        await ticks.until(2)
        await ticks.have_run_out(client)
        assert await schedule.next_run() is None
    assert len(ticks.of) <= (limit or 3)
    assert max(map(fires_at_ms, ticks.ids)) <= end.timestamp() * 1000


async def test_every_whose_end_is_put_before_its_next_run_is_removed(client: JobClient, ticks: Ticks) -> None:
    now = datetime.now(UTC)
    first = await ticks.definition.trigger_recurring("u1", every="1d", start=now + timedelta(hours=2), client=client)
    with pytest.raises(ScheduleError, match="has no run left before its end"):
        await ticks.definition.trigger_recurring("u1", every="1d", end=now + timedelta(hours=1), client=client)
    assert await first.fetch() is None
    assert await client.queue("default").getJobCounts("waiting", "delayed") == {"waiting": 0, "delayed": 0}


async def test_a_cron_schedule_is_advanced_by_the_worker(
    client: JobClient, ticks: Ticks, registry: JobRegistry, settings: Settings
) -> None:
    schedule = await ticks.definition.trigger_recurring("u1", "* * * * * *", client=client)
    async with Crew(registry, settings):
        await ticks.until(2)
        next_run = await schedule.next_run()
    assert next_run is not None
    assert next_run.microsecond == 0
    assert len(set(ticks.ids)) == len(ticks.ids)


async def test_a_failing_run_does_not_end_its_schedule(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    runs: list[int] = []

    async def fail(data: int, ctx: JobContext) -> None:
        runs.append(data)
        raise RuntimeError("no")

    failing = job("fail", int, fail, attempts=1, registry=registry)
    await failing.trigger_recurring(1, every="200ms", client=client)
    async with Crew(registry, settings):

        async def have_run() -> bool:
            return len(runs) >= 3

        await eventually(have_run, "three runs")


@pytest.mark.parametrize(
    ("pattern", "zone"), [("61 * * * *", None), ("often", None), ("0 9 * * *", "Europe/Atlantis"), ("0 0 30 2 *", None)]
)
async def test_a_schedule_that_cannot_be_is_refused_and_nothing_is_written(
    client: JobClient, ticks: Ticks, settings: Settings, redis: Redis, pattern: str, zone: str | None
) -> None:
    with pytest.raises(ScheduleError):
        await ticks.definition.trigger_recurring("u1", pattern, tz=zone, client=client)
    assert await keys_of(redis, settings) == []
