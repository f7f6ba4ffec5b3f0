"""The registry of jobs, and `job()`, which fills it."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import sys
from collections.abc import Awaitable, Callable, Iterator
from types import FrameType
from typing import Final, TypeVar, cast, overload

from typing_extensions import TypeForm, Unpack

from midday_worker.annotations import payload_annotation, result_annotation
from midday_worker.attempt import ExecutableJob
from midday_worker.context import JobContext
from midday_worker.definition import Handler, JobDefinition
from midday_worker.errors import DefinitionError, DuplicateJobError, ImportFailedError, SchemaError, UnknownJobError
from midday_worker.options import JobOptions, check_options
from midday_worker.queues import DEFAULT_QUEUE, QueueDefinition, QueueRegistry, check_queue_name, default_queues
from midday_worker.schema import Schema

P = TypeVar("P")
R = TypeVar("R")


class JobRegistry:
    """The jobs that this process knows, by id.

    Args:
        queues: where its jobs' queues are configured; the default ones otherwise.
    """

    def __init__(self, queues: QueueRegistry | None = None) -> None:
        self.queues: QueueRegistry = queues or default_queues
        self._jobs: dict[str, JobDefinition[object, object]] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._jobs

    def __iter__(self) -> Iterator[JobDefinition[object, object]]:
        return iter(self.all())

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, definition: JobDefinition[P, R]) -> None:
        """Register a job. Raises DuplicateJobError, with both places."""
        known = self._jobs.get(definition.id)
        if known is not None:
            raise DuplicateJobError(definition.id, known.defined_at, definition.defined_at)
        self._jobs[definition.id] = cast("JobDefinition[object, object]", definition)

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

    def near(self, name: str) -> list[str]:
        """Return the ids that look like this one."""
        return difflib.get_close_matches(name, self._jobs, n=3)

    def load(self, module: str) -> None:
        """Import a module, and all modules of it if it is a package, so that its jobs register.

        Raises:
            ImportFailedError: one of them can't be imported.
        """
        root = _import(module)
        for found in pkgutil.walk_packages(getattr(root, "__path__", []), f"{module}."):
            if not found.name.endswith("__main__"):
                _import(found.name)


default_registry: Final = JobRegistry()
"""The default registry."""


class DefinitionOptions(JobOptions, total=False):
    """The options of `job()`: a job's, its queue, and the registry it goes to."""

    queue: str | QueueDefinition
    registry: JobRegistry


class JobDecorator:
    """What `@job("id", ...)` applies to a handler; the schema is the annotation of its first parameter."""

    def __init__(self, name: str, options: DefinitionOptions, place: str) -> None:
        self._name = name
        self._options = options
        self._place = place

    @overload
    def __call__(self, handler: Callable[[P, JobContext], Awaitable[R]]) -> JobDefinition[P, R]: ...
    @overload
    def __call__(self, handler: Callable[[P, JobContext], R]) -> JobDefinition[P, R]: ...
    def __call__(self, handler: Handler[P, R]) -> JobDefinition[P, R]:
        """Define the job."""
        schema = cast("TypeForm[P]", payload_annotation(self._name, handler))
        return _define(self._name, schema, handler, self._options, self._place)


@overload
def job(
    name: str,
    schema: TypeForm[P],
    handler: Callable[[P, JobContext], Awaitable[R]],
    **options: Unpack[DefinitionOptions],
) -> JobDefinition[P, R]: ...
@overload
def job(
    name: str, schema: TypeForm[P], handler: Callable[[P, JobContext], R], **options: Unpack[DefinitionOptions]
) -> JobDefinition[P, R]: ...
@overload
def job(name: str, **options: Unpack[DefinitionOptions]) -> JobDecorator: ...
def job(
    name: str,
    schema: TypeForm[P] | None = None,
    handler: Handler[P, R] | None = None,
    **options: Unpack[DefinitionOptions],
) -> JobDefinition[P, R] | JobDecorator:
    """Define a job and register it; as a decorator when only the name and options are given.

    Args:
        name: the job's id, which is BullMQ's job name: any text that isn't empty.
        schema: what its payload is: a pydantic model, a dataclass, a TypedDict, `list[int]`, an annotated union.
        handler: `async def handle(data, ctx) -> result`; a plain function runs in a thread.
        **options: see `JobOptions`; also `queue`, a name or what `queue()` returned, and `registry`.

    Raises:
        DefinitionError: the name or handler is wrong, or the name is taken (DuplicateJobError).
        SchemaError: values of the schema can't travel through JSON.
        OptionError: an option is misspelt or out of range.

    >>> class Greeting(Payload):
    ...     name: str
    >>> @job("greet", attempts=5)
    ... async def greet(data: Greeting, ctx: JobContext) -> str:
    ...     return f"Hello, {data.name}"
    """
    place = _place(sys._getframe(1))  # pyright: ignore[reportPrivateUsage] - the only way to know where a job is defined
    if schema is None and handler is None:
        return JobDecorator(name, options, place)
    if schema is None or handler is None:
        raise DefinitionError(f"Job {name!r} at {place} needs a schema and a handler, or neither, as a decorator.")
    return _define(name, schema, handler, options, place)


async def execute_job(name: str, job: ExecutableJob, db: object = None) -> object:
    """Run the handler of a job of the default registry without Redis; see `JobDefinition.execute`.

    Raises:
        UnknownJobError: no such job is registered.
    """
    return await default_registry.get(name).execute(job, db)


def _define(
    name: str, schema: TypeForm[P], handler: Handler[P, R], options: DefinitionOptions, place: str
) -> JobDefinition[P, R]:
    if not isinstance(name, str) or not name:  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise DefinitionError(f"A job at {place} is named {name!r}; accepted: a text that isn't empty.")
    if not callable(handler):
        raise DefinitionError(f"The handler of job {name!r} at {place} is {handler!r}; accepted: a function.")
    own = {key: value for key, value in options.items() if key not in ("queue", "registry")}
    target = options.get("registry", default_registry)
    where = options.get("queue", DEFAULT_QUEUE)
    queue_name = where.name if isinstance(where, QueueDefinition) else where
    check_queue_name(queue_name)
    definition: JobDefinition[P, R] = JobDefinition(
        name,
        _schema(name, schema),
        cast("Schema[R] | None", _result_schema(name, handler)),
        handler,
        queue=queue_name,
        options=check_options(own),
        queues=target.queues,
        defined_at=place,
    )
    target.add(definition)
    return definition


def _schema(name: str, schema: TypeForm[P]) -> Schema[P]:
    try:
        return Schema(schema)
    except SchemaError as error:
        raise SchemaError(f"The schema of job {name!r}: {error}") from error


def _result_schema(name: str, handler: Callable[..., object]) -> Schema[object] | None:
    returned = result_annotation(handler)
    return None if returned is None else _schema(name, cast("TypeForm[object]", returned))


def _place(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _import(module: str) -> object:
    if not all(part.isidentifier() for part in module.split(".")):
        raise ImportFailedError(module, "accepted: a module's name, for example my_service.jobs")
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or str(error)
        hint = (
            "no such module; is it installed, or below the current directory?"
            if module == missing or module.startswith(f"{missing}.")
            else f"it imports {missing!r}, which isn't installed"
        )
        raise ImportFailedError(module, hint) from error
    except (Exception, SystemExit) as error:  # a user's module may raise anything, and a script may exit
        place = _last_place(error)
        raise ImportFailedError(module, f"{type(error).__name__}: {error}{place}") from error


def _last_place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f" ({trace.tb_frame.f_code.co_filename}:{trace.tb_lineno})" if trace else ""
