"""Preflight: which of the jobs that Redis holds would fail in this code, as their payloads are of another form."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from midday_worker.client.client import JobClient
from midday_worker.definition.registry import JobRegistry
from midday_worker.engine.inspection.stored_jobs import (
    PLACES,
    START,
    Place,
    StoredJob,
    count_stored_jobs,
    read_stored_ids,
    read_stored_jobs,
)
from midday_worker.engine.producer.queue import Queue
from midday_worker.errors import FieldProblem, InvalidInputError, PayloadError

MOST_IDS: Final = 5
"""How many jobs of each reason are named."""

MOST_REASONS: Final = 1_000
"""So many are told apart: a path may hold a mapping's keys, which may be others in each job."""
OTHER_REASONS: Final = "other reasons, which are too many to be told apart"
_LONGEST_REASON: Final = 2_000

_INDEX: Final = re.compile(r"(?<![^.])\d+(?![^.])")
"""A place in a list: problems at different ones are one kind."""


@dataclass(slots=True)
class Failing:
    """Jobs that would fail for one reason.

    Attributes:
        queue: their queue.
        job: their name.
        reason: what is wrong, by the paths of fields, and no values.
        count: how many.
        ids: of a few of them; a schedule's is its own, and all its runs would fail.
    """

    queue: str
    job: str
    reason: str
    count: int = 0
    ids: list[str] = field(default_factory=lambda: [])


@dataclass(slots=True)
class Report:
    """What was found.

    Attributes:
        checked: how many jobs and schedules were read.
        failing: those that would fail, most first.
        versions: how many have a payload of each version, by job.
        newer: how many of each job are of a newer version than this code knows, which it parks.
        unknown: how many have a name that this code doesn't handle, by queue and name.
        resume: where to go on, if not all was read in time.
    """

    checked: int = 0
    failing: list[Failing] = field(default_factory=lambda: [])
    versions: Counter[tuple[str, int]] = field(default_factory=lambda: Counter())
    newer: Counter[str] = field(default_factory=lambda: Counter())
    unknown: Counter[tuple[str, str]] = field(default_factory=lambda: Counter())
    resume: str | None = None


class Preflight:
    """Reads what may still run in the queues of a registry's handlers, without writing, in bounded memory.

    Args:
        client: where to read.
        registry: the code.
        queues: only these.
        sample: at most so many of each state of each queue.
    """

    def __init__(
        self, client: JobClient, registry: JobRegistry, queues: Sequence[str] = (), sample: int | None = None
    ) -> None:
        for definition in registry:
            definition.check_versions()
        handled = sorted({definition.queue for definition in registry.handled()})
        if unknown := [name for name in queues if name not in handled]:
            raise InvalidInputError(f"No job of queue {unknown[0]} is handled here. Queues: {', '.join(handled)}.")
        self._client = client
        self._registry = registry
        self._spots: list[tuple[str, Place]] = [
            (queue, place) for queue in handled if not queues or queue in queues for place in PLACES
        ]
        self._sample = sample
        self._failing: dict[tuple[str, str, str], Failing] = {}
        self._report = Report()

    async def count(self) -> int:
        """Return how many jobs and schedules there are to be read."""
        counts = await asyncio.gather(*(count_stored_jobs(self._queue(queue), place) for queue, place in self._spots))
        return sum(counts if self._sample is None else (min(each, self._sample) for each in counts))

    async def run(
        self,
        resume: str | None = None,
        within_s: float | None = None,
        on_progress: Callable[[int], None] = lambda checked: None,
    ) -> Report:
        """Read and judge all; or what is read within some seconds, from where an earlier one has ended.

        Args:
            resume: an earlier report's.
            within_s: how long to read.
            on_progress: called after each page with how many were read.
        """
        end = None if within_s is None else time.monotonic() + within_s
        first, cursor = self._position(resume)
        for number in range(first, len(self._spots)):
            queue, place = self._spots[number]
            at: str | None = cursor if number == first else START
            taken = 0
            while at is not None and (self._sample is None or taken < self._sample):
                if end is not None and time.monotonic() >= end:
                    self._report.resume = json.dumps([queue, place, at])
                    return self._done()
                ids, at = await read_stored_ids(self._queue(queue), place, at)
                wanted = ids if self._sample is None else ids[: self._sample - taken]
                taken += len(wanted)
                async for job in read_stored_jobs(self._queue(queue), place, wanted):
                    self._judge(queue, job)
                on_progress(self._report.checked)
        return self._done()

    def _queue(self, name: str) -> Queue:
        return self._client.queue(self._registry.queues.get(name))

    def _position(self, resume: str | None) -> tuple[int, str]:
        if resume is None:
            return 0, START
        try:
            queue, place, cursor = cast("list[str]", json.loads(resume))
            int(cursor)
            return self._spots.index((queue, cast("Place", place))), cursor
        except (ValueError, TypeError):
            raise InvalidInputError(f"{resume!r} is not where a preflight of these queues ended.") from None

    def _judge(self, queue: str, job: StoredJob) -> None:
        self._report.checked += 1
        if not job.may_run:
            return
        if not job.readable:
            self._note(queue, job, "what is stored can't be read")
            return
        definition = self._registry.find(job.name)
        if definition is None or not definition.has_handler:
            self._report.unknown[queue, job.name] += 1
            return
        self._report.versions[job.name, job.version] += 1
        if job.version > definition.version:
            self._report.newer[job.name] += 1
            return
        try:
            definition.runner.parse(job.data, job.version)
        except PayloadError as error:
            found = (FieldProblem(_INDEX.sub("*", each.path), each.message) for each in error.problems)
            self._note(queue, job, "; ".join(dict.fromkeys(map(str, found))))
        except Exception as error:  # a validator of the user's may raise anything, whose text may hold values
            self._note(queue, job, f"its validation raised {type(error).__name__}")

    def _note(self, queue: str, job: StoredJob, reason: str) -> None:
        reason = reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON]} ..."
        if len(self._failing) >= MOST_REASONS and (queue, job.name, reason) not in self._failing:
            reason = OTHER_REASONS
        kind = self._failing.setdefault((queue, job.name, reason), Failing(queue, job.name, reason))
        kind.count += 1
        if len(kind.ids) < MOST_IDS:
            kind.ids.append(job.id)

    def _done(self) -> Report:
        self._report.failing = sorted(self._failing.values(), key=lambda each: (-each.count, each.queue, each.job))
        return self._report
