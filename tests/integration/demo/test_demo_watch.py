"""Watching the demo's queues."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from midday_worker import JobClient, JobRegistry, job
from midday_worker.databases import create_database
from midday_worker.demo.progress import DemoStuckError, Watch
from midday_worker.demo.stage import Stage
from midday_worker.processes.worker_child import WorkerChild


@pytest.fixture
def stage(client: JobClient, tmp_path: Path) -> Stage:
    """A stage whose worker does nothing."""
    database = create_database("sqlite://")
    return Stage("", client, database, tmp_path / "mail", tmp_path / "log", WorkerChild([], {}))


async def test_queues_that_do_not_come_to_rest_in_time_are_named(stage: Stage, registry: JobRegistry) -> None:
    """Also when all is fed: a job that nobody runs is no rest."""
    add = job("add", int, lambda data, ctx: data, queue="sums", registry=registry)
    await add.trigger(1, client=stage.client)
    watch = Watch(Console(file=StringIO()), {"sums": 1, "idle": 0})
    with pytest.raises(DemoStuckError, match=r"After 0\.5 s .* unfinished jobs: \{'sums': 1\}\."):
        await watch.until_idle(stage, lambda: True, 0.5)


async def test_idle_queues_are_waited_for_until_all_is_fed(stage: Stage) -> None:
    """Before that they may be empty only because nothing has come yet."""
    watch = Watch(Console(file=StringIO()), {"sums": 0})
    answers = iter([False, False, False, True, True, True])
    await watch.until_idle(stage, lambda: next(answers), 10)
    assert len(list(answers)) < 3
