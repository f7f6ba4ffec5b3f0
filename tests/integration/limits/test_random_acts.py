"""Whatever workers, crashes and operators do, no key has more than its places, and every job has its turn."""

from __future__ import annotations

import json
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Final, cast

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, PerKey, RateLimit
from midday_worker.engine.acts.acts import Acts
from midday_worker.engine.job.job import Job
from midday_worker.engine.producer.queue import Queue
from midday_worker.engine.worker.limited_transitions import LimitedTransitions
from midday_worker.errors import JobNotFoundError, JobStateError
from tests.integration.limits.stored_keys import keys_like

TEAMS: Final = ("a", "b", "c")
PROVIDERS: Final = ("x", "y")
PLACES: Final = 2
RATE: Final = 4
WINDOW_MS: Final = 60
LIMITS: Final = (PerKey("team.id", concurrency=PLACES), PerKey("provider", rate=RateLimit(RATE, WINDOW_MS)))

# Looked at from the server's side, by BullMQ's own keys alone: who is active, locked, and of which key.
RUNNING: Final = """
local counts, seen, twice = {}, {}, {}
local P = ARGV[1]
for _, id in ipairs(redis.call("LRANGE", P .. "active", 0, -1)) do
  seen[id] = (seen[id] or 0) + 1
  local data = redis.call("HGET", P .. id, "data")
  if data and redis.call("EXISTS", P .. id .. ":lock") == 1 and not redis.call("HGET", P .. id, "defa") then
    local team = cjson.decode(data).team.id
    if type(team) == "string" then counts[team] = (counts[team] or 0) + 1 end
  end
end
for _, id in ipairs(redis.call("LRANGE", P .. "wait", 0, -1)) do seen[id] = (seen[id] or 0) + 1 end
for _, set in ipairs({"prioritized", "delayed", "completed", "failed", "waiting-children"}) do
  for _, id in ipairs(redis.call("ZRANGE", P .. set, 0, -1)) do seen[id] = (seen[id] or 0) + 1 end
end
for id, times in pairs(seen) do if times > 1 then twice[#twice + 1] = id end end
return cjson.encode({counts = counts, twice = #twice})
"""


class Fleet:
    """Workers without handlers, which do to jobs whatever can be done to them, by chance."""

    def __init__(self, client: JobClient, redis: Redis, seed: int) -> None:
        self.draw = random.Random(seed)  # noqa: S311 - no secret
        self.queue = client.queue("exports")
        self.redis = redis
        self.acts = Acts(self.queue)
        self.prefix = self.queue.keys[""]
        self.moves = LimitedTransitions(
            self.queue.own_backend, [limit.wire for limit in LIMITS], lock_duration_ms=60_000
        )
        self.held: dict[str, Job] = {}
        self.made: list[str] = []
        self.removed: set[str] = set()
        self.starts: defaultdict[str, list[int]] = defaultdict(list)
        self.tokens = 0

    async def add(self, _: Queue | None = None) -> None:
        number = len(self.made)
        team = self.draw.choice([*TEAMS, "a", "a", "a", None])
        data = {"team": {"id": team}, "provider": self.draw.choice([*PROVIDERS, None])}
        options = {"jobId": f"job-{number}", "attempts": 50, "removeOnComplete": self.draw.random() < 0.3}
        if self.draw.random() < 0.3:
            options["priority"] = self.draw.choice([1, 2])
        await self.queue.add("export", data, options)
        self.made.append(f"job-{number}")

    def token(self) -> str:
        self.tokens += 1
        return f"token:{self.tokens}"

    async def note(self, job_id: str | None, token: str) -> None:
        if job_id is None:
            return
        stored = cast("dict[str, str]", await self.redis.hgetall(self.prefix + job_id))
        job = Job.from_raw(self.queue, stored, job_id)
        job.token = token
        self.held[job_id] = job
        provider = json.loads(stored["data"])["provider"]
        if provider is not None and "defa" not in stored:
            self.starts[provider].append(int(stored["processedOn"]))

    async def fetch(self) -> None:
        token = self.token()
        await self.note((await self.moves.fetch(token)).job_id, token)

    def one(self) -> Job | None:
        if not self.held:
            return None
        return self.held.pop(self.draw.choice(list(self.held)))

    async def settle(self) -> None:
        job = self.one()
        if job is None:
            return
        how = self.draw.choice(["done", "done", "done", "delay", "park", "retry", "back", "crash"])
        token = job.token or ""
        more = self.draw.random() < 0.7
        fetched = None
        if how == "done":
            fetched = await self.moves.complete(job, "null", fetch_next=more)
        elif how == "delay":
            fetched = await self.moves.delay(job, self.draw.choice([1, 30]), {}, fetch_next=more)
        elif how == "park":
            fetched = await self.moves.delay(job, 5, {}, fetch_next=more, use_attempt=False)
        elif how == "retry":
            await self.moves.retry(job, {})
        elif how == "back":
            await self.moves.hand_back(job)
        else:
            await self.redis.delete(f"{self.prefix}{job.id}:lock")
        if fetched is not None:
            await self.note(fetched.job_id, token)

    async def find_stalled(self) -> None:
        await self.redis.delete(self.queue.keys["stalled-check"])
        await self.queue.own_backend.moveStalledJobsToWait(1_000, 1)
        await self.moves.sweep()

    async def operate(self) -> None:
        if not self.made:
            return
        job_id = self.draw.choice(self.made)
        how = self.draw.choice(["promote", "promote", "reschedule", "priority", "remove", "pause"])
        try:
            if how == "promote":
                await self.acts.promote(job_id)
            elif how == "reschedule":
                await self.acts.reschedule(job_id, self.draw.choice([0, 20]))
            elif how == "priority":
                await self.acts.change_priority(job_id, self.draw.choice([0, 1, 3]))
            elif how == "remove" and self.draw.random() < 0.3:
                await self.acts.remove(job_id)
                self.removed.add(job_id)
            elif how == "pause":
                await (self.queue.resume() if await self.queue.isPaused() else self.queue.pause())
        except (JobStateError, JobNotFoundError):
            pass

    async def check(self, what: str) -> None:
        answer = cast("str", await self.queue.ask("EVAL", RUNNING, 0, self.prefix))
        found = json.loads(answer)
        assert found["twice"] == 0, f"after {what}: a job is in two states"
        over = {team: count for team, count in dict(found["counts"]).items() if count > PLACES}
        assert not over, f"after {what}: more run than there are places: {over}"

    async def finish(self) -> None:
        """End all that is left, with no more crashes; each job must get its turn without a sweep."""
        await self.queue.resume()
        for job in list(self.held.values()):
            await self.moves.complete(job, "null", fetch_next=False)
        self.held.clear()
        for _ in range(2):
            await self.find_stalled()
        until = time.monotonic() + 30
        while await self.left():
            assert time.monotonic() < until, f"still unfinished: {await self.queue.getJobCounts()}"
            await self.fetch()
            await self.check("fetch")
            if self.held and self.draw.random() < 0.7:
                ended = self.one()
                assert ended is not None
                await self.moves.complete(ended, "null", fetch_next=False)

    async def left(self) -> bool:
        counts = await self.queue.getJobCounts("wait", "active", "delayed", "prioritized", "paused")
        return any(counts.values())


async def play(client: JobClient, redis: Redis, seed: int, steps: int) -> Fleet:
    """Play so many random acts and look at the limits after each; then let all jobs end."""
    fleet = Fleet(client, redis, seed)
    choices: list[tuple[Callable[[], Awaitable[None]], int]] = [
        (fleet.add, 6),
        (fleet.fetch, 8),
        (fleet.settle, 8),
        (fleet.operate, 3),
        (fleet.find_stalled, 1),
    ]
    for _ in range(steps):
        act = fleet.draw.choices([each for each, _ in choices], [weight for _, weight in choices])[0]
        await act()
        await fleet.check(act.__name__)
    await fleet.finish()
    return fleet


def check_rates(fleet: Fleet) -> None:
    for provider, starts in fleet.starts.items():
        starts.sort()
        for first, beyond in zip(starts, starts[RATE:], strict=False):
            assert beyond - first >= WINDOW_MS, f"{provider}: {RATE + 1} starts in {beyond - first} ms"


async def check_nothing_left(fleet: Fleet) -> None:
    """Nothing of the limits' own keys stays once all jobs have ended, but for starts, which expire."""
    await fleet.moves.sweep()
    keys = await keys_like(fleet.redis, f"{fleet.prefix}limits:*")
    left = {key.removeprefix(fleet.prefix) for key in keys} - {"limits:turn"}
    assert not {key for key in left if not key.startswith("limits:t:")}


@pytest.mark.parametrize("seed", [1, 2])
async def test_random_acts_and_crashes_never_exceed_a_limit(client: JobClient, redis: Redis, seed: int) -> None:
    fleet = await play(client, redis, seed, 400)
    check_rates(fleet)
    await check_nothing_left(fleet)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 130))
async def test_many_random_acts_and_crashes_never_exceed_a_limit(client: JobClient, redis: Redis, seed: int) -> None:
    fleet = await play(client, redis, seed, 3_000)
    check_rates(fleet)
    await check_nothing_left(fleet)
