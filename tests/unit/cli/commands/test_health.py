"""`health`: which heartbeats are those of a host that is well."""

from __future__ import annotations

import time

import pytest

from midday_worker.cli.commands.health import summarize_heartbeats
from midday_worker.engine.inspection.health import Heartbeat
from midday_worker.errors import MiddayWorkerError


def beat(pid: int, supervisor: int | None = None, process: int = 1, processes: int = 1) -> Heartbeat:
    now = time.time()
    return Heartbeat(
        host="here",
        pid=pid,
        queues=["mails", "reports"],
        started_at=now,
        beat_at=now,
        supervisor=supervisor,
        process=process,
        processes=processes,
    )


def test_workers_of_their_own_are_listed() -> None:
    assert (
        summarize_heartbeats([beat(7), beat(8)]) == "pid 7 on mails, reports, 0 s ago, pid 8 on mails, reports, 0 s ago"
    )


def test_none_is_not_well() -> None:
    with pytest.raises(MiddayWorkerError, match="no worker on this host"):
        summarize_heartbeats([])


def test_a_service_is_well_when_all_of_its_processes_are() -> None:
    said = summarize_heartbeats([beat(13, 10, 3, 3), beat(11, 10, 1, 3), beat(12, 10, 2, 3)])
    assert said.startswith("3 of 3 processes of pid 10: pid 11 on mails, reports")


def test_a_service_that_lacks_a_process_is_not_well() -> None:
    """The heartbeat of one that crashed, beside its successor's, makes up for nobody."""
    beats = [beat(11, 10, 1, 3), beat(12, 10, 2, 3), beat(14, 10, 2, 3)]
    with pytest.raises(MiddayWorkerError, match="2 of 3 processes of pid 10 have a heartbeat; without one: 3"):
        summarize_heartbeats(beats)


def test_another_service_s_processes_make_up_for_nobody() -> None:
    with pytest.raises(MiddayWorkerError, match="1 of 2 processes of pid 20"):
        summarize_heartbeats([beat(11, 10, 1, 2), beat(12, 10, 2, 2), beat(21, 20, 1, 2), beat(5)])
