"""The processes of handlers: what they know of the worker, what they cost, and how they end."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import pytest
from loguru import logger

from midday_worker import JobClient, JobFailedError, Settings
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.processes.message import Ask, HandlerCall
from midday_worker.processes.pool import ProcessPool
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.integration.processes import process_jobs as jobs
from tests.spans import id_of, recorded_spans, trace_of


@pytest.fixture
def spoken() -> Iterator[list[tuple[str, str]]]:
    """Each line of the log of the job `speak`: its level and its text."""
    lines: list[tuple[str, str]] = []
    sink = logger.add(
        lambda message: lines.append((message.record["level"].name, message.record["message"])),
        level="TRACE",
        filter=lambda record: record["extra"].get("job") == "speak" and record["message"].startswith("by "),
    )
    yield lines
    logger.remove(sink)


def crew(settings: Settings, concurrency: int = 3) -> Crew:
    return Crew(jobs.registry, settings, configs=(WorkerConfig(queue="sums", concurrency=concurrency),))


async def nothing(ask: Ask) -> None:
    """Do what is asked for: nothing is."""


async def test_a_process_without_work_ends_after_a_while() -> None:
    pool = ProcessPool(idle_s=0.3)
    call = HandlerCall(
        modules=[jobs.__name__],
        job="where",
        queue="q",
        job_id="1",
        data="",
        version=1,
        attempt=1,
        attempts=1,
        trace=None,
        payload=None,
    )
    pid = int(await pool.run(call, nothing, 10, 1.0))
    assert int(await pool.run(call, nothing, 10, 1.0)) == pid

    async def has_ended() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return not pool.pids
        return False

    await eventually(has_ended, "the idle process has ended", 15)
    assert int(await pool.run(call, nothing, 10, 1.0)) != pid
    await pool.close()


@pytest.mark.parametrize("count", [12, pytest.param(24, marks=pytest.mark.long)])
async def test_processes_are_replaced_under_load_without_a_job_noticing(
    client: JobClient, settings: Settings, count: int
) -> None:
    async with crew(settings) as running:
        handles = await jobs.where.batch_trigger(({"payload": ""} for _ in range(count)), client=client)
        pids = Counter([await handle.result("120s") for handle in handles])
        assert max(pids.values()) == 2
        assert [(await handle.fetch()).attemptsStarted for handle in handles] == [1] * count
        assert len(running.worker.processes.pids) <= 3


async def test_a_handler_that_takes_more_memory_than_there_is_fails_its_job_alone(
    client: JobClient, settings: Settings
) -> None:
    async with crew(settings) as running:
        other = await jobs.compute.trigger(2.0, client=client)
        hog = await jobs.hog.trigger(256 * 1024 * 1024, client=client)
        with pytest.raises(JobFailedError, match=r": MemoryError$") as failure:
            await hog.result("120s")
        assert "in its process:" in failure.value.stacktrace[-1]
        assert await other.result("60s") > 0
        assert (await other.fetch()).attemptsStarted == 1
        # Its process, whose memory is still limited, isn't used again.
        assert int((await hog.logs())[0]) not in running.worker.processes.pids


async def test_a_handler_triggers_on_its_workers_redis_whatever_the_environment_says(
    client: JobClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    async with crew(settings):
        assert await (await jobs.hand_on.trigger({"start": 1, "stop": 4}, client=client)).result("60s") == 6


async def test_a_handler_knows_its_childrens_results_and_tracks_rows(client: JobClient, settings: Settings) -> None:
    async with crew(settings):
        parts = [jobs.add_up.node(jobs.Range(start=0, stop=stop), remove_on_complete=True) for stop in (3, 5)]
        assert await (await jobs.gather.trigger_flow("", parts, client=client)).result("60s") == [3, 10]
        tracked = await jobs.track.trigger(["a", "b"], client=client)
        assert await tracked.result("60s") == "ab"
        assert (await tracked.fetch()).progress == 100


@pytest.mark.parametrize(
    ("level", "levels"), [("DEBUG", ["DEBUG", "INFO", "WARNING"]), ("WARNING", ["WARNING"])], ids=str
)
async def test_a_process_logs_from_its_workers_level_on(
    level: str, levels: list[str], client: JobClient, settings: Settings, spoken: list[tuple[str, str]]
) -> None:
    async with crew(settings.model_copy(update={"log_level": level})):
        await (await jobs.speak.trigger("", client=client)).result("60s")
    assert spoken == [(each, text) for each in levels for text in ("by loguru", "by a library")]


async def test_a_span_that_a_handler_makes_in_its_process_is_below_its_attempts(
    client: JobClient, settings: Settings
) -> None:
    with recorded_spans() as spans:
        async with crew(settings):
            trace, above = await (await jobs.make_span.trigger("", client=client)).result("60s")
    attempt = spans.one("process sums")
    assert (trace, above) == (trace_of(attempt), id_of(attempt))
