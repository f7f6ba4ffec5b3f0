"""`Removal`: a command that removes many jobs, counted first, and as far as it came."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from midday_worker.admin import Removed, WaitingParents
from midday_worker.cli.act_options import ActOptions, broken_off, counted
from midday_worker.cli.interrupt_guard import InterruptGuard
from midday_worker.errors import EngineError


@dataclass(slots=True)
class Removal:
    """Removes jobs of one queue.

    Attributes:
        act: the command: "drain", "clean".
        queue: the queue's name.
        options: how it is to act.
        matching: how many jobs it is about.
        jobs: the same in words: "12 completed jobs".
        done: how many are removed.
        begun: whether any may be.
        parents: the parents of flows that wait for them.
    """

    act: str
    queue: str
    options: ActOptions
    matching: int = 0
    jobs: str = ""
    done: int = 0
    begun: bool = False
    parents: WaitingParents | None = None
    _guard: InterruptGuard = field(default_factory=InterruptGuard)

    def __str__(self) -> str:
        return f"Removed {self._guard.said(self.done)} of {self.jobs} of queue {self.queue}."

    async def carry_out(
        self, matching: int, jobs: str, parents: WaitingParents, remove: Callable[[Removed], Awaitable[int]]
    ) -> None:
        """Ask if need be, remove, and say what was done.

        Args:
            matching: how many jobs it is about.
            jobs: the same in words.
            parents: the parents that wait for them.
            remove: removes them, and tells how many.
        """
        self.matching, self.jobs, self.parents = matching, jobs, parents
        deed = f"remove {jobs} of queue {self.queue}{flow_loss(parents)}"
        if self.options.agreed(deed, matching):
            await self._remove(remove)
        changed = matching and not self.options.dry_run
        loss = flow_loss(parents, done=True) if self.done else ""
        text = f"Removed {counted(self.done)} of queue {self.queue}{loss}." if changed else None
        self.options.answer(self._record(), text or self.options.unchanged(deed, matching))

    def interrupted(self) -> str:
        """Return what to say after Ctrl-C."""
        if not self.begun:
            return "Interrupted. Nothing was changed."
        return self.options.interrupted(self._record(), str(self))

    async def _remove(self, remove: Callable[[Removed], Awaitable[int]]) -> None:
        def count(done: int) -> None:
            self.done = done
            self._guard.check()

        self.begun = True
        try:
            with self._guard:
                self.done = await remove(count)
        except EngineError as error:
            self._guard.break_off()
            raise broken_off(self, error) from error

    def _record(self) -> dict[str, object]:
        record: dict[str, object] = {"queue": self.queue, "act": self.act, "matching": self.matching}
        if self.parents is not None:
            released, removed = dict(self.parents.released), self.parents.removed
            record |= {"parents": {"released": released, "removed": removed, "looked_at": self.parents.looked_at}}
        return record | {"done": self.done, "dry_run": self.options.dry_run}


def flow_loss(parents: WaitingParents, *, done: bool = False) -> str:
    """Return what becomes of the parents that wait for the jobs, to be added to what is done to those.

    >>> parents = WaitingParents(released={"reports": 2}, removed=1, looked_at=5, whole=True)
    >>> flow_loss(parents)
    '; 2 parents of queue reports would run without them and 1 parent of this queue would be removed with them'
    >>> flow_loss(parents, done=True)
    '; 2 parents of queue reports run without them and 1 parent of this queue was removed with them'
    """
    found: list[str] = []
    least, released, removed = "" if parents.whole else "at least ", sum(parents.released.values()), parents.removed
    if released:
        run = _verb(released, "runs", "run") if done else "would run"
        found.append(f"{least}{counted(released, 'parent')} {_where(parents)} {run} without them")
    if removed:
        were = _verb(removed, "was", "were") if done else "would be"
        found.append(f"{least}{counted(removed, 'parent')} of this queue {were} removed with them")
    looked_at = "" if parents.whole else f" (of the jobs {parents.looked_at:,} were looked at)"
    if not found:
        return f"; no parent waits for the {parents.looked_at:,} of them that were looked at" if looked_at else ""
    return f"; {' and '.join(found)}{looked_at}"


def _verb(count: int, one: str, many: str) -> str:
    return one if count == 1 else many


def _where(parents: WaitingParents) -> str:
    if len(parents.released) == 1:
        return f"of queue {next(iter(parents.released))}"
    return f"({', '.join(f'{name}: {count:,}' for name, count in sorted(parents.released.items()))})"
