"""What travels from a definition to the client: one job to add, and its children."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import EllipsisType
from typing import Final, Generic, Literal, Protocol, TypeAlias, TypeVar, cast

from typing_extensions import Unpack

from midday_worker.errors import FieldProblem, OptionError, PayloadError
from midday_worker.options import CallOptions, CheckedOptions, ResolvedOptions, check_options, check_schedulable
from midday_worker.options.deadline import deadline_ms
from midday_worker.schema.schema import InvalidValue, JsonValue, Schema
from midday_worker.telemetry.tracing.trace_context import TraceContext

P = TypeVar("P")
ResultT_co = TypeVar("ResultT_co", covariant=True)

FailurePolicy: TypeAlias = Literal["fail", "ignore", "remove", "continue"]
"""What a child's final failure does to its parent.

"fail": the parent fails too. "ignore": the parent runs, and sees the failure (`getIgnoredChildrenFailures`).
"remove": the parent runs as if the child had not been. "continue": the parent runs at once, without waiting for the
other children. As BullMQ's failParentOnFailure, ignoreDependencyOnFailure, removeDependencyOnFailure and
continueParentOnFailure.
"""

DEFAULT_FAILURE_POLICY: Final[FailurePolicy] = "fail"


@dataclass(frozen=True, slots=True)
class JobRequest:
    """One validated job to add; with children, a flow."""

    name: str
    queue: str
    text: str
    """The payload as JSON."""
    options: ResolvedOptions
    schema: Schema[object] = field(repr=False)
    value: object = field(repr=False)
    source: JobSource[object] = field(repr=False)
    children: tuple[JobRequest, ...] = ()
    on_failure: FailurePolicy = DEFAULT_FAILURE_POLICY
    call_timeout: int | None = None
    """The `timeout` of this call in ms, 0 for no limit; None leaves it to the job's definition at execution."""
    call_retry_on_timeout: bool | None = None
    """The `retry_on_timeout` of this call; None leaves it to the definition too."""
    deadline_ms: int | None = None
    """The last moment at which it may start, in epoch milliseconds; 0 for none, whatever its definition says."""

    version: int = 1
    """Its payload's."""

    trace: TraceContext | None = None
    """The trace that the job belongs to, if tracing is configured."""

    @property
    def extras(self) -> dict[str, object] | None:
        """What travels with this call that BullMQ doesn't know; None for nothing."""
        if self.call_timeout is None and self.call_retry_on_timeout is None and self.deadline_ms is None:
            return None
        extras = {
            "timeout": self.call_timeout,
            "retryOnTimeout": self.call_retry_on_timeout,
            "deadline": self.deadline_ms,
        }
        return {name: value for name, value in extras.items() if value is not None}

    @property
    def data(self) -> JsonValue:
        """The payload's JSON values."""
        return cast("JsonValue", json.loads(self.text))

    def with_payload(self, payload: object) -> JobRequest:
        """Return it with another payload. Raises PayloadError."""
        try:
            value = self.schema.validate(payload)
            return replace(self, value=value, text=self.schema.dump_text(value))
        except InvalidValue as error:
            raise PayloadError(self.name, error.problems) from error

    def with_options(self, call: CheckedOptions) -> JobRequest:
        """Return it with other options of its call. Raises OptionError for a deadline that can't be kept."""
        # check_options gave each value the type of its field.
        resolved = replace(self.options, **call)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        timeout, retry, last = call_limits(call, resolved)
        return replace(
            self,
            options=resolved,
            call_timeout=self.call_timeout if timeout is None else timeout,
            call_retry_on_timeout=self.call_retry_on_timeout if retry is None else retry,
            deadline_ms=self.deadline_ms if last is None else last,
        )

    def tree(self) -> Iterator[JobRequest]:
        """Yield this request and all below it, parents first."""
        yield self
        for child in self.children:
            yield from child.tree()

    def check_stored(self, limit: int) -> None:
        """Raise PayloadError if a payload of the tree has more than `limit` bytes of JSON, or lacks a required key."""
        for request in self.tree() if self.children else (self,):  # most have none, and a generator costs
            request.source.check_keys(request.text)
            # A character has at most four bytes.
            if len(request.text) * 4 > limit and (size := len(request.text.encode())) > limit:
                problem = f"it has {size:,} bytes as JSON; MAX_PAYLOAD_BYTES allows {limit:,}"
                advice = "Store it elsewhere and pass a reference."
                raise PayloadError(request.name, [FieldProblem("", f"{problem}. {advice}")])

    def check_travels(self) -> None:
        """Raise PayloadError if a payload of the tree would come back as another value."""
        for request in self.tree():
            try:
                request.schema.check_travels(request.value, request.data)
            except InvalidValue as error:
                raise PayloadError(request.name, error.problems) from error


def call_limits(call: CheckedOptions, resolved: ResolvedOptions) -> tuple[int | None, bool | None, int | None]:
    """Return `call_timeout`, `call_retry_on_timeout` and `deadline_ms` of a request.

    Raises:
        OptionError: the deadline can't be kept.
    """
    timeout = (resolved.timeout or 0) if "timeout" in call else None
    retry = resolved.retry_on_timeout if "retry_on_timeout" in call else None
    last = deadline_ms(resolved) if resolved.deadline is not None or "deadline" in call else None
    return timeout, retry, last


@dataclass(frozen=True, slots=True)
class EnqueueCall(Generic[P]):
    """A job that is about to be added, as the middleware around that sees it.

    Attributes:
        request: all of it; `request.name`, `request.queue` and, in a flow, `request.children` among it.
        schedule_id: of a schedule, whose runs are made of it; None for a job.
    """

    request: JobRequest
    schedule_id: str | None = None

    @property
    def payload(self) -> P:
        """The validated payload."""
        return cast("P", self.request.value)

    @property
    def options(self) -> ResolvedOptions:
        """All of the job's options: the library's, its queue's, its own and the call's, merged, in milliseconds."""
        return self.request.options

    def replace(
        self, payload: P | Mapping[str, object] | EllipsisType = ..., **options: Unpack[CallOptions]
    ) -> EnqueueCall[P]:
        """Return it with another payload, or with other options of its call; the rest stays.

        Raises:
            PayloadError: the payload doesn't match the schema.
            OptionError: an option is misspelt, out of range, or not for a schedule's runs.
        """
        given = cast("Mapping[str, object]", options)
        if self.schedule_id is not None:
            check_schedulable(given)
        request = self.request if payload is ... else self.request.with_payload(payload)
        if given:
            request = request.with_options(check_options(given, call=True))
        return replace(self, request=request)


EnqueueNext: TypeAlias = Callable[[EnqueueCall[P]], Awaitable[str]]
"""What adds the job, after the middleware that is further in; it returns the job's id."""

EnqueueMiddleware: TypeAlias = Callable[[EnqueueCall[P], EnqueueNext[P]], Awaitable[str]]


class SourceMiddleware(Protocol):
    """A job's middleware, seen from below."""

    @property
    def enqueue(self) -> Sequence[EnqueueMiddleware[object]]:
        """All that is around the adding of a job, the outermost first."""
        ...


class JobSource(Protocol[ResultT_co]):
    """What knows a job's name, and the types of its payloads and results: a `JobDefinition`, seen from below."""

    @property
    def id(self) -> str:
        """The job's name."""
        ...

    @property
    def queue(self) -> str:
        """The name of its queue."""
        ...

    @property
    def prefix(self) -> str | None:
        """Its queue's own prefix; None is REDIS_PREFIX."""
        ...

    @property
    def middleware(self) -> SourceMiddleware:
        """What is around its jobs."""
        ...

    def check_keys(self, text: str) -> None:
        """Raise PayloadError if a payload, a JSON text, lacks a key that a limit of its queue requires."""
        ...

    @property
    def upcasts_results(self) -> bool:
        """Whether the version of a stored result matters."""
        ...

    def parse_result(self, value: object, version: int | None = None) -> ResultT_co:
        """Validate a result as it was stored; of a version, or of one that isn't known."""
        ...

    def dictionary_node(
        self,
        payload: object,
        *,
        children: Sequence[JobRequest] = (),
        on_failure: FailurePolicy = DEFAULT_FAILURE_POLICY,
        **options: Unpack[CallOptions],
    ) -> JobRequest:
        """Return a request for a payload that no type checker has seen. Raises PayloadError."""
        ...


def refuse_same_ids(requests: Iterable[JobRequest]) -> None:
    """Raise OptionError if two of a batch ask for the same id on one queue: only the first would be added."""
    taken: set[tuple[str, str]] = set()
    for request in requests:
        job_id = request.options.job_id
        if job_id is None:
            continue
        if (request.queue, job_id) in taken:
            raise OptionError("job_id", f"Two jobs of the batch on queue {request.queue!r} have the job_id {job_id!r}.")
        taken.add((request.queue, job_id))
