"""What handlers raise and return, and what listeners do: none of it stops a worker or leaves a job active."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis

from tests.deadline import eventually
from tests.integration.faults.engine import QUEUE, Engine
from tests.integration.faults.state import until_state


class Sudden(BaseException):
    """Nothing that a plain `except Exception` sees."""


@pytest.mark.fault(2)
@pytest.mark.parametrize("error", [asyncio.CancelledError, Sudden])
async def test_whatever_a_handler_raises_fails_that_job_alone(
    engine: Engine, error: Callable[[], BaseException]
) -> None:
    async def handle(data: object) -> object:
        if data == "bad":
            raise error()
        return data

    async with engine.working(handle):
        bad = await engine.add("bad", attempts=1)
        await until_state(engine, bad, "failed")
        await until_state(engine, await engine.add("good"), "completed")


@pytest.mark.fault(8)
async def test_a_plain_function_is_a_handler(engine: Engine) -> None:
    def double(data: object) -> object:
        return [data, data]

    async with engine.working(double):
        await until_state(engine, await engine.add("word", attempts=1), "completed")


@pytest.mark.fault(12)
async def test_a_listener_that_raises_leaves_no_job_active(engine: Engine) -> None:
    def listen(*_: object) -> None:
        raise LookupError("a listener of a user's")

    async def handle(data: object) -> object:
        return data

    async with engine.working(handle) as work:
        work.listen("active", listen)
        await until_state(engine, await engine.add("word"), "completed")


@pytest.mark.fault(12)
async def test_a_coroutine_that_listens_for_the_end_of_jobs_is_awaited(engine: Engine) -> None:
    heard: list[str] = []

    async def listen(job_id: str) -> None:
        await asyncio.sleep(0)
        heard.append(job_id)

    async def have_been_heard() -> bool:
        return heard == ids

    ids = [await engine.add("word")]
    async with engine.following(ids, listen), engine.working(as_it_is):
        await eventually(have_been_heard, "the end has been heard of", 5)


@pytest.mark.fault(12)
async def test_a_listener_that_raises_keeps_nobody_from_hearing_of_the_next_end(engine: Engine) -> None:
    heard: list[str] = []

    def listen(job_id: str) -> None:
        heard.append(job_id)
        raise LookupError("a listener of a user's")

    async def have_been_heard() -> bool:
        return sorted(heard) == sorted(ids)

    ids = [await engine.add("word") for _ in range(3)]
    async with engine.following(ids, listen), engine.working(as_it_is):
        await eventually(have_been_heard, "all ends have been heard of", 5)


async def as_it_is(data: object) -> object:
    return data


@pytest.mark.fault(15)
async def test_a_backoff_of_an_unknown_type_leaves_no_job_active(
    engine: Engine, redis: Redis, redis_prefix: str
) -> None:
    """As another language's worker may know it."""

    async def fail(data: object) -> object:
        raise RuntimeError("no")

    job_id = await engine.add("word", attempts=2)
    key = f"{redis_prefix}:{QUEUE}:{job_id}"
    options = json.loads(str(await redis.hget(key, "opts")))
    await redis.hset(key, "opts", json.dumps({**options, "backoff": {"type": "of-a-plugin", "delay": 1}}))
    async with engine.working(fail):
        await until_state(engine, job_id, "delayed")


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise ValueError("no message")


@pytest.mark.fault(15)
@pytest.mark.parametrize(
    "error", [RuntimeError("half a pair: \ud800"), UnprintableError()], ids=["half", "unprintable"]
)
async def test_an_error_that_cannot_be_stored_as_it_is_still_fails_its_job(engine: Engine, error: Exception) -> None:
    async def handle(data: object) -> object:
        raise error

    async with engine.working(handle):
        await until_state(engine, await engine.add("word", attempts=1), "failed")


@pytest.mark.fault(19)
async def test_a_result_that_is_no_json_does_not_run_a_job_again(engine: Engine) -> None:
    runs: list[object] = []

    async def handle(data: object) -> object:
        runs.append(data)
        return threading.Lock()

    async with engine.working(handle):
        await until_state(engine, await engine.add("word", attempts=3, backoff=10), "failed")
    assert runs == ["word"]


@pytest.mark.fault(19)
async def test_a_date_is_a_result(engine: Engine) -> None:
    async def handle(data: object) -> object:
        return {"at": datetime(2026, 1, 2, tzinfo=UTC)}

    async with engine.working(handle):
        await until_state(engine, await engine.add("word", attempts=1), "completed")
