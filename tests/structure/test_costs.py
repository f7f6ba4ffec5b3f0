"""What a trigger and a job cost, in instructions: clocks lie on a machine that others use too."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import pytest

from tests.structure.costs import job_cost, trigger_cost
from tests.structure.meters import Instructions, can_count_instructions

JOBS: Final = 600
TRIGGER: Final = 169_000
JOB: Final = 470_000
"""Of CPython 3.11 with what requirements/dev.txt names. Who makes them fewer writes it here; more needs a reason."""


@pytest.mark.long
@pytest.mark.skipif(not can_count_instructions(), reason="valgrind counts them, which isn't a Python package")
@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="other versions of CPython take others")
def test_a_trigger_and_a_job_take_no_more_instructions_than_they_did(tmp_path: Path) -> None:
    meter = Instructions(tmp_path)
    assert trigger_cost(meter, JOBS, tmp_path).own < TRIGGER * 1.05
    assert job_cost(meter, JOBS, tmp_path).own < JOB * 1.05
