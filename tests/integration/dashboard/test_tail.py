"""Following a run: its log and its progress as they come, until it ends, whoever leaves and whatever Redis does."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobContext, JobDefinition, JobRegistry, Settings, job
from midday_worker.dashboard import Shown, create_dashboard
from midday_worker.dashboard.runs import event_stream, tail
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.integration.dashboard.listener import Listener
from tests.integration.dashboard.visitor import Visitor

QUEUE = "steps"


class Stage:
    """What the test lets the handler do next."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def handle(self, data: str, ctx: JobContext) -> str:
        await ctx.log(f"began {data}")
        await ctx.update_progress({"of": data, "step": 1})
        await self.go.wait()
        await ctx.log(f"went on {data}")
        await ctx.update_progress(100)
        if data == "fails":
            raise LookupError("no such user")
        return data


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def steps(stage: Stage, registry: JobRegistry) -> JobDefinition[str, str]:
    return job("do-steps", str, stage.handle, queue=QUEUE, attempts=1, registry=registry)


async def test_log_and_progress_come_as_they_are_made_until_the_run_ends(
    steps: JobDefinition[str, str], stage: Stage, registry: JobRegistry, client: JobClient, settings: Settings
) -> None:
    handle = await steps.trigger("a", client=client, job_id="a/b%é")
    app = create_dashboard(registry, client=client)
    async with Listener(app, QUEUE, handle.id) as listener:
        assert await listener.until("start") == {"state": "waiting"}
        async with Crew(registry, settings):
            assert await listener.until("log", "began") == {"lines": ["began a"], "earlier": 0}
            assert await listener.until("progress") == {"value": {"of": "a", "step": 1}}
            stage.go.set()
            assert await listener.until("end") == {"state": "completed"}
        await listener.over()
    assert listener.lines == ["began a", "went on a"]
    assert listener.events[-2:] == [("progress", {"value": 100}), ("end", {"state": "completed"})]
    assert listener.status == 200
    assert listener.headers["content-type"].startswith("text/event-stream")
    assert "content-security-policy" in listener.headers


async def test_a_run_that_fails_ends_the_stream_too(
    steps: JobDefinition[str, str], stage: Stage, registry: JobRegistry, client: JobClient, settings: Settings
) -> None:
    handle = await steps.trigger("fails", client=client)
    stage.go.set()
    async with (
        Listener(create_dashboard(registry, client=client), QUEUE, handle.id) as listener,
        Crew(registry, settings),
    ):
        assert await listener.until("end") == {"state": "failed"}


async def test_a_run_that_has_ended_or_is_removed_ends_the_stream(
    steps: JobDefinition[str, str], stage: Stage, registry: JobRegistry, client: JobClient, settings: Settings
) -> None:
    stage.go.set()
    ended, removed = await steps.trigger("a", client=client), await steps.trigger("b", client=client, delay="1h")
    async with Crew(registry, settings):
        await ended.result("10s")
    app = create_dashboard(registry, client=client)
    async with Listener(app, QUEUE, ended.id) as listener:
        await listener.until("end")
        assert listener.lines == ["began a", "went on a"]
    async with Listener(app, QUEUE, removed.id) as listener:
        await listener.until("start")
        await removed.remove()
        assert await listener.until("end") == {"state": "missing"}


async def test_a_long_log_begins_with_its_newest_lines(
    steps: JobDefinition[str, str], registry: JobRegistry, client: JobClient, redis: Redis
) -> None:
    handle = await steps.trigger("a", client=client)
    key = client.queue(QUEUE).toKey(f"{handle.id}:logs")
    await redis.rpush(key, *(f"line {number}" for number in range(2_500)))
    async with Listener(create_dashboard(registry, client=client), QUEUE, handle.id) as listener:
        assert (await listener.until("log"))["earlier"] == 500
        assert (listener.lines[0], len(listener.lines)) == ("line 500", 2_000)
        # A bounded log drops its oldest lines as new ones come.
        await redis.rpush(key, "new")
        await redis.ltrim(key, -1_000, -1)
        await listener.until("log", '"new"')
        assert (listener.lines[-2:], len(listener.lines)) == (["line 2499", "new"], 2_001)


async def test_what_redact_hides_is_not_sent(
    steps: JobDefinition[str, str], registry: JobRegistry, client: JobClient, settings: Settings
) -> None:
    def redact(shown: Shown) -> object:
        return f"a {shown.field} of {shown.job}"

    handle = await steps.trigger("secret", client=client)
    app = create_dashboard(registry, client=client, redact=redact)
    async with Listener(app, QUEUE, handle.id) as listener:
        async with Crew(registry, settings):
            await listener.until("progress")
        assert listener.lines == ["a log of do-steps"]
        assert "secret" not in listener.text


async def test_whoever_leaves_is_not_waited_for_any_more(
    steps: JobDefinition[str, str], registry: JobRegistry, client: JobClient
) -> None:
    handle = await steps.trigger("a", client=client)
    app = create_dashboard(registry, client=client)

    before = asyncio.all_tasks()
    for _ in range(3):
        async with Listener(app, QUEUE, handle.id) as listener:
            await listener.until("log")

    async def is_quiet() -> bool:
        return not [task for task in asyncio.all_tasks() - before if not task.done()]

    await eventually(is_quiet, "nothing of the streams is left")


async def test_no_more_runs_are_followed_at_once_than_may_be(
    steps: JobDefinition[str, str], registry: JobRegistry, client: JobClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "MOST", 1)
    handle = await steps.trigger("a", client=client)
    app = create_dashboard(registry, client=client)
    async with Visitor(app) as visitor:
        async with Listener(app, QUEUE, handle.id) as listener:
            await listener.until("start")
            refused = await visitor.get(f"/api/runs/{QUEUE}/{handle.id}/tail")
            assert (refused.status, refused.json["code"]) == (503, "TOO_MANY_STREAMS")
        async with Listener(app, QUEUE, handle.id) as listener:
            await listener.until("start")


async def test_a_quiet_stream_beats_and_ends_after_a_while_so_that_the_browser_asks_again(
    steps: JobDefinition[str, str], registry: JobRegistry, client: JobClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "HEARTBEAT_S", 0)
    monkeypatch.setattr(tail, "LONGEST_S", 0.7)
    handle = await steps.trigger("a", client=client)
    async with Listener(create_dashboard(registry, client=client), QUEUE, handle.id) as listener:
        await listener.over()
    assert listener.text.startswith("retry: 1000\n")
    assert "\n\n: still there\n\n" in listener.text
    assert [kind for kind, _ in listener.events] == ["start", "log"]


async def test_a_stream_outlives_redis(
    steps: JobDefinition[str, str], stage: Stage, registry: JobRegistry, mortal_redis: RedisServer
) -> None:
    settings = Settings(env_file=None, redis_url=mortal_redis.url, redis_command_timeout=500, board_login="none")
    async with JobClient(settings) as client, Crew(registry, settings):
        handle = await steps.trigger("a", client=client)
        async with Listener(create_dashboard(registry, client=client), QUEUE, handle.id) as listener:
            await listener.until("log", "began")
            await asyncio.to_thread(mortal_redis.kill)
            await listener.until("waiting")
            mortal_redis.restart()
            await listener.until("back")
            stage.go.set()
            assert await listener.until("end", within_s=30) == {"state": "completed"}
        assert listener.lines == ["began a", "went on a"]


async def test_a_run_or_a_queue_that_isn_t_there_is_refused(
    steps: JobDefinition[str, str], registry: JobRegistry, client: JobClient
) -> None:
    async with Visitor(create_dashboard(registry, client=client)) as visitor:
        for path, key in ((f"{QUEUE}/none", "ERRORS.JOB_NOT_FOUND"), ("none/x", "ERRORS.QUEUE_NOT_FOUND")):
            answer = await visitor.get(f"/api/runs/{path}/tail")
            assert (answer.status, answer.key) == (404, key)


@pytest.mark.parametrize("job_id", ["meta", "events", "id", "%", "a/b", "\n", "\ud800", "é\u202e", "x" * 5_000, "*"])
async def test_a_text_that_is_no_run_s_id_opens_no_stream(
    steps: JobDefinition[str, str], registry: JobRegistry, client: JobClient, job_id: str
) -> None:
    await steps.trigger("a", client=client)
    async with Visitor(create_dashboard(registry, client=client)) as visitor:
        answer = await visitor.get(f"/api/runs/{QUEUE}/{quote(job_id, safe='', errors='surrogatepass')}/tail")
    assert (answer.status, answer.key) == (404, "ERRORS.JOB_NOT_FOUND")
