"""What is refused when jobs are added, instead of being written wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

import pytest
from redis.asyncio import Redis

from tests.integration.faults.engine import Engine, Refused
from tests.integration.faults.state import until_state


@pytest.mark.fault(16)
async def test_a_flow_with_a_child_that_has_completed_does_not_release_its_parent_early(engine: Engine) -> None:
    async def handle(data: object) -> None: ...

    child = await engine.add("child", job_id="child-1")
    async with engine.working(handle):
        await until_state(engine, child, "completed")
    try:
        await engine.add_flow("parent-1", [("child-1", 0), ("child-2", 3_600_000)])
    except Refused:
        assert await engine.state("child-2") == "unknown", "refused, and yet written"
    assert await engine.state("parent-1") in ("waiting-children", "unknown")


@pytest.mark.fault(17)
async def test_a_batch_whose_parent_does_not_exist_is_an_error(engine: Engine) -> None:
    with pytest.raises(Refused):
        await engine.add_many(["a", "b"], parent={"id": "nobody", "queue": "bull:jobs"})


@pytest.mark.fault(17)
async def test_an_error_in_a_batch_of_flows_is_raised(engine: Engine) -> None:
    """A child that has a parent already can't be given a second one, which would wait for it for ever."""
    await engine.add_flow("parent-1", [("child-1", 0)])
    with pytest.raises(Refused):
        await engine.add_flows([("parent-2", [("child-2", 0)]), ("parent-3", [("child-1", 0)])])


WRONG: list[dict[str, object]] = [
    {"job_id": 7},
    {"job_id": "with:colon"},
    {"priority": 1.5},
    {"delay": -5},
    {"atempts": 3},
]


@pytest.mark.fault(20)
@pytest.mark.parametrize("options", WRONG, ids=lambda options: "-".join(map(str, options)))
async def test_a_wrong_option_is_refused_and_nothing_is_written(
    engine: Engine, redis: Redis, redis_prefix: str, options: dict[str, object]
) -> None:
    add = cast("Callable[..., Awaitable[str]]", engine.add)
    with pytest.raises(Refused):
        await add("word", **options)
    assert not await redis.keys(f"{redis_prefix}*")  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped


@pytest.mark.fault(23)
async def test_adding_after_closing_is_an_error(engine: Engine) -> None:
    await engine.add("first")
    await engine.close()
    with pytest.raises(Refused):
        await engine.add("second")


@pytest.mark.fault(23)
async def test_waiting_jobs_can_be_removed_by_the_name_of_their_state(engine: Engine) -> None:
    job_id = await engine.add("word")
    assert await engine.state(job_id) == "waiting"
    await engine.remove_waiting()
    assert await engine.state(job_id) == "unknown"


@pytest.mark.fault(23)
async def test_listening_to_a_queue_is_no_error(engine: Engine) -> None:
    engine.listen("error", print)
