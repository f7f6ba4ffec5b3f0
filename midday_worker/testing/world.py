"""`time_travel`: a worker and its queues in a time of the test's own."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

from midday_worker.client.client import JobClient
from midday_worker.definition.registry import JobRegistry
from midday_worker.errors import DurationError, InvalidInputError
from midday_worker.settings.durations import Duration, to_milliseconds
from midday_worker.settings.settings import Settings
from midday_worker.testing.outbox_state import OutboxState
from midday_worker.testing.runs import Runs
from midday_worker.testing.worker import TAKEN, RunningWorker, enter_worker, is_loop_taken, own_settings
from midday_worker.testing.world_clock import WorldClock, load_readers
from midday_worker.workers.plan import Plan


class World(RunningWorker):
    """A running worker whose clock is the test's: time goes on as always, and by leaps with `advance`."""

    def __init__(self, client: JobClient, plan: Plan, runs: Runs, outbox: OutboxState, clock: WorldClock) -> None:
        super().__init__(client, plan, runs, outbox)
        self._clock = clock

    def now(self) -> datetime:
        """Return the world's time, in UTC."""
        return datetime.fromtimestamp(self._clock.time(), UTC)

    async def advance(self, duration: Duration) -> None:
        """Let time pass, and all run that becomes due meanwhile, each when it is due.

        It goes from one moment at which something is due to the next, waits each time until all that is due has run,
        and ends at its target. What is due: delayed jobs, runs of schedules, retries, and jobs behind a rate limit.

        Args:
            duration: how long: milliseconds, "30d", or a timedelta.

        Raises:
            DurationError: it is no duration, or negative.
            TimeoutError: see `run_until_idle`.
        """
        if _is_negative(duration):
            raise DurationError(f"advance({duration!r}): the world's clock can't be moved backwards.")
        target_ms = self._clock.time() * 1000 + to_milliseconds(duration, "advance")
        self._clock.follow()
        await self.run_until_idle()
        while (next_ms := await self._next_ms()) is not None and next_ms < target_ms:
            await self._move_to(next_ms)
        await self._move_to(target_ms)

    async def advance_to(self, moment: datetime) -> None:
        """Let time pass until a moment, as `advance` does.

        Raises:
            DurationError: it is past.
            InvalidInputError: it has no time zone.
        """
        _refuse_naive("moment", moment)
        left = moment.astimezone(UTC) - self.now()
        if left < timedelta(0):
            raise DurationError(f"advance_to({moment}): the world's clock can't be moved backwards.")
        await self.advance(left)

    async def _next_ms(self) -> float | None:
        now_ms = self._clock.time() * 1000
        moments = [state.next_ms(now_ms) for state in await self._read_states()]
        return min((moment for moment in moments if moment is not None), default=None)

    async def _move_to(self, moment_ms: float) -> None:
        by_ms = self._clock.move_to(moment_ms + 1)  # the scripts are told whole milliseconds
        for states in self._states:
            await states.let_pass(by_ms)
        await self.run_until_idle()


def _refuse_naive(name: str, given: datetime) -> None:
    if given.tzinfo is None:
        raise InvalidInputError(f"{name}={given!r} has no time zone: datetime(..., tzinfo=UTC).")


def _is_negative(duration: Duration) -> bool:
    if isinstance(duration, str):
        return duration.lstrip().startswith("-")
    return duration < timedelta(0) if isinstance(duration, timedelta) else duration < 0


@asynccontextmanager
async def time_travel(
    registry: JobRegistry | None = None, *, settings: Settings | None = None, start: datetime | None = None
) -> AsyncGenerator[World]:
    """Run a worker, as `running_worker` does, in a time that the test moves.

    This library and BullMQ's port read the world's clock within the block. Handlers' own `datetime.now()` is real
    time, and so are timeouts.

    Args:
        registry: the jobs; the default registry if not given.
        settings: see `running_worker`.
        start: the world's first moment, a datetime with a time zone; now if not given.

    Raises:
        InvalidInputError: a test's worker runs on this event loop already, or `start` has no time zone.
        WorkerEndedError: the worker broke, or gave a job up.

    >>> async def test_that_they_are_reminded() -> None:
    ...     async with time_travel() as world:
    ...         ...  # await remind.trigger("Ada", delay="3d")
    ...         await world.advance("3d")
    ...         ...  # world.assert_ran(remind)
    """
    if start is not None:
        _refuse_naive("start", start)
    if is_loop_taken():
        raise InvalidInputError(TAKEN)
    load_readers()
    clock = WorldClock(None if start is None else start.timestamp())
    runs = Runs(clock.time)
    async with AsyncExitStack() as stack:
        clock.open()
        stack.callback(clock.close)
        entered = await enter_worker(stack, registry, await own_settings(stack, settings), runs)
        clock.follow()
        yield World(*entered, clock)
