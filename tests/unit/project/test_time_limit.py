"""A test that never ends fails where it is, and the others go on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[3]

COMPUTES_FOR_EVER = """
def deep(depth):
    return depth and deep(depth - 1)

def test_it_computes_for_ever():
    while not deep(400):  # one line, which is where it is whenever its time ends
        pass

def test_it_goes_on():
    pass
"""


def test_a_test_that_computes_for_ever_fails_and_the_others_go_on(tmp_path: Path) -> None:
    """A dump by faulthandler's own clock would read the stack while it grows and shrinks, and crash the process."""
    (tmp_path / "test_endless.py").write_text(COMPUTES_FOR_EVER)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-c",
            ROOT / "pyproject.toml",
            "-p",
            "no:cacheprovider",
            "-o",
            "timeout=1",
            tmp_path,
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "1 failed, 1 passed" in done.stdout.splitlines()[-1], done.stdout
    assert "Timeout (>1.0s) from pytest-timeout" in done.stdout
    assert "deep(400)" in done.stdout
