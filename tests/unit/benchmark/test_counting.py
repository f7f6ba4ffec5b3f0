"""What counting costs, of the times at which jobs ended."""

from __future__ import annotations

import pytest

from scripts.benchmark.items.counting import WARM_UP, share
from scripts.benchmark.ledger import Entry


def test_turns_with_and_without_are_told_apart() -> None:
    turn, now = 4, 0
    entries: list[Entry] = []
    for number in range(turn * (WARM_UP + 40)):
        which = number // turn
        if which < WARM_UP:
            now += 70 if which % 2 else 1_000
        else:
            now += 125 if which % 2 else 100  # counted, every second one
        if which == WARM_UP + 10:
            now += 10_000  # the machine was busy with something else
        entries.append(Entry(number, now - 1, now))
    assert share(entries[::-1], turn) == pytest.approx(0.8)
