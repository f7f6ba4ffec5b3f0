"""The verdict on failovers tells what died with a primary from what has no such reason."""

from __future__ import annotations

from tests.soak.failover_verdict import judge_failovers
from tests.soak.ledger import Entry, Kind
from tests.soak.verdict import Remains


def entry(kind: Kind, time: float, job: str = "", *, pid: int = 1, until: float = 0.0, code: int = 0) -> Entry:
    return Entry(kind=kind, time=time, job=job, pid=pid, until=until, code=code, detail="killed")


FAILOVER = entry("failover", 100.0, until=103.0, pid=0)


def ran(job: str, added: float, *starts: float) -> list[Entry]:
    runs = [(entry("started", start, job), entry("done", start + 0.1, job)) for start in starts]
    return [entry("added", added, job, pid=0), *(each for run in runs for each in run)]


def test_what_was_acknowledged_around_a_failover_has_died_with_its_primary() -> None:
    verdict = judge_failovers([FAILOVER, *ran("before", 99.5), *ran("after", 104.0)], Remains(frozenset()))
    assert [line.split()[0] for line in verdict.lost] == ["before", "after"]
    assert verdict.offences == []


def test_what_was_acknowledged_at_another_time_is_lost_without_reason() -> None:
    verdict = judge_failovers([FAILOVER, *ran("early", 90.0), *ran("late", 110.0)], Remains(frozenset()))
    assert verdict.lost == []
    assert verdict.offences == ["early was lost without a failover", "late was lost without a failover"]


def test_a_job_that_ran_and_is_gone_has_its_failover_or_is_an_offence() -> None:
    entries = [FAILOVER, *ran("with", 99.5, 99.6), *ran("without", 50.0, 50.1)]
    verdict = judge_failovers(entries, Remains(frozenset()))
    assert verdict.forgotten == 2
    assert verdict.offences == ["without is gone from Redis without a failover"]


def test_a_job_that_ran_again_has_its_failover_or_is_an_offence() -> None:
    entries = [FAILOVER, *ran("with", 98.0, 99.9, 109.0), *ran("without", 50.0, 50.1, 56.0)]
    verdict = judge_failovers(entries, Remains(frozenset({"with", "without"})))
    assert verdict.repeats == 2
    assert verdict.offences == ["without ran again without a failover: from 50.100 and from 56.000"]


def test_what_is_left_and_who_fell_or_came_back_late_are_offences() -> None:
    entries = [
        entry("launched", 0.0),
        FAILOVER,
        *ran("job", 90.0, 90.1),
        *ran("next", 107.0, 110.0),
        entry("exited", 120.0, code=1),
    ]
    verdict = judge_failovers(entries, Remains(frozenset({"job", "next"}), {"active": ["stuck"]}))
    assert verdict.slowest_return_s == 7.0
    assert verdict.offences == [
        "stuck is still active",
        "worker 1 ended with 1",
        "a worker came back 7.00 s after there was a new primary",
    ]
