"""`job()`, which defines a job and registers it."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from types import EllipsisType
from typing import Concatenate, Final, TypeVar, cast, overload

from typing_extensions import TypeForm, Unpack

from midday_worker.definition.annotations import (
    batch_payload_annotation,
    batch_result_annotation,
    check_context,
    payload_annotation,
    result_annotation,
)
from midday_worker.definition.batch_definition import BatchDefinition
from midday_worker.definition.declaration import JobDeclaration, check_declared
from midday_worker.definition.declared_schedule import with_ids
from midday_worker.definition.definition import Handler, JobDefinition
from midday_worker.definition.definition_options import DeclarationOptions, DefinitionOptions
from midday_worker.definition.registry import JobRegistry, default_registry
from midday_worker.errors import DefinitionError, SchemaError
from midday_worker.handling.batch_context import BatchContext
from midday_worker.handling.batch_runner import BatchHandler
from midday_worker.handling.context import JobContext
from midday_worker.handling.handler_signature import check_signature
from midday_worker.handling.process_handler import (
    MAX_TASKS_PER_CHILD,
    PlainHandler,
    ProcessHandler,
    check_process_handler,
    modules_of,
)
from midday_worker.handling.sync_context import SyncJobContext
from midday_worker.options import CheckedOptions, check_options
from midday_worker.options.batch_options import BatchOptions
from midday_worker.options.defined_at import DefinedAt
from midday_worker.queues import DEFAULT_QUEUE, QueueDefinition, check_queue_name
from midday_worker.schema.schema import Schema

P = TypeVar("P")
R = TypeVar("R")

_NOT_OF_JOBS: Final = ("queue", "schedule", "registry", "version", "executor", "max_tasks_per_child")
_BESIDE: Final = (*_NOT_OF_JOBS, "batch", "result")


class JobDecorator:
    """What `@job("id", ...)` applies to a handler; the schema is the annotation of its first parameter."""

    def __init__(self, name: str, options: DefinitionOptions, place: DefinedAt) -> None:
        self._name = name
        self._options = options
        self._place = place

    @overload
    def __call__(self, handler: Callable[[P, JobContext], Awaitable[R]]) -> JobDefinition[P, R]: ...
    @overload
    def __call__(self, handler: Callable[[P, SyncJobContext], R]) -> JobDefinition[P, R]: ...
    @overload  # with dependencies; apart, as mypy infers no lambda from such a type
    def __call__(self, handler: Callable[Concatenate[P, JobContext, ...], Awaitable[R]]) -> JobDefinition[P, R]: ...
    @overload
    def __call__(self, handler: Callable[Concatenate[P, SyncJobContext, ...], R]) -> JobDefinition[P, R]: ...
    def __call__(self, handler: Handler[P, R]) -> JobDefinition[P, R]:
        """Define the job."""
        check_signature(self._name, handler, self._place, batch=False)
        schema = cast("TypeForm[P]", payload_annotation(self._name, handler, self._place))
        return _define(self._name, schema, handler, self._options, self._place)


class BatchDecorator:
    """What `@job("id", batch=...)` applies to a handler; the schema is that of its first parameter's items."""

    def __init__(self, name: str, batch: BatchOptions, options: DefinitionOptions, place: DefinedAt) -> None:
        self._name = name
        self._batch = batch
        self._options = options
        self._place = place

    @overload
    def __call__(
        self, handler: Callable[[list[P], BatchContext], Awaitable[Sequence[R | Exception]]]
    ) -> BatchDefinition[P, R]: ...
    @overload
    def __call__(
        self, handler: Callable[[list[P], BatchContext], Sequence[R | Exception]]
    ) -> BatchDefinition[P, R]: ...
    @overload  # with dependencies
    def __call__(
        self, handler: Callable[Concatenate[list[P], BatchContext, ...], Awaitable[Sequence[R | Exception]]]
    ) -> BatchDefinition[P, R]: ...
    @overload
    def __call__(
        self, handler: Callable[Concatenate[list[P], BatchContext, ...], Sequence[R | Exception]]
    ) -> BatchDefinition[P, R]: ...
    def __call__(self, handler: BatchHandler[P, R]) -> BatchDefinition[P, R]:
        """Define the job."""
        check_signature(self._name, handler, self._place, batch=True)
        schema = cast("TypeForm[P]", batch_payload_annotation(self._name, handler, self._place))
        return _define_batch(self._name, schema, handler, self._batch, self._options, self._place)


@overload
def job(
    name: str,
    schema: TypeForm[P],
    handler: Callable[[P, JobContext], Awaitable[R]],
    **options: Unpack[DefinitionOptions],
) -> JobDefinition[P, R]: ...
@overload
def job(
    name: str,
    schema: TypeForm[P],
    handler: Callable[[P, SyncJobContext], R],
    **options: Unpack[DefinitionOptions],
) -> JobDefinition[P, R]: ...
@overload
def job(
    name: str,
    schema: TypeForm[P],
    handler: Callable[Concatenate[P, JobContext, ...], Awaitable[R]],
    **options: Unpack[DefinitionOptions],
) -> JobDefinition[P, R]: ...
@overload
def job(
    name: str,
    schema: TypeForm[P],
    handler: Callable[Concatenate[P, SyncJobContext, ...], R],
    **options: Unpack[DefinitionOptions],
) -> JobDefinition[P, R]: ...
@overload
def job(
    name: str, schema: TypeForm[P], *, result: TypeForm[R], **options: Unpack[DeclarationOptions]
) -> JobDeclaration[P, R]: ...
@overload
def job(name: str, schema: TypeForm[P], **options: Unpack[DeclarationOptions]) -> JobDeclaration[P, object]: ...
@overload
def job(name: str, **options: Unpack[DefinitionOptions]) -> JobDecorator: ...
@overload
def job(
    name: str,
    schema: TypeForm[P],
    handler: Callable[[list[P], BatchContext], Awaitable[Sequence[R | Exception]]],
    *,
    batch: BatchOptions,
    **options: Unpack[DefinitionOptions],
) -> BatchDefinition[P, R]: ...
@overload
def job(
    name: str,
    schema: TypeForm[P],
    handler: Callable[[list[P], BatchContext], Sequence[R | Exception]],
    *,
    batch: BatchOptions,
    **options: Unpack[DefinitionOptions],
) -> BatchDefinition[P, R]: ...
@overload
def job(
    name: str,
    schema: TypeForm[P],
    handler: Callable[Concatenate[list[P], BatchContext, ...], Awaitable[Sequence[R | Exception]]],
    *,
    batch: BatchOptions,
    **options: Unpack[DefinitionOptions],
) -> BatchDefinition[P, R]: ...
@overload
def job(
    name: str,
    schema: TypeForm[P],
    handler: Callable[Concatenate[list[P], BatchContext, ...], Sequence[R | Exception]],
    *,
    batch: BatchOptions,
    **options: Unpack[DefinitionOptions],
) -> BatchDefinition[P, R]: ...
@overload
def job(name: str, *, batch: BatchOptions, **options: Unpack[DefinitionOptions]) -> BatchDecorator: ...
def job(
    name: str,
    schema: TypeForm[P] | EllipsisType = ...,
    handler: Handler[P, R] | BatchHandler[P, R] | None = None,
    *,
    batch: BatchOptions | None = None,
    result: object = object,
    **options: Unpack[DefinitionOptions],
) -> JobDefinition[P, R] | JobDecorator | BatchDecorator:
    """Define a job and register it; as a decorator when only the name and options are given.

    Without a handler it is declared: it can be triggered here, and is run elsewhere, as by a worker in Node.

    Args:
        name: the job's id, which is BullMQ's job name: any text that isn't empty.
        schema: what its payload is: a pydantic model, a dataclass, a TypedDict, `list[int]`, an annotated union;
            None for a job without payload.
        handler: `async def handle(data, ctx: JobContext) -> result`, or a plain function with a `SyncJobContext`,
            which runs in a thread, or with `executor="process"` in a process.
        batch: for a handler of many jobs at once, `async def handle(data: list[P], ctx: BatchContext)`, which returns
            a result or an exception for each; see `BatchOptions`.
        result: without a handler, what the result is, as `schema`; with one, its return annotation says it.
        **options: see `JobOptions`; also `queue`, a name or what `queue()` returned, and `DefinitionOptions`.

    Raises:
        DefinitionError: the name, the handler or its annotations are wrong, or the name is taken (DuplicateJobError).
        SchemaError: values of the schema can't travel through JSON.
        OptionError: an option is misspelt or out of range.

    >>> class Greeting(Payload):
    ...     name: str
    >>> @job("greet", attempts=5)
    ... async def greet(data: Greeting, ctx: JobContext) -> str:
    ...     return f"Hello, {data.name}"
    """
    place = DefinedAt(sys._getframe(1))  # pyright: ignore[reportPrivateUsage] - the only way to know where a job is defined
    if callable(name):
        raise DefinitionError(f'The job at {place} has no name; accepted: `@job("name")`, with parentheses.')
    if result is not object and (schema is ... or handler is not None):
        raise DefinitionError(f"Job {name!r} at {place} has result=, which is for a job with a schema and no handler.")
    if schema is ... and handler is None:
        return JobDecorator(name, options, place) if batch is None else BatchDecorator(name, batch, options, place)
    if isinstance(schema, EllipsisType):
        raise DefinitionError(f"Job {name!r} at {place} needs a schema and a handler, or neither, as a decorator.")
    if handler is None:
        check_declared(name, options if batch is None else {**options, "batch": batch}, place)
        return _declare(name, schema, cast("TypeForm[R]", result), options, place)
    check_signature(name, handler, place, batch=batch is not None)
    if batch is None:
        return _define(name, schema, cast("Handler[P, R]", handler), options, place)
    return _define_batch(name, schema, cast("BatchHandler[P, R]", handler), batch, options, place)


def _declare(
    name: str, schema: TypeForm[P], result: TypeForm[R], options: DefinitionOptions, place: DefinedAt
) -> JobDeclaration[P, R]:
    queue, own, target = _checked(name, options, place)
    definition: JobDeclaration[P, R] = JobDeclaration(
        name,
        _schema(name, schema, place),
        None if result is object else _schema(name, result, place),
        queue=queue,
        options=own,
        queues=target.queues,
        defined_at=place,
        version=_version(name, options, place),
        schedules=with_ids(name, options.get("schedule", ()), place),
    )
    target.add(definition)
    return definition


def _define(
    name: str, schema: TypeForm[P], handler: Handler[P, R], options: DefinitionOptions, place: DefinedAt
) -> JobDefinition[P, R]:
    queue, own, target = _checked(name, options, place)
    check_context(name, handler, place)
    result_schema = cast("Schema[R] | None", _result_schema(name, result_annotation(name, handler, place), place))
    definition: JobDefinition[P, R] = JobDefinition(
        name,
        _schema(name, schema, place),
        result_schema,
        handler,
        queue=queue,
        options=own,
        queues=target.queues,
        defined_at=place,
        version=_version(name, options, place),
        schedules=with_ids(name, options.get("schedule", ()), place),
        process=_process(name, handler, result_schema, options, place),
    )
    target.add(definition)
    return definition


def _process(
    name: str,
    handler: Handler[P, R],
    result_schema: Schema[R] | None,
    options: DefinitionOptions,
    place: DefinedAt,
) -> ProcessHandler[P, R] | None:
    executor, max_tasks = options.get("executor", "thread"), options.get("max_tasks_per_child", MAX_TASKS_PER_CHILD)
    if executor not in ("thread", "process"):
        raise DefinitionError(f'Job {name!r} at {place} has executor={executor!r}; accepted: "thread", "process".')
    if executor == "thread":
        if "max_tasks_per_child" in options:
            raise DefinitionError(f'Job {name!r} at {place} has max_tasks_per_child, but not executor="process".')
        return None
    if isinstance(max_tasks, bool) or not isinstance(max_tasks, int) or max_tasks < 1:  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise DefinitionError(
            f"Job {name!r} at {place} has max_tasks_per_child={max_tasks!r}; accepted: an integer from 1."
        )
    check_process_handler(name, handler, place)
    return ProcessHandler(
        name,
        modules_of(handler, place),
        cast("PlainHandler[P, R]", handler),
        result_schema,
        max_tasks,
    )


def _define_batch(
    name: str,
    schema: TypeForm[P],
    handler: BatchHandler[P, R],
    batch: BatchOptions,
    options: DefinitionOptions,
    place: DefinedAt,
) -> BatchDefinition[P, R]:
    queue, own, target = _checked(name, options, place)
    if not isinstance(batch, BatchOptions):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise DefinitionError(f"Job {name!r} at {place} has batch={batch!r}; accepted: BatchOptions(...).")
    if options.get("executor") == "process" or "max_tasks_per_child" in options:
        raise DefinitionError(f'Job {name!r} at {place} has batch=, which can\'t be combined with executor="process".')
    definition: BatchDefinition[P, R] = BatchDefinition(
        name,
        _schema(name, schema, place),
        cast("Schema[R] | None", _result_schema(name, batch_result_annotation(name, handler, place), place)),
        handler,
        batch,
        queue=queue,
        options=own,
        queues=target.queues,
        defined_at=place,
        version=_version(name, options, place),
        schedules=with_ids(name, options.get("schedule", ()), place),
    )
    target.add(definition)
    return definition


def _checked(name: str, options: DefinitionOptions, place: DefinedAt) -> tuple[str, CheckedOptions, JobRegistry]:
    """Return a job's queue, its own options, and its registry."""
    if not isinstance(name, str) or not name:  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise DefinitionError(f"A job at {place} is named {name!r}; accepted: a text that isn't empty.")
    own = {key: value for key, value in options.items() if key not in _NOT_OF_JOBS}
    where = options.get("queue", DEFAULT_QUEUE)
    queue = where.name if isinstance(where, QueueDefinition) else where
    check_queue_name(queue, f" of job {name!r} at {place}")
    registry = options.get("registry", default_registry)
    if not isinstance(registry, JobRegistry):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise DefinitionError(f"Job {name!r} at {place} has registry={registry!r}; accepted: a JobRegistry.")
    if isinstance(where, QueueDefinition) and registry.queues.get(queue).prefix != where.prefix:
        raise DefinitionError(
            f"Job {name!r} at {place} is on queue {queue!r} ({where.defined_at}) with a prefix of its own, which the "
            "job's registry doesn't know: declare the queue with registry=, that registry's `queues`."
        )
    return queue, check_options(own, where=f"Job {name!r} at {place}", others=_BESIDE), registry


def _version(name: str, options: DefinitionOptions, place: DefinedAt) -> int:
    version = options.get("version", 1)
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise DefinitionError(f"Job {name!r} at {place} has version={version!r}; accepted: an integer from 1.")
    return version


def _schema(name: str, schema: TypeForm[P], place: str) -> Schema[P]:
    try:
        return Schema(schema)
    except SchemaError as error:
        raise SchemaError(f"The schema of job {name!r} at {place}: {error}") from error


def _result_schema(name: str, returned: object | None, place: str) -> Schema[object] | None:
    return None if returned is None else _schema(name, cast("TypeForm[object]", returned), place)
