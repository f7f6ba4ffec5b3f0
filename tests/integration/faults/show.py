"""Shows that the tests of the port's faults can fail: each has to fail on the port, and to pass on this library."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
ROOT: Final = FOLDER.parents[2]
WANTED: Final = {"raw": "failed", "ours": "passed"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one test of a fault ended on one engine."""

    fault: int
    test: str
    outcome: str
    why: str


def run(engine: str, target: Path) -> list[Outcome]:
    """Run the tests on an engine, and return how each of them ended."""
    plugin = "tests.integration.faults.outcomes"
    # A worker of the port can hang for ever as its event loop is closed.
    limits = ["-o", "faulthandler_timeout=120", "-o", "faulthandler_exit_on_timeout=true"]
    command = [sys.executable, "-m", "pytest", str(FOLDER), "-q", "-p", plugin, "--fault-outcomes", str(target)]
    raw = ["--raw-engine"] if engine == "raw" else []
    ended = subprocess.run([*command, *limits, *raw], cwd=ROOT, check=False, capture_output=True, text=True)
    if not target.exists():
        raise SystemExit(ended.stdout + ended.stderr)
    found = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    return [Outcome(each["fault"], each["test"], each["outcome"], "".join(each["why"])) for each in found]


def main() -> int:
    """Print the table; return 0 if every test ended as it has to."""
    with tempfile.TemporaryDirectory() as directory:
        ended = {
            engine: {outcome.test: outcome for outcome in run(engine, Path(directory) / engine)} for engine in WANTED
        }
    missing = Outcome(0, "", "missing", "")
    tests = {each.test: each.fault for of_engine in ended.values() for each in of_engine.values()}
    wrong = 0
    write("| fault | on the port | on this library | test | what the port did |")
    write("|---|---|---|---|---|")
    for test, fault in sorted(tests.items(), key=lambda each: (each[1], each[0])):
        found = {engine: ended[engine].get(test, missing) for engine in WANTED}
        wrong += any(found[engine].outcome != outcome for engine, outcome in WANTED.items())
        write(f"| {fault} | {found['raw'].outcome} | {found['ours'].outcome} | {test} | {found['raw'].why[:120]} |")
    write(f"\n{len(tests)} tests of {len(set(tests.values()))} faults; {wrong} did not end as they have to")
    return 1 if wrong or not tests else 0


def write(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
