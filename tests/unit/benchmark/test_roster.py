"""What the contenders need to be there."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import cast

ROOT = Path(__file__).parents[3]


def test_the_benchmark_s_own_extra_holds_what_a_worker_with_metrics_imports() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    bench = cast("dict[str, list[str]]", extras)["bench"]
    named = {
        extra
        for each in bench
        if each.startswith("midday-worker[")
        for extra in each[len("midday-worker[") : -1].split(",")
    }
    assert {"demo", "http", "metrics"} <= named, "scripts/bench starts a worker with --http"
