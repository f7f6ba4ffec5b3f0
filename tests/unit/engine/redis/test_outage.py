"""One line when Redis goes and one when it is back, whoever notices it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine

import pytest
from redis.exceptions import AuthenticationError, ConnectionError, OutOfMemoryError

from midday_worker import RedisUnavailableError
from midday_worker.engine.redis.outage import Outage

LOST = ConnectionError("lost")
FULL = OutOfMemoryError("command not allowed when used memory > 'maxmemory'.")
WRONG = AuthenticationError("WRONGPASS")


@pytest.fixture
def outage() -> Outage:
    return Outage("redis://here")


def test_many_queues_make_one_line_each_way(outage: Outage, lines: list[str]) -> None:
    for queue in ("a", "b", "a", "c", "b"):
        outage.note_failure(queue, LOST, time.monotonic())
    assert [outage.failures(queue) for queue in "abc"] == [2, 2, 1]
    for queue in ("a", "b"):
        outage.note_success(queue)
    assert len(lines) == 1
    outage.note_success("c")
    assert len(lines) == 2
    assert lines[0].startswith("ERROR Redis at redis://here does not answer as it should")
    assert lines[1] == "INFO Redis at redis://here is back"


def test_a_second_outage_is_said_again(outage: Outage, lines: list[str]) -> None:
    for _ in range(2):
        outage.note_failure("a", LOST, time.monotonic())
        outage.note_success("a")
    assert [line.split()[0] for line in lines] == ["ERROR", "INFO", "ERROR", "INFO"]


def test_why_redis_cannot_be_used_is_said_once_in_an_outage(outage: Outage, lines: list[str]) -> None:
    """It was away first, as when those who are connected are cut off."""
    for _ in range(2):
        for error in (LOST, WRONG, LOST, WRONG):
            outage.note_failure("a", error, time.monotonic())
        outage.note_success("a")
    assert len(lines) == 6
    assert lines[1] == lines[4]
    assert lines[1].startswith("ERROR Redis at redis://here can't be used: WRONGPASS. The user or the password in")


def test_a_refusal_that_is_what_an_outage_begins_with_is_not_said_twice(outage: Outage, lines: list[str]) -> None:
    for error in (WRONG, LOST, WRONG):
        outage.note_failure("a", error, time.monotonic())
    (line,) = lines
    assert "does not answer as it should; every queue tries again until it does: WRONGPASS" in line


def test_each_reason_is_said_once_whatever_came_before_it(outage: Outage, lines: list[str]) -> None:
    """What is asked by this library's own calls comes with its errors, which are no other reasons."""
    away = RedisUnavailableError("not reachable", problem="not reachable")
    away.__cause__ = LOST
    for error in (LOST, away, FULL, WRONG, away, FULL, WRONG):
        outage.note_failure("a", error, time.monotonic())
    assert len(lines) == 3
    assert all(said in line for said, line in zip(("lost", "memory is full", "WRONGPASS"), lines, strict=True))


async def test_what_a_stop_cuts_short_does_not_tell_that_redis_is_back(outage: Outage, lines: list[str]) -> None:
    stop = asyncio.Event()
    outage.note_failure("a", LOST, time.monotonic())

    async def step() -> list[str]:
        stop.set()
        return []

    assert await outage.survive("a", step, stop) == []
    assert len(lines) == 1


def test_a_wait_that_began_before_redis_was_back_tells_nothing_new(outage: Outage, lines: list[str]) -> None:
    began = time.monotonic()
    outage.note_failure("a", LOST, time.monotonic())
    outage.note_success("a")
    outage.note_failure("b", LOST, began)
    assert len(lines) == 2
    assert outage.failures("b") == 0


def test_a_success_without_an_outage_says_nothing(outage: Outage, lines: list[str]) -> None:
    outage.note_success("a")
    assert lines == []


async def test_a_step_is_tried_until_it_succeeds(outage: Outage) -> None:
    errors = [LOST, OSError("no route")]

    async def step() -> str:
        if errors:
            raise errors.pop()
        return "done"

    assert await outage.survive("a", step, asyncio.Event()) == "done"
    assert outage.failures("a") == 0


async def test_no_step_is_tried_after_the_stop(outage: Outage) -> None:
    stop = asyncio.Event()

    async def step() -> str:
        stop.set()
        raise LOST

    assert await outage.survive("a", step, stop) is None


async def test_what_is_no_matter_of_redis_is_raised(outage: Outage) -> None:
    async def step() -> None:
        raise LookupError("ours")

    with pytest.raises(LookupError):
        await outage.survive("a", step, asyncio.Event())


async def test_the_pauses_between_tries_grow_to_a_cap_and_are_never_all_the_same(
    outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, pauses, tries = asyncio.Event(), list[float](), 200

    async def pause(awaitable: Coroutine[object, object, bool], seconds: float) -> None:
        awaitable.close()
        pauses.append(seconds)
        if len(pauses) == tries:
            stop.set()
        raise TimeoutError

    async def step() -> None:
        raise LOST

    monkeypatch.setattr(asyncio, "wait_for", pause)
    await outage.survive("a", step, stop)
    assert len(pauses) == tries, "it gave up"
    assert pauses[0] <= 0.2
    assert max(pauses) <= 3
    assert min(pauses[10:]) >= 1
    assert len(set(pauses[10:])) > 100
