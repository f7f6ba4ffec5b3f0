"""The world's clock: what of this library and of the port reads it, and that production knows nothing of it."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final

import bullmq
import pytest

import midday_worker
from midday_worker.testing.world_clock import WorldClock, load_readers

OURS: Final = Path(midday_worker.__file__).parent
THEIRS: Final = Path(bullmq.__file__).parent
READS: Final = re.compile(r"\btime\.time\(|\bdatetime\.now\(|\btime_ns\(|\butcnow\(|from time import .*\btime\b")
REAL: Final = {
    "midday_worker.admin.server_checks",  # compares with the server's own
    "midday_worker.engine.inspection.health",  # from here: whether a process lives
    "midday_worker.workers.monitor",
    "midday_worker.workers.schedule_sync",
    "midday_worker.workers.service",
}
"""Modules that see real time in a world."""

ELSEWHERE: Final = {
    "midday_worker.jobs.message",  # handlers, and who talks with a person or a browser
    "midday_worker.jobs.models",
    "midday_worker.cli.moment",
    "midday_worker.dashboard.routes.schedulers",
    "midday_worker.testing.world_clock",
    "bullmq.backends.postgres_backend",
}
"""Modules that have no part in a world."""


def readers() -> set[str]:
    """Return the modules that read the wall clock."""
    found: set[str] = set()
    for root in (OURS, THEIRS):
        for file in root.rglob("*.py"):
            code = re.sub(r'"""(?s:.*?)"""', "", file.read_text())
            if READS.search(code):
                found.add(".".join(file.relative_to(root.parent).with_suffix("").parts))
    return {name for name in found - ELSEWHERE if "demo" not in name}


def wall_clock(name: str) -> Callable[[], float]:
    """Return `time.time` as a module sees it."""
    module: ModuleType = vars(sys.modules[name])["time"]
    found: Callable[[], float] = module.time
    return found


def test_each_reader_of_the_wall_clock_sees_the_worlds_or_is_named_as_one_of_real_time() -> None:
    load_readers()
    for name in readers():
        import_module(name)
    clock = WorldClock(0)
    clock.open()
    try:
        clock.move_to(86_400_000)
        seen = {name for name in readers() - REAL if abs(wall_clock(name)() - 86_400) < 3_600}
        assert seen == readers() - REAL
        assert [name for name in REAL if getattr(sys.modules.get(name), "time", time) is not time] == []
    finally:
        clock.close()
    assert all(wall_clock(name) is time.time for name in seen)


def test_the_clock_is_never_moved_backwards() -> None:
    clock = WorldClock(1_000)
    assert clock.move_to(500_000) == 0
    assert clock.time() >= 1_000


@pytest.mark.process
def test_a_worker_in_production_loads_nothing_of_it() -> None:
    program = "import sys, midday_worker.workers.service; print([name for name in sys.modules if 'testing' in name])"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.strip() == "[]"
