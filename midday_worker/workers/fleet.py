"""`Fleet`: the status of a service of several processes, asked from each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final

from pydantic import TypeAdapter

from midday_worker.telemetry.metrics.snapshot import Snapshot
from midday_worker.workers.status import METRICS, STATUS, ProcessStatus, ServiceStatus
from midday_worker.workers.status_channel import ANSWER_S, SilentProcessError, StatusChannel

_STATUS: Final = TypeAdapter(ProcessStatus)

WATCH_S: Final = 5.0
"""How often the metrics are read when nobody asks; of a process that crashes, what it counted since is lost."""

_STARTING_S: Final = 0.3
"""How long to wait for one that has never answered: it is still importing its jobs."""


class Fleet:
    """Asks the processes of one supervisor.

    Args:
        count: how many there should be.
        environment: the environment's name.
        draining: whether the supervisor has been told to stop.
    """

    def __init__(self, count: int, environment: str, draining: Callable[[], bool]) -> None:
        self._count = count
        self._environment = environment
        self._draining = draining
        self._lines: dict[int, StatusChannel] = {}
        self._metrics = FleetMetrics()

    def line(self, index: int) -> StatusChannel:
        """Return the line to the process that is started now as number `index`; its predecessor's is closed."""
        before = self._lines.get(index)
        if before is not None:
            before.close()
            self._metrics.retire(index)
            self._metrics.restarted()
        line = self._lines[index] = StatusChannel()
        return line

    @asynccontextmanager
    async def watching(self) -> AsyncGenerator[None]:
        """Ask each for its metrics again and again within the block: what a process counted outlives its crash."""
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.wait({watching})

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            await self.metrics()

    async def metrics(self) -> Snapshot:
        """Ask each, side by side; of one that is stuck return the last that it said."""
        await asyncio.gather(*(self._ask_metrics(index, line) for index, line in list(self._lines.items())))
        return self._metrics.total()

    async def _ask_metrics(self, index: int, line: StatusChannel) -> None:
        try:
            answer = await line.ask(METRICS, ANSWER_S if line.answered else _STARTING_S)
        except SilentProcessError:
            return
        if self._lines[index] is not line:  # it was replaced meanwhile
            return
        if answer is None:
            self._metrics.retire(index)
        else:
            self._metrics.note(index, Snapshot.load(answer))

    async def status(self) -> ServiceStatus:
        """Ask each, side by side."""
        lines = sorted(self._lines.items())
        answers = await asyncio.gather(*(_status(line) for _, line in lines))
        return ServiceStatus(
            environment=self._environment,
            count=self._count,
            processes=tuple(found for found in answers if isinstance(found, ProcessStatus)),
            silent=tuple(index for (index, _), found in zip(lines, answers, strict=True) if found is False),
            draining=self._draining(),
        )


async def _status(line: StatusChannel) -> ProcessStatus | bool | None:
    """Return what a process answers; None if it has ended or is starting, False if it is silent."""
    try:
        answer = await line.ask(STATUS, ANSWER_S if line.answered else _STARTING_S)
    except SilentProcessError:
        return False if line.answered else None
    return None if answer is None else _STATUS.validate_json(answer)


class FleetMetrics:
    """Keeps the last that each process said: no counter goes down when one is stuck, ends, or is replaced."""

    def __init__(self) -> None:
        self._ended = Snapshot()
        self._last: dict[int, Snapshot] = {}

    def note(self, process: int, snapshot: Snapshot) -> None:
        """Take in what a process said."""
        self._last[process] = snapshot

    def retire(self, process: int) -> None:
        """Keep what a process that has ended counted. Safe to call again."""
        last = self._last.pop(process, None)
        if last is not None:
            self._ended.include(last.counted())

    def restarted(self) -> None:
        """Take note that a process was started again."""
        self._ended.add("midday_worker_process_restarts_total", (), 1)

    def total(self) -> Snapshot:
        """Return all together."""
        total = Snapshot()
        total.add("midday_worker_process_restarts_total", (), 0)
        for snapshot in (self._ended, *self._last.values()):
            total.include(snapshot)
        return total
