"""The line between a supervisor and a process."""

from __future__ import annotations

import asyncio
import os

import pytest

from midday_worker.workers.fleet import Fleet
from midday_worker.workers.status import ProcessStatus, ServiceStatus
from midday_worker.workers.status_channel import SilentProcessError, StatusChannel, answer


def answering(line: StatusChannel, reply: str, gate: asyncio.Event | None = None) -> asyncio.Task[None]:
    """Be the process at the other end."""

    async def replied(question: str) -> bytes:
        if gate is not None:
            await gate.wait()
        return f"{reply} {question}".strip().encode()

    task = asyncio.create_task(answer(os.dup(line.fd), replied))
    line.release()
    return task


@pytest.mark.parametrize("within_s", [0, 0.01])
async def test_each_question_gets_its_own_answer_though_one_was_given_up(within_s: float) -> None:
    line, gate = StatusChannel(), asyncio.Event()
    process = answering(line, "to", gate)
    with pytest.raises(SilentProcessError):
        await line.ask("first", within_s)
    gate.set()
    answers = await asyncio.gather(line.ask("second"), line.ask("third"))
    assert list(answers) == [b"to second\n", b"to third\n"]
    assert line.answered
    line.close()
    await asyncio.wait_for(process, 5)


async def test_one_that_has_ended_is_not_asked_again() -> None:
    line = StatusChannel()
    process = answering(line, "to")
    assert await line.ask("first") == b"to first\n"
    process.cancel()
    assert [await line.ask("second"), await line.ask("third")] == [None, None]
    assert line.ended


@pytest.mark.parametrize("turns", range(4))
async def test_one_that_is_closed_at_its_first_question_gives_no_answer_and_leaves_no_socket(turns: int) -> None:
    line, gate = StatusChannel(), asyncio.Event()
    process = answering(line, "to", gate)
    first = asyncio.create_task(line.ask("first"))
    for _ in range(turns):
        await asyncio.sleep(0)
    line.close()
    gate.set()
    assert await first is None
    assert await line.ask("second") is None
    await asyncio.wait_for(process, 5)  # it has read the end


async def test_one_that_never_started_has_ended() -> None:
    line = StatusChannel()
    line.release()
    assert await line.ask("first") is None


def status(*reasons: str, number: int = 1) -> ProcessStatus:
    return ProcessStatus(
        process=number, pid=7, started_at=1.0, redis=True, database=None, queues=(), jobs=(), reasons=reasons
    )


def test_a_service_of_several_says_which_one_is_not_ready() -> None:
    processes = (status("Redis does not answer"), status(number=2))
    service = ServiceStatus(environment="staging", count=4, processes=processes, silent=(3,))
    expected = ("process 1: Redis does not answer", "process 3 does not answer", "process 4 is not up")
    assert service.reasons == expected


def test_a_service_of_one_needs_no_number_and_a_draining_one_no_other_reason() -> None:
    assert ServiceStatus(environment="x", count=1, processes=(status("it is starting"),)).reasons == ("it is starting",)
    draining = ServiceStatus(environment="x", count=2, processes=(status("Redis does not answer"),), draining=True)
    assert draining.reasons == ("it is draining",)


async def test_one_that_imports_its_jobs_is_not_up_and_not_silent() -> None:
    fleet = Fleet(1, "staging", lambda: False)
    line = fleet.line(1)  # nobody answers yet
    service = await fleet.status()
    assert (service.processes, service.silent, service.reasons) == ((), (), ("process 1 is not up",))
    line.close()
    line.release()


async def test_a_successor_takes_the_line_of_its_predecessor() -> None:
    fleet = Fleet(1, "staging", lambda: False)
    first = fleet.line(1)
    first.release()
    fleet.line(1).release()
    assert first.ended
    assert (await fleet.status()).reasons == ("process 1 is not up",)
