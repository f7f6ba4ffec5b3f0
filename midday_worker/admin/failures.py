"""The failed jobs of a queue, chosen by job, reason and time; a page of them at a time, whatever their number."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import Final, cast

from midday_worker.admin.queue_acts import BATCH
from midday_worker.admin.reason import common_reason, is_about, names_cancelled
from midday_worker.engine.producer.queue import Queue
from midday_worker.errors import CANCELLED

_EVER: Final = "-inf"
_NOW: Final = "+inf"
_PAGE: Final = """
local prefix, first, last, start, size = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local left = redis.call("ZCOUNT", KEYS[1], first, last) - start
if left <= 0 then return {} end
local command, before = "ZRANGE", {"-inf", "(" .. first}
if ARGV[6] == "newest" then command, before = "ZREVRANGE", {"(" .. last, "+inf"} end
local from = redis.call("ZCOUNT", KEYS[1], unpack(before)) + start
local scored = redis.call(command, KEYS[1], from, from + math.min(size, left) - 1, "WITHSCORES")
local found = {}
for place = 1, #scored, 2 do
  local fields = redis.pcall("HMGET", prefix .. scored[place], "name", "failedReason")
  found[#found + 1] = {scored[place], scored[place + 1], fields.err and "no hash" or fields}
end
return found
"""
"""A page in one command: a command for each job would take twenty times as long. What is no hash hides no other.

By rank: Redis walks to a place among the scores step by step, and among a million jobs that takes longer than the rest.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedJob:
    """A job that failed for good.

    Attributes:
        id: its id.
        name: the job's name.
        reason: its failed reason.
        failed_ms: when, in epoch milliseconds.
        readable: whether what is stored in its place is a job at all.
    """

    id: str
    name: str
    reason: str
    failed_ms: int
    readable: bool = True

    @property
    def cancelled(self) -> bool:
        """Whether it has not failed by itself: somebody cancelled it."""
        return self.reason.startswith(CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureChoice:
    """Which failed jobs are meant; all that weren't cancelled, if nothing is given.

    Attributes:
        job: only jobs of this name.
        reason: only those whose reason holds this text, or is of this kind (`common_reason`).
        since_ms: only those that failed at this time or later, in epoch milliseconds.
        until_ms: only those that failed at this time or before.
        cancelled: also those that somebody cancelled, which BullMQ keeps among the failed ones. A `reason` that begins
            with "cancelled" means them too.
    """

    job: str | None = None
    reason: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    cancelled: bool = False

    @property
    def by_time_alone(self) -> bool:
        """Whether no job need be read to know whether it is meant."""
        return self.job is None and self.reason is None and self.cancelled

    @property
    def span(self) -> tuple[str, str]:
        """First and last time, as Redis takes scores."""
        return (
            _EVER if self.since_ms is None else str(self.since_ms),
            _NOW if self.until_ms is None else str(self.until_ms),
        )

    def means(self, job: FailedJob) -> bool:
        """Return whether a job that failed in the span is meant."""
        return self._matches(job) and (not job.cancelled or self._takes_cancelled)

    def leaves_out(self, job: FailedJob) -> bool:
        """Return whether a job that failed in the span is not meant only because it was cancelled."""
        return self._matches(job) and job.cancelled and not self._takes_cancelled

    def _matches(self, job: FailedJob) -> bool:
        if self.job is not None and job.name != self.job:
            return False
        return self.reason is None or is_about(job.reason, self.reason)

    @property
    def _takes_cancelled(self) -> bool:
        return self.cancelled or names_cancelled(self.reason or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedCount:
    """How many failed jobs are meant, and how many would be but for having been cancelled."""

    matching: int
    cancelled: int


@dataclass(slots=True, kw_only=True)
class FailureGroup:
    """Jobs of one name that failed for the same reason.

    Attributes:
        queue: their queue's name.
        job: their name.
        reason: what their reasons have in common.
        count: how many there are.
        oldest_ms: when the first one failed, of those that were looked at.
        newest_ms: when the last one failed, in epoch milliseconds.
        newest_id: its id.
        cancelled: whether somebody cancelled them.
    """

    queue: str
    job: str
    reason: str
    count: int
    oldest_ms: int
    newest_ms: int
    newest_id: str
    cancelled: bool


@dataclass(frozen=True, slots=True)
class Failures:
    """A queue's failed jobs in groups, in the order of `by_reason`.

    `looked_at` is how many were looked at for it, `total` how many there are.
    """

    groups: tuple[FailureGroup, ...]
    looked_at: int
    total: int


async def group_failures(queue: Queue, choice: FailureChoice, most: int) -> Failures:
    """Return failed jobs grouped by name and reason.

    Args:
        queue: their queue.
        choice: which.
        most: how many are looked at, the newest.
    """
    groups: dict[tuple[str, str, bool], FailureGroup] = {}
    looked_at = 0
    async for page in read_failed(queue, choice, most):
        looked_at += len(page)
        for job in filter(choice.means, page):
            reason = common_reason(job.reason)
            newest = FailureGroup(
                queue=queue.name,
                job=job.name,
                reason=reason,
                count=0,
                oldest_ms=job.failed_ms,
                newest_ms=job.failed_ms,
                newest_id=job.id,
                cancelled=job.cancelled,
            )
            group = groups.setdefault((job.name, reason, job.cancelled), newest)
            group.count += 1
            group.oldest_ms = job.failed_ms  # the newest come first
    return Failures(tuple(by_reason(groups.values())), looked_at, await count_span(queue, choice))


def by_reason(groups: Iterable[FailureGroup]) -> list[FailureGroup]:
    """Return groups with those of one reason together: the most frequent reason first, what was cancelled last."""
    listed, totals = list(groups), Counter[tuple[bool, str]]()
    for group in listed:
        totals[group.cancelled, group.reason] += group.count

    def place(group: FailureGroup) -> tuple[bool, int, str, int, int]:
        total = totals[group.cancelled, group.reason]
        return group.cancelled, -total, group.reason, -group.count, -group.newest_ms

    return sorted(listed, key=place)


async def count_failed(queue: Queue, choice: FailureChoice) -> FailedCount:
    """Return how many jobs are meant; each is read, unless they are chosen by time alone."""
    if choice.by_time_alone:
        return FailedCount(matching=await count_span(queue, choice), cancelled=0)
    matching = cancelled = 0
    async for page in read_failed(queue, choice):
        matching += sum(map(choice.means, page))
        cancelled += sum(map(choice.leaves_out, page))
    return FailedCount(matching=matching, cancelled=cancelled)


async def count_span(queue: Queue, choice: FailureChoice) -> int:
    """Return how many jobs failed in the choice's span of time."""
    async with queue.bounded(f"count the failed jobs of queue {queue.name}"):
        return cast("int", await queue.ask("ZCOUNT", queue.keys["failed"], *choice.span))


async def read_failed(
    queue: Queue, choice: FailureChoice, most: int | None = None
) -> AsyncGenerator[list[FailedJob], None]:
    """Yield the jobs of the choice's span of time by the thousand, the newest first, at most `most`."""
    read = 0
    while most is None or read < most:
        size = BATCH if most is None else min(BATCH, most - read)
        page = await failed_page(queue, choice, read, size, newest_first=True)
        if page:
            yield page
        read += len(page)
        if len(page) < size:
            return


async def failed_page(
    queue: Queue, choice: FailureChoice, start: int, size: int, *, newest_first: bool = False
) -> list[FailedJob]:
    """Return the jobs of the choice's span of time from the place `start` on."""
    first, last = choice.span
    order = "newest" if newest_first else "oldest"
    async with queue.bounded(f"read failed jobs of queue {queue.name}"):
        found = await queue.ask("EVAL", _PAGE, 1, queue.keys["failed"], queue.keys[""], first, last, start, size, order)
    return [_job(*entry) for entry in cast("list[tuple[str, str, object]]", found)]


def _job(job_id: str, score: str, stored: object) -> FailedJob:
    failed_ms = int(float(score))
    if not isinstance(stored, list):
        reason = "What is stored in the job's place is no job"
        return FailedJob(id=job_id, name="", reason=reason, failed_ms=failed_ms, readable=False)
    name, failed_reason = cast("list[str | None]", stored)
    return FailedJob(id=job_id, name=name or "", reason=failed_reason or "", failed_ms=failed_ms)
