"""The verdict: what the ledger and Redis say against the library after a soak. Empty lists are what is hoped for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.soak.excuse import crowded, unexcused
from tests.soak.gaps import gaps
from tests.soak.ledger import Entry
from tests.soak.return_to_work import deaf, delays, services
from tests.soak.runs import runs_of


@dataclass(frozen=True, slots=True)
class Remains:
    """What Redis holds in the end: the completed jobs, and by state the others; and what workers said of schedules."""

    completed: frozenset[str]
    others: Mapping[str, Sequence[str]] = field(default_factory=lambda: {})
    revived: Sequence[str] = ()
    """A line for each schedule that was found dead, and repaired: no disturbance is a reason for that."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found, and some figures."""

    lost: list[str]
    """Acknowledged, but without a run that ended, or not completed in Redis."""
    repeated: list[str]
    crowded: list[str]
    """Jobs of a team that started while another one of it ran."""
    left: list[str]
    """Not completed, in whatever state."""
    fallen: list[str]
    """Workers that ended unasked, or didn't end when asked."""
    deaf: list[str]
    silent: list[str]
    """Schedules that didn't fire, or were dead until a worker found them."""
    fires: int
    """Runs of schedules."""
    added: int
    repeats: int
    """Jobs that ran again, with or without cause."""
    slowest_return_s: float
    """The longest from Redis's return, or a cut, to a worker's next start of a job."""
    returns: int

    @property
    def offences(self) -> list[str]:
        """All that was found."""
        return [*self.lost, *self.repeated, *self.crowded, *self.left, *self.fallen, *self.deaf, *self.silent]


def judge(entries: Sequence[Entry], remains: Remains, lock_s: float, recovery_s: float) -> Verdict:
    """Judge a soak whose locks last `lock_s` seconds, and where a run is found stalled within `recovery_s`."""
    added = [entry.job for entry in entries if entry.kind == "added"]
    runs = runs_of(entries)
    served = services(entries)
    back = [delay for service in served for delay in delays(service)]
    return Verdict(
        lost=_lost(added, {job for job, each in runs.items() if any(run.outcome == "done" for run in each)}, remains),
        repeated=[line for each in runs.values() for line in unexcused(each, entries, lock_s)],
        crowded=crowded([run for each in runs.values() for run in each], entries, lock_s),
        left=[f"{job} is still {state}" for state, jobs in remains.others.items() for job in jobs],
        fallen=_fallen(entries),
        deaf=[line for service in served for line in deaf(service)],
        silent=[*gaps(entries, lock_s, recovery_s), *remains.revived],
        fires=sum(job.startswith("repeat:") for job in runs),
        added=len(set(added)),
        repeats=sum(sum(run.outcome != "raised" for run in each) > 1 for each in runs.values()),
        slowest_return_s=max(back, default=0.0),
        returns=len(back),
    )


def _lost(added: Sequence[str], done: set[str], remains: Remains) -> list[str]:
    twice = [job for job, count in Counter(added).items() if count > 1]
    return [
        *(f"{job} was acknowledged and never ran to its end" for job in added if job not in done),
        *(f"{job} was acknowledged and is not completed in Redis" for job in added if job not in remains.completed),
        *(f"{job} is noted as added twice: the ledger is wrong" for job in twice),
    ]


def _fallen(entries: Sequence[Entry]) -> list[str]:
    killed = {entry.pid for entry in entries if entry.kind == "killed"}
    told = {entry.pid for entry in entries if entry.kind == "told to stop"}
    ended = {entry.pid: entry.code for entry in entries if entry.kind == "exited"}
    return [
        *(f"worker {pid} ended unasked, with {code}" for pid, code in ended.items() if pid not in killed | told),
        *(f"worker {pid} had to be killed after it was told to stop" for pid in sorted(killed & told)),
    ]
