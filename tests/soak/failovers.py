"""A soak behind sentinels: workers and a producer go on while one primary after the other fails."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Final, cast

from midday_worker.engine.redis.connection import RedisConfig, connect
from tests.deadline import eventually
from tests.sentinel_set import DataServer, SentinelSet
from tests.soak.failover_verdict import FailoverVerdict, judge_failovers
from tests.soak.jobs import QUEUE
from tests.soak.ledger import Ledger, read_ledger
from tests.soak.schedule import WORKERS
from tests.soak.verdict import Remains
from tests.soak.worker import ROOT, WorkerProcess, bare_environment, launch

PREFIX: Final = "soak"
LOCK_S: Final = 5.0
UP_S: Final = 60.0
DOWN_AFTER_MS: Final = 4_000
"""A machine that stands still for a second or two must not make a failover that nobody has noted."""
CATCH_UP_S: Final = 120.0
LIVE_STATES: Final = ("wait", "active", "paused", "prioritized", "delayed", "waiting-children")


@dataclass(slots=True)
class FailoverSoak:
    """A soak of so many jobs in so many seconds, with so many failovers in between.

    Args:
        jobs: how many the producer adds.
        seconds: over which it adds them.
        seed: of the jobs.
        folder: gets the ledgers and the workers' output; it exists and is empty.
        failovers: how many: a primary is killed, stopped, or replaced while it is well, in turn.
        wait_replicas: how many replicas confirm each add. With fewer than there are, no primary is replaced while it
            is well: it may get a confirmation by a replica that isn't chosen.
    """

    jobs: int
    seconds: float
    seed: int
    folder: Path
    failovers: int = 10
    wait_replicas: int = 0

    async def run(self) -> FailoverVerdict:
        """Run it and judge it."""
        with SentinelSet(appendonly=True, down_after_ms=DOWN_AFTER_MS) as servers:
            ledger = Ledger(self.folder / "failovers.jsonl")
            workers: list[WorkerProcess] = []
            try:
                for number in range(WORKERS):
                    workers.append(await launch(self._variables(servers), ledger, self.folder / f"worker-{number}.log"))
                for worker in workers:
                    await eventually(worker.is_up, "the worker is up", UP_S)
                async with asyncio.TaskGroup() as group:
                    producing = group.create_task(self._produce(servers))
                    group.create_task(self._fail_over(servers, ledger, producing))
                remains = await self._catch_up(servers)
                for worker in workers:
                    worker.terminate()
                for worker in workers:
                    await worker.wait(UP_S)
            finally:
                for worker in workers:
                    worker.kill()
                ledger.close()
        return judge_failovers(read_ledger(self.folder), remains)

    async def _produce(self, servers: SentinelSet) -> None:
        producer = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.soak.producer"),
            *(str(self.folder), str(self.jobs), str(self.seed), str(self.seconds)),
            cwd=ROOT,
            env={
                **bare_environment(),
                **self._variables(servers),
                "REDIS_WAIT_REPLICAS": str(self.wait_replicas),
                "SOAK_LEDGER": str(self.folder),
            },
        )
        try:
            assert await producer.wait() == 0, "the producer failed"
        finally:
            if producer.returncode is None:
                producer.kill()
                await producer.wait()

    async def _fail_over(self, servers: SentinelSet, ledger: Ledger, producing: asyncio.Task[None]) -> None:
        loop = asyncio.get_running_loop()
        every = self.seconds / (self.failovers + 0.5)
        kinds = (killed, stopped) if 0 < self.wait_replicas < len(servers.servers) - 1 else (killed, stopped, replaced)
        started = loop.time()
        for number, fail in zip(range(self.failovers), cycle(kinds), strict=False):
            await asyncio.sleep(max(0.0, started + every * (number + 0.5) - loop.time()))
            assert not producing.done(), "the jobs were added before all failovers had happened"
            await asyncio.to_thread(servers.wait_until_ready)
            old, began = servers.primary, loop.time()
            await fail(servers, old)
            ledger.note("failover", began, until=loop.time(), detail=fail.__name__)
            # On this thread: the kernel ends a server with the thread that started it.
            old.resume()
            if not old.process.running:
                old.restart()

    async def _catch_up(self, servers: SentinelSet) -> Remains:
        """Wait until no job is to be run any more, or the time is up; what is left is for the verdict to tell."""
        found = Remains(frozenset())

        async def all_have_ended() -> bool:
            nonlocal found
            found = await _remains(servers)
            return not any(found.others[state] for state in LIVE_STATES)

        with suppress(AssertionError):
            await eventually(all_have_ended, "all jobs have ended", CATCH_UP_S)
        return found

    def _variables(self, servers: SentinelSet) -> dict[str, str]:
        return {
            "REDIS_URL": servers.url,
            "REDIS_PREFIX": PREFIX,
            "WORKER_CONCURRENCY": "8",
            "WORKER_LOCK_DURATION": f"{LOCK_S * 1000:g}",
            "WORKER_STALLED_INTERVAL": "2000",
            "SCHEDULES": "false",
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "INFO",
        }


async def killed(servers: SentinelSet, old: DataServer) -> None:
    """Kill the primary."""
    old.kill()
    await asyncio.to_thread(servers.wait_for_other_than, old)


async def stopped(servers: SentinelSet, old: DataServer) -> None:
    """Stop the primary; its connections stay, and nothing answers."""
    old.pause()
    await asyncio.to_thread(servers.wait_for_other_than, old)


async def replaced(servers: SentinelSet, old: DataServer) -> None:
    """Have another one made the primary, though it is well and goes on."""
    await asyncio.to_thread(servers.switch)


async def _remains(servers: SentinelSet) -> Remains:
    async with connect(RedisConfig(servers.url)) as redis:
        read = cast("Callable[..., Awaitable[list[str]]]", redis.execute_command)  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped

        async def members(state: str) -> list[str]:
            is_list = state in ("wait", "active", "paused")
            return await read("LRANGE" if is_list else "ZRANGE", f"{PREFIX}:{QUEUE}:{state}", "0", "-1")

        others = {state: await members(state) for state in (*LIVE_STATES, "failed")}
        return Remains(frozenset(await members("completed")), others)
