"""A member's report to its supervisor."""

from __future__ import annotations

import os

from midday_worker.workers.member import END_OF_BANNER, Member


def test_it_reports_its_banner_and_its_end() -> None:
    reading, writing = os.pipe()
    member = Member(index=1, count=2, ready_fd=writing)
    assert member.report("midday-worker\n  für alle")
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == "midday-worker\n  für alle".encode() + END_OF_BANNER


def test_programs_that_jobs_start_do_not_inherit_where_it_reports() -> None:
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    Member(index=1, count=2, ready_fd=writing)
    assert not os.get_inheritable(writing)
    os.close(reading)
    os.close(writing)


def test_it_notices_that_its_supervisor_is_gone() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    assert not Member(index=1, count=2, ready_fd=writing).report("midday-worker")
