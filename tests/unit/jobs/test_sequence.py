"""Timing and variants, without any job."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from midday_worker.jobs.onboarding import Timing, variant_for

DAY_MS = 86_400_000


def test_every_spelling_of_a_delay_is_the_same_timing() -> None:
    """Milliseconds, a text, a `timedelta`."""
    assert Timing(get_started="1d") == Timing(get_started=DAY_MS) == Timing(get_started=timedelta(days=1))


def test_a_timing_comes_back_from_json_as_it_was() -> None:
    """It travels in payloads."""
    timing = Timing(get_started="90m", trial_ended=timedelta(hours=1))
    assert Timing.model_validate_json(timing.model_dump_json(by_alias=True)) == timing


def test_a_timing_says_on_the_wire_that_it_takes_numbers_and_texts() -> None:
    """Its JSON Schema is what other languages see."""
    schema = Timing.model_json_schema(by_alias=True)
    kinds = [kind["type"] for kind in schema["properties"]["getStarted"]["anyOf"]]
    assert kinds == ["integer", "string"]


@pytest.mark.parametrize(("factor", "expected"), [(1 / 86_400, 3_000), (2, 6 * DAY_MS), (0, 0)])
def test_a_scaled_timing_keeps_its_proportions(factor: float, expected: int) -> None:
    """A day passes in a second."""
    scaled = Timing().scaled(factor)
    assert scaled.get_started == expected
    assert scaled.trial_ended == expected * 10
    assert scaled.welcome == 0


def test_a_timing_cannot_run_backwards() -> None:
    """Nor be scaled so that it does."""
    with pytest.raises(ValidationError, match="can't be negative"):
        Timing().scaled(-1)


@given(st.text())
def test_any_user_id_has_a_variant_and_keeps_it(user_id: str) -> None:
    """Whatever ids look like."""
    assert variant_for(user_id) in {"a", "b"}
    assert variant_for(user_id) == variant_for(user_id)


@pytest.mark.process
def test_the_variant_is_the_same_in_every_process() -> None:
    """Python's own hash() is seeded anew in each; pinned, so that a change of the hash is seen."""
    users = [f"user_{number}" for number in range(8)]
    here = "".join(map(variant_for, users))
    code = f"from midday_worker.jobs.onboarding import variant_for; print(''.join(map(variant_for, {users})))"
    there = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    assert there.stdout.strip() == here == "aabbbaba"


def test_half_of_the_users_are_on_each_side() -> None:
    """Near enough, over ten thousand of them."""
    share = sum(variant_for(f"user_{number}") == "b" for number in range(10_000)) / 10_000
    assert share == pytest.approx(0.5, abs=0.02)
