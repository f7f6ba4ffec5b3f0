"""The disturber: carries out a schedule on workers, and has Redis disturbed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from math import inf
from pathlib import Path
from typing import Final, TypeAlias

from tests.deadline import eventually
from tests.soak.ledger import Ledger
from tests.soak.schedule import WORKERS, Disturbance, Kind
from tests.soak.worker import WorkerProcess, launch

DRAIN_S: Final = 60.0
UP_S: Final = 60.0


Deed: TypeAlias = Callable[[Disturbance], Awaitable[None]]


class Disturber:
    """Owns the workers, and mistreats them.

    Args:
        redis_deeds: what is done to Redis and the connections to it.
        ledger: where what is done is noted.
        folder: the ledgers' folder.
        variables: the workers' settings.
    """

    def __init__(
        self, redis_deeds: Mapping[Kind, Deed], ledger: Ledger, folder: Path, variables: Mapping[str, str]
    ) -> None:
        self._redis_deeds = redis_deeds
        self._ledger = ledger
        self._folder = folder
        self._variables = variables
        self._workers: list[WorkerProcess] = []
        self._launched: list[WorkerProcess] = []
        self.done: dict[str, int] = {}
        """How often each kind was done."""

    async def launch_workers(self) -> None:
        """Start the workers."""
        self._workers = [await self._launch() for _ in range(WORKERS)]
        for worker in self._workers:
            await eventually(worker.is_up, "the worker is up", UP_S)

    async def stop_workers(self) -> list[int]:
        """Stop the workers and return their exit codes."""
        for worker in self._workers:
            worker.terminate()
        return [await worker.wait(DRAIN_S) for worker in self._workers]

    def kill_workers(self) -> None:
        """Leave none behind, whatever went wrong."""
        for worker in self._launched:
            worker.kill()

    async def follow(self, disturbances: Iterable[Disturbance], seconds: float = inf) -> None:
        """Do one thing after the other until the time is up."""
        until = self._now() + seconds
        deeds: dict[Kind, Deed] = {
            **self._redis_deeds,
            "term": self._replace,
            "deploy": self._deploy,
            "kill": self._kill,
            "stop": self._freeze,
            "calm": self._wait,
        }
        for disturbance in disturbances:
            if self._now() + disturbance.after + disturbance.seconds > until:
                return
            await asyncio.sleep(disturbance.after)
            await deeds[disturbance.kind](disturbance)
            self.done[disturbance.kind] = self.done.get(disturbance.kind, 0) + 1

    async def _wait(self, disturbance: Disturbance) -> None:
        await asyncio.sleep(disturbance.seconds)

    async def _deploy(self, disturbance: Disturbance) -> None:
        old, self._workers[disturbance.worker] = self._workers[disturbance.worker], await self._launch()
        await eventually(self._workers[disturbance.worker].is_up, "the new worker is up", UP_S)
        old.terminate()
        await old.wait(DRAIN_S)

    async def _replace(self, disturbance: Disturbance) -> None:
        old, self._workers[disturbance.worker] = self._workers[disturbance.worker], await self._launch()
        old.terminate()
        await old.wait(DRAIN_S)

    async def _kill(self, disturbance: Disturbance) -> None:
        self._workers[disturbance.worker].kill()
        self._workers[disturbance.worker] = await self._launch()

    async def _freeze(self, disturbance: Disturbance) -> None:
        await self._workers[disturbance.worker].freeze(disturbance.seconds)

    async def _launch(self) -> WorkerProcess:
        log = self._folder / f"worker-{len(self._launched) + 1}.log"
        self._launched.append(await launch(self._variables, self._ledger, log))
        return self._launched[-1]

    def _now(self) -> float:
        return asyncio.get_running_loop().time()  # the ledger's clock, on every loop of asyncio's
