"""`Fleet`: the status of a service of several processes, asked from each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from pydantic import TypeAdapter

from midday_worker.workers.status import STATUS, ProcessStatus, ServiceStatus
from midday_worker.workers.status_line import ANSWER_S, SilentProcessError, StatusLine

_STATUS: Final = TypeAdapter(ProcessStatus)

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
        self._lines: dict[int, StatusLine] = {}

    def line(self, index: int) -> StatusLine:
        """Return the line to the process that is started now as number `index`; its predecessor's is closed."""
        before = self._lines.get(index)
        if before is not None:
            before.close()
        line = self._lines[index] = StatusLine()
        return line

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


async def _status(line: StatusLine) -> ProcessStatus | bool | None:
    """Return what a process answers; None if it has ended or is starting, False if it is silent."""
    try:
        answer = await line.ask(STATUS, ANSWER_S if line.answered else _STARTING_S)
    except SilentProcessError:
        return False if line.answered else None
    return None if answer is None else _STATUS.validate_json(answer)
