"""How the goals come out."""

from __future__ import annotations

from scripts.benchmark.figures import Figure, Results
from scripts.benchmark.goals import Outcome, outcomes, table

SPEED = ("W1", "concurrency 50", "jobs/s")


def found(**medians: float) -> dict[str, Outcome]:
    results = Results()
    for name, value in medians.items():
        results.add(name.replace("_", "-"), [Figure(*SPEED, value)])
    return {outcome.what: outcome for outcome in outcomes(results)}


def test_a_goal_is_a_ratio_of_medians() -> None:
    assert found(ours=900, node=1_000, raw=100) == {
        "W1 concurrency 50, against node": Outcome("W1 concurrency 50, against node", 0.9, 1.0),
        "W1 concurrency 50, against raw": Outcome("W1 concurrency 50, against raw", 9.0, 6.0),
    }
    assert not found(ours=900, node=1_000)["W1 concurrency 50, against node"].reached
    assert found(ours=1_000, node=1_000)["W1 concurrency 50, against node"].reached


def test_of_other_libraries_the_fastest_counts() -> None:
    what = "W1 concurrency 50, against the fastest other Python library, taskiq-stream"
    assert found(ours=900, arq=100, taskiq_stream=300, engine=0)[what].found == 3


def test_a_million_that_wait_are_compared_with_none() -> None:
    results = Results()
    for state, value in (("no others", 1_000), ("1,000,000 waiting", 800)):
        results.add("ours", [Figure("W7", f"{state}: processing", "jobs/s", value)])
    assert outcomes(results) == [Outcome("W7 a million waiting, processing", 0.8, 0.9)]


def test_what_counting_costs_is_found_within_one_process() -> None:
    results = Results()
    results.add("switched", [Figure("W1", "metrics on, of off", "%", 90)])
    assert outcomes(results) == [Outcome("W1 concurrency 50, metrics on, of off", 0.9, 0.97)]
    assert found(ours=1_000, metered=900) == {}, "two processes differ by more than it costs"


def test_the_time_without_waiters_is_compared_with_that_with_them() -> None:
    results = Results()
    results.add("ours", [Figure("W9", "nobody waits", "ms", 500), Figure("W9", "2,000 wait", "ms", 625)])
    assert outcomes(results) == [Outcome("W9 the time without waiters, of that with them", 0.8, 0.91)]


def test_what_was_not_measured_has_no_outcome() -> None:
    assert outcomes(Results()) == []


def test_the_table_says_what_was_missed() -> None:
    assert table([Outcome("this", 0.5, 1.0), Outcome("that", 1.0, 0.85)])[2:] == [
        "| this | 0.50x | 1x | missed |",
        "| that | 1.00x | 0.85x | reached |",
    ]
