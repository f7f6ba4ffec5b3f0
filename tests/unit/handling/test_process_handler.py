"""Handlers for processes: which are accepted, and how one is run without a worker."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from midday_worker import (
    BatchContext,
    BatchOptions,
    ConfigurationError,
    DefinitionError,
    JobRegistry,
    SyncJobContext,
    job,
)
from midday_worker.testing import FakeJob

MAIN = """
from midday_worker import SyncJobContext, job

@job("in-main", executor="process")
def handle(data: int, ctx: SyncJobContext) -> int:
    return data
"""

LIGHT = """
import sys
from midday_worker import SyncJobContext, job

@job("light")
def handle(data: int, ctx: SyncJobContext) -> int:
    return data

print({"multiprocessing", "midday_worker.workers.job_process", "pickle"} & set(sys.modules) - before)
"""


def double(data: int, ctx: SyncJobContext) -> int:
    ctx.update_progress(data)
    ctx.log("doubling")
    return 2 * data


def ask_for_the_database(data: int, ctx: SyncJobContext) -> int:
    return ctx.db


async def asynchronous(data: int, ctx: SyncJobContext) -> int:
    return data


async def of_no_context(data: int, ctx: object) -> int:
    return data


def _closure() -> Callable[[int, SyncJobContext], int]:
    def handle(data: int, ctx: SyncJobContext) -> int:
        return data

    return handle


nameless: Callable[[int, SyncJobContext], int] = lambda data, ctx: data  # noqa: E731 - on purpose


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (_closure(), r"is _closure\.<locals>\.handle; accepted with executor=\"process\": a function at the top of a"),
        (nameless, r"is <lambda>; accepted"),
        (partial(double), r"functools\.partial.*; accepted"),
        (asynchronous, "has an asynchronous handler that takes a SyncJobContext"),
        (of_no_context, 'is asynchronous; accepted with executor="process": a plain function'),
    ],
)
def test_a_handler_that_another_process_cannot_run_is_refused(
    handler: Callable[[int, SyncJobContext], int], reason: str
) -> None:
    with pytest.raises(DefinitionError, match=reason) as raised:
        job("refused", int, handler, executor="process", registry=JobRegistry())
    assert "test_process_handler.py" in str(raised.value)


@pytest.mark.process
def test_a_handler_of_the_program_that_is_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(MAIN)
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert "is defined in the program that is run (__main__)" in done.stderr


def test_options_of_processes_are_checked() -> None:
    with pytest.raises(DefinitionError, match="max_tasks_per_child=0; accepted: an integer from 1"):
        job("many", int, double, executor="process", max_tasks_per_child=0, registry=JobRegistry())
    with pytest.raises(DefinitionError, match='has max_tasks_per_child, but not executor="process"'):
        job("many", int, double, max_tasks_per_child=5, registry=JobRegistry())
    with pytest.raises(DefinitionError, match='has executor=\'fibre\'; accepted: "thread", "process"'):
        job("many", int, double, executor="fibre", registry=JobRegistry())  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType] - on purpose


def test_a_batch_handler_is_refused() -> None:
    def sizes(data: list[int], ctx: BatchContext) -> list[int]:
        return data

    with pytest.raises(DefinitionError, match='has batch=, which can\'t be combined with executor="process"'):
        job("sizes", int, sizes, batch=BatchOptions(), executor="process", registry=JobRegistry())


async def test_without_a_worker_it_runs_in_a_thread_of_the_test() -> None:
    doubling = job("double", int, double, executor="process", registry=JobRegistry())
    fake = FakeJob.of(doubling, 4)
    assert await doubling.execute(fake) == 8
    assert (fake.progress, fake.logs) == ([4], ["doubling"])


async def test_there_is_no_database_in_a_process() -> None:
    asking = job("ask", int, ask_for_the_database, executor="process", registry=JobRegistry())
    with pytest.raises(ConfigurationError, match=r"ctx\.db is not available in a plain function"):
        await asking.execute(FakeJob.of(asking, 4))


@pytest.mark.process
def test_defining_other_jobs_loads_nothing_of_processes() -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, pydantic, loguru; before = set(sys.modules)\n{LIGHT}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert done.stdout == "set()\n"
