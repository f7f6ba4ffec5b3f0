"""Places per key, by the moves of workers alone: how much one script does, and to whom a place belongs."""

from __future__ import annotations

from typing import Final, cast

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, PerKey, RateLimit
from midday_worker.admin import clean_jobs, key_backlogs, parked_jobs, reset_limit, set_limit
from midday_worker.engine.job.job import Job
from midday_worker.engine.producer.queue import Queue
from midday_worker.engine.wire.place_acts import NODE_GIVE
from midday_worker.engine.wire.places import MOST_AT_ONCE
from midday_worker.engine.worker.job_scripts import now_ms
from midday_worker.engine.worker.limited_transitions import LimitedTransitions

PLACES: Final = 2
LIMIT: Final = PerKey("team", concurrency=PLACES)
MANY: Final = 250


class Bench:
    """A queue with two places for each team, and a worker without handlers."""

    def __init__(self, queue: Queue, limit: PerKey = LIMIT) -> None:
        self.queue = queue
        self.moves = LimitedTransitions(queue.own_backend, [limit.wire], lock_duration_ms=60_000)

    async def add(self, count: int, text: str = "") -> None:
        await self.queue.addBulk([{"name": "export", "data": {"team": "a", "text": text}, "opts": {}}] * count)

    async def take(self, token: str) -> Job:
        """Fetch the next job."""
        fetched = await self.moves.fetch(token)
        job = Job.from_raw(self.queue, fetched.raw or {}, fetched.job_id or "")
        job.token = token
        return job

    async def park_all(self) -> int:
        """Fetch until nobody waits any more; return how many scripts that took."""
        fetches = 0
        while await self.queue.ask("LLEN", self.queue.keys["wait"]):
            await self.moves.fetch(f"token:{fetches}")
            fetches += 1
        return fetches

    async def count(self, state: str) -> int:
        return (await self.queue.getJobCounts(state))[state]


@pytest.fixture
async def bench(client: JobClient) -> Bench:
    bench = Bench(client.queue("exports"))
    await bench.moves.publish_limits()
    return bench


async def test_a_raised_limit_brings_few_jobs_in_one_script_and_all_in_the_end(bench: Bench) -> None:
    await bench.add(MANY)
    await bench.park_all()
    assert await parked_jobs(bench.queue) == MANY - PLACES
    await set_limit(bench.queue, "team", "a", concurrency=10_000)
    assert await parked_jobs(bench.queue) == MANY - PLACES - MOST_AT_ONCE
    await bench.park_all()
    assert await bench.count("active") == MANY


async def test_large_payloads_are_read_by_few_in_one_script(bench: Bench) -> None:
    await bench.add(40, "x" * 100_000)
    await bench.moves.fetch("first")
    await bench.moves.fetch("second")
    await bench.moves.fetch("third")
    assert 0 < await parked_jobs(bench.queue) <= 10


async def test_a_lowered_limit_parks_those_again_who_were_brought_by_a_higher_one(bench: Bench) -> None:
    await bench.add(10)
    await bench.park_all()
    await set_limit(bench.queue, "team", "a", concurrency=8)
    assert await bench.count("waiting") == 6
    await reset_limit(bench.queue, "team", "a")
    await bench.park_all()
    assert await bench.count("active") == PLACES
    assert await parked_jobs(bench.queue) == 8


async def test_a_node_worker_gives_no_place_back_that_another_worker_has_taken(bench: Bench, redis: Redis) -> None:
    await bench.add(4)
    taken = await bench.take("the other's")
    await bench.park_all()
    assert await parked_jobs(bench.queue) == 2
    for token, parked in (("its own, which has expired", 2), ("the other's", 1)):
        where, key = bench.queue.keys[""], bench.queue.toKey("limits")
        await redis.eval(NODE_GIVE, 1, key, taken.id, token, where, now_ms())  # pyright: ignore[reportGeneralTypeIssues, reportUnknownMemberType] - redis-py types its replies as a union
        assert await parked_jobs(bench.queue) == parked


async def test_a_job_whose_deadline_has_passed_uses_nothing_of_its_keys_limits(client: JobClient) -> None:
    bench = Bench(client.queue("exports"), PerKey("team", rate=RateLimit(1, "1h")))
    await bench.add(5)
    late = {"midday": {"backoff": "function", "deadline": now_ms() - 1}}
    await bench.queue.addBulk([{"name": "export", "data": {"team": "a"}, "opts": late}] * 3)
    await bench.park_all()
    assert await bench.count("active") == 1 + 3
    assert await parked_jobs(bench.queue) == 4
    await bench.queue.add("export", {"team": "a"}, {"midday": {"deadline": now_ms() + 3_600_000}})
    await bench.park_all()
    assert await parked_jobs(bench.queue) == 5


@pytest.mark.parametrize("note", ["\\ud83d", "\\ud83d\\ude00\\ud800", "\\\\ud83d", "\\\\\\ud83d"])
async def test_half_an_emoji_in_a_payload_hides_no_key(bench: Bench, redis: Redis, note: str) -> None:
    await bench.add(4)
    for job_id in cast("list[str]", await bench.queue.ask("LRANGE", bench.queue.keys["wait"], 0, -1)):
        await redis.hset(bench.queue.toKey(job_id), "data", f'{{"note": "{note}", "team": "a"}}')
    await bench.park_all()
    assert await parked_jobs(bench.queue) == 4 - PLACES


async def test_a_job_whose_key_is_changed_before_it_starts_leaves_the_place_that_it_was_brought_for(
    bench: Bench, redis: Redis
) -> None:
    await bench.add(4)
    first = await bench.take("the first")
    await bench.park_all()
    await bench.moves.complete(first, "null", fetch_next=False)
    (brought,) = cast("list[str]", await bench.queue.ask("LRANGE", bench.queue.keys["wait"], 0, -1))
    await redis.hset(bench.queue.toKey(brought), "data", '{"team": "b"}')
    assert (await bench.take("the first")).id == brought
    await bench.moves.sweep()
    assert await bench.count("waiting") == 1


async def test_a_sweep_takes_those_out_of_a_line_who_are_gone(bench: Bench) -> None:
    await bench.add(6)
    await bench.park_all()
    await clean_jobs(bench.queue, "delayed")
    await bench.add(1)
    await bench.park_all()
    await bench.moves.sweep()
    (line,) = await key_backlogs(bench.queue)
    assert (line.waiting, line.running) == (1, PLACES)


async def test_a_job_in_the_line_that_can_not_be_read_holds_up_nobody_behind_it(bench: Bench, redis: Redis) -> None:
    await bench.add(4)
    first = await bench.take("the first")
    await bench.park_all()
    (broken, _) = cast("list[str]", await bench.queue.ask("ZRANGE", bench.queue.keys["delayed"], 0, -1))
    await redis.delete(bench.queue.toKey(broken))
    await redis.set(bench.queue.toKey(broken), "no hash")
    await bench.moves.complete(first, "null", fetch_next=False)
    assert await bench.count("waiting") == 1
