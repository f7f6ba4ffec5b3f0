"""What plain functions are given, and which handlers are given it."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from midday_worker import (
    ConfigurationError,
    DefinitionError,
    InvalidInputError,
    JobContext,
    JobRegistry,
    JobTimeoutError,
    NonRetryableError,
    Payload,
    SyncJobContext,
    job,
)
from midday_worker.engine.job.interruption import Grace
from midday_worker.errors import EngineError, RunningLoopError
from midday_worker.testing import FakeJob, child_result
from tests.unit.sample import Label, pack, weigh


class Step(Payload):
    step_name: str


def tell(data: list[int], ctx: SyncJobContext) -> list[object]:
    ctx.update_progress(0.5)
    ctx.update_progress(Step(step_name="two"))
    ctx.log("a row")
    for _ in ctx.track(data, per_second=1_000_000):
        time.sleep(0.00001)  # the clock goes on, so that each row is told
    return [ctx.job.id, ctx.job.name, ctx.job.data, ctx.job.attempt, ctx.cancelled]


telling = job("tell", list[int], tell, registry=JobRegistry())


async def test_its_calls_do_in_a_thread_what_the_asynchronous_ones_do() -> None:
    fake = FakeJob.of(telling, [1, 2, 3, 4], attempt=2, job_id="j1")

    assert await telling.execute(fake) == ["j1", "tell", [1, 2, 3, 4], 2, False]
    assert fake.progress == [0.5, {"stepName": "two"}, 25, 50, 75, 100]
    assert fake.logs == ["a row"]


async def test_it_knows_the_results_of_a_flows_children() -> None:
    def ship(data: None, ctx: SyncJobContext) -> list[object]:
        return [*ctx.children_results(weigh), *(label.tracking_id for label in ctx.children_results(pack))]

    shipping = job("ship", registry=JobRegistry())(ship)
    children = [child_result(pack, Label(tracking_id="a")), child_result(weigh, 3)]
    assert await shipping.execute(FakeJob.of(shipping, None, children=children)) == [3, "a"]

    class Forgetful(FakeJob):
        async def childrenNames(self) -> dict[str, str]:
            """No child's hash is left."""
            return {}

    with pytest.raises(NonRetryableError, match=min(child.key for child in children)):
        await shipping.execute(Forgetful(None, children=children))


async def test_a_progress_that_can_not_be_stored_is_refused_in_the_handler() -> None:
    def wrong(data: None, ctx: SyncJobContext) -> None:
        with pytest.raises(InvalidInputError, match="This progress can't be stored"):
            ctx.update_progress({"at": object()})
        with pytest.raises(InvalidInputError, match="track's per_second is 0"):
            ctx.track([1], per_second=0)

    refused = job("wrong", registry=JobRegistry())(wrong)
    await refused.execute(FakeJob.of(refused, None))


async def test_there_is_no_database_in_a_thread() -> None:
    def ask(data: None, ctx: SyncJobContext) -> None:
        print(ctx.db)  # noqa: T201 - never reached

    asking = job("ask", registry=JobRegistry())(ask)
    with pytest.raises(ConfigurationError, match=r"ctx\.db is not available in a plain function: .* an async def"):
        await asking.execute(FakeJob.of(asking, None))


async def test_a_function_that_goes_on_after_its_attempt_is_cancelled_and_changes_nothing() -> None:
    release, done = threading.Event(), threading.Event()
    seen: list[object] = []

    def go_on(data: None, ctx: SyncJobContext) -> None:
        release.wait(60)
        seen.append(ctx.cancelled)
        for call in (lambda: ctx.update_progress(99), lambda: ctx.log("too late"), ctx.children_values):
            try:
                call()
            except EngineError as error:
                seen.append(str(error))
        done.set()

    going = job("go-on", timeout="10ms", registry=JobRegistry())(go_on)

    class Impatient(FakeJob):
        grace = Grace(0.02, 0.02)

    fake = Impatient(None)
    with pytest.raises(JobTimeoutError, match="in go_on"):
        await going.execute(fake)
    release.set()
    assert done.wait(60)
    assert seen[0] is True
    assert ["is over: it was told to stop" in str(each) for each in seen[1:]] == [True] * 3
    assert (fake.progress, fake.logs) == ([], [])


async def test_its_calls_on_an_event_loop_are_refused_instead_of_standing_still() -> None:
    async def inner(ctx: SyncJobContext) -> None:
        ctx.update_progress(1)

    def returning(data: None, ctx: SyncJobContext) -> object:
        return inner(ctx)

    call = job("returning", registry=JobRegistry())(returning)
    with pytest.raises(RunningLoopError):
        await call.execute(FakeJob.of(call, None))


def plain_with_the_asynchronous_one(data: int, ctx: JobContext) -> int:
    return data


async def asynchronous_with_the_plain_one(data: int, ctx: SyncJobContext) -> int:
    return data


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (
            plain_with_the_asynchronous_one,
            "plain function as handler that takes a JobContext, .* SyncJobContext, which",
        ),
        (asynchronous_with_the_plain_one, "asynchronous handler that takes a SyncJobContext, .* accepted: JobContext"),
    ],
)
def test_a_handler_that_takes_the_other_context_is_refused(handler: object, reason: str) -> None:
    wrong = cast("Callable[[int, JobContext], Awaitable[int]]", handler)
    with pytest.raises(DefinitionError, match=f"Job 'wrong' at .*test_sync_context.py.* {reason}"):
        job("wrong", int, wrong, registry=JobRegistry())
    with pytest.raises(DefinitionError, match=reason):
        job("wrong", registry=JobRegistry())(wrong)


async def test_a_wrapper_of_an_asynchronous_handler_is_awaited_on_the_loop() -> None:
    async def handle(data: int, ctx: JobContext) -> int:
        await ctx.update_progress(data)
        return threading.get_ident()

    @functools.wraps(handle)
    def wrapper(data: int, ctx: JobContext) -> Awaitable[int]:
        return handle(data, ctx)

    wrapped = job("wrapped", int, wrapper, registry=JobRegistry())
    fake = FakeJob.of(wrapped, 7)
    assert await wrapped.execute(fake) == threading.get_ident()
    assert fake.progress == [7]
