"""`Waiter`: one who waits for a job's end, and may hear of its progress meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from midday_worker.engine.following.ending import Ending, ending_by
from midday_worker.engine.following.event_log import Event, Position
from midday_worker.engine.following.state_snapshot import State, why_missing


class Waiter:
    """Waits for one job.

    Args:
        job_id: the job.
        leave: called by who doesn't wait any more.
        on_progress: called with each progress, as JSON text; the present one first.
    """

    __slots__ = ("_early", "_failure", "_last_progress", "_since", "ending", "job_id", "leave", "on_progress")

    def __init__(
        self, job_id: str, leave: Callable[[Waiter], None], on_progress: Callable[[str], None] | None = None
    ) -> None:
        self.job_id = job_id
        self.leave = leave
        self.on_progress = on_progress
        self.ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._failure: Ending | None = None  # as an event has it
        self._since: Position | None = None
        self._early: list[tuple[Position, Event]] = []
        self._last_progress: str | None = None

    def take(self, position: Position, event: Event) -> bool:
        """Take note of an event of the job; return whether its state has to be looked at."""
        if self._since is None:
            # Whether it is news is known only when the first look has been answered: a job may be run again.
            self._early.append((position, event))
            return False
        if position <= self._since or self.ending.done():
            return False
        self._since = position
        match event.get("event"):
            case "progress":
                self._tell(event.get("data"))
            case "completed":
                self.end(ending_by(event))
            case "removed":
                self.end(Ending("missing", reason=why_missing(event)))
            case "failed":
                self._failure = ending_by(event)
                return True  # its hash says more
            case _:
                pass
        return False

    def note_state(self, position: Position, state: State, progress: str | None, ending: Ending | None) -> bool:
        """Take note of what a look at the job has shown; return whether it has to be looked at again."""
        was_there = self._since is not None
        if self._since is None or position > self._since:
            self._since = position
            self._tell(progress)
        early, self._early = self._early, []
        if ending is not None:
            if ending.outcome == "missing":
                # Removed as it ended, which only events tell of: those that came since it was waited for.
                seen = [ending_by(event) for _, event in early]
                ending = next(filter(None, [self._failure, *seen, ending.from_events if was_there else None]), ending)
            self.end(ending)
            return False
        if state == "unfinished":
            self._failure = None  # it was told to run again
        news = [self.take(*each) for each in early]
        return any(news)

    def end(self, ending: Ending | None) -> None:
        """Tell how the job ended."""
        if ending is not None and not self.ending.done():
            self.ending.set_result(ending)

    def fail(self, error: Exception) -> None:
        """Tell that it can't be known."""
        if not self.ending.done():
            self.ending.set_exception(error)
            self.ending.exception()  # who has left meanwhile needn't be told

    def _tell(self, progress: str | None) -> None:
        if self.on_progress is not None and progress is not None and progress != self._last_progress:
            self._last_progress = progress
            self.on_progress(progress)


def ended(job_id: str, ending: Ending) -> Waiter:
    """Return a waiter for a job whose end is known."""
    waiter = Waiter(job_id, lambda _: None)
    waiter.end(ending)
    return waiter
