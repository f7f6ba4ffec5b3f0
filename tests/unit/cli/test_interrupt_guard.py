"""Ctrl-C while a command goes through many jobs."""

from __future__ import annotations

import signal

import pytest

from midday_worker.cli.interrupt_guard import InterruptGuard


def test_the_first_ctrl_c_is_obeyed_at_the_next_check() -> None:
    with InterruptGuard() as guard:
        guard.check()
        signal.raise_signal(signal.SIGINT)
        assert guard.said(1_000) == "1,000"
        with pytest.raises(KeyboardInterrupt):
            guard.check()


def test_a_second_one_interrupts_at_once_and_then_a_count_is_the_least_that_was_done() -> None:
    guard = InterruptGuard()
    with pytest.raises(KeyboardInterrupt), guard:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    assert guard.said(1_000) == "at least 1,000"


def test_after_its_block_ctrl_c_is_what_it_was() -> None:
    before = signal.getsignal(signal.SIGINT)
    with InterruptGuard():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) is before


def test_of_a_batch_that_redis_broke_off_a_count_is_the_least_that_was_done() -> None:
    guard = InterruptGuard()
    guard.break_off()
    assert guard.said(1_000) == "at least 1,000"
