"""What a queue with one worker of concurrency 1 has to look like: a model of the job's life, without Redis."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import count


@dataclass(slots=True)
class ModelJob:
    """One job: its options, its state as BullMQ names it, and how many attempts it has used."""

    attempts: int
    priority: int = 0
    lifo: bool = False
    backoff_ms: int = 0
    state: str = "waiting"
    made: int = 0


@dataclass(slots=True)
class Model:
    """A queue and its worker. Whatever can run next is active at once: there is a free worker, or it is paused."""

    jobs: dict[str, ModelJob] = field(default_factory=dict[str, ModelJob])
    active: str | None = None
    paused: bool = False
    _waiting: list[str] = field(default_factory=list[str])
    _prioritized: list[tuple[int, int, str]] = field(default_factory=list[tuple[int, int, str]])
    _turns: count[int] = field(default_factory=lambda: count(1))

    def add(self, job_id: str, job: ModelJob, *, delayed: bool) -> None:
        """Add a job."""
        self.jobs[job_id] = job
        if delayed:
            job.state = "delayed"
        else:
            self._queue(job_id, first=job.lifo)

    def complete(self) -> None:
        """The running job succeeds."""
        self._end().state = "completed"

    def fail(self, *, final: bool) -> None:
        """The running job's attempt fails; `final` forbids another one."""
        job_id = self._running()
        job = self._end(then_take=False)
        if final or job.made >= job.attempts:
            job.state = "failed"
        elif job.backoff_ms:
            job.state = "delayed"
        else:
            self._queue(job_id, first=job.lifo, take=False)
        self._take()

    def lose(self, *, crashed: bool) -> None:
        """The running job's worker dies or hands it back: it is the next of its kind, and has used no attempt.

        What is handed back keeps its priority; what was lost goes before all others.
        """
        job_id, self.active = self._running(), None
        job = self.jobs[job_id]
        if job.priority and not crashed:
            job.state = "prioritized"
            self._prioritized.append((job.priority, -next(self._turns), job_id))
        else:
            job.state = "waiting"
            self._waiting.insert(0, job_id)
        self._take()

    def promote(self, job_id: str) -> None:
        """A delayed job becomes due."""
        self._queue(job_id, first=False)

    def retry(self, job_id: str) -> None:
        """A failed or completed job is put back by hand."""
        self._queue(job_id, first=self.jobs[job_id].lifo)

    def remove(self, job_id: str) -> None:
        """A job that isn't running is removed."""
        del self.jobs[job_id]
        self._waiting = [other for other in self._waiting if other != job_id]
        self._prioritized = [entry for entry in self._prioritized if entry[2] != job_id]

    def pause(self) -> None:
        """Nothing starts any more; what runs goes on."""
        self.paused = True

    def resume(self) -> None:
        """Go on."""
        self.paused = False
        self._take()

    def having(self, *states: str) -> list[str]:
        """Return the ids of the jobs in these states."""
        return [job_id for job_id, job in self.jobs.items() if job.state in states]

    def counts(self) -> Counter[str]:
        """Return how many jobs are in each state."""
        return Counter(job.state for job in self.jobs.values())

    def _running(self) -> str:
        assert self.active is not None
        return self.active

    def _end(self, *, then_take: bool = True) -> ModelJob:
        job = self.jobs[self._running()]
        job.made += 1
        self.active = None
        if then_take:
            self._take()
        return job

    def _queue(self, job_id: str, *, first: bool, take: bool = True) -> None:
        job = self.jobs[job_id]
        if job.priority:
            job.state = "prioritized"
            self._prioritized.append((job.priority, next(self._turns), job_id))
        else:
            job.state = "waiting"
            self._waiting.insert(0 if first else len(self._waiting), job_id)
        if take:
            self._take()

    def _take(self) -> None:
        if self.active is not None or self.paused:
            return
        if self._waiting:
            self.active = self._waiting.pop(0)
        elif self._prioritized:
            entry = min(self._prioritized)
            self._prioritized.remove(entry)
            self.active = entry[2]
        if self.active is not None:
            self.jobs[self.active].state = "active"
