"""The options after checking and merging, in whole milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias
from urllib.parse import quote

from midday_worker.options.declared import BackoffFunction


@dataclass(frozen=True, slots=True)
class BackoffPolicy:
    """A checked `Backoff`; times in milliseconds, `jitter` from 0 to 1.

    With a `function` the rest is what is written for workers that don't have it.
    """

    type: Literal["fixed", "exponential"]
    delay_ms: int
    jitter: float = 0.0
    max_delay_ms: int | None = None
    function: BackoffFunction | None = None


DEFAULT_BACKOFF: Final = BackoffPolicy("exponential", 2_000, 0.5)


@dataclass(frozen=True, slots=True)
class KeepPolicy:
    """A checked retention. Both None: keep for ever; `count=0`: remove at once."""

    count: int | None = None
    age_ms: int | None = None


@dataclass(frozen=True, slots=True)
class DeduplicationPolicy:
    """A checked `Deduplication`, or what another option asks of it.

    Attributes:
        option: the option that asks for it. The id of one that isn't `deduplication` is a key of the caller's.
    """

    id: str
    ttl_ms: int | None = None
    extend: bool = False
    replace: bool = False
    option: Literal["deduplication", "idempotency_key", "debounce", "throttle"] = "deduplication"

    def id_for(self, job: str) -> str:
        """Return BullMQ's id. That counts for a whole queue, so a key's has the job's name, encoded as in Node."""
        if self.option == "deduplication":
            return self.id
        # As Node's encodeURIComponent: a name may hold a ":", which would make two names and keys the same.
        name = quote(job, safe="!~*'()")
        return f"{self.option}:{name}:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedOptions:
    """All options of one job, merged and in whole milliseconds. The defaults are the library's."""

    delay: int = 0
    priority: int = 0
    lifo: bool = False
    attempts: int = 3
    backoff: BackoffPolicy = DEFAULT_BACKOFF
    retry_on: tuple[type[Exception], ...] | None = None
    fail_on: tuple[type[Exception], ...] = ()
    timeout: int | None = None
    retry_on_timeout: bool = True
    deadline: int | datetime | None = None
    remove_on_complete: KeepPolicy = KeepPolicy(count=10_000, age_ms=24 * 3_600_000)
    remove_on_fail: KeepPolicy = KeepPolicy(count=10_000, age_ms=7 * 24 * 3_600_000)
    deduplication: DeduplicationPolicy | None = None
    keep_logs: int = 1_000
    stack_trace_limit: int = 10
    omit_trace_context: bool = False
    job_id: str | None = None


CheckedOptions: TypeAlias = Mapping[str, object]
"""One layer of options after `check_options`: values of `ResolvedOptions`, only those that were set."""


def merge(*layers: CheckedOptions) -> ResolvedOptions:
    """Merge checked layers, the later winning: library < queue < job < call.

    >>> from midday_worker.options import check_options
    >>> merge(check_options({"attempts": 5}), check_options({"delay": "5s"})).delay
    5000
    """
    merged: dict[str, object] = {}
    for layer in layers:
        merged.update(layer)
    # check_options gave each value the type of its field.
    return ResolvedOptions(**merged)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
