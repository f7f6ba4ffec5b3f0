"""What a run was made on: processor, versions, date."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from scripts.benchmark.programs import ROOT
from scripts.benchmark.stage import Stage

_PACKAGES: Final = ("midday-worker", "bullmq", "redis", "hiredis", "uvloop", "pydantic", "sqlalchemy")


def describe(stage: Stage, node_version: str, node_packages: dict[str, str]) -> dict[str, str]:
    """Return a description of this machine and of what was measured."""
    server = stage.info("server")
    versions = {name: _version(name) for name in _PACKAGES}
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{_memory_gib():.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "load at the start": f"{os.getloadavg()[0]:.1f}",
        "Redis": f"{server['redis_version']}, on loopback, without persistence",
        "Python": platform.python_version(),
        "Node": node_version,
        "packages": ", ".join(f"{name} {number}" for name, number in versions.items()),
        "npm packages": ", ".join(f"{name} {number}" for name, number in node_packages.items()),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(none)"


def _processor() -> str:
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return names[0].partition(":")[2].strip() if names else platform.processor()


def _memory_gib() -> float:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30


def _commit() -> str:
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    return subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
