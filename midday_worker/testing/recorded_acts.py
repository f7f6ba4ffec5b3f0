"""The acts on a recorded job: they move it from state to state as they would in Redis; nothing runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from midday_worker.engine.acts.act import CHANGE_PRIORITY, PROMOTE, REMOVE, RESCHEDULE, RETRY, UPDATE_DATA, Act, refusal
from midday_worker.engine.acts.acts import Acts
from midday_worker.engine.acts.cancellation import CANCEL, CancelOutcome
from midday_worker.engine.wire.guarded import MISSING
from midday_worker.errors import CANCELLED


@dataclass(slots=True)
class RecordedLives:
    """The states of recorded jobs that were acted on, and what was done to them.

    Attributes:
        first_state: returns the state that a job was in at first, or "missing".
        states: the state since the last act, by queue and id.
        done: what was done, by queue and id, in order.
        reasons: the failed reasons of those that were cancelled.
    """

    first_state: Callable[[str, str], str]
    states: dict[tuple[str, str], str] = field(default_factory=lambda: {})
    done: dict[tuple[str, str], list[str]] = field(default_factory=lambda: {})
    reasons: dict[tuple[str, str], str] = field(default_factory=lambda: {})

    def state(self, queue: str, job_id: str) -> str:
        """Return a job's state, or "missing"."""
        return self.states.get((queue, job_id)) or self.first_state(queue, job_id)


class RecordedActs(Acts):
    """The acts on the recorded jobs of one queue. Each refuses what Redis would refuse."""

    def __init__(self, queue: str, lives: RecordedLives) -> None:
        self._name = queue
        self._lives = lives

    async def retry(self, job_id: str, *, reset_attempts: bool = False) -> None:
        """Make a job that was cancelled wait again."""
        self._do(RETRY, job_id, "waiting")

    async def cancel(self, job_id: str, reason: str, *, children: bool = False) -> CancelOutcome:
        """Make a job that waits fail."""
        if CANCEL.done in self._lives.done.get((self._name, job_id), ()) and self._state(job_id) == "failed":
            return "cancelled"
        self._do(CANCEL, job_id, "failed")
        self._lives.reasons[self._name, job_id] = f"{CANCELLED}{reason or 'no reason was given'}"
        return "cancelled"

    async def promote(self, job_id: str) -> None:
        """Make a delayed job wait."""
        self._do(PROMOTE, job_id, "waiting")

    async def remove(self, job_id: str, *, children: bool = False) -> None:
        """Forget a job's state: it is gone. That it was triggered stays recorded."""
        self._do(REMOVE, job_id, MISSING)

    async def reschedule(self, job_id: str, delay_ms: int) -> None:
        """Keep that it was asked for; a delay of 0 is due at once, but nothing runs here."""
        self._do(RESCHEDULE, job_id, "delayed")

    async def change_priority(self, job_id: str, priority: int, *, lifo: bool = False) -> None:
        """Make a job that waits prioritized, or not any more."""
        found = self._state(job_id)
        waits = found in ("waiting", "prioritized")
        self._do(CHANGE_PRIORITY, job_id, ("prioritized" if priority else "waiting") if waits else found)

    async def update_data(self, job_id: str, text: str, version: int | None = None) -> None:
        """Keep that it was asked for; the recorded payload stays that of the trigger."""
        self._do(UPDATE_DATA, job_id, self._state(job_id))

    def _state(self, job_id: str) -> str:
        return self._lives.state(self._name, job_id)

    def _do(self, act: Act, job_id: str, then: str) -> None:
        found = self._state(job_id)
        if found not in act.allowed:
            raise refusal(act, self._name, job_id, found)
        self._lives.states[self._name, job_id] = then
        self._lives.done.setdefault((self._name, job_id), []).append(act.done)
