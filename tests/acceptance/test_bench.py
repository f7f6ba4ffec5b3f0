"""scripts/bench, small: every item for the contenders that need no installation, so that it can't rot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from scripts.benchmark.programs import ROOT

SECONDS = 800


def test_a_small_run_measures_and_reports_every_item(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scripts.benchmark", "--quick", "--only", "ours,raw,switched", "--jobs", "60"]
    done = subprocess.run(
        [*command, "--output", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads((tmp_path / "benchmark.json").read_text())
    assert document["errors"] == []
    measured = {(figure["item"], figure["contender"]) for figure in document["figures"]}
    ours_alone = {"W7", "W8", "W9"}
    assert measured == {("W" + item, "ours") for item in "123456789"} | {
        *(("W" + item, "raw") for item in "123456789" if "W" + item not in ours_alone),
        ("W1", "switched"),
    }
    assert all(value > 0 for figure in document["figures"] for value in figure["values"])
    assert {goal["what"] for goal in document["goals"]} == {
        "W1 concurrency 50, against raw",
        "W1 concurrency 50, metrics on, of off",
        "W2 concurrent, against raw",
        "W4 p50, against raw",
        "W4 p99, against raw",
        "W3, of the ideal 5,000 jobs/s",
        "W8 2 processes, of Redis's limit",
        "W9 the time without waiters, of that with them",
    }
    assert "### W1: " in (tmp_path / "benchmark.md").read_text()
