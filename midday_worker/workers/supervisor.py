"""`Supervisor`: starts, watches, restarts and drains the worker processes of one service."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from loguru import logger

from midday_worker.errors import MiddayWorkerError
from midday_worker.workers.process_slot import ProcessSlot, WorkerProcess
from midday_worker.workers.restarts import RestartPolicy
from midday_worker.workers.stopping import Stopping

LATE_S: Final = 15.0
"""How long after its drain timeout, or after it was forced, a process is killed."""

_SAID_WHY: Final = (1, 2)
"""Exit codes of a worker that has written its own line: a wrong setting, import or option, or no Redis."""


class Supervisor:
    """Keeps a number of worker processes running until it is told to stop.

    The first one goes ahead: what is wrong for all is found, and said, once.

    Args:
        count: how many processes.
        make: makes the process of an index, from 1.
        drain_s: how long a process may take for its drain.
        policy: when to start an ended one again.
        late_s: how much longer it may take before it is killed.
    """

    def __init__(
        self,
        count: int,
        make: Callable[[int], WorkerProcess],
        *,
        drain_s: float,
        policy: RestartPolicy | None = None,
        late_s: float = LATE_S,
    ) -> None:
        self._places = [ProcessSlot(index) for index in range(1, count + 1)]
        self._make = make
        self._drain_s = drain_s
        self._policy = policy or RestartPolicy()
        self._late_s = late_s
        self._stopping = Stopping()
        self._up = asyncio.Event()
        self._failure: str | None = None

    @property
    def draining(self) -> bool:
        """Whether it has been told to stop, or has given up."""
        return self._stopping.asked.is_set()

    def signal(self) -> None:
        """Take one SIGTERM or SIGINT: drain all; at the second one, force all."""
        self._stopping.signal()

    async def run(self) -> bool:
        """Work until stopped. Returns whether every process has ended well.

        Raises:
            MiddayWorkerError: none of them stays up.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.signal)
        ending = asyncio.create_task(self._end_all())
        await asyncio.gather(*(self._keep(place) for place in self._places))
        ending.cancel()
        if self._failure is not None:
            raise MiddayWorkerError(self._failure)
        clean = all(place.clean for place in self._places)
        if clean:
            logger.info("all processes have ended")
        return clean

    async def _keep(self, place: ProcessSlot) -> None:
        if place.index > 1:
            await self._up.wait()
        while not self._stopping.asked.is_set():
            how = await self._run(place)
            if not self._stopping.asked.is_set():
                await self._pause(self._after_failure(place, how))

    async def _run(self, place: ProcessSlot) -> str:
        """Run one process to its end, and return how it ended."""
        process = self._make(place.index)
        place.ready_at = None
        try:
            await process.start()
        except OSError as error:
            return f"could not be started: {error}"
        place.process = process
        if self._stopping.asked.is_set():
            process.drain()
        ended, ready = asyncio.create_task(process.wait()), asyncio.create_task(process.ready())
        await asyncio.wait([ended, ready], return_when=asyncio.FIRST_COMPLETED)
        banner = ready.result() if ready.done() else None
        ready.cancel()
        if banner is not None:
            self._welcome(place, banner)
        code = await ended
        how = f"(pid {process.pid}) {_ending(code)}"
        # SIGTERM ends one that was still starting, and had no jobs yet.
        place.clean = code == 0 or (place.ready_at is None and code == -signal.SIGTERM)
        if not self._up.is_set() and code in _SAID_WHY:
            self._stopping.force()
        elif self._stopping.asked.is_set() and not place.clean:
            logger.warning("process {index} {how}", index=place.index, how=how)
        return how

    def _welcome(self, place: ProcessSlot, banner: str) -> None:
        place.ready_at = time.monotonic()
        if not self._up.is_set():
            logger.info("{banner}", banner=banner)
            self._up.set()
        pid = place.process.pid if place.process is not None else None
        logger.info("process {index} of {count} is ready (pid {pid})", index=place.index, count=self._count, pid=pid)

    def _after_failure(self, place: ProcessSlot, how: str) -> float:
        """Return how long to wait before the next start; 0 if there will be none."""
        place.clean = True  # what is not running has nothing to drain
        place.failures = self._policy.failures(place.failures, place.ready_for_s)
        if self._policy.hopeless(self._failures()):
            self._failure = f"The worker processes don't stay up, and are given up: process {place.index} {how}."
            self._stopping.asked.set()
            return 0.0
        delay_s = self._policy.delay_s(place.failures, random.random())  # noqa: S311 - spreads starts; no secret
        logger.error("process {index} {how}; it is started again in {s:.1f} s", index=place.index, how=how, s=delay_s)
        return delay_s

    def _failures(self) -> Iterator[int]:
        """The failures in a row of each process that was ever started."""
        for place in self._places if self._up.is_set() else self._places[:1]:
            well = place.running and place.ready_for_s >= self._policy.healthy_s
            yield 0 if well else place.failures

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.asked.wait(), seconds)

    async def _end_all(self) -> None:
        await self._stopping.asked.wait()
        self._up.set()  # those that wait for the first one need not start any more
        if running := self._running():
            logger.info("stopping {count} of {all} processes", count=len(running), all=self._count)
        for process in running:
            process.drain()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.forced.wait(), self._drain_s + self._late_s)
        if self._stopping.forced.is_set():
            for process in self._running():
                process.force()
            await asyncio.sleep(self._late_s)
        for process in self._running():
            logger.critical("the process with pid {pid} does not end, and is killed", pid=process.pid)
            process.kill()

    def _running(self) -> list[WorkerProcess]:
        return [place.process for place in self._places if place.process is not None and place.running]

    @property
    def _count(self) -> int:
        return len(self._places)


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    names = {int(number): number.name for number in signal.Signals}
    return f"was killed by {names.get(-code, f'signal {-code}')}"
