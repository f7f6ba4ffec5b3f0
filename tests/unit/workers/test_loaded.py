"""What is loaded as work begins is kept out of the garbage collector's sight, and nothing that comes later."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from midday_worker.workers.service import keep_loaded


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_what_is_loaded_is_not_looked_at_again() -> None:
    keep_loaded()
    assert gc.get_freeze_count() > 10_000


def test_a_second_service_of_the_process_keeps_nothing_more() -> None:
    keep_loaded()
    before = gc.get_freeze_count()
    made: list[list[int]] = [[] for _ in range(1_000)]
    keep_loaded()
    assert len(made) == 1_000
    assert gc.get_freeze_count() <= before
