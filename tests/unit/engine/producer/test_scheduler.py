"""When a schedule's runs are due."""

from __future__ import annotations

import pytest

from midday_worker.engine.producer.scheduler import fires_at_ms, next_run_ms


def test_a_runs_id_says_when_it_is_due() -> None:
    assert fires_at_ms("repeat:welcome-u1:1700000000123") == 1_700_000_000_123


@pytest.mark.parametrize(
    ("now_ms", "next_ms"), [(1_000, 1_300), (1_300, 1_300), (1_301, 1_600), (1_899, 1_900), (1_900, 2_200)]
)
def test_runs_that_were_missed_are_left_out(now_ms: int, next_ms: int) -> None:
    assert next_run_ms(1_000, 300, now_ms) == next_ms
