"""Redis users with no more rights than the documentation gives to each part; and what is said where one is missing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, TypeVar, cast

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from midday_worker import (
    JobClient,
    JobContext,
    JobFailedError,
    JobRegistry,
    RedisRefusedError,
    Settings,
    SyncJobContext,
    job,
)
from midday_worker.admin import list_all_workers
from midday_worker.dashboard import create_dashboard
from midday_worker.engine.redis.connection import RedisConfig, connect
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.integration.acts.stages import STATES, Stage
from tests.integration.cli.terminal import Terminal
from tests.integration.conditions.ailment import send
from tests.integration.crew import Crew
from tests.integration.dashboard.visitor import Visitor

T = TypeVar("T")

GUIDE: Final = Path(__file__).parents[3] / "docs" / "security.md"
RULES: Final[Mapping[str, list[str]]] = {
    name: rules.split() for name, rules in re.findall(r"^ACL SETUSER (\w+) +(.*)$", GUIDE.read_text(), re.MULTILINE)
}
OLD: Final = ("+client|setname", "+client|setinfo")
"""What Redis 6.2 wants besides."""


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
async def redis(server: RedisServer) -> AsyncIterator[Redis]:
    """As the user who may do everything."""
    async with connect(RedisConfig(server.url)) as redis:
        yield redis


async def give_rights(redis: Redis) -> None:
    """Make the users that the documentation describes."""
    version = str(cast("dict[str, object]", await send(redis, "INFO", "server"))["redis_version"])
    for user, rules in RULES.items():
        await send(redis, "ACL", "SETUSER", user, *rules, *(OLD if version.startswith("6.") else ()))


def url_of(user: str, server: RedisServer) -> str:
    return f"redis://{user}:password@{server.host}:{server.port}"


def settings_of(user: str, server: RedisServer) -> Settings:
    return Settings(env_file=None, board_login="none", redis_url=url_of(user, server))


async def refusals(redis: Redis) -> list[str]:
    """What ACL LOG tells of."""
    found = cast("list[dict[str, object]]", await send(redis, "ACL LOG"))
    return [f"{each['username']}: {each['object']} ({each['context']}, {each['reason']})" for each in found]


async def produce(stage: Stage) -> None:
    """Do what producers do, and workers with it: jobs in every state, and every act on them."""
    for state in STATES:
        async with stage.job_in(state) as handle:
            await handle.state()
            if state in ("waiting", "prioritized", "delayed", "active", "waiting-children"):
                await handle.cancel("not needed", children=True)
    client, play = stage.client, stage.play
    stage.release.set()
    async with stage.job_in("failed") as handle:
        await handle.retry()
    async with stage.job_in("delayed") as handle:
        await handle.promote()
        await handle.remove()
    await play.batch_trigger([{"payload": "a"}, {"payload": "b", "options": {"priority": 2}}], client=client)
    await play.trigger("c", deduplication={"id": "c"}, client=client)
    schedule = await play.trigger_recurring("tick", every="1h", client=client)
    await schedule.next_run()


async def work(client: JobClient, settings: Settings) -> None:
    """Run handlers of each kind, which report, fail, wait for children and are cancelled."""
    registry, started = JobRegistry(), asyncio.Event()

    async def report(data: int, ctx: JobContext) -> int:
        await ctx.update_progress(1)
        await ctx.log("half done")
        if ctx.job.attemptsMade + 1 < data:
            raise ValueError("not yet")
        return data

    def plain(data: int, ctx: SyncJobContext) -> int:
        return data

    async def total(data: int, ctx: JobContext) -> int:
        return data + sum(await ctx.children_results(plain_job))

    async def hold(data: int, ctx: JobContext) -> None:
        started.set()
        await asyncio.Event().wait()

    reporting = job("report", int, report, attempts=2, backoff=10, registry=registry)
    plain_job = job("plain", int, plain, registry=registry)
    adding = job("total", int, total, registry=registry)
    holding = job("hold", int, hold, registry=registry)
    async with Crew(registry, settings):
        assert await (await reporting.trigger(2, client=client)).result("10s") == 2
        flow = await adding.trigger_flow(1, [plain_job.node(2)], client=client)
        assert await flow.result("10s") == 3
        schedule = await plain_job.trigger_recurring(7, every="500ms", limit=2, client=client)
        held = await holding.trigger(1, client=client)
        await asyncio.wait_for(started.wait(), 10)
        await held.cancel("not needed")
        with pytest.raises(JobFailedError, match="not needed"):
            await held.result("10s")

        async def has_ended() -> bool:
            return await schedule.next_run() is None

        await eventually(has_ended, "the schedule has had its runs", 20)


async def test_worker_producer_and_dashboard_need_no_more_than_is_documented(server: RedisServer, redis: Redis) -> None:
    await give_rights(redis)
    async with AsyncExitStack() as stack:
        producer, board = [
            await stack.enter_async_context(JobClient(settings_of(user, server))) for user in ("producer", "dashboard")
        ]
        stage = Stage(producer, settings_of("worker", server))
        await produce(stage)
        await work(producer, settings_of("worker", server))
        visitor = await stack.enter_async_context(Visitor(create_dashboard(stage.registry, client=board)))
        for path in (
            *("/api/queues", "/api/redis/stats", "/api/job-schedulers", "/api/runs", "/api/runs/names"),
            *(f"/api/queues/stage/{part}" for part in ("metrics", "workers", "rate-limit")),
        ):
            assert (await visitor.get(path)).status == 200
        for path in ("pause", "resume", "retry/failed", "promote", "clean/completed", "empty"):
            assert (await visitor.put(f"/api/queues/stage/{path}")).status in (200, 204), path
    assert await refusals(redis) == []
    for user in RULES:
        async with connect(RedisConfig(url_of(user, server))) as limited:
            with pytest.raises(NoPermissionError):
                await send(limited, "FLUSHALL")


def test_the_command_line_needs_no_more_than_is_documented(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async def as_admin(act: Callable[[Redis], Awaitable[T]]) -> T:
        async with connect(RedisConfig(server.url)) as redis:
            return await act(redis)

    asyncio.run(as_admin(give_rights))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDIS_URL", url_of("cli", server))
    terminal = Terminal(settings_of("worker", server), monkeypatch, capsys)
    terminal.add(terminal.mail, "ada", "nobody")
    terminal.work()
    waiting, other = terminal.add(terminal.mail, "bob", "eve")
    (later,) = terminal.add(terminal.mail, "late", delay="1h")
    for line in (
        *("queues", "failed", "workers", "doctor", "schedules list", "queue show emails", "queue pause emails"),
        *("queue resume emails", "queue concurrency emails 7", "queue rate-limit emails 1 1d", "retry --yes"),
        *("queue rate-limit emails none", f"job show {waiting} --queue emails", f"cancel {waiting} --queue emails"),
        *(f"job promote {later} --queue emails", f"job remove {other} --queue emails --yes"),
        *("queue clean emails --state completed --yes", "queue drain emails --yes"),
    ):
        written = terminal.run(*line.split())
        assert written.code == 0, (line, written.out, written.err)
    assert asyncio.run(as_admin(refusals)) == []


async def test_a_worker_without_the_channel_says_so_once_and_hears_of_cancellations_all_the_same(
    server: RedisServer, redis: Redis, lines: list[str]
) -> None:
    await give_rights(redis)
    await send(redis, "ACL", "SETUSER", "worker", "resetchannels")
    async with JobClient(settings_of("producer", server)) as client:
        stage = Stage(client, settings_of("worker", server))
        async with stage.job_in("active") as handle:
            await handle.cancel("not needed")
            await stage.until(handle, "failed")
    said = [line for line in lines if "may not listen for cancellations" in line]
    assert len(said) == 1
    assert "&bull:midday-worker:cancel" in said[0]


async def test_without_client_commands_jobs_run_and_workers_are_not_listed(server: RedisServer, redis: Redis) -> None:
    """As on servers that have taken them away."""
    await send(redis, "ACL", "SETUSER", "plain", "on", ">password", "allkeys", "allchannels", "+@all", "-client")
    settings = settings_of("plain", server)
    async with JobClient(settings) as client:
        stage = Stage(client, settings)
        async with stage.working():
            assert await (await stage.play.trigger("done", client=client)).result("10s") == "done"
        assert await list_all_workers([client.queue("stage")]) is None
        async with Visitor(create_dashboard(stage.registry, client=client)) as visitor:
            assert (await visitor.get("/api/queues/stage/workers")).json == {"workers": None}


def test_without_client_commands_the_command_line_works(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async def take_away() -> None:
        async with connect(RedisConfig(server.url)) as redis:
            await send(
                redis, "ACL", "SETUSER", "plain", "on", ">password", "allkeys", "allchannels", "+@all", "-client"
            )

    asyncio.run(take_away())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDIS_URL", url_of("plain", server))
    terminal = Terminal(settings_of("plain", server), monkeypatch, capsys)
    (waiting,) = terminal.add(terminal.mail, "ada")
    for line in ("queues", "failed", "workers", "doctor", "schedules list", "queue show emails", f"job show {waiting}"):
        written = terminal.run(*line.split())
        assert written.code == 0, (line, written.out, written.err)


async def test_a_script_that_is_refused_points_to_acl_log(server: RedisServer, redis: Redis) -> None:
    await give_rights(redis)
    await send(redis, "ACL", "SETUSER", "producer", "-xadd")
    async with JobClient(settings_of("producer", server)) as client:
        stage = Stage(client, settings_of("producer", server))
        with pytest.raises(RedisRefusedError, match="lacks a right: `ACL LOG` in Redis tells which"):
            await stage.play.trigger("refused", client=client)
    assert [line.split(" (")[0] for line in await refusals(redis)] == ["producer: xadd"]
