"""`Removal`: a command that removes many jobs, counted first, and as far as it came."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from midday_worker.admin import Removed, WaitingParents
from midday_worker.cli.admin.act_options import ActOptions, broken_off, counted
from midday_worker.cli.admin.flow_loss import flow_loss
from midday_worker.cli.admin.interrupt_guard import InterruptGuard
from midday_worker.errors import EngineError


@dataclass(slots=True)
class Removal:
    """Removes jobs of one queue.

    Attributes:
        act: the command: "drain", "clean".
        queue: the queue's name.
        manner: how it is to act.
        matching: how many jobs it is about.
        jobs: the same in words: "12 completed jobs".
        done: how many are removed.
        begun: whether any may be.
        parents: the parents of flows that wait for them.
    """

    act: str
    queue: str
    manner: ActOptions
    matching: int = 0
    jobs: str = ""
    done: int = 0
    begun: bool = False
    parents: WaitingParents | None = None
    _brake: InterruptGuard = field(default_factory=InterruptGuard)

    def __str__(self) -> str:
        return f"Removed {self._brake.said(self.done)} of {self.jobs} of queue {self.queue}."

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
        if self.manner.agreed(deed, matching):
            await self._remove(remove)
        changed = matching and not self.manner.dry_run
        loss = flow_loss(parents, done=True) if self.done else ""
        text = f"Removed {counted(self.done)} of queue {self.queue}{loss}." if changed else None
        self.manner.answer(self._record(), text or self.manner.unchanged(deed, matching))

    def interrupted(self) -> str:
        """Return what to say after Ctrl-C."""
        if not self.begun:
            return "Interrupted. Nothing was changed."
        return self.manner.interrupted(self._record(), str(self))

    async def _remove(self, remove: Callable[[Removed], Awaitable[int]]) -> None:
        def count(done: int) -> None:
            self.done = done
            self._brake.check()

        self.begun = True
        try:
            with self._brake:
                self.done = await remove(count)
        except EngineError as error:
            self._brake.break_off()
            raise broken_off(self, error) from error

    def _record(self) -> dict[str, object]:
        record: dict[str, object] = {"queue": self.queue, "act": self.act, "matching": self.matching}
        if self.parents is not None:
            released, removed = dict(self.parents.released), self.parents.removed
            record |= {"parents": {"released": released, "removed": removed, "looked_at": self.parents.looked_at}}
        return record | {"done": self.done, "dry_run": self.manner.dry_run}
