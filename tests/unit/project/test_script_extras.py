"""The scripts that make do with less than the extra `dev`: what they import is in the extras that they install."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[3]
IMPORT = """
import importlib, json, sys

sys.modules.update(dict.fromkeys(json.loads(sys.argv[2])))
importlib.import_module(sys.argv[1])
"""


def installed_by(script: str) -> set[str]:
    """The distributions that come with what the script gives to `bootstrap`."""
    found = re.search(r"^bootstrap (\S+)$", (ROOT / "scripts" / script).read_text(), re.MULTILINE)
    assert found is not None
    held: set[tuple[str, str]] = set()
    left = [Requirement(f"midday-worker[{found[1]}]")]
    while left:
        wanted = left.pop()
        for extra in {"", *wanted.extras}:
            if (key := (canonicalize_name(wanted.name), extra)) in held:
                continue
            held.add(key)
            needed = map(Requirement, metadata.requires(wanted.name) or ())
            left += [each for each in needed if each.marker is None or each.marker.evaluate({"extra": extra})]
    return {name for name, _ in held}


@pytest.mark.parametrize(
    ("script", "module"),
    [
        ("demo", "midday_worker.demo"),
        ("bench", "scripts.benchmark.__main__"),
        ("fetch-dashboard", "scripts.dashboard_assets"),
    ],
)
def test_a_script_imports_no_more_than_it_installs(script: str, module: str) -> None:
    installed = installed_by(script)
    owners = metadata.packages_distributions()
    others = [top for top, names in owners.items() if not installed & set(map(canonicalize_name, names))]
    assert {"pytest", "mypy"} <= set(others), "these come with dev alone"
    command = [sys.executable, "-c", IMPORT, module, json.dumps(others)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
