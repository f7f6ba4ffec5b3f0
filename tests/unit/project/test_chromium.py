"""Tests in the browser on a machine without one: they are left out, and that is said."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.chromium import VARIABLE, find_chromium

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[3]


def run_pytest(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run tests where no command is on PATH."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments],
        cwd=ROOT,
        env={**{name: value for name, value in os.environ.items() if name != VARIABLE}, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("processes", ["0", "2"])
def test_without_a_browser_its_tests_are_named_last_as_left_out(tmp_path: Path, processes: str) -> None:
    chosen = ("--no-skips", "tests/browser", "tests/unit/settings/test_urls.py")
    ended = run_pytest("-n", processes, *chosen, PATH=str(tmp_path))
    *_, said, closing = ended.stdout.strip().splitlines()
    assert ended.returncode == 0, ended.stdout
    assert re.match(r"left out: [1-9]\d* tests of tests/browser\. There is no Chromium on PATH", said)
    assert "passed" in closing
    assert processes == "2" or "deselected" in closing


def test_nothing_is_said_where_they_were_not_asked_for(tmp_path: Path) -> None:
    assert "left out" not in run_pytest("tests/unit/settings/test_urls.py", PATH=str(tmp_path)).stdout


def test_a_browser_that_was_named_and_is_missing_is_a_mistake_in_one_line(tmp_path: Path) -> None:
    ended = run_pytest("tests/browser", **{VARIABLE: str(tmp_path / "none")})
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert ended.stderr.strip() == f"ERROR: {VARIABLE} is '{tmp_path}/none', and no program is there."


def test_the_browser_that_was_named_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "browser"
    program.touch(0o755)
    monkeypatch.setenv(VARIABLE, str(program))
    assert find_chromium() == str(program)
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_chromium() is None
    program.rename(tmp_path / "google-chrome")
    assert find_chromium() == str(tmp_path / "google-chrome")
