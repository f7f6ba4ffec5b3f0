"""`JobDeclaration`: a job that has no handler here, as a worker in Node runs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Never, NoReturn, TypeVar

from typing_extensions import Unpack

from midday_worker.definition.declared import Declared
from midday_worker.definition.definition import JobDefinition
from midday_worker.definition.other_names import not_called
from midday_worker.errors import DefinitionError, NoHandlerError, OptionError
from midday_worker.handling.context import JobContext
from midday_worker.handling.hooks import Hooks
from midday_worker.handling.job_runner import ExecutableJob
from midday_worker.handling.middleware import Middleware
from midday_worker.schema.schema import Schema

P = TypeVar("P")
R = TypeVar("R")

_OF_HANDLERS: Final = (
    *("timeout", "retry_on_timeout", "retry_on", "fail_on"),
    *("executor", "max_tasks_per_child", "batch"),
)
"""What only the worker that has the handler knows."""


class JobDeclaration(JobDefinition[P, R]):
    """A job that is triggered here and run elsewhere. Made by `job()` without a handler."""

    def __init__(
        self,
        name: str,
        schema: Schema[P],
        result_schema: Schema[R] | None,
        **declared: Unpack[Declared],
    ) -> None:
        super().__init__(name, schema, result_schema, self._refuse, **declared)
        self.hooks = _NoHooks(name, self.defined_at)
        self.middleware = _NoAttempts(name, self.defined_at)

    @property
    def has_handler(self) -> bool:
        """Return False."""
        return False

    def __repr__(self) -> str:
        return f"JobDeclaration({self.id!r}, queue={self.queue!r})"

    def __call__(self, handler: Never, /) -> NoReturn:
        """Raise DefinitionError: `@job("id", Schema)` was written for `@job("id")`; or TypeError for a payload."""
        if not callable(handler):
            raise not_called(self)
        raise DefinitionError(
            f"Job {self.id!r} at {self.defined_at} needs a schema and a handler, or neither, as a decorator; with a "
            "schema alone it is declared for a worker elsewhere."
        )

    async def execute(self, job: ExecutableJob, db: object = None) -> R:
        """Raise NoHandlerError."""
        raise NoHandlerError(self.id, self.defined_at)

    async def _refuse(self, data: P, ctx: JobContext) -> R:
        raise NoHandlerError(self.id, self.defined_at)


class _NoHooks(Hooks[P, R]):
    def __init__(self, job: str, place: str) -> None:
        super().__init__()
        self._job = job
        self._place = place

    def _add(self, moment: object, hook: object) -> NoReturn:
        raise DefinitionError(
            f"Job {self._job!r} at {self._place} has no handler, so no hook of it would ever be called here; hooks "
            "belong to the definition that is run."
        )


class _NoAttempts(Middleware[P, R]):
    def __init__(self, job: str, place: str) -> None:
        super().__init__()
        self._job = job
        self._place = place

    def around_attempt(self, middleware: object) -> NoReturn:
        raise DefinitionError(
            f"Job {self._job!r} at {self._place} has no handler, so nothing can be around its attempts here; such "
            "middleware belongs to the definition that is run. `around_enqueue` is for this one too."
        )


def check_declared(name: str, options: Mapping[str, object], place: str) -> None:
    """Raise OptionError for an option that does nothing without a handler."""
    for option, value in options.items():
        if option in _OF_HANDLERS or (option == "backoff" and callable(value)):
            what = "a function as backoff" if option == "backoff" else f"the option {option}"
            raise OptionError(
                option,
                f"Job {name!r} at {place} has {what}, but no handler: only the worker that runs a job knows of it. "
                "Give it to the definition that is run, or pass a handler.",
            )
