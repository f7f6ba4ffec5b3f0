"""Ctrl-C while a command goes through many jobs."""

from __future__ import annotations

import signal

import pytest

from midday_worker.cli.admin.interrupt_guard import InterruptGuard


def test_the_first_ctrl_c_is_obeyed_at_the_next_check() -> None:
    with InterruptGuard() as brake:
        brake.check()
        signal.raise_signal(signal.SIGINT)
        assert brake.said(1_000) == "1,000"
        with pytest.raises(KeyboardInterrupt):
            brake.check()


def test_a_second_one_interrupts_at_once_and_then_a_count_is_the_least_that_was_done() -> None:
    brake = InterruptGuard()
    with pytest.raises(KeyboardInterrupt), brake:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    assert brake.said(1_000) == "at least 1,000"


def test_after_its_block_ctrl_c_is_what_it_was() -> None:
    before = signal.getsignal(signal.SIGINT)
    with InterruptGuard():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) is before


def test_of_a_batch_that_redis_broke_off_a_count_is_the_least_that_was_done() -> None:
    brake = InterruptGuard()
    brake.break_off()
    assert brake.said(1_000) == "at least 1,000"
