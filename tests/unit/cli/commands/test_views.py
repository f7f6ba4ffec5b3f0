"""What is written about queues, schedules and findings."""

from __future__ import annotations

import io
from typing import Final

import pytest
from rich.console import Console

from midday_worker.admin import Finding, JobSnapshot, QueueOverview, QueueRate, Schedule
from midday_worker.cli.commands.doctor import render, summary
from midday_worker.cli.commands.job import describe
from midday_worker.cli.commands.queues import Row, state_of
from midday_worker.cli.commands.queues import render as render_queues
from midday_worker.cli.commands.schedules import recurrence
from midday_worker.cli.reach import nearest
from midday_worker.cli.values import cleanable, limit
from midday_worker.errors import ConfigurationError

IDLE: Final = {"counts": {"waiting": 0}, "paused": False, "concurrency": None, "rate": None, "limited_ms": 0}


def queue(**changed: object) -> QueueOverview:
    return QueueOverview(name="emails", schedules=0, **(IDLE | changed))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - by their names


@pytest.mark.parametrize(
    ("overview", "workers", "said"),
    [
        (queue(), 0, ""),
        (queue(counts={"waiting": 3}), 1, ""),
        (queue(counts={"waiting": 3}), 0, "no workers"),
        (queue(counts={"prioritized": 3}), 0, "no workers"),
        (queue(counts={"waiting": 3}, paused=True), 0, "paused"),
        (queue(concurrency=5, rate=QueueRate(max=100, duration_ms=60_000)), 1, "max 5 100/1m"),
        (queue(counts={"active": 1}), 0, "no workers"),
        (queue(counts={"waiting-children": 1}), 0, "no workers"),
        (queue(counts={"delayed": 1, "failed": 1}), 0, ""),
        (queue(limited_ms=4_000), 1, "limited for 4s"),
    ],
)
def test_the_state_of_a_queue_says_what_holds_it_up(overview: QueueOverview, workers: int, said: str) -> None:
    assert str(state_of(Row(overview, workers))) == said


def test_a_large_number_stays_in_one_line_on_a_narrow_terminal() -> None:
    counts = {"waiting": 1_234_567, "completed": 8_765_432, "failed": 1_000_000}
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(render_queues([Row(queue(counts=counts), 0)], "bull"))
    written = console.export_text()
    assert all(f"{count:,}" in written for count in counts.values()), written


def test_a_schedule_says_when_it_fires() -> None:
    every = Schedule(id="a", job="b", queue="c", next_run_ms=1, every_ms=900_000)
    cron = Schedule(id="a", job="b", queue="c", next_run_ms=1, pattern="0 9 * * *", tz="Europe/Stockholm")
    assert (recurrence(every), recurrence(cron)) == ("every 15m", "0 9 * * * Europe/Stockholm")


def test_a_finding_is_a_line_and_its_fix_another() -> None:
    finding = Finding(check="stuck jobs", grade="fail", text="1 job\x1b[31m", fix="start a worker", queue="emails")
    assert str(render(finding)) == "FAIL stuck jobs of queue emails: 1 job\\x1b[31m\n     start a worker"
    assert str(summary([finding])) == "1 wrong, 0 doubtful"
    assert str(summary([])) == "All is well."


def test_near_names_are_those_that_begin_so_and_those_that_differ_by_little() -> None:
    assert nearest("0f7a", ["0f7a7cd4-32f0", "91b2"]) == ["0f7a7cd4-32f0"]
    assert nearest("emial", ["emails", "images"]) == ["emails"]
    assert nearest("", ["emails"]) == []


def test_limits_and_states_are_read() -> None:
    assert (limit("The limit", "none"), limit("The limit", "12"), cleanable("failed")) == (None, 12, "failed")
    for wrong in ("0", "-1", "many", "1.5", "99999999999"):
        with pytest.raises(ConfigurationError, match="accepted: a whole number from 1"):
            limit("The limit", wrong)
    with pytest.raises(ConfigurationError, match="accepted: completed, failed"):
        cleanable("waiting-children")


def test_a_command_to_be_copied_is_safe_to_be_pasted() -> None:
    job = JobSnapshot(id="7; reboot", name="a", state="failed", attempts=1, failed_reason="b", result=None)
    assert "midday-worker job logs '7; reboot' -q emails" in dict(describe(job, "emails", 3, 1))["log"]
