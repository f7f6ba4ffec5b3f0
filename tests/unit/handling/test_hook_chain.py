"""Calling hooks: their order, what they are told, and that they change nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import cast

import pytest
from loguru import logger

from midday_worker import JobEvent, Payload
from midday_worker.engine.job.attempt import Resources
from midday_worker.engine.job.job import Job
from midday_worker.handling import hook_chain as chain
from midday_worker.handling.hook_chain import HookChain
from midday_worker.handling.hooks import Hooks, Moment

MOMENTS: tuple[Moment, ...] = ("on_start", "on_success", "on_failure", "on_exhausted", "on_end")


class Order(Payload):
    order_id: str


AnyHooks = Hooks[object, object]
AnyEvent = JobEvent[object, object]


def made_job(attempts: int = 3) -> Job:
    job = Job.__new__(Job)
    job.id, job.name, job.data, job.attemptsMade, job.discarded = "j1", "bill", {"orderId": "o1"}, 0, False
    job.opts = {"attempts": attempts}
    return job


def made_chain(*levels: AnyHooks, job: Job | None = None, parse: Callable[[object], object] | None = None) -> HookChain:
    job = job or made_job()
    return HookChain(levels, job, parse or Order.model_validate, lambda text: int(text))


def listening(heard: list[object], name: str) -> AnyHooks:
    """Hooks at every moment, that note who has heard of what."""
    hooks: AnyHooks = Hooks()
    for moment in MOMENTS:

        async def hear(event: AnyEvent, moment: str = moment) -> None:
            await asyncio.sleep(0)
            heard.append(f"{name} {moment}")

        getattr(hooks, moment)(hear)
    return hooks


@pytest.fixture
def logged() -> Iterator[list[str]]:
    lines: list[str] = []
    number = logger.add(lambda message: lines.append(str(message)), format="{level}: {message}")
    try:
        yield lines
    finally:
        logger.remove(number)


async def test_moments_come_in_order_and_levels_within_each() -> None:
    heard: list[object] = []
    levels = [listening(heard, name) for name in ("registry", "queue", "job")]

    await made_chain(*levels).start()
    await made_chain(*levels).succeeded("5")

    assert heard == [
        f"{level} {moment}" for moment in ("on_start", "on_success", "on_end") for level in ("registry", "queue", "job")
    ]


@pytest.mark.parametrize(("attempts", "moments"), [(3, ["on_failure"]), (1, ["on_failure", "on_exhausted", "on_end"])])
async def test_a_failure_is_final_when_no_attempt_is_left(attempts: int, moments: list[str]) -> None:
    heard: list[object] = []

    await made_chain(listening(heard, "job"), job=made_job(attempts)).failed(ValueError())

    assert heard == [f"job {moment}" for moment in moments]


async def test_hooks_are_told_what_has_happened() -> None:
    events: list[AnyEvent] = []
    hooks: AnyHooks = Hooks()
    for moment in MOMENTS:
        getattr(hooks, moment)(events.append)
    job, error = made_job(2), ValueError("no")
    chained = made_chain(hooks, job=job)

    await chained.start()
    await chained.failed(error)
    job.attemptsMade = 1
    await made_chain(hooks, job=job).failed(error)
    await made_chain(hooks, job=job).succeeded("5")

    order = Order(order_id="o1")
    assert events == [
        JobEvent(job, order, 1),
        JobEvent(job, order, 1, error=error, will_retry=True),
        *[JobEvent(job, order, 2, error=error)] * 3,
        *[JobEvent(job, order, 2, result=5)] * 2,
    ]


async def test_of_an_invalid_payload_only_the_failure_is_told_without_a_payload() -> None:
    events: list[AnyEvent] = []
    hooks: AnyHooks = Hooks()
    hooks.on_start(events.append)
    hooks.on_failure(events.append)

    def refuse(_data: object) -> object:
        raise ValueError("orderId")

    chained = made_chain(hooks, parse=refuse)
    await chained.start()
    await chained.failed(ValueError("orderId"))

    assert [(event.payload, event.will_retry) for event in events] == [(None, True)]


@pytest.mark.parametrize("error", [ValueError("broken"), SystemExit("broken"), asyncio.CancelledError("broken")])
async def test_an_error_in_a_hook_is_logged_and_the_next_hook_is_called(
    error: BaseException, logged: list[str]
) -> None:
    heard: list[object] = []
    broken: AnyHooks = Hooks()

    @broken.on_success
    async def fail(event: AnyEvent) -> None:
        raise error

    await made_chain(broken, listening(heard, "job")).succeeded("5")

    assert heard == ["job on_success", "job on_end"]
    (line,) = [line for line in logged if line.startswith("ERROR")]
    assert "fail (on_success) failed" in line
    assert type(error).__name__ in line


async def test_an_error_in_a_hook_of_the_start_is_raised_and_ends_it() -> None:
    heard: list[object] = []
    broken: AnyHooks = Hooks()

    @broken.on_start
    def refuse(event: AnyEvent) -> None:
        raise PermissionError("not today")

    with pytest.raises(PermissionError, match="not today"):
        await made_chain(broken, listening(heard, "job")).start()
    assert heard == []


async def test_an_object_that_is_called_asynchronously_is_called_on_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Resources, "run_plain", None)
    heard: list[int] = []

    class Hearing:
        async def __call__(self, event: AnyEvent) -> None:
            heard.append(event.attempt)

    hooks: AnyHooks = Hooks()
    hooks.on_start(Hearing())
    await made_chain(hooks).start()

    assert heard == [1]


async def test_a_hook_that_hangs_is_cut_short(monkeypatch: pytest.MonkeyPatch, logged: list[str]) -> None:
    monkeypatch.setattr(chain, "HOOK_S", 0.02)
    heard: list[object] = []
    hanging: AnyHooks = Hooks()

    @hanging.on_failure
    async def hang(event: AnyEvent) -> None:
        await asyncio.Event().wait()

    await made_chain(hanging, listening(heard, "job")).failed(ValueError())

    assert heard == ["job on_failure"]
    assert any("hang (on_failure) failed" in line and "TimeoutError" in line for line in logged)


async def test_a_stop_cuts_hooks_short_and_leaves_the_outcome() -> None:
    started, heard = asyncio.Event(), cast("list[object]", [])
    slow: AnyHooks = Hooks()

    @slow.on_success
    async def wait(event: AnyEvent) -> None:
        started.set()
        await asyncio.Event().wait()

    stopped = made_job()

    async def attempt() -> str:
        await made_chain(slow, listening(heard, "job"), job=stopped).succeeded("5")
        return "5"

    task = asyncio.create_task(attempt())
    await started.wait()
    stopped.attempt.cut_short = True  # as a worker does that stops
    task.cancel()

    assert await task == "5"
    assert (task.cancelling(), stopped.attempt.cut_short) == (0, False)
    assert heard == []


async def test_a_plain_hook_runs_in_a_thread() -> None:
    names: list[str] = []
    hooks: AnyHooks = Hooks()
    hooks.on_success(lambda _event: names.append(threading.current_thread().name))

    await made_chain(hooks).succeeded("5")

    assert names != []
    assert names != [threading.main_thread().name]


async def test_a_result_that_cannot_be_read_back_is_not_told(logged: list[str]) -> None:
    events: list[AnyEvent] = []
    hooks: AnyHooks = Hooks()
    hooks.on_success(events.append)

    await made_chain(hooks).succeeded("no number")

    assert [event.result for event in events] == [None]
    assert any("can't be given its result" in line for line in logged)


def test_hooks_are_false_until_there_is_one() -> None:
    hooks: AnyHooks = Hooks()
    assert not hooks

    def hear(event: AnyEvent) -> None: ...

    assert hooks.on_failure(hear) is hear
    assert hooks
    assert (hooks.at("on_failure"), hooks.at("on_start")) == ((hear,), ())
