"""The soak's verdict on made-up ledgers: it finds what is wrong, and only that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

import pytest

from tests.soak.ledger import Entry, Ledger, read_ledger
from tests.soak.return_to_work import DEAF_S
from tests.soak.schedule import REDIS_DECK, lane
from tests.soak.verdict import Remains, Verdict, judge

LOCK_S = 4.0
RECOVERY_S = 8.0
FIRST, SECOND, THIRD = 11, 12, 13


def entry(kind: str, time: float, **more: object) -> Entry:
    return Entry(kind=kind, time=time, **more)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - made up here


def run(job: str, pid: int, started: float, ended: float, outcome: str = "done") -> list[Entry]:
    return [entry("started", started, job=job, pid=pid), entry(outcome, ended, job=job, pid=pid)]


def added(*jobs: str) -> list[Entry]:
    return [entry("added", 0.0, job=job) for job in jobs]


def judged(
    entries: Sequence[Entry], completed: Sequence[str] = ("a",), others: Mapping[str, Sequence[str]] | None = None
) -> Verdict:
    return judge(
        sorted(entries, key=lambda each: each.time), Remains(frozenset(completed), others or {}), LOCK_S, RECOVERY_S
    )


def test_a_job_that_ran_once_and_completed_is_no_offence() -> None:
    verdict = judged([*added("a"), *run("a", FIRST, 1, 2)])
    assert (verdict.offences, verdict.added, verdict.repeats) == ([], 1, 0)


def test_a_job_that_never_ran_is_lost() -> None:
    assert judged([*added("a", "b"), *run("a", FIRST, 1, 2)], ["a", "b"]).lost == [
        "b was acknowledged and never ran to its end"
    ]


def test_a_job_whose_only_run_was_cut_short_is_lost() -> None:
    entries = [*added("a"), entry("started", 1, job="a", pid=FIRST), entry("killed", 1.5, pid=FIRST)]
    assert judged(entries).lost == ["a was acknowledged and never ran to its end"]


def test_a_job_that_ran_and_is_not_in_redis_is_lost() -> None:
    assert judged([*added("a"), *run("a", FIRST, 1, 2)], completed=[]).lost == [
        "a was acknowledged and is not completed in Redis"
    ]


@pytest.mark.parametrize("state", ["active", "wait", "delayed", "failed"])
def test_a_job_that_is_left_in_another_state_is_an_offence(state: str) -> None:
    assert judged([*added("a"), *run("a", FIRST, 1, 2)], others={state: ["b"]}).offences == [f"b is still {state}"]


def test_the_next_attempt_after_a_failure_is_no_repeat() -> None:
    verdict = judged([*added("a"), *run("a", FIRST, 1, 2, "raised"), *run("a", SECOND, 3, 4)])
    assert (verdict.offences, verdict.repeats) == ([], 0)


TWICE = [*added("a"), *run("a", FIRST, 10, 11), *run("a", SECOND, 20, 21)]


@pytest.mark.parametrize(
    "nothing_to_do_with_it",
    [
        [],
        [entry("killed", 9, pid=FIRST)],
        [entry("killed", 10.5, pid=SECOND)],
        [entry("killed", 15, pid=FIRST)],  # when its end had long been written down
        [entry("told to stop", 10.5, pid=FIRST)],
        [entry("cut", 10.5)],
        [entry("worker away", 10.5, pid=FIRST, until=13)],  # shorter than the lock lasts
        [entry("worker away", 10.5, pid=SECOND, until=16)],
        [entry("starved", 10.5, pid=SECOND, until=16)],
        [entry("starved", 10.5, pid=0, until=13)],
        [entry("redis away", 10.5, until=13)],
        [entry("redis away", 15, until=25)],
        [entry("redis away", 4, until=9)],
        [entry("redis away", 9, until=11), entry("worker away", 13, pid=FIRST, until=15)],  # a renewal lies between
    ],
    ids=lambda entries: " ".join(f"{each.kind} at {each.time:g}" for each in entries) or "nothing",
)
def test_a_repeat_without_cause_is_an_offence(nothing_to_do_with_it: list[Entry]) -> None:
    verdict = judged([*TWICE, *nothing_to_do_with_it])
    assert verdict.offences == [
        "a ran again without cause: at worker 11 from 10.000 to 11.000 (done), at worker 12 from 20.000"
    ]


@pytest.mark.parametrize(
    "cause",
    [
        [entry("killed", 10.5, pid=FIRST)],
        [entry("killed", 11.1, pid=FIRST)],  # before its end was written down
        [entry("worker away", 10.5, pid=FIRST, until=14.6)],
        [entry("redis away", 10.5, until=15)],
        [entry("starved", 10.5, pid=FIRST, until=14.6)],
        [entry("starved", 10.5, pid=0, until=14.6)],
        [entry("redis away", 9.5, until=11.5), entry("worker away", 11.7, pid=FIRST, until=13.8)],
        [entry("redis away", 11, until=13), entry("killed", 14, pid=FIRST)],  # it could not be written down till then
    ],
    ids=lambda entries: " ".join(f"{each.kind} at {each.time:g}" for each in entries),
)
def test_a_repeat_with_a_cause_is_none(cause: list[Entry]) -> None:
    verdict = judged([*TWICE, *cause])
    assert (verdict.offences, verdict.repeats) == ([], 1)


def test_two_runs_at_once_are_a_repeat_even_if_the_first_raises_in_the_end() -> None:
    entries = [*added("a"), *run("a", FIRST, 10, 14, "raised"), *run("a", SECOND, 12, 13)]
    assert len(judged(entries).repeated) == 1


def test_a_worker_that_ends_unasked_is_an_offence() -> None:
    entries = [*added("a"), *run("a", FIRST, 1, 2), entry("launched", 0.5, pid=FIRST), entry("exited", 3, pid=FIRST)]
    assert judged(entries).offences == ["worker 11 ended unasked, with 0"]
    assert judged([*entries, entry("told to stop", 2.5, pid=FIRST)]).offences == []


def test_a_worker_that_does_not_end_when_told_is_an_offence() -> None:
    entries = [*added("a"), *run("a", FIRST, 1, 2), entry("told to stop", 3, pid=FIRST), entry("killed", 60, pid=FIRST)]
    assert judged(entries).offences == ["worker 11 had to be killed after it was told to stop"]


WORKED = [
    *added("a"),
    entry("launched", 0.2, pid=FIRST),
    entry("up", 0.5, pid=FIRST),
    *run("a", FIRST, 1, 2),
    entry("redis away", 3, until=5),
]


def fed_until(time: float) -> list[Entry]:
    return [*WORKED, entry("added", time, job="b"), *run("b", SECOND, time, time + 1)]


def test_a_worker_that_does_not_work_again_within_five_seconds_is_deaf() -> None:
    back = [*fed_until(30), *added("c", *map(str, range(12, 30)))]
    later = [each for time in range(12, 30) for each in run(str(time), FIRST, time, time + 0.5)]
    done = ["a", "b", "c", *map(str, range(12, 30))]

    def offences(at: float) -> list[str]:
        return judged([*back, *run("c", FIRST, at, at + 0.5), *later], done).offences

    assert DEAF_S == 5
    # Before Redis went, a run of its own had started 2 s ago.
    assert offences(5 + 2.9) == []
    assert offences(5 + 6) == ["worker 11 started nothing from 1.000 to 11.000, undisturbed for 8.0 s of it"]


def test_a_worker_that_never_starts_a_job_is_deaf() -> None:
    entries = [*added("a", "b"), entry("launched", 0.2, pid=FIRST), *run("a", SECOND, 1, 2), *run("b", SECOND, 9, 10)]
    late = [*entries, entry("added", 15, job="d"), *run("d", SECOND, 15, 16)]
    assert judged([*entries, entry("up", 8, pid=FIRST)], ["a", "b"]).offences == []
    assert len(judged([*late, entry("up", 8, pid=FIRST)], ["a", "b", "d"]).deaf) == 1
    assert len(judged(late, ["a", "b", "d"]).deaf) == 0  # it may take its time to load
    later = [*late, entry("added", 30, job="e"), *run("e", SECOND, 30, 31)]
    assert len(judged(later, ["a", "b", "d", "e"]).deaf) == 1


def test_a_worker_that_has_nothing_to_do_yet_is_not_deaf() -> None:
    launched = [entry("launched", 0.2, pid=FIRST), entry("up", 0.5, pid=FIRST)]
    late = [
        entry("added", 20, job="a"),
        *run("a", FIRST, 20, 21),
        entry("added", 22, job="b"),
        *run("b", FIRST, 22, 23),
    ]
    assert judged([*launched, *late], ["a", "b"]).offences == []


@pytest.mark.parametrize(("pid", "is_deaf"), [(FIRST, False), (0, False), (SECOND, True)])
def test_a_worker_is_not_deaf_while_its_process_or_the_proxy_is_not_scheduled(pid: int, is_deaf: bool) -> None:
    entries = [*fed_until(11), entry("starved", 6, pid=pid, until=10)]
    assert bool(judged(entries, ["a", "b"]).deaf) is is_deaf


def test_a_worker_is_not_deaf_while_it_or_redis_is_away() -> None:
    assert judged(fed_until(7.9), ["a", "b"]).offences == []
    away = entry("worker away", 6, pid=FIRST, until=19)
    assert judged([*fed_until(20), away], ["a", "b"]).offences == []


def test_the_slowest_return_to_work_is_measured_from_redis_return() -> None:
    entries = [*fed_until(12), entry("added", 0, job="c"), *run("c", FIRST, 7.5, 8)]
    verdict = judged(entries, ["a", "b", "c"])
    assert verdict.offences == []
    assert (verdict.slowest_return_s, verdict.returns) == (2.5, 1)


def fired(*times: float, schedule: str = "tick-1") -> list[Entry]:
    return [each for time in times for each in run(f"repeat:{schedule}:{time:g}", FIRST, time, time + 0.1)]


def silent(*entries: Entry, until: float = 20) -> list[str]:
    made = [entry("up", 0, pid=THIRD), entry("scheduled", 0, job="tick-1"), entry("unscheduled", until, job="tick-1")]
    verdict = judged([*made, *entries], [])
    assert verdict.offences == verdict.silent
    return verdict.silent


def test_a_schedule_that_fires_until_its_end_is_no_offence() -> None:
    assert silent(*fired(1, 9, 12, 20)) == []
    assert judged([*added("a"), *run("a", FIRST, 1, 2)]).silent == []


def test_a_schedule_that_falls_silent_is_an_offence() -> None:
    assert silent(*fired(1, 7, 12), *fired(16, 20, schedule="tick-10"), until=20.1) == [
        "schedule tick-1 did not fire from 12.000 to 20.100, undisturbed for 8.1 s of it"
    ]
    assert len(silent()) == 1
    assert len(silent(*fired(1, 10, 15, 20))) == 1  # for a while


@pytest.mark.parametrize(
    ("happened", "is_excused"),
    [
        ([entry("cut", 3)], False),
        ([entry("told to stop", 3, pid=FIRST)], False),
        ([entry("redis away", 3, until=3.9)], False),
        ([entry("redis away", 3, until=4)], True),
        ([entry("redis away", 3, until=6.1)], True),
        ([entry("worker away", 3, pid=SECOND, until=4), entry("starved", 3, until=4)], True),
        ([entry("killed", 3, pid=FIRST)], True),
        ([entry("told to stop", 3, pid=THIRD), entry("up", 4, pid=SECOND)], True),
        ([entry("up", 2.5, pid=SECOND), entry("told to stop", 3, pid=THIRD)], False),
    ],
)
def test_the_silence_of_a_schedule_is_excused_by_what_keeps_its_run_from_starting(
    happened: list[Entry], *, is_excused: bool
) -> None:
    assert bool(silent(*fired(2, 11), *happened, until=12)) is not is_excused


def test_a_schedule_that_had_to_be_repaired_is_an_offence_however_soon_it_fires_again() -> None:
    remains = Remains(frozenset(), revived=["schedule tick-1 of queue soak-ticks had lost its next run"])
    assert judge([], remains, LOCK_S, RECOVERY_S).offences == [
        "schedule tick-1 of queue soak-ticks had lost its next run"
    ]


def test_a_run_that_starts_twice_doesn_t_stand_for_a_later_one() -> None:
    again = [entry("killed", 2.05, pid=FIRST), *run("repeat:tick-1:2", SECOND, 11, 12)]
    assert len(silent(entry("started", 2, job="repeat:tick-1:2", pid=FIRST), *again, *fired(19), until=20)) == 1


def test_what_processes_note_is_read_in_the_order_of_time(tmp_path: Path) -> None:
    one, other = Ledger(tmp_path / "one.jsonl"), Ledger(tmp_path / "other.jsonl")
    one.note("added", 2.0, job="a")
    other.note("added", 1.0, job="b")
    one.note("launched", 3.0, pid=FIRST)
    one.close()
    other.close()
    assert [(each.kind, each.job, each.time) for each in read_ledger(tmp_path)] == [
        ("added", "b", 1.0),
        ("added", "a", 2.0),
        ("launched", "", 3.0),
    ]


def test_the_same_seed_disturbs_in_the_same_way() -> None:
    first, again, other = (list(islice(lane(REDIS_DECK, seed, LOCK_S), 30)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert {each.kind for each in first} == {kind for kind, *_ in REDIS_DECK}
