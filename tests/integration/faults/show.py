"""Shows that the tests of the port's faults can fail: each has to fail on the port, and to pass on this library."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
ROOT: Final = FOLDER.parents[2]
WANTED: Final = {"raw": ("failed", 1), "ours": ("passed", 0)}
"""How each test has to end, and what pytest has to exit with."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one test of a fault ended on one engine."""

    fault: int
    test: str
    outcome: str
    why: str


@dataclass(frozen=True, slots=True)
class Run:
    """How all tests ended on one engine."""

    outcomes: list[Outcome]
    exit_code: int
    output: str


def run(engine: str, target: Path, folder: Path = FOLDER) -> Run:
    """Run the tests of a folder on an engine; what the plugin writes of them goes to `target`."""
    plugin = "tests.integration.faults.outcomes"
    # A worker of the port can hang for ever as its event loop is closed.
    limits = ["-o", "faulthandler_timeout=120", "-o", "faulthandler_exit_on_timeout=true"]
    command = [sys.executable, "-m", "pytest", str(folder), "-q", "-p", plugin, "--fault-outcomes", str(target)]
    raw = ["--raw-engine"] if engine == "raw" else []
    ended = subprocess.run([*command, *limits, *raw], cwd=ROOT, check=False, capture_output=True, text=True)
    if not target.exists():
        raise SystemExit(ended.stdout + ended.stderr)
    found = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    outcomes = [Outcome(each["fault"], each["test"], each["outcome"], "".join(each["why"])) for each in found]
    return Run(outcomes, ended.returncode, ended.stdout + ended.stderr)


def show(runs: Mapping[str, Run]) -> int:
    """Print the table; return 0 if every test ended as it has to, and pytest with them."""
    ended = {engine: {outcome.test: outcome for outcome in of.outcomes} for engine, of in runs.items()}
    missing = Outcome(0, "", "missing", "")
    tests = {each.test: each.fault for of_engine in ended.values() for each in of_engine.values()}
    wrong = 0
    write("| fault | on the port | on this library | test | what the port did |")
    write("|---|---|---|---|---|")
    for test, fault in sorted(tests.items(), key=lambda each: (each[1], each[0])):
        found = {engine: ended[engine].get(test, missing) for engine in WANTED}
        wrong += any(found[engine].outcome != outcome for engine, (outcome, _) in WANTED.items())
        write(f"| {fault} | {found['raw'].outcome} | {found['ours'].outcome} | {test} | {found['raw'].why[:120]} |")
    write(f"\n{len(tests)} tests of {len(set(tests.values()))} faults; {wrong} did not end as they have to")
    exits = [_is_exit_wanted(engine, runs[engine]) for engine in WANTED]
    return 0 if tests and not wrong and all(exits) else 1


def _is_exit_wanted(engine: str, of: Run) -> bool:
    # Of what isn't the test of a fault, or wasn't even collected, there is no row in the table.
    wanted = WANTED[engine][1]
    if of.exit_code != wanted:
        write(f"\npytest on {engine} exited with {of.exit_code} instead of {wanted}; the end of what it said:")
        write("\n".join(of.output.splitlines()[-40:]))
    return of.exit_code == wanted


def main() -> int:
    """Run the tests on both engines, and show how they ended."""
    with tempfile.TemporaryDirectory() as directory:
        return show({engine: run(engine, Path(directory) / engine) for engine in WANTED})


def write(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
