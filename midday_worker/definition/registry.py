"""The registry of jobs, which `job()` fills."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Final, TypeVar, cast

from midday_worker.definition.declared_schedule import ScheduledJob, schedule_payload
from midday_worker.definition.definition import JobDefinition
from midday_worker.definition.job_imports import import_jobs
from midday_worker.errors import DefinitionError, DuplicateJobError, UnknownJobError
from midday_worker.handling.dependencies import Need
from midday_worker.handling.hooks import Hooks
from midday_worker.handling.job_runner import ExecutableJob
from midday_worker.handling.middleware import Middleware
from midday_worker.options.defined_at import two_names
from midday_worker.queues import QueueLike, QueueRegistry, default_queues, name_of

P = TypeVar("P")
R = TypeVar("R")


class JobRegistry:
    """The jobs that this process knows, by id.

    Args:
        queues: where its jobs' queues are configured; the default ones otherwise.
    """

    def __init__(self, queues: QueueRegistry | None = None) -> None:
        self.queues: QueueRegistry = queues or default_queues
        self.hooks: Hooks[object, object] = Hooks()
        self._jobs: dict[str, JobDefinition[object, object]] = {}
        self._queue_hooks: dict[str, Hooks[object, object]] = {}
        self.middleware: Middleware[object, object] = Middleware()
        self._queue_middleware: defaultdict[str, Middleware[object, object]] = defaultdict(Middleware)

    def __contains__(self, name: object) -> bool:
        return name in self._jobs

    def __iter__(self) -> Iterator[JobDefinition[object, object]]:
        return iter(self.all())

    def __len__(self) -> int:
        return len(self._jobs)

    def hooks_of(self, queue: QueueLike) -> Hooks[object, object]:
        """Return the hooks of a queue's jobs. They come after the registry's, `hooks`, and before each job's own."""
        name = name_of(queue)
        known = self._queue_hooks.get(name)
        if known is None:
            known = self._queue_hooks[name] = Hooks()
        return known

    def middleware_of(self, queue: QueueLike) -> Middleware[object, object]:
        """Return what is around a queue's jobs: within the registry's, `middleware`, and around each job's own."""
        return self._queue_middleware[name_of(queue)]

    def add(self, definition: JobDefinition[P, R]) -> None:
        """Register a job.

        Raises:
            DuplicateJobError: there is one of its id; with both places.
            DefinitionError: another job of its queue declares a schedule of the same id, or a payload is wrong.
        """
        known = self._jobs.get(definition.id)
        if known is not None:
            raise DuplicateJobError(
                definition.id,
                known.defined_at,
                definition.defined_at,
                two_names(known.defined_at, definition.defined_at),
            )
        self._check_schedules(definition)
        definition.middleware.within(self.middleware, self.middleware_of(definition.queue))
        self._jobs[definition.id] = cast("JobDefinition[object, object]", definition)

    def _check_schedules(self, definition: JobDefinition[P, R]) -> None:
        for schedule in definition.declared_schedules:
            schedule_payload(cast("ScheduledJob", definition), schedule)
            for other in self._jobs.values():
                if other.queue == definition.queue and schedule.id in {each.id for each in other.declared_schedules}:
                    raise DefinitionError(
                        f"Schedule {schedule.id!r} of queue {definition.queue!r} is declared twice: by job "
                        f"{other.id!r} at {other.defined_at}, and by {definition.id!r} at {definition.defined_at}. "
                        "Give one of them another id=."
                    )

    def find(self, name: str) -> JobDefinition[object, object] | None:
        """Return the job of this id, or None."""
        return self._jobs.get(name)

    def get(self, name: str) -> JobDefinition[object, object]:
        """Return the job of this id. Raises UnknownJobError, with near names."""
        definition = self._jobs.get(name)
        if definition is None:
            raise UnknownJobError(name, self.near(name), len(self._jobs))
        return definition

    def all(self) -> list[JobDefinition[object, object]]:
        """Return all jobs, by id."""
        return [self._jobs[name] for name in sorted(self._jobs)]

    def handled(self, queue: str | None = None) -> list[JobDefinition[object, object]]:
        """Return the jobs that have a handler, of one queue or of all, by id."""
        return [job for job in self.all() if job.has_handler and queue in (None, job.queue)]

    def needs(self, queues: Collection[str]) -> list[Need]:
        """Return what the handlers and hooks of some queues' jobs depend on, each as often as somebody does."""
        needs: list[Need] = []
        for job in self.all():
            if job.has_handler and job.queue in queues:
                needs += (job.batch_runner or job.runner).needs
                needs += job.hooks.needs()
        for queue in queues:
            needs += self.hooks_of(queue).needs()
        return [*self.hooks.needs(), *needs]

    def declared(self, queue: str | None = None) -> list[JobDefinition[object, object]]:
        """Return the jobs that are run elsewhere, of one queue or of all, by id."""
        return [job for job in self.all() if not job.has_handler and queue in (None, job.queue)]

    def near(self, name: str) -> list[str]:
        """Return the ids that look like this one."""
        return difflib.get_close_matches(name, self._jobs, n=3)

    def load(self, module: str) -> None:
        """Import a module, and all modules of it if it is a package, so that its jobs register.

        Folders without `__init__.py` count too, but for `tests`, hidden ones and those whose names no import can have;
        the log says which were left out.

        Raises:
            ImportFailedError: one of them can't be imported.
        """
        import_jobs(module)


default_registry: Final = JobRegistry()
"""The default registry."""


async def execute_job(name: str, job: ExecutableJob, db: object = None) -> object:
    """Run the handler of a job of the default registry without Redis; see `JobDefinition.execute`.

    Raises:
        UnknownJobError: no such job is registered.
    """
    return await default_registry.get(name).execute(job, db)
