"""`JobEvent`: what a hook is given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Concatenate, Generic, Literal, TypeAlias, TypeVar

from midday_worker.engine.job.job import Job
from midday_worker.handling.dependencies import Need, needs_of_hook

P = TypeVar("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class JobEvent(Generic[P, R]):
    """What has happened to a job.

    Attributes:
        job: the BullMQ job: `id`, `name`, `data`, `attemptsMade` (attempts before this one).
        payload: the parsed payload, apart from the handler's own; None if the stored one is invalid.
        attempt: which attempt this is; the first is 1.
        result: the result, back from JSON, of one that succeeded.
        error: the error of one that failed.
        will_retry: whether another attempt follows a failed one.
    """

    job: Job
    payload: P | None
    attempt: int
    result: R | None = None
    error: BaseException | None = None
    will_retry: bool = False


Hook: TypeAlias = (
    Callable[[JobEvent[P, R]], Awaitable[None] | None]
    | Callable[Concatenate[JobEvent[P, R], ...], Awaitable[None] | None]
)
"""An `async def`, or a plain function, which runs in a thread. Its further parameters may be annotated with Depends."""

Moment: TypeAlias = Literal["on_start", "on_success", "on_failure", "on_exhausted", "on_end"]


class Hooks(Generic[P, R]):
    """Each of its methods adds a hook, and gives it back: they are decorators.

    >>> @job("greet", registry=JobRegistry())
    ... async def greet(data: str, ctx: JobContext) -> str:
    ...     return f"Hello, {data}"
    >>> @greet.hooks.on_success
    ... async def count(event: JobEvent[str, str]) -> None:
    ...     print(event.job.id, event.result)
    """

    def __init__(self) -> None:
        self._hooks: dict[Moment, list[Hook[P, R]]] = {}

    def __bool__(self) -> bool:
        return bool(self._hooks)

    def needs(self) -> list[Need]:
        """Return what they depend on."""
        return [need for hooks in self._hooks.values() for hook in hooks for need in needs_of_hook(hook)]

    def at(self, moment: Moment) -> tuple[Hook[P, R], ...]:
        """Return the hooks of a moment, in the order in which they were added."""
        return tuple(self._hooks.get(moment, ()))

    def on_start(self, hook: Hook[P, R]) -> Hook[P, R]:
        """Before each attempt, once its payload is valid. What it raises fails the attempt."""
        return self._add("on_start", hook)

    def on_success(self, hook: Hook[P, R]) -> Hook[P, R]:
        """After an attempt that succeeded: its session is committed, its job about to complete."""
        return self._add("on_success", hook)

    def on_failure(self, hook: Hook[P, R]) -> Hook[P, R]:
        """After each attempt that failed; `will_retry` says whether another one follows."""
        return self._add("on_failure", hook)

    def on_exhausted(self, hook: Hook[P, R]) -> Hook[P, R]:
        """After `on_failure`, when the job has failed for good: no attempt is left, or the error forbids another."""
        return self._add("on_exhausted", hook)

    def on_end(self, hook: Hook[P, R]) -> Hook[P, R]:
        """When the job ends, by success or for good by failure; the last of all."""
        return self._add("on_end", hook)

    def _add(self, moment: Moment, hook: Hook[P, R]) -> Hook[P, R]:
        needs_of_hook(hook)  # what is wrong with them is said here
        self._hooks.setdefault(moment, []).append(hook)
        return hook
