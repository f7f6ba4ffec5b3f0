"""Medians and ratios."""

from __future__ import annotations

import pytest

from scripts.benchmark.figures import Figure, Results, Row, percentile

SPEED = Row("W1", "concurrency 1", "jobs/s")
DELAY = Row("W4", "p50", "ms")


@pytest.fixture
def results() -> Results:
    found = Results()
    for value in (100.0, 900.0, 300.0):
        found.add("ours", [Figure("W1", "concurrency 1", "jobs/s", value)])
    for value in (100.0, 200.0):
        found.add("node", [Figure("W1", "concurrency 1", "jobs/s", value), Figure("W4", "p50", "ms", 3.0)])
    found.add("ours", [Figure("W4", "p50", "ms", 2.0)])
    return found


def test_a_median_is_that_of_all_rounds(results: Results) -> None:
    assert results.median(SPEED, "ours") == 300
    assert results.median(SPEED, "node") == 150
    assert results.median(SPEED, "raw") is None


def test_a_ratio_says_how_many_times_better_it_is_whatever_the_unit(results: Results) -> None:
    assert results.ratio(SPEED, "ours", "node") == 2
    assert results.ratio(DELAY, "ours", "node") == 1.5
    assert results.ratio(SPEED, "ours", "raw") is None


def test_rows_come_by_item_and_can_be_chosen_by_it(results: Results) -> None:
    results.add("ours", [Figure("W1", "concurrency 10", "jobs/s", 1.0)])
    assert results.rows() == [SPEED, Row("W1", "concurrency 10", "jobs/s"), DELAY]
    assert results.only(["W4"]).rows() == [DELAY]


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 2), (51, 3), (99, 4), (100, 4)])
def test_a_percentile_is_one_of_the_values(percent: float, value: int) -> None:
    assert percentile([4, 1, 3, 2], percent) == value
