"""`FakeProcess`: a worker process that does what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from midday_worker.workers.restarts import RestartPolicy
from midday_worker.workers.supervisor import Supervisor
from tests.deadline import eventually


class FakeProcess:
    """It keeps what it is told in `told`, and ends when the test says so."""

    def __init__(self, index: int, pid: int) -> None:
        self.index = index
        self.pid = pid
        self.told: list[str] = []
        self._banner: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._code: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def start(self) -> None:
        """Start it."""

    @property
    def returncode(self) -> int | None:
        """Its exit code."""
        return self._code.result() if self._code.done() else None

    async def ready(self) -> str | None:
        """Its banner."""
        return await asyncio.shield(self._banner)

    async def wait(self) -> int:
        """Wait for its end."""
        return await asyncio.shield(self._code)

    def drain(self) -> None:
        """Keep that it was told."""
        self.told.append("drain")

    def force(self) -> None:
        """Keep that it was told."""
        self.told.append("force")

    def kill(self) -> None:
        """End, as processes do."""
        self.told.append("kill")
        self.end(-9)

    def become_ready(self) -> None:
        """Take jobs from now on."""
        self._banner.set_result(f"banner of {self.index}")

    def end(self, code: int) -> None:
        """End with this exit code."""
        self._code.set_result(code)
        if not self._banner.done():
            self._banner.set_result(None)


class FakeService:
    """A supervisor over fake processes; its waits are short if not told."""

    def __init__(
        self, count: int, *, drain_s: float = 60, late_s: float = 60, tries: int = 3, wait_s: float = 0.001
    ) -> None:
        policy = RestartPolicy(first_s=wait_s, longest_s=wait_s, tries=tries)
        self.made: list[FakeProcess] = []
        self.supervisor = Supervisor(count, self._make, drain_s=drain_s, policy=policy, late_s=late_s)
        self.running = asyncio.create_task(self.supervisor.run())

    def _make(self, index: int) -> FakeProcess:
        self.made.append(FakeProcess(index, 1000 + len(self.made)))
        return self.made[-1]

    async def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait until this is so."""

        async def check() -> bool:
            return true()

        await eventually(check, what)

    async def made_so_far(self, count: int) -> list[FakeProcess]:
        """Wait until so many were made, and return the newest of each index."""
        await self.until(lambda: len(self.made) >= count, f"{count} processes are made")
        return list({process.index: process for process in self.made}.values())

    async def up(self, count: int) -> list[FakeProcess]:
        """Wait until all are made, each ready."""
        (first,) = await self.made_so_far(1)
        first.become_ready()
        processes = await self.made_so_far(count)
        for process in processes[1:]:
            process.become_ready()
        return processes
