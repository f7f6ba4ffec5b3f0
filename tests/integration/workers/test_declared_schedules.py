"""The schedules that jobs declare, on a real Redis: reconciled by workers as they start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import pytest
from redis.asyncio import Redis

from midday_worker import (
    DeclaredSchedule,
    EnqueueCall,
    EnqueueNext,
    JobClient,
    JobContext,
    JobDefinition,
    JobRegistry,
    QueueRegistry,
    Settings,
    cron,
    every,
    job,
    queue,
    spread,
)
from midday_worker.engine.inspection.health import Heartbeat, beat, stop_beating
from midday_worker.engine.inspection.schedule_owners import ScheduleOwners
from midday_worker.engine.producer.schedule import Recurrence
from midday_worker.errors import InvalidInputError, RedisUnavailableError
from midday_worker.request import JobRequest
from midday_worker.testing import RedisServer
from midday_worker.workers.plan import plan_from_settings
from midday_worker.workers.schedule_sync import ScheduleSync
from midday_worker.workers.service import WorkerService
from tests.deadline import eventually

QUEUE = "syncs"
DUMP = "return redis.sha1hex(redis.call('DUMP', KEYS[1]))"
OLD = (every("10m", id="kept"), cron("0 9 * * *", id="moved"), every("1h", id="dropped"))
NEW = (every("10m", id="kept"), cron("30 9 * * *", tz="Europe/Stockholm", id="moved"), every("2h", id="made"))


async def handle(data: None, ctx: JobContext) -> None: ...


@dataclass
class Program:
    """One version of a service's program; its processes are made here, each in a place of its own.

    Attributes:
        prefix: of its queue, if it has one of its own.
    """

    settings: Settings
    schedules: tuple[DeclaredSchedule, ...]
    name: str = "sync"
    prefix: str | None = None
    registry: JobRegistry = field(init=False)
    job: JobDefinition[None, None] = field(init=False)

    def __post_init__(self) -> None:
        self.registry = JobRegistry(QueueRegistry())
        where = queue(QUEUE, prefix=self.prefix, registry=self.registry.queues)
        self.job = job(
            self.name, None, handle, queue=where, schedule=self.schedules, registry=self.registry, priority=3
        )

    @asynccontextmanager
    async def process(self, number: int) -> AsyncGenerator[ScheduleSync]:
        """A process of it that lives until the end of the block."""
        async with JobClient(self.settings) as client:
            heartbeat = Heartbeat(
                host="test", pid=number, queues=[QUEUE], started_at=float(number), beat_at=float(number)
            )
            await beat(client.connection, self.settings.redis_prefix, heartbeat)
            try:
                yield ScheduleSync(self.registry, self.settings, client, heartbeat)
            finally:
                await stop_beating(client.connection, self.settings.redis_prefix, heartbeat)

    async def start(self, number: int) -> list[str]:
        """Let a process of it start, reconcile, and end; return what was done."""
        async with self.process(number) as sync:
            return [f"{change.act} {change.id}" for change in await sync.reconcile()]

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[None]:
        """Run the whole service until the end of the block."""
        service = WorkerService(self.registry, plan_from_settings(self.registry, self.settings), self.settings)
        running = asyncio.create_task(service.run())
        try:
            yield
        finally:
            service.stop()
            assert await running


def named(settings: Settings, service: str | None = "billing", grace: int = 0, **others: object) -> Settings:
    known = {"redis_url": settings.redis_url.get_secret_value(), "redis_prefix": settings.redis_prefix}
    return Settings(env_file=None, **{**known, "service_name": service, "schedules_grace": grace, **others})


async def schedules(client: JobClient) -> Mapping[str, str]:
    """What is there, by id, and when it fires."""
    found = await client.schedules(QUEUE)
    return {each.id: f"{each.pattern} {each.tz}" if each.pattern else f"every {each.every_ms}" for each in found}


AS_NEW = {"kept": "every 600000", "moved": "30 9 * * * Europe/Stockholm", "made": "every 7200000"}
AS_OLD = {"kept": "every 600000", "moved": "0 9 * * * UTC", "dropped": "every 3600000"}


async def dumps(redis: Redis, prefix: str, *ids: str) -> dict[str, object]:
    """The bytes of schedules, and of the jobs of their next runs."""
    found: dict[str, object] = {}
    for schedule_id in ids:
        due = await redis.zscore(f"{prefix}:{QUEUE}:repeat", schedule_id)
        assert due is not None, schedule_id
        found[f"{schedule_id} due"] = due
        for key in (f"{prefix}:{QUEUE}:repeat:{schedule_id}", f"{prefix}:{QUEUE}:repeat:{schedule_id}:{int(due)}"):
            found[key] = await cast("Awaitable[str]", redis.eval(DUMP, 1, key))
    return found


async def test_what_is_declared_is_made_once_and_then_left_as_it_is(
    settings: Settings, client: JobClient, redis: Redis
) -> None:
    program = Program(named(settings), OLD)

    assert await program.start(1) == ["add kept", "add moved", "add dropped"]
    assert await schedules(client) == AS_OLD
    before = await dumps(redis, settings.redis_prefix, *AS_OLD)
    assert await program.start(2) == []
    assert await dumps(redis, settings.redis_prefix, *AS_OLD) == before
    stored = await client.find_schedule(QUEUE, "kept")
    assert stored is not None
    assert (stored.job, stored.options["priority"]) == ("sync", 3)


async def test_what_middleware_passes_on_is_compared_and_what_it_raises_is_told(
    settings: Settings, client: JobClient
) -> None:
    program = Program(named(settings), (every("10m", id="one"), every("20m", id="two")))

    @program.job.middleware.around_enqueue
    async def other(call: EnqueueCall[None], call_next: EnqueueNext[None]) -> str:
        if call.schedule_id == "two":
            raise LookupError("not this one")
        return await call_next(call.replace(priority=7))

    refusal = "refuse two"
    assert await program.start(1) == [refusal, "add one"]
    assert await program.start(2) == [refusal]  # and "one" as it is
    async with program.process(3) as sync:
        assert [(each.act, each.why) for each in await sync.diff()] == [
            ("refuse", "its middleware raised LookupError: not this one")
        ]
    (stored,) = await client.schedules(QUEUE)
    assert stored.id == "one"


async def test_what_changed_is_written_and_what_is_declared_no_longer_is_removed(
    settings: Settings, client: JobClient, redis: Redis
) -> None:
    await Program(named(settings), OLD).start(1)
    before = await dumps(redis, settings.redis_prefix, "kept")

    assert await Program(named(settings), NEW).start(2) == ["change moved", "add made", "remove dropped"]
    assert await schedules(client) == AS_NEW
    assert await dumps(redis, settings.redis_prefix, "kept") == before


@pytest.mark.parametrize("prefix", [None, "{own}"])
async def test_alternating_starts_of_two_versions_end_with_the_newest_set_and_touch_nobody_elses(
    settings: Settings, client: JobClient, redis: Redis, prefix: str | None
) -> None:
    prefix = None if prefix is None else f"{settings.redis_prefix}-{prefix}"
    at = prefix or settings.redis_prefix
    versions = [Program(named(settings), declared, prefix=prefix) for declared in (OLD, NEW)]
    other = Program(named(settings, "mailing"), (every("3h", id="theirs"),), "mail", prefix=prefix)
    await other.start(1)
    async with JobClient(other.settings) as by_hand:
        await other.job.trigger_recurring(None, "0 7 * * *", schedule_id="by-hand", client=by_hand)
        await other.job.schedule_for(None, cron=spread("m */6 * * *"), id="acc_1", client=by_hand)
    before = await dumps(redis, at, "theirs", "by-hand", "mail-acc_1")

    for number in range(50):
        await versions[number % 2].start(number + 10)

    assert await dumps(redis, at, "theirs", "by-hand", "mail-acc_1") == before
    found = {each.id for each in await client.schedules(versions[1].registry.queues.get(QUEUE))}
    assert found == {*AS_NEW, "theirs", "by-hand", "mail-acc_1"}


async def test_what_was_declared_under_a_prefix_that_no_queue_has_any_more_is_removed(
    settings: Settings, client: JobClient
) -> None:
    before = Program(named(settings), OLD, prefix=f"{settings.redis_prefix}-before")
    await before.start(1)

    now = Program(named(settings), OLD)
    assert sorted(await now.start(2)) == sorted(
        [*(f"add {name}" for name in AS_OLD), *(f"remove {name}" for name in AS_OLD)]
    )
    assert await client.schedules(before.registry.queues.get(QUEUE)) == []
    assert await schedules(client) == AS_OLD


async def test_what_bullmq_can_not_write_while_a_run_is_under_way_is_written_later(
    settings: Settings, client: JobClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, original = Program(named(settings, None), NEW), JobClient.write_schedule
    refusals = ["current and next time slots already have jobs"]

    async def busy(on: JobClient, schedule_id: str, when: Recurrence, request: JobRequest) -> None:
        if refusals and schedule_id == "moved":
            raise TypeError(refusals.pop())
        await original(on, schedule_id, when, request)

    monkeypatch.setattr(JobClient, "write_schedule", busy)
    async with program.process(1) as sync:
        changes = await sync.reconcile()
        assert [change.act for change in changes] == ["add", "wait", "add"]
        assert [change.act for change in await sync.reconcile(starting=False)] == ["add"]
    assert await schedules(client) == AS_NEW


async def test_a_tenants_schedule_is_changed_by_calling_again(settings: Settings, client: JobClient) -> None:
    program = Program(named(settings), ())
    for pattern in ("m */6 * * *", "m */3 * * *"):
        handle_ = await program.job.schedule_for(None, cron=spread(pattern), id="acc_1", client=client, attempts=7)

    stored = await handle_.fetch()
    assert stored is not None
    assert (stored.id, stored.pattern) == ("sync-acc_1", "37 */3 * * *")
    assert stored.options["attempts"] == 7
    with pytest.raises(InvalidInputError):
        await program.job.schedule_for(None, every="1h", id="a:b", client=client)


def test_a_tenants_schedule_is_made_without_an_event_loop(settings: Settings) -> None:
    program = Program(named(settings), ())
    with JobClient.sync(settings) as client:
        handle_ = program.job.sync.schedule_for(None, cron=spread("m */6 * * *"), id="acc_1", client=client)
        stored = handle_.fetch()

    assert stored is not None
    assert (handle_.id, stored.pattern) == ("sync-acc_1", "37 */6 * * *")


async def test_without_a_name_nothing_is_removed_and_that_is_said(
    settings: Settings, client: JobClient, lines: list[str]
) -> None:
    await Program(named(settings, None), OLD).start(1)
    newer = Program(named(settings, None), NEW)

    async with newer.process(2) as sync:
        await sync.run()

    assert await schedules(client) == {**AS_OLD, **AS_NEW}
    assert lines.count("INFO SERVICE_NAME is not set: schedules that jobs declare no longer are never removed") == 1


async def test_those_of_a_service_without_a_name_are_the_named_ones_from_then_on(
    settings: Settings, client: JobClient
) -> None:
    await Program(named(settings, None), OLD).start(1)
    await Program(named(settings), OLD).start(2)

    assert await Program(named(settings), NEW).start(3) == ["change moved", "add made", "remove dropped"]
    assert await schedules(client) == AS_NEW


async def test_a_schedule_that_a_living_process_declares_stays_and_grace_begins_when_none_does(
    settings: Settings, client: JobClient
) -> None:
    old, new = Program(named(settings), OLD), Program(named(settings, grace=3_600_000), NEW)
    async with new.process(2) as sync:
        async with old.process(1) as older:
            await older.reconcile()
            changes = await sync.reconcile()
            assert [(change.id, change.act) for change in changes][-1] == ("dropped", "wait")
            assert changes[-1].why == "another process of the service declares it"
        assert [change.why for change in await sync.reconcile()] == [
            "no process declares it, for less than SCHEDULES_GRACE"
        ]
    assert "dropped" in await schedules(client)
    assert await Program(named(settings), NEW).start(3) == ["remove dropped"]


async def test_an_older_process_that_starts_anew_holds_while_it_lives_and_the_newest_that_is_left_after_it(
    settings: Settings, client: JobClient
) -> None:
    old, new = Program(named(settings), OLD), Program(named(settings), NEW)
    async with new.process(2) as sync:
        await sync.reconcile()
        async with old.process(3) as crashed:  # started again after the newer version
            await crashed.reconcile()
            assert (await schedules(client))["moved"] == AS_OLD["moved"]
            await sync.reconcile(starting=False)
            assert (await schedules(client))["moved"] == AS_OLD["moved"]
        await sync.reconcile(starting=False)
        assert await schedules(client) == AS_NEW


async def test_a_process_that_is_late_does_not_undo_what_a_newer_one_has_written(
    settings: Settings, client: JobClient
) -> None:
    old, new = Program(named(settings), OLD), Program(named(settings), NEW)
    async with new.process(2) as sync, old.process(1) as late:
        await sync.reconcile()
        await late.reconcile()

        assert await schedules(client) == AS_NEW


async def test_starts_at_once_make_each_schedule_once(settings: Settings, client: JobClient) -> None:
    program = Program(named(settings), NEW)
    done = await asyncio.gather(*(program.start(number) for number in range(1, 9)))

    assert sorted(act for acts in done for act in acts) == ["add kept", "add made", "add moved"]
    assert await schedules(client) == AS_NEW


async def test_an_id_that_is_somebody_elses_is_refused_and_left_as_it_is(
    settings: Settings, redis: Redis, client: JobClient
) -> None:
    await Program(named(settings, "mailing"), (every("3h", id="kept"),), "mail").start(1)
    mine = Program(named(settings), NEW)
    await mine.job.trigger_recurring(None, every="5h", schedule_id="made", client=client)
    before = await dumps(redis, settings.redis_prefix, "kept", "made")

    async with mine.process(2) as sync:
        changes = {change.id: change for change in await sync.reconcile()}

    assert {name: change.act for name, change in changes.items()} == {
        "kept": "refuse",
        "made": "refuse",
        "moved": "add",
    }
    assert "is of service mailing" in changes["kept"].why
    assert "was made by hand" in changes["made"].why
    assert await dumps(redis, settings.redis_prefix, "kept", "made") == before


async def test_an_environment_has_only_the_schedules_for_it(settings: Settings, client: JobClient) -> None:
    declared = (every("1h", only="production", id="p"), every("1h", only=["staging", "development"], id="d"))

    await Program(named(settings), declared).start(1)
    assert set(await schedules(client)) == {"d"}
    await Program(named(settings, environment="production"), declared).start(2)
    assert set(await schedules(client)) == {"p"}


async def test_a_blink_of_redis_loses_nothing(
    mortal_redis: RedisServer, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    """Whichever of the writes doesn't come through, the next try ends with the same."""
    url = Settings(env_file=None, redis_url=mortal_redis.url, redis_command_timeout=2_000)
    at = named(url, redis_command_timeout=2_000)
    own = [(name, ScheduleOwners) for name in ("own", "forget", "join")]
    writes = (*own, ("write_schedule", JobClient))
    for number, (name, where) in enumerate(writes, 1):
        async with JobClient(at) as client:
            await Program(at, OLD).start(number * 10)
            assert await schedules(client) == AS_OLD  # what was made in the turn before is still known as the service's
            original = getattr(where, name)
            broken = False

            async def blink(*given: object, **others: object) -> object:
                nonlocal broken
                if broken:
                    return await original(*given, **others)  # noqa: B023 - called within this turn of the loop
                broken = True
                await asyncio.to_thread(mortal_redis.kill)
                try:
                    return await original(*given, **others)  # noqa: B023 - as above
                finally:
                    await asyncio.to_thread(mortal_redis.restart)

            with monkeypatch.context() as patched:
                patched.setattr(where, name, blink)
                async with Program(at, NEW).process(number * 10 + 1) as sync:
                    running = asyncio.create_task(sync.run())

                    async def as_new() -> bool:
                        try:
                            return broken and await schedules(client) == AS_NEW  # noqa: B023 - as above
                        except RedisUnavailableError:
                            return False

                    await eventually(as_new, f"the new set after a blink at {name}", 60)
                    running.cancel()
                    await asyncio.wait({running})


async def test_a_worker_reconciles_as_it_starts_and_removes_what_may_go_later(
    settings: Settings, client: JobClient, lines: list[str]
) -> None:
    await Program(named(settings), OLD).start(1)

    async with Program(named(settings, grace=200), NEW).working():

        async def as_new() -> bool:
            return await schedules(client) == AS_NEW

        await eventually(as_new, "the new set", 30)
    assert "INFO schedule made of queue syncs: add, job sync declares it" in lines


async def test_a_worker_that_is_told_so_leaves_the_schedules_as_they_are(settings: Settings, client: JobClient) -> None:
    program = Program(named(settings, schedules=False), NEW)
    async with program.working():
        handle_ = await program.job.trigger(None, client=client)
        await handle_.result("30s")

    assert await schedules(client) == {}


async def test_nothing_of_the_library_is_written_for_a_service_without_schedules(
    settings: Settings, client: JobClient, redis: Redis
) -> None:
    program = Program(named(settings, None), ())
    async with program.working():
        handle_ = await program.job.trigger(None, client=client)
        await handle_.result("30s")

    ends = ("owners", "processes", "prefixes", "lock")
    assert await redis.exists(*(f"{settings.redis_prefix}:midday-worker-schedules:{end}" for end in ends)) == 0
