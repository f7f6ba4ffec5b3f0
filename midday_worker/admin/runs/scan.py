"""`Scan`: the states of many queues looked through together, as far as a bounded amount of work goes."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Final

from midday_worker.admin.listing import count_jobs
from midday_worker.admin.runs.choice import RunChoice
from midday_worker.admin.runs.cursor import Cursor, Spot
from midday_worker.admin.runs.run import Run
from midday_worker.admin.runs.scan_position import START, ScanPosition
from midday_worker.admin.runs.source import Order, Source
from midday_worker.engine.producer.queue import Queue

MOST: Final = 10_000
"""How many runs one call looks at."""

LONGEST_S: Final = 0.7
"""How long one call goes on looking, in seconds; the last piece that it has begun is looked at to its end."""

_AT_ONCE: Final = 100

Sizes = dict[Spot, int]
"""How many runs each state of each queue has."""


class Scan:
    """Looks through the states and queues of a choice, the newest or the oldest first.

    Args:
        queues: by name.
        choice: which.
        cursor: where to go on.
        order: of each state, and of the states among each other.
        sizes: how many there are, where that is known; what is empty isn't read.
    """

    def __init__(
        self, queues: Callable[[str], Queue], choice: RunChoice, cursor: Cursor, order: Order, sizes: Sizes
    ) -> None:
        self.looked_at = 0
        self._before = cursor
        self._sources = {
            (name, state): Source(queues(name), state, cursor.place((name, state)), order)
            for name in choice.queues
            for state in choice.states
            if sizes.get((name, state))
        }
        self._sign = -1 if order == "newest" else 1

    @property
    def ended(self) -> bool:
        """Whether there is no other run."""
        return all(source.ended and not source.read for source in self._sources.values())

    @property
    def cursor(self) -> Cursor:
        """Where the next call goes on: after the last run of each state that `keep` was called with."""
        places = {**self._before.places, **{spot: source.kept for spot, source in self._sources.items()}}
        kept = {spot: place for spot, place in places.items() if place != START}
        return Cursor(kept, self._before.scanned + self.looked_at)

    def keep(self, run: Run, place: ScanPosition) -> None:
        """Go on after this run next time. It must be one that stays where it is."""
        self._sources[run.queue, run.state].kept = place

    async def read(self) -> AsyncGenerator[tuple[ScanPosition, Run], None]:
        """Yield runs, until a bounded number was looked at, a bounded time has passed, or there is no other."""
        until = time.monotonic() + LONGEST_S
        heads: list[tuple[int, int, Source]] = []
        hungry = list(self._sources.values())
        number = {source: place for place, source in enumerate(hungry)}
        while True:
            await self._fill(hungry)
            for source in hungry:
                if source.read:
                    heapq.heappush(heads, (self._sign * source.read[0][1].at_ms, number[source], source))
            hungry = list[Source]()
            for found in self._merged(heads, hungry):
                yield found
            if self.ended or self.looked_at >= MOST or time.monotonic() >= until:
                return

    def _merged(self, heads: list[tuple[int, int, Source]], hungry: list[Source]) -> Iterator[tuple[ScanPosition, Run]]:
        """Yield what is read already, until the next one isn't."""
        while heads and not hungry and self.looked_at < MOST:
            _, number, source = heapq.heappop(heads)
            place, run = source.read.popleft()
            if source.read:
                heapq.heappush(heads, (self._sign * source.read[0][1].at_ms, number, source))
            elif not source.ended:
                hungry.append(source)
            self.looked_at += 1
            yield place, run

    async def _fill(self, sources: list[Source]) -> None:
        for start in range(0, len(sources), _AT_ONCE):
            await asyncio.gather(*(source.fill() for source in sources[start : start + _AT_ONCE]))


async def sizes_of(queues: Callable[[str], Queue], choice: RunChoice) -> Sizes:
    """Return how many runs each state of each queue of a choice has. The cost doesn't depend on how many."""
    counts = await asyncio.gather(*(count_jobs(queues(name)) for name in choice.queues))
    return {
        (name, state): of_queue.get(state, 0)
        for name, of_queue in zip(choice.queues, counts, strict=True)
        for state in choice.states
    }
