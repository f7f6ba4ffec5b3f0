"""Cancelling a job: in every state, and in every instant in which it can meet it."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from redis.asyncio import Redis

from midday_worker import (
    CancelOutcome,
    JobClient,
    JobContext,
    JobEvent,
    JobFailedError,
    JobHandle,
    JobNotFoundError,
    JobRegistry,
    JobStateError,
    Settings,
    job,
)
from midday_worker.engine.job.job import Job
from midday_worker.engine.producer.backend import Backend
from midday_worker.engine.wire.fetched import Fetched
from midday_worker.engine.worker.job_scripts import Transitions
from tests.deadline import eventually
from tests.integration.acts.stages import STATES, Stage
from tests.integration.crew import Crew
from tests.integration.engine.command_stats import command
from tests.integration.stored_keys import keys_of

UNSTARTED = ("waiting", "prioritized", "delayed", "waiting-children")


async def reason_of(handle: JobHandle[str]) -> str | None:
    return (await handle.fetch()).failedReason


async def subscribers(redis: Redis, settings: Settings) -> int:
    channel = f"{settings.redis_prefix}:midday-worker:cancel"
    (_, count) = cast("list[int]", await command(redis, "PUBSUB", "NUMSUB", channel))
    return count


@pytest.mark.parametrize("state", STATES)
async def test_a_cancel_meets_a_state(state: str, stage: Stage) -> None:
    async with stage.job_in(state) as handle:
        if state in UNSTARTED:
            assert await handle.cancel("not needed") == "cancelled"
            assert await handle.state() == "failed"
            assert await reason_of(handle) == "cancelled: not needed"
        elif state == "active":
            assert await handle.cancel("not needed") == "requested"
            await stage.until(handle, "failed")
            assert await reason_of(handle) == "cancelled: not needed"
        else:
            with pytest.raises(JobNotFoundError if state == "missing" else JobStateError) as refused:
                await handle.cancel()
            if isinstance(refused.value, JobStateError):
                assert f"can't be cancelled: it is {state}." in str(refused.value)
                assert await handle.state() == state


@pytest.mark.parametrize("state", UNSTARTED)
async def test_a_cancelled_job_never_starts_and_has_made_no_attempt(state: str, stage: Stage) -> None:
    async with stage.job_in(state) as handle:
        await handle.cancel()
        other = await stage.play.trigger("other", client=stage.client)
        async with stage.working():
            with pytest.raises(JobFailedError, match="cancelled: no reason was given") as failure:
                await handle.result("10s")
            assert failure.value.attempts == 0
            assert await other.result("10s") == "other"
    assert stage.ran == ["other"]


@pytest.mark.parametrize("state", ["waiting", "active"])
async def test_a_second_cancel_changes_nothing(state: str, stage: Stage) -> None:
    async with stage.job_in(state) as handle:
        outcomes = await asyncio.gather(*(handle.cancel(str(number)) for number in range(3)))
        assert set(outcomes) == {"requested" if state == "active" else "cancelled"}
        await stage.until(handle, "failed")
        assert await reason_of(handle) == "cancelled: 0"
        assert await handle.cancel("again") == "cancelled"
        assert await reason_of(handle) == "cancelled: 0"


async def test_a_running_job_is_not_tried_again(stage: Stage, redis: Redis) -> None:
    async with stage.job_in("active") as handle:
        await handle.cancel()
        await stage.until(handle, "failed")
        assert (await handle.fetch()).attemptsMade == 1
        key = stage.client.queue(handle.queue).toKey(handle.id)

        async def clean() -> bool:
            return not await redis.exists(f"{key}:cancel")

        await eventually(clean, "nothing is left of the cancellation")
    assert stage.ran == ["hold"]


async def test_a_lost_message_is_made_up_for_by_the_key(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def elsewhere(prefix: str) -> str:
        return f"{prefix}:nobody listens"

    monkeypatch.setattr("midday_worker.engine.acts.cancellation.channel", elsewhere)
    async with stage.job_in("active") as handle:
        assert await handle.cancel("lost") == "requested"
        await stage.until(handle, "failed")
        assert await reason_of(handle) == "cancelled: lost"


async def test_a_message_is_enough_without_the_key(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("midday_worker.engine.worker.cancel_watch.POLL_S", 3600)
    async with stage.job_in("active") as handle:
        await handle.cancel("heard")
        await stage.until(handle, "failed")
        assert await reason_of(handle) == "cancelled: heard"


async def test_a_cancelled_job_can_be_retried(stage: Stage) -> None:
    async with stage.job_in("active") as handle:
        await handle.cancel()
        await stage.until(handle, "failed")
        stage.release.set()
        await handle.retry()
        assert await handle.result("10s") == "hold"


async def test_a_cancel_in_the_instant_of_completion_comes_too_late(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, redis: Redis
) -> None:
    """The handler has ended and its session is committed: the job completes, and nothing of the cancel stays."""
    real, said = Transitions.complete, list[CancelOutcome]()
    handle = await stage.play.trigger("return", client=stage.client)

    async def complete(moves: Transitions, job: Job, result: str, *, fetch_next: bool) -> object:
        await eventually(lambda: subscribers(redis, stage.settings), "the process listens")
        said.append(await handle.cancel("too late"))
        return await real(moves, job, result, fetch_next=fetch_next)

    monkeypatch.setattr(Transitions, "complete", complete)
    async with stage.working():
        assert await handle.result("10s") == "return"
        key = stage.client.queue(handle.queue).toKey(handle.id)

        async def clean() -> bool:
            return not (await redis.exists(f"{key}:cancel") or await redis.hexists(key, "defa"))

        await eventually(clean, "nothing is left of the cancellation")
    assert said == ["requested"]
    with pytest.raises(JobStateError, match="it is completed"):
        await handle.cancel()
    monkeypatch.undo()
    await handle.retry()
    async with stage.working():
        assert await handle.result("10s") == "return"


async def test_a_cancel_that_meets_a_jobs_hooks(stage: Stage, redis: Redis) -> None:
    """The attempt is over: what has succeeded completes, what has failed isn't tried again."""

    async def cancel(event: JobEvent[str, str]) -> None:
        await eventually(lambda: subscribers(redis, stage.settings), "the process listens")
        handle = stage.play.handle(event.job.id, client=stage.client)
        assert await handle.cancel("in a hook") == "requested"
        await eventually(lambda: told(event.job), "its worker has heard of it")

    async def told(job: Job) -> bool:
        return job.attempt.stopped_by is not None

    stage.play.hooks.on_success(cancel)
    stage.play.hooks.on_failure(cancel)
    async with stage.working():
        assert await (await stage.play.trigger("return", client=stage.client)).result("10s") == "return"
        with pytest.raises(JobFailedError, match="cancelled: in a hook"):
            await (await stage.play.trigger("fail", client=stage.client)).result("10s")
    assert stage.ran == ["return", "fail"]
    assert not [key for key in await keys_of(redis, stage.settings) if key.endswith(":cancel")]


async def test_a_job_whose_worker_died_is_not_run_again(stage: Stage, client: JobClient) -> None:
    handle = await stage.play.trigger("orphan", client=client)
    queue = client.queue(handle.queue)
    backend = Backend(queue.name, client.connection, queue.prefix)
    moves = Transitions(backend, lock_duration_ms=300)
    assert (await moves.fetch("a worker that dies")).job_id == handle.id
    assert await handle.cancel("nobody runs it") == "requested"
    async with stage.working() as crew:
        lost = queue.toKey(handle.id) + ":lock"

        async def expired() -> bool:
            return not await queue.client.exists(lost)

        await eventually(expired, "the lock has expired")
        for _ in range(2):  # the first look notes what is active, the second takes what has no lock
            await queue.client.delete(queue.keys["stalled-check"])
            await crew.worker.stalls.check()
        await stage.until(handle, "failed")
    assert await reason_of(handle) == "cancelled: nobody runs it"
    assert stage.ran == []


async def test_the_next_run_of_a_schedule_is_not_cancelled(stage: Stage) -> None:
    schedule = await stage.play.trigger_recurring("return", every="1h", client=stage.client)
    (run,) = await stage.client.queue(stage.play.queue).read_jobs(["delayed", "waiting"], 0, -1)
    handle = JobHandle(run.id, "play", stage.play.queue, stage.client, stage.play)
    with pytest.raises(JobStateError, match="next run of a schedule"):
        await handle.cancel()
    assert await schedule.next_run() is not None


async def test_a_parent_is_cancelled_with_its_unstarted_children(stage: Stage) -> None:
    grandchild = stage.child.node("grandchild")
    parent = await stage.play.trigger_flow(
        "parent",
        [stage.child.node("child", children=[grandchild]), stage.play.node("sibling")],
        client=stage.client,
    )
    below = [parent.children[0], parent.children[1], parent.children[0].children[0]]
    assert await parent.cancel("all of it", children=True) == "cancelled"
    assert [await each.state() for each in below] == ["failed"] * 3
    for each in below:
        assert (await each.fetch()).failedReason == "cancelled: all of it"


async def test_a_parent_is_cancelled_alone(stage: Stage) -> None:
    async with stage.job_in("waiting-children") as parent:
        (child,) = parent.children
        await parent.cancel()
        assert await child.state() == "waiting"


async def test_a_cancelled_child_fails_its_parent(stage: Stage) -> None:
    async with stage.job_in("waiting-children") as parent:
        (child,) = parent.children
        await child.cancel("no child")
        async with stage.working():
            with pytest.raises(JobFailedError, match=r"child .* failed"):
                await parent.result("10s")
    assert stage.ran == []


async def test_a_removed_on_fail_job_is_gone(stage: Stage) -> None:
    handle = await stage.play.trigger("return", remove_on_fail=True, client=stage.client)
    assert await handle.cancel() == "cancelled"
    assert await handle.state() == "unknown"
    assert await stage.client.queue(handle.queue).client.exists(stage.client.queue(handle.queue).toKey(handle.id)) == 0


async def test_cancels_are_heard_on_one_connection_for_all_queues(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis
) -> None:
    for queue in ("one", "two", "three"):
        job(f"of-{queue}", str, lambda data, ctx: data, queue=queue, registry=registry)
    async with Crew(registry, settings):
        await eventually(lambda: subscribers(redis, settings), "the process listens")
        assert await subscribers(redis, settings) == 1
    assert await subscribers(redis, settings) == 0


async def test_a_cancellation_that_came_as_its_job_completed_does_not_reach_a_later_job_of_the_same_id(
    client: JobClient, registry: JobRegistry, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("midday_worker.engine.worker.cancel_watch.POLL_S", 0.05)
    real, asked = Transitions.complete, list[str]()

    async def cancel_before(moves: Transitions, job: Job, result: str, *, fetch_next: bool) -> Fetched:
        if not asked:
            asked.append(await client.acts("default").cancel(job.id, "too late"))
        return await real(moves, job, result, fetch_next=fetch_next)

    async def handle(data: float, ctx: JobContext) -> None:
        await asyncio.sleep(data)

    monkeypatch.setattr(Transitions, "complete", cancel_before)
    waiting = job("wait", float, handle, remove_on_complete=True, registry=registry)
    async with Crew(registry, settings):
        for seconds in (0.0, 0.5):
            handle_of_it = await waiting.trigger(seconds, job_id="same", client=client)
            await handle_of_it.result("10s")
    assert asked == ["requested"]
