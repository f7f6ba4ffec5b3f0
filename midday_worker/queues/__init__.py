"""Queues: their names, how many jobs run at once, how fast, and with which default options."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeAlias

from typing_extensions import Unpack

from midday_worker.errors import DefinitionError, DuplicateQueueError, OptionError
from midday_worker.options import CheckedOptions, JobOptions, check_options
from midday_worker.options.defined_at import DefinedAt, two_names
from midday_worker.queues.per_key import PerKey, check_limits, refuse_missing
from midday_worker.queues.rate_limit import RateLimit as RateLimit
from midday_worker.queues.rate_limit import is_count

DEFAULT_QUEUE: Final = "default"
"""Where a job lives that names no queue."""

_NO_OPTIONS: Final[CheckedOptions] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class QueueDefinition:
    """One queue's configuration.

    `concurrency` is per worker process; None takes the worker's. `prefix` is what its keys begin with; None is
    REDIS_PREFIX.
    """

    name: str
    concurrency: int | None = None
    rate_limit: RateLimit | None = None
    options: CheckedOptions = field(default_factory=lambda: _NO_OPTIONS)
    defined_at: str = ""
    prefix: str | None = None
    limits: tuple[PerKey, ...] = ()


QueueLike: TypeAlias = str | QueueDefinition
"""A queue's name, or what `queue()` returned."""


class QueueRegistry:
    """The queues that were configured. A queue that wasn't has the defaults."""

    def __init__(self) -> None:
        self._queues: dict[str, QueueDefinition] = {}
        self._unconfigured: dict[str, QueueDefinition] = {}
        self.required: dict[str, tuple[PerKey, ...]] = {}
        """The limits whose key every payload must have, of the queues that have some."""

    def __iter__(self) -> Iterator[QueueDefinition]:
        return iter(tuple(self._queues.values()))

    def add(self, definition: QueueDefinition) -> None:
        """Register a queue. Raises DuplicateQueueError, with both places."""
        known = self._queues.get(definition.name)
        if known is not None:
            raise DuplicateQueueError(
                definition.name,
                known.defined_at,
                definition.defined_at,
                two_names(known.defined_at, definition.defined_at),
            )
        self._queues[definition.name] = definition
        if required := tuple(limit for limit in definition.limits if limit.required):
            self.required[definition.name] = required

    def check_keys(self, queue: str, job: str, text: str) -> None:
        """Raise PayloadError if a payload, a JSON text, lacks a key that a limit of its queue requires."""
        refuse_missing(job, text, self.required.get(queue, ()))

    def get(self, name: str) -> QueueDefinition:
        """Return the queue's configuration, or the defaults for a queue that has none."""
        known = self._queues.get(name) or self._unconfigured.get(name)
        if known is None:
            known = self._unconfigured[name] = QueueDefinition(name)
        return known


default_queues: Final = QueueRegistry()


def queue(
    name: str,
    *,
    concurrency: int | None = None,
    rate_limit: RateLimit | None = None,
    limits: Sequence[PerKey] = (),
    prefix: str | None = None,
    registry: QueueRegistry | None = None,
    **defaults: Unpack[JobOptions],
) -> QueueDefinition:
    """Configure a queue; pass the result, or its name, as a job's `queue`.

    Args:
        name: as in Node: not empty, without ":".
        concurrency: how many of its jobs run at once in one worker process.
        rate_limit: how fast jobs may start, over all workers.
        limits: for the jobs of each tenant, or whatever else their payloads name, over all workers; see `PerKey`.
        prefix: what its keys begin with, instead of REDIS_PREFIX, as the option `prefix` of Node's `Queue`; the same in
            all programs. Printable characters without spaces, no ":" at either end.
        registry: where to register it; the default registry otherwise.
        **defaults: options for the queue's jobs; a job's own and a call's win over them.

    Raises:
        DefinitionError: the name, the concurrency or the prefix is wrong, or the name is taken (DuplicateQueueError).
        OptionError: an option is unknown or out of range.

    >>> reports = queue("reports", concurrency=2, rate_limit=RateLimit(10, "1s"), attempts=5)
    """
    place = DefinedAt(sys._getframe(1))  # pyright: ignore[reportPrivateUsage] - the only way to know where a queue is defined
    check_queue_name(name, f" at {place}")
    where = f"Queue {name!r} at {place}"
    if concurrency is not None and not is_count(concurrency):
        raise DefinitionError(f"{where} has concurrency={concurrency!r}; accepted: an integer of 1 or more.")
    if rate_limit is not None and not isinstance(rate_limit, RateLimit):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise OptionError(
            "rate_limit", f'{where} has rate_limit={rate_limit!r}; accepted: a RateLimit, as RateLimit(10, "1s").'
        )
    target = default_queues if registry is None else registry
    if not isinstance(target, QueueRegistry):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise DefinitionError(
            f"{where} has registry={registry!r}; accepted: a QueueRegistry, as the `queues` of a JobRegistry."
        )
    if prefix is not None:
        check_prefix(prefix, f"{where} has prefix=")
    options = check_options(defaults, where=where, others=("concurrency", "rate_limit", "limits", "prefix", "registry"))
    definition = QueueDefinition(name, concurrency, rate_limit, options, place, prefix, check_limits(limits, where))
    target.add(definition)
    return definition


def check_queue_name(name: object, which: str = "") -> None:
    """Raise DefinitionError unless Node and Redis can both use this name; `which` says of what the queue is."""
    if not isinstance(name, str) or not name or ":" in name or not name.isprintable():
        raise DefinitionError(
            f"A queue{which} is named {name!r}; accepted: a non-empty text of printable characters without "
            '":", as in Node.'
        )


def check_prefix(prefix: object, which: str = "") -> None:
    """Raise DefinitionError unless Node and Redis can both use this prefix; `which` says what has it."""
    usable = isinstance(prefix, str) and prefix.isprintable() and " " not in prefix
    if not usable or not prefix or prefix != str(prefix).strip(":"):
        raise DefinitionError(
            f"{which}{prefix!r}; accepted: a non-empty text of printable characters without spaces, without "
            '":" at its beginning or end, such as "bull" or "{emails}".'
        )


def name_of(queue: QueueLike) -> str:
    """Return a queue's name."""
    return queue if isinstance(queue, str) else queue.name
