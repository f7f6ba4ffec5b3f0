"""The worker as a child process: what it is given, and how it ends."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from midday_worker.processes.worker_child import WorkerChild

pytestmark = pytest.mark.process


@pytest.fixture
def child(tmp_path: Path) -> WorkerChild:
    """A worker that has nothing to run, and says so at once."""
    return WorkerChild([], {"LOG_LEVEL": "INFO"}, alone=True, directory=tmp_path, output=tmp_path / "log")


async def test_a_child_that_is_alone_has_none_of_its_parent_s_settings(
    child: WorkerChild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parent's environment is wrong, and the child doesn't see it."""
    monkeypatch.setenv("WORKER_CONCURRENCY", "many")
    alone = WorkerChild([], {}, alone=True, directory=tmp_path, output=tmp_path / "alone")
    heir = WorkerChild([], {}, directory=tmp_path, output=tmp_path / "heir")
    for each in (alone, heir):
        await each.start()
        assert await each.wait() == 1
    assert "No jobs are registered" in (tmp_path / "alone").read_text()
    assert "WORKER_CONCURRENCY is 'many'" in (tmp_path / "heir").read_text()


async def test_its_exit_code_is_known_once_it_has_ended(child: WorkerChild, tmp_path: Path) -> None:
    await child.start()
    codes = [child.returncode, await child.wait(), child.returncode]
    assert codes == [None, 1, 1]
    assert "No jobs are registered" in (tmp_path / "log").read_text()


async def test_one_that_does_not_stop_in_time_is_killed(child: WorkerChild) -> None:
    """It gets no time at all here."""
    await child.start()
    assert await child.stop(kill_after_s=0) in (-signal.SIGKILL, -signal.SIGTERM)


async def test_one_that_was_never_started_is_stopped_already(child: WorkerChild) -> None:
    assert await child.stop(kill_after_s=1) == 0
