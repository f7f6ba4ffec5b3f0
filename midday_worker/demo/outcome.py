"""The outcome: what Redis, the disk and the database hold at the end, and how that differs from what was expected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, select

from midday_worker.admin import JobSnapshot, read_jobs
from midday_worker.demo.expectation import Expectation
from midday_worker.demo.feed import Fed
from midday_worker.demo.orders import fulfil_order_job
from midday_worker.demo.stage import Stage
from midday_worker.jobs.models import Team


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out.

    Attributes:
        jobs: how many of each name are in which state.
        emails: how many files of each kind there are.
        teams: how many rows.
        paid: the sum over the results of all fulfilled orders.
        failures: each failed job's reason, by name and id.
        retried: how many jobs completed after a failed attempt.
    """

    jobs: Counter[tuple[str, str]]
    emails: Counter[str]
    teams: int
    paid: Decimal
    failures: dict[tuple[str, str], str]
    retried: int


async def read_outcome(stage: Stage, queues: Iterable[str]) -> Outcome:
    """Read it all."""
    jobs = [job for queue in queues for job in await read_jobs(stage.client.queue(queue))]
    async with stage.database.session() as session:
        teams = await session.scalar(select(func.count()).select_from(Team))
    completed = [job for job in jobs if job.state == "completed"]
    return Outcome(
        jobs=Counter((job.name, job.state) for job in jobs),
        emails=Counter(path.name.partition(".")[0] for path in stage.mail.glob("*.eml")),
        teams=teams or 0,
        paid=sum(map(_paid, completed), Decimal(0)),
        failures={(job.name, job.id): job.failed_reason or "" for job in jobs if job.state == "failed"},
        retried=sum(job.attempts > 1 for job in completed),
    )


def _paid(job: JobSnapshot) -> Decimal:
    return fulfil_order_job.parse_result(job.result).paid if job.name == fulfil_order_job.id else Decimal(0)


def differences(expected: Expectation, outcome: Outcome, fed: Fed) -> list[str]:
    """Return, in words, everything that isn't as it should be."""
    failing = {job_id for name, job_id in outcome.failures if name in ("sign-up", "place-order")}
    found = [
        *_counts("jobs", _named(expected.jobs), _named(outcome.jobs)),
        *_counts("e-mails", expected.emails, outcome.emails),
        *_counts("database rows", {"teams": expected.teams}, {"teams": outcome.teams}),
        *_lines("refused line", set(map(str, expected.refused)), set(map(str, fed.refused))),
        *_lines("failed job of an invalid line", set(expected.failing), failing),
    ]
    if outcome.paid != expected.paid:
        found.append(f"orders paid: {outcome.paid}, expected {expected.paid}")
    return found


def _named(jobs: Mapping[tuple[str, str], int]) -> dict[str, int]:
    return {f"{name} {state}": count for (name, state), count in jobs.items()}


def _counts(what: str, expected: Mapping[str, int], found: Mapping[str, int]) -> Iterator[str]:
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name, 0) != found.get(name, 0):
            yield f"{what}: {found.get(name, 0)} {name}, expected {expected.get(name, 0)}"


def _lines(what: str, expected: set[str], found: set[str]) -> Iterator[str]:
    yield from (f"{what} {name}: missing" for name in sorted(expected - found))
    yield from (f"{what} {name}: not expected" for name in sorted(found - expected))
