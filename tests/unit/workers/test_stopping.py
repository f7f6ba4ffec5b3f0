"""One signal drains, two force."""

from __future__ import annotations

import pytest

from midday_worker.workers import stopping
from midday_worker.workers.stopping import SAME_SIGNAL_S, Stopping


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        """The time, in seconds."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(stopping, "time", clock)
    return clock


def test_a_second_signal_forces(clock: Clock) -> None:
    told = Stopping()
    told.signal()
    assert (told.asked.is_set(), told.forced.is_set()) == (True, False)
    clock.now += SAME_SIGNAL_S + 0.01
    told.signal()
    assert told.forced.is_set()


def test_one_that_arrives_twice_at_once_is_one(clock: Clock) -> None:
    """As when a parent forwards the Ctrl-C that its whole process group has received."""
    told = Stopping()
    told.signal()
    clock.now += SAME_SIGNAL_S / 2
    told.signal()
    assert not told.forced.is_set()


def test_forcing_asks_too() -> None:
    told = Stopping()
    told.force()
    assert (told.asked.is_set(), told.forced.is_set()) == (True, True)
