"""Every act meets every state: it does what it says, or refuses, naming the state, and changes nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, cast

import pytest
from redis.asyncio import Redis

from midday_worker import (
    JobClient,
    JobHandle,
    JobNotFoundError,
    JobStateError,
    MiddayWorkerError,
    OptionError,
    PayloadError,
    RedisRefusedError,
    RedisUnavailableError,
    Settings,
)
from tests.integration.acts.stages import HOUR_MS, STATES, Stage
from tests.integration.crew import Crew

Act = Callable[[JobHandle[str]], Awaitable[None]]

ACTS: Final[Mapping[str, Act]] = {
    "retry": lambda handle: handle.retry(),
    "promote": lambda handle: handle.promote(),
    "remove": lambda handle: handle.remove(),
    "reschedule": lambda handle: handle.reschedule("2h"),
    "change_priority": lambda handle: handle.change_priority(7),
    "update_data": lambda handle: handle.update_data("other"),
}
THEN: Final[Mapping[str, Mapping[str, str]]] = {
    "retry": {"completed": "waiting", "failed": "waiting"},
    "promote": {"delayed": "waiting"},
    "remove": dict.fromkeys([state for state in STATES if state not in ("active", "missing")], "unknown"),
    "reschedule": {"delayed": "delayed"},
    "change_priority": {
        "waiting": "prioritized",
        "prioritized": "prioritized",
        "delayed": "delayed",
        "waiting-children": "waiting-children",
    },
    "update_data": {state: state for state in ("waiting", "prioritized", "delayed", "waiting-children", "failed")},
}
"""The state after each act, by the state that it met; a state that isn't there refuses it."""


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("act", ACTS)
async def test_an_act_meets_a_state(act: str, state: str, stage: Stage) -> None:
    async with stage.job_in(state) as handle:
        then = THEN[act].get(state)
        if then is not None:
            await ACTS[act](handle)
            assert await handle.state() == then
            return
        with pytest.raises(JobNotFoundError if state == "missing" else JobStateError) as refused:
            await ACTS[act](handle)
        assert await handle.state() == ("unknown" if state == "missing" else state)
        if isinstance(refused.value, JobStateError):
            assert refused.value.state == state
            assert (refused.value.job_id, refused.value.queue) == (handle.id, handle.queue)
            assert set(refused.value.allowed) - {"unknown"} == set(THEN[act])
            assert f"it is {state}." in str(refused.value)


async def test_a_retried_job_runs_once_more_and_says_so(stage: Stage) -> None:
    async with stage.job_in("failed") as handle:
        await handle.update_data("mended")
        await handle.retry()
        async with stage.working():
            assert await handle.result("10s") == "mended"
        assert (await handle.fetch()).attemptsMade == 3
    assert stage.ran == ["fail", "fail", "mended"]


async def test_a_retry_may_begin_to_count_anew(stage: Stage) -> None:
    async with stage.job_in("failed") as handle:
        await handle.retry(reset_attempts=True)
        async with stage.working():
            await stage.until(handle, "failed")
        assert (await handle.fetch()).attemptsMade == 2
    assert stage.ran == ["fail"] * 4


async def test_of_two_retries_at_once_one_is_refused(stage: Stage) -> None:
    async with stage.job_in("failed") as handle:
        outcomes = await asyncio.gather(*(handle.retry() for _ in range(5)), return_exceptions=True)
        refused = [outcome for outcome in outcomes if isinstance(outcome, JobStateError)]
        assert [error.state for error in refused] == ["waiting"] * 4
        assert (await stage.client.queue(handle.queue).getJobCounts("waiting"))["waiting"] == 1


async def test_a_rescheduled_job_is_due_then(stage: Stage) -> None:
    async with stage.job_in("delayed") as handle:
        await handle.reschedule(0)
        async with stage.working():
            assert await handle.result("10s") == "return"


async def test_a_rescheduled_job_waits_for_its_time(stage: Stage) -> None:
    async with stage.job_in("delayed") as handle:
        before = time.time() * 1000
        await handle.reschedule("2h")
        score = await stage.client.queue(handle.queue).client.zscore(
            stage.client.queue(handle.queue).keys["delayed"], handle.id
        )
        assert float(score or 0) / 0x1000 >= before + 2 * HOUR_MS - 1


async def test_a_delayed_job_keeps_its_new_priority(stage: Stage) -> None:
    async with stage.job_in("delayed") as handle:
        await handle.change_priority(7)
        await handle.promote()
        assert await handle.state() == "prioritized"


@pytest.mark.parametrize("priority", [-1, 2**21, 1.5, True])
async def test_a_priority_out_of_range_writes_nothing(priority: int, stage: Stage) -> None:
    async with stage.job_in("waiting") as handle:
        with pytest.raises(OptionError, match="priority"):
            await handle.change_priority(priority)
        assert await handle.state() == "waiting"


async def test_a_wrong_payload_writes_nothing(stage: Stage) -> None:
    async with stage.job_in("waiting") as handle:
        with pytest.raises(PayloadError, match="Invalid payload for job 'play'"):
            await handle.update_data({"not": "a text"})
        assert (await handle.fetch()).data == "return"


async def test_a_payload_that_is_too_large_writes_nothing(stage: Stage, settings: Settings) -> None:
    async with stage.job_in("waiting") as handle:
        small = settings.model_copy(update={"max_payload_bytes": 100})
        async with JobClient(small) as client:
            bounded = JobHandle(handle.id, handle.job, handle.queue, client, handle.source)
            with pytest.raises(PayloadError, match="MAX_PAYLOAD_BYTES"):
                await bounded.update_data("x" * 200)
        assert (await handle.fetch()).data == "return"


async def test_a_parent_is_removed_with_its_children(stage: Stage) -> None:
    async with stage.job_in("waiting-children") as parent:
        await parent.remove(children=True)
        assert [await child.state() for child in parent.children] == ["unknown"]


async def test_a_failed_parent_is_not_removed_with_a_child_that_runs(stage: Stage, redis: Redis) -> None:
    """And the refusal names the state of the parent."""
    async with stage.job_in("waiting-children") as parent:
        (child,) = parent.children
        await parent.cancel()
        await redis.set(f"{stage.client.queue(child.queue).toKey(child.id)}:lock", "a worker's token")
        acts = stage.client.acts(parent.queue)
        for act in (acts.check_remove, acts.remove):
            with pytest.raises(JobStateError, match=r"it is failed\. A child of it is running\.") as caught:
                await act(parent.id, children=True)
            assert caught.value.state == "failed"
        await acts.check_remove(parent.id)
        assert [await parent.state(), await child.state()] == ["failed", "waiting"]


async def test_a_parent_without_its_removed_child_runs(stage: Stage) -> None:
    async with stage.job_in("waiting-children") as parent:
        (child,) = parent.children
        await child.remove()
        async with stage.working():
            assert await parent.result("10s") == "return"


async def test_a_retried_parent_waits_for_its_children(stage: Stage) -> None:
    """BullMQ would run it without them, and then not let it complete."""
    async with stage.job_in("waiting-children") as parent:
        (child,) = parent.children
        await parent.cancel()
        await parent.retry()
        assert await parent.state() == "waiting-children"
        stage.registry.add(stage.child)
        async with Crew(stage.registry, stage.settings):
            assert await child.result("10s") == "return"
            assert await parent.result("10s") == "return"
    assert stage.ran == ["return", "return"]


async def test_a_parent_is_retried_after_its_failed_child(stage: Stage) -> None:
    parent = await stage.play.trigger_flow("parent", [stage.play.node("fail")], client=stage.client)
    (child,) = parent.children
    async with stage.working():
        await stage.until(parent, "failed")
        with pytest.raises(JobStateError, match=r"it is failed\. A child of it has failed: retry that first"):
            await parent.retry()
        await child.update_data("mended")
        await child.retry()
        assert await child.result("10s") == "mended"
        await parent.retry()
        assert await parent.result("10s") == "parent"
    assert stage.ran == ["fail", "fail", "mended", "parent"]


@pytest.mark.parametrize("way", ["remove_on_fail", "remove", "delete"])
async def test_a_parent_is_retried_whose_failed_child_is_gone(stage: Stage, redis: Redis, way: str) -> None:
    """Without that child's result, as nobody can retry it; and without a pending one that is gone too."""
    nodes = [stage.play.node("fail", remove_on_fail=way == "remove_on_fail"), stage.play.node("never", delay="1d")]
    parent = await stage.play.trigger_flow("parent", nodes, client=stage.client)
    failed, pending = parent.children
    async with stage.working():
        await stage.until(parent, "failed")
        queue = stage.client.queue(stage.play.queue)
        for each in (failed, pending):
            if way == "remove" and each is failed:
                await each.remove()
            else:
                await redis.delete(queue.toKey(each.id))
        await parent.retry()
        assert await parent.result("10s") == "parent"
    assert stage.ran == ["fail", "fail", "parent"]


async def test_a_refused_retry_of_a_parent_changes_nothing(stage: Stage, redis: Redis) -> None:
    """One failed child is gone, another can be retried."""
    nodes = [stage.play.node("fail"), stage.play.node("fail")]
    parent = await stage.play.trigger_flow("parent", nodes, client=stage.client)
    async with stage.working():
        for each in (parent, *parent.children):
            await stage.until(cast("JobHandle[str]", each), "failed")
    key = f"{stage.client.queue(stage.play.queue).toKey(parent.id)}:unsuccessful"
    before = await redis.dump(key)
    await parent.children[0].remove()
    with pytest.raises(JobStateError, match="retry that first"):
        await parent.retry()
    assert await redis.dump(key) == before


async def test_the_next_run_of_a_schedule_is_not_removed(stage: Stage) -> None:
    """BullMQ makes each run when the one before it starts: without it, the schedule would be dead."""
    schedule = await stage.play.trigger_recurring("return", every="1h", client=stage.client)
    queue = stage.client.queue(stage.play.queue)
    (run,) = await queue.read_jobs(["delayed", "waiting"], 0, -1)
    handle = JobHandle(run.id, "play", queue.name, stage.client, stage.play)
    with pytest.raises(JobStateError, match=f"next run of schedule '{schedule.id}'"):
        await handle.remove()
    assert await schedule.next_run() is not None


@pytest.mark.parametrize("act", ["cancel", *ACTS])
async def test_what_is_stored_under_an_id_and_is_no_job_is_not_touched(act: str, stage: Stage, redis: Redis) -> None:
    """The queue's own keys and its schedules are stored beside its jobs."""
    schedule = await stage.play.trigger_recurring("return", every="1h", client=stage.client)
    queue = stage.client.queue(stage.play.queue)
    for job_id in ("meta", "id", "events", f"repeat:{schedule.id}"):
        key = queue.toKey(job_id)
        read = redis.dump if job_id in ("id", "events") else redis.hgetall
        before = await read(key)
        assert before
        handle = JobHandle(job_id, "play", queue.name, stage.client, stage.play)
        with pytest.raises((JobNotFoundError, RedisRefusedError)):
            await (handle.cancel() if act == "cancel" else ACTS[act](handle))
        assert await read(key) == before


async def test_an_act_without_redis_says_so(stage: Stage) -> None:
    away = Settings(env_file=None, redis_url="redis://127.0.0.1:1", redis_command_timeout=500)
    async with JobClient(away) as client:
        handle = JobHandle("j1", "play", "stage", client, stage.play)
        with pytest.raises(RedisUnavailableError, match="Nothing was written"):
            await handle.promote()


def test_a_refusal_is_an_error_of_this_library() -> None:
    assert issubclass(JobStateError, MiddayWorkerError)
