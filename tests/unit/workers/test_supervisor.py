"""The supervisor over processes that do what a test says."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest
from loguru import logger

from midday_worker.errors import MiddayWorkerError
from midday_worker.workers.stopping import SAME_SIGNAL_S
from tests.unit.workers.fake_process import FakeService


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What is logged."""
    lines: list[str] = []
    sink = logger.add(lines.append, level="INFO", format="{level} {message}")
    yield lines
    logger.remove(sink)


async def ended(service: FakeService) -> bool:
    return await asyncio.wait_for(service.running, 10)


async def test_the_first_goes_ahead_and_its_banner_is_the_only_one(lines: list[str]) -> None:
    service = FakeService(3)
    (first,) = await service.made_so_far(1)
    await asyncio.sleep(0.02)  # a chance for the others to start too early
    assert len(service.made) == 1
    first.become_ready()
    processes = await service.made_so_far(3)
    for process in processes[1:]:
        process.become_ready()
    await service.until(lambda: "process 3 of 3 is ready" in "".join(lines), "the last is ready")
    assert [line for line in lines if "banner" in line] == ["INFO banner of 1\n"]
    service.supervisor.signal()
    for process in processes:
        process.end(0)
    assert await ended(service)


async def test_a_signal_drains_each_once_and_the_end_is_clean() -> None:
    service = FakeService(3)
    processes = await service.up(3)
    service.supervisor.signal()
    await service.until(lambda: all(process.told for process in processes), "all are told")
    for process in processes:
        process.end(0)
    assert await ended(service)
    assert [process.told for process in processes] == [["drain"]] * 3
    assert len(service.made) == 3


async def test_a_second_signal_forces_each_once() -> None:
    service = FakeService(2)
    processes = await service.up(2)
    service.supervisor.signal()
    await asyncio.sleep(SAME_SIGNAL_S + 0.05)  # until then it counts as the same Ctrl-C
    service.supervisor.signal()
    await service.until(lambda: all("force" in process.told for process in processes), "all are forced")
    for process in processes:
        process.end(1)
    assert await ended(service) is False
    assert [process.told for process in processes] == [["drain", "force"]] * 2


async def test_one_that_does_not_end_in_time_is_killed(lines: list[str]) -> None:
    service = FakeService(2, drain_s=0.01, late_s=0.01)
    first, second = await service.up(2)
    service.supervisor.signal()
    await service.until(lambda: bool(first.told), "it is told")
    first.end(0)
    assert await ended(service) is False
    assert (first.told, second.told) == (["drain"], ["drain", "kill"])
    assert f"the process with pid {second.pid} does not end, and is killed" in "".join(lines)


async def test_one_that_crashes_is_replaced_and_the_others_hear_nothing(lines: list[str]) -> None:
    service = FakeService(3)
    first, second, third = await service.up(3)
    second.end(-signal.SIGKILL)
    successor = (await service.made_so_far(4))[1]
    assert successor.index == 2
    assert f"process 2 (pid {second.pid}) was killed by SIGKILL; it is started again" in "".join(lines)
    successor.become_ready()
    assert first.told == third.told == []
    service.supervisor.signal()
    for process in (first, successor, third):
        process.end(0)
    assert await ended(service)


async def test_one_that_ends_badly_while_draining_makes_the_end_unclean() -> None:
    service = FakeService(2)
    first, second = await service.up(2)
    service.supervisor.signal()
    first.end(0)
    second.end(-signal.SIGSEGV)
    assert await ended(service) is False


async def test_one_that_has_crashed_and_waits_for_its_restart_has_nothing_to_drain(lines: list[str]) -> None:
    service = FakeService(2, wait_s=60)
    first, second = await service.up(2)
    second.end(-signal.SIGKILL)
    await service.until(lambda: "it is started again" in "".join(lines), "it waits")
    service.supervisor.signal()
    first.end(0)
    assert await ended(service)
    assert len(service.made) == 2


async def test_one_that_was_still_starting_has_nothing_to_drain() -> None:
    """SIGTERM ends it, and that is clean."""
    service = FakeService(2)
    (first,) = await service.made_so_far(1)
    service.supervisor.signal()
    await service.until(lambda: first.told == ["drain"], "it is told")
    first.end(-signal.SIGTERM)
    assert await ended(service)
    assert len(service.made) == 1


async def test_a_first_one_that_says_why_it_can_not_start_ends_the_service_without_further_words(
    lines: list[str],
) -> None:
    service = FakeService(3)
    (first,) = await service.made_so_far(1)
    first.end(1)
    assert await ended(service) is False
    assert (len(service.made), lines) == (1, [])


async def test_first_ones_that_crash_are_tried_a_few_times_and_then_given_up() -> None:
    service = FakeService(3, tries=3)
    for turn in range(1, 4):
        (newest,) = await service.made_so_far(turn)
        newest.end(-signal.SIGSEGV)
    with pytest.raises(MiddayWorkerError, match=r"don't stay up.*process 1 \(pid 1002\) was killed by SIGSEGV\."):
        await ended(service)
    assert {process.index for process in service.made} == {1}


async def test_one_that_never_stays_up_is_tried_on_and_on_while_another_works() -> None:
    service = FakeService(2, tries=2)
    first, second = await service.up(2)
    for turn in range(3, 9):
        second.end(1)
        second = (await service.made_so_far(turn))[1]
    assert not service.running.done()
    service.supervisor.signal()
    first.end(0)
    second.end(0)
    assert await ended(service)


async def test_when_none_stays_up_the_service_is_given_up_and_the_last_are_drained() -> None:
    service = FakeService(2, tries=2)
    first, second = await service.up(2)
    first.end(3)
    first = (await service.made_so_far(3))[0]
    second.end(3)
    second = (await service.made_so_far(4))[1]
    first.end(3)
    first = (await service.made_so_far(5))[0]
    second.end(3)
    await service.until(lambda: first.told == ["drain"], "the other is drained")
    first.end(0)
    with pytest.raises(MiddayWorkerError, match=r"process 2 \(pid 1003\) ended with exit code 3"):
        await ended(service)


async def test_a_place_whose_process_can_not_be_started_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    refusals = iter([OSError(11, "no more processes")])
    service = FakeService(1)
    (first,) = await service.made_so_far(1)

    async def start() -> None:
        if (refusal := next(refusals, None)) is not None:
            raise refusal

    monkeypatch.setattr("tests.unit.workers.fake_process.FakeProcess.start", staticmethod(start))
    first.end(-signal.SIGKILL)
    await service.made_so_far(3)
    assert "could not be started: [Errno 11] no more processes" in "".join(lines)
    service.supervisor.signal()
    service.made[-1].end(0)
    assert await ended(service)
