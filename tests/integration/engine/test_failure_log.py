"""What the log says of a failed attempt: whether the job is tried again, on a real Redis."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from io import StringIO
from typing import cast

import pytest
from loguru import logger

from midday_worker import (
    BatchContext,
    BatchOptions,
    JobClient,
    JobContext,
    JobFailedError,
    JobHandle,
    JobRegistry,
    NonRetryableError,
    RetryAfter,
    Settings,
    SyncJobContext,
    job,
)
from midday_worker.settings.logs import configure_logging
from tests.integration.crew import Crew


@pytest.fixture
def stream(settings: Settings) -> Iterator[StringIO]:
    """Where the log goes, in JSON."""
    stream = StringIO()
    configure_logging(settings.model_copy(update={"log_format": "json"}), stream)
    yield stream
    logger.remove()


def of_failures(stream: StringIO) -> list[dict[str, object]]:
    """Return the lines that say how an attempt has failed."""
    lines = [cast("dict[str, object]", json.loads(line)) for line in stream.getvalue().splitlines()]
    return [line for line in lines if line["level"] in ("WARNING", "ERROR") and "job_id" in line]


async def fails(handle: JobHandle[None]) -> None:
    with pytest.raises(JobFailedError):
        await handle.result(timeout="30s")


def extra(line: dict[str, object], name: str) -> object:
    return cast("dict[str, object]", line["extra"]).get(name)


async def test_an_attempt_that_is_made_again_is_a_warning_and_the_last_one_an_error(
    client: JobClient, registry: JobRegistry, settings: Settings, stream: StringIO
) -> None:
    async def shaky(data: int, ctx: JobContext) -> None:
        raise RetryAfter(5) if ctx.job.attemptsMade == 1 else ConnectionError("gone")

    shaking = job("shaky", int, shaky, attempts=3, backoff=0, registry=registry)
    async with Crew(registry, settings):
        await fails(await shaking.trigger(1, client=client, job_id="j1"))

    first, second, last = of_failures(stream)
    assert [line["level"] for line in (first, second, last)] == ["WARNING", "WARNING", "ERROR"]
    assert [line["attempt"] for line in (first, second, last)] == [1, 2, 3]
    assert {(line["job_id"], line["job"], line["queue"]) for line in (first, second, last)} == {
        ("j1", "shaky", "default")
    }
    assert str(first["message"]) == f"attempt 1 of 3 failed after {extra(first, 'ms')} ms, next attempt at once"
    assert str(second["message"]).endswith(" ms, next attempt in 5ms")
    assert str(last["message"]) == f"failed for good in attempt 3 of 3 after {extra(last, 'ms')} ms"
    assert [extra(line, "will_retry") for line in (first, second, last)] == [True, True, False]
    assert [extra(line, "retry_in_ms") for line in (first, second, last)] == [0, 5, None]
    assert "ConnectionError: gone" in str(last["exception"])


async def test_what_forbids_a_further_attempt_is_an_error_each_once(
    client: JobClient, registry: JobRegistry, settings: Settings, stream: StringIO
) -> None:
    async def refuse(data: int, ctx: JobContext) -> None:
        raise NonRetryableError("never") if data else LookupError("nothing")

    refusing = job("refuse", int, refuse, attempts=3, fail_on=LookupError, registry=registry)
    written = job("refuse", str, result=None, registry=JobRegistry())  # as a program of an older release
    async with Crew(registry, settings):
        await fails(await refusing.trigger(0, client=client, job_id="listed"))
        await fails(await refusing.trigger(1, client=client, job_id="final"))
        await fails(await written.trigger("no number", client=client, job_id="invalid"))

    lines = of_failures(stream)
    assert [(line["job_id"], line["level"]) for line in lines] == [
        ("listed", "ERROR"),
        ("final", "ERROR"),
        ("invalid", "ERROR"),
    ]
    assert all(str(line["message"]).startswith("failed for good in attempt 1 of 3 after ") for line in lines)


async def test_a_cancelled_job_is_no_error(
    client: JobClient, registry: JobRegistry, settings: Settings, stream: StringIO
) -> None:
    runs = asyncio.Event()

    async def wait(data: int, ctx: JobContext) -> None:
        runs.set()
        await asyncio.Event().wait()

    waiting = job("wait", int, wait, attempts=3, registry=registry)
    async with Crew(registry, settings):
        handle = await waiting.trigger(1, client=client)
        await runs.wait()
        await handle.cancel("no need")
        await fails(handle)

    (line,) = of_failures(stream)
    assert line["level"] == "WARNING"
    assert str(line["message"]).startswith("cancelled in attempt 1 of 3 after ")
    assert extra(line, "will_retry") is False
    assert "no need" in str(line["exception"])


async def test_a_job_that_nobody_knows_any_more_and_one_that_ends_by_its_child_are_errors(
    client: JobClient, registry: JobRegistry, settings: Settings, stream: StringIO
) -> None:
    async def fail(data: int, ctx: JobContext) -> None:
        raise NonRetryableError("the child is broken")

    child = job("child", int, fail, registry=registry)
    parent = job("parent", int, fail, registry=registry)
    unknown = job("unknown", int, fail, registry=JobRegistry())
    settings = settings.model_copy(update={"unknown_job_retries": 0})
    async with Crew(registry, settings):
        await fails(await unknown.trigger(1, client=client))
        await fails(await parent.trigger_flow(1, children=[child.node(1)], client=client))

    lines = {str(line["job"]): line for line in of_failures(stream)}
    assert {name: line["level"] for name, line in lines.items()} == dict.fromkeys(lines, "ERROR")
    assert "Given up after 0 tries." in str(lines["unknown"]["exception"])
    assert lines["parent"]["message"] == "failed for good, without another attempt"
    assert len(lines) == 3


async def test_a_traceback_begins_at_the_handler_stored_and_logged_alike(
    client: JobClient, registry: JobRegistry, settings: Settings, stream: StringIO
) -> None:
    """Whether it is awaited, runs in a thread, or takes a batch."""

    async def awaited(data: int, ctx: JobContext) -> None:
        raise ConnectionError("gone")

    def threaded(data: int, ctx: SyncJobContext) -> None:
        raise ConnectionError("gone")

    async def batched(data: list[int], ctx: BatchContext) -> list[None]:
        raise ConnectionError("gone")

    jobs = [
        job("awaited", int, awaited, attempts=1, timeout="1m", registry=registry),
        job("threaded", int, threaded, attempts=1, registry=registry),
        job("batched", int, batched, batch=BatchOptions(max_size=1), attempts=1, registry=registry),
    ]
    async with Crew(registry, settings):
        for one in jobs:
            handle = await one.trigger(1, client=client)
            with pytest.raises(JobFailedError) as failure:
                await handle.result(timeout="30s")
            (logged,) = [str(line["exception"]) for line in of_failures(stream) if line["job"] == one.id]
            for text in (failure.value.stacktrace[-1], logged):
                assert text.splitlines()[0] == "Traceback (most recent call last):"
                assert text.splitlines()[1].strip().startswith(f'File "{__file__}"')
                assert text.splitlines()[1].endswith(f"in {one.id}")
