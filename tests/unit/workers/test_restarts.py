"""When a worker process is started again, and when no more."""

from __future__ import annotations

import pytest

from midday_worker.workers.restarts import RestartPolicy

policy = RestartPolicy(first_s=0.5, longest_s=4, healthy_s=60, tries=3)


def test_the_wait_doubles_up_to_its_longest() -> None:
    assert [policy.delay_s(failures, chance=1) for failures in range(1, 7)] == [0.5, 1, 2, 4, 4, 4]


def test_chance_shortens_the_wait_by_up_to_half() -> None:
    assert [policy.delay_s(2, chance) for chance in (0, 0.5, 1)] == [0.5, 0.75, 1]


def test_the_wait_after_very_many_failures_can_still_be_told() -> None:
    assert policy.delay_s(10_000, chance=1) == 4


@pytest.mark.parametrize(("before", "ready_for_s", "failures"), [(0, 0, 1), (2, 59.9, 3), (2, 60, 1), (0, 3600, 1)])
def test_the_count_begins_anew_after_a_healthy_time(before: int, ready_for_s: float, failures: int) -> None:
    assert policy.failures(before, ready_for_s) == failures


@pytest.mark.parametrize(
    ("failures", "hopeless"), [([3, 3], True), ([3, 4, 7], True), ([3, 2], False), ([9, 0], False)]
)
def test_it_is_hopeless_only_when_no_process_stays_up(failures: list[int], hopeless: bool) -> None:
    assert policy.hopeless(failures) is hopeless
