"""One soak: two producers, two workers, a Redis, and what happens to them; then the verdict."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias, cast

from midday_worker import JobClient, Settings
from midday_worker.admin import remove_schedule
from midday_worker.databases import create_database
from midday_worker.demo.node import NodeRuntime
from midday_worker.engine.redis.connection import RedisConfig, connect
from midday_worker.outbox.table import make_table
from tests.deadline import eventually
from tests.soak.cluster import Cluster
from tests.soak.disturber import Disturber
from tests.soak.heartbeat import start_heartbeat
from tests.soak.jobs import PREFIX, QUEUE, TICKS, tick, tock
from tests.soak.ledger import Ledger, read_ledger
from tests.soak.schedule import WORKER_DECK, lane, rolling_deploy
from tests.soak.single_redis import SingleRedis
from tests.soak.verdict import Remains, Verdict, judge
from tests.soak.worker import ROOT, bare_environment
from tests.soak.workload import as_lines

LOCK_S: Final = 5.0
LIVE_STATES: Final = ("wait", "active", "paused", "prioritized", "delayed", "waiting-children")
CATCH_UP_S: Final = 90.0
STALLED_S: Final = 2.0
REVIVED: Final = re.compile(r"schedule \S+ of queue \S+ had lost its next run")
SCHEDULES: Final = 20
DECLARED: Final = tock.id
"""The schedule that the jobs' definition declares."""
Topology: TypeAlias = Literal["single", "cluster"]
Servers: TypeAlias = SingleRedis | Cluster
TOPOLOGIES: Final[dict[Topology, type[SingleRedis] | type[Cluster]]] = {"single": SingleRedis, "cluster": Cluster}
TICK_MS: Final = 20
FIRE_S: Final = 30.0
"""How long schedules are watched when nothing happens any more, and within which each has to fire."""


@dataclass(slots=True)
class Soak:
    """A soak of so many jobs in so many seconds.

    Args:
        jobs: how many; each producer adds half of them.
        seconds: over which they are added, and things happen.
        seed: of what happens, and of the jobs.
        folder: gets the ledgers and the workers' output; it exists and is empty.
        node: for the Node producer.
        only_deploy: let nothing happen but a rolling deploy.
        topology: what Redis is.
    """

    jobs: int
    seconds: float
    seed: int
    folder: Path
    node: NodeRuntime
    only_deploy: bool = False
    topology: Topology = "single"
    disturbances: dict[str, int] = field(default_factory=lambda: {})

    async def run(self) -> Verdict:
        """Run it and judge it."""
        ledger = Ledger(self.folder / "disturber.jsonl")
        await self._make_outbox()
        async with TOPOLOGIES[self.topology].running(ledger) as redis:
            disturber = Disturber(redis.deeds, ledger, self.folder, self._variables(redis))
            self.disturbances = disturber.done
            beating = start_heartbeat(ledger, 0, redis.direct())
            try:
                await disturber.launch_workers()
                await self._schedule(redis, ledger)
                await self._disturb(disturber, redis)
                await self._catch_up(redis)
                await self._unschedule(redis, ledger)
                await disturber.stop_workers()
            finally:
                disturber.kill_workers()
                beating.set()
                ledger.close()
            return judge(read_ledger(self.folder), await self._remains(redis), LOCK_S, LOCK_S + 2 * STALLED_S)

    async def _make_outbox(self) -> None:
        database = create_database(self._database_url)
        async with database.engine().begin() as connection:
            await connection.run_sync(make_table)
        await database.dispose()

    @property
    def _database_url(self) -> str:
        return f"sqlite:///{self.folder}/outbox.db"

    async def _disturb(self, disturber: Disturber, redis: Servers) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._produce(redis))
            group.create_task(self._produce_with_node(redis))
            if self.only_deploy:
                group.create_task(disturber.follow(rolling_deploy()))
                return
            for deck in (WORKER_DECK, redis.deck):
                group.create_task(disturber.follow(lane(deck, self.seed, LOCK_S), self.seconds))

    async def _schedule(self, redis: Servers, ledger: Ledger) -> None:
        """Make schedules of one second, half of them by a pattern, beside the one that the jobs declare."""
        ledger.note("scheduled", job=DECLARED)
        async with self._client(redis) as client:
            for number in range(SCHEDULES - 1):
                ledger.note("scheduled", job=f"tick-{number}")
                if number % 2:
                    await tick.trigger_recurring(TICK_MS, every="1s", schedule_id=f"tick-{number}", client=client)
                else:
                    await tick.trigger_recurring(TICK_MS, "* * * * * *", schedule_id=f"tick-{number}", client=client)

    async def _unschedule(self, redis: Servers, ledger: Ledger) -> None:
        """Remove the schedules when all have fired again, or have had the time to, and let their last runs end."""
        since = asyncio.get_running_loop().time()
        fired: set[str] = set()

        async def all_fire() -> bool:
            started = (each for each in read_ledger(self.folder) if each.kind == "started" and each.time > since)
            fired.update(each.job.split(":")[1] for each in started if each.job.startswith("repeat:"))
            return len(fired) == SCHEDULES or asyncio.get_running_loop().time() > since + FIRE_S

        async def none_is_left() -> bool:
            remains = await self._remains(redis)
            return not any(remains.others[state] for state in LIVE_STATES)

        await eventually(all_fire, "all schedules fire", FIRE_S + 5)
        async with self._client(redis) as client:
            for schedule_id in (DECLARED, *(f"tick-{number}" for number in range(SCHEDULES - 1))):
                ledger.note("unscheduled", job=schedule_id)
                await remove_schedule(client.queue(TICKS), schedule_id)
        with suppress(AssertionError):  # for the verdict to tell
            await eventually(none_is_left, "the last runs have ended", CATCH_UP_S)

    def _client(self, redis: Servers) -> JobClient:
        return JobClient(Settings(env_file=None, redis_url=redis.direct_url, redis_prefix=PREFIX))

    async def _produce(self, redis: Servers) -> None:
        producer = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.soak.producer"),
            *(str(self.folder), str(self.jobs - self.jobs // 2), str(self.seed), str(self.seconds)),
            cwd=ROOT,
            env={**bare_environment(), **self._variables(redis), "SOAK_LEDGER": str(self.folder)},
        )
        try:
            async with asyncio.timeout(self.seconds + CATCH_UP_S):
                code = await producer.wait()
        finally:
            if producer.returncode is None:
                producer.kill()
                await producer.wait()
        assert code == 0, "the Python producer failed"

    async def _produce_with_node(self, redis: Servers) -> None:
        tasks = self.folder / "node-workload.txt"
        tasks.write_text(as_lines("node", self.jobs // 2, self.seed))
        source = (Path(__file__).parent / "producer.mjs").read_text()
        arguments = (redis.url, PREFIX, QUEUE, str(tasks), str(self.folder / "producer-node.jsonl"), str(self.seconds))
        added = await self.node.run(source, *arguments, timeout_s=self.seconds + CATCH_UP_S)
        assert added == self.jobs // 2, f"the Node producer says {added!r}"

    async def _catch_up(self, redis: Servers) -> None:
        """Wait until every job has completed, or nothing moves; what isn't then is for the verdict to tell."""
        loop = asyncio.get_running_loop()
        completed, moved = 0, loop.time()
        while completed < self.jobs and loop.time() < moved + CATCH_UP_S:
            now = len((await self._remains(redis)).completed)
            if now > completed:
                completed, moved = now, loop.time()
            await asyncio.sleep(0.5)

    async def _remains(self, redis: Servers) -> Remains:
        async with connect(RedisConfig(redis.direct_url, PREFIX)) as client:
            # One that doesn't know each key's type: a script would be its own story.
            read = cast("Callable[..., Awaitable[list[str]]]", client.execute_command)  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped

            async def members(state: str, queue: str) -> list[str]:
                is_list = state in ("wait", "active", "paused")
                return await read("LRANGE" if is_list else "ZRANGE", f"{PREFIX}:{queue}:{state}", "0", "-1")

            others = {
                state: [*await members(state, QUEUE), *await members(state, TICKS)]
                for state in (*LIVE_STATES, "failed")
            }
            return Remains(frozenset(await members("completed", QUEUE)), others, self._revived())

    def _revived(self) -> list[str]:
        return [line for log in sorted(self.folder.glob("worker-*.log")) for line in REVIVED.findall(log.read_text())]

    def _variables(self, redis: Servers) -> dict[str, str]:
        return {
            "REDIS_URL": redis.url,
            "REDIS_PREFIX": PREFIX,
            "DATABASE_PRIMARY_URL": self._database_url,
            "SERVICE_NAME": "soak",
            "WORKER_CONCURRENCY": "8",
            "WORKER_LOCK_DURATION": f"{LOCK_S * 1000:g}",
            "WORKER_STALLED_INTERVAL": f"{STALLED_S * 1000:g}",
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "INFO",
        }
