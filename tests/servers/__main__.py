"""``python -m tests.servers``: what must hold on every server, run on several, and a table of how it ended."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from tests.servers.binaries import BINARIES, FOLDER

ROOT: Final = Path(__file__).parent.parent.parent
SUITES: Final[Mapping[str, str]] = {
    "conformance with Node": "tests/integration/conformance",
    "faults": "tests/integration/faults",
    "soak": "tests/acceptance/test_soak.py",
}
"""What is run, and where it is."""


def main() -> int:
    """Run all on each server, print the table, and return 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="scripts/try-servers", description=__doc__)
    parser.add_argument(
        "servers", nargs="*", default=list(BINARIES), help=f"of {', '.join(BINARIES)} (all), or a program's path"
    )
    servers: list[str] = parser.parse_args().servers
    write(("server", "version", *SUITES))
    write(["---"] * (2 + len(SUITES)))
    failed = False
    for name in servers:
        binary = BINARIES[name]() if name in BINARIES else Path(name).absolute()
        if binary is None:
            write((name, "not installed"))
            failed = True
            continue
        ends = [run(name, binary, suite) for suite in SUITES.values()]
        write((name, version(binary), *(said for said, _ in ends)))
        failed = failed or any(code for _, code in ends)
    return int(failed)


def run(name: str, binary: Path, suite: str) -> tuple[str, int]:
    """Run tests on a server. Returns pytest's last line and exit code; its output goes to a file."""
    began = time.monotonic()
    log = FOLDER / f"{Path(name).name}-{Path(suite).stem}.log"
    command = [sys.executable, "-m", "pytest", "-q", "--no-skips", "-p", "no:cacheprovider", suite]
    with log.open("wb") as output:
        environment = {**os.environ, "REDIS_SERVER_BINARY": str(binary)}
        code = subprocess.run(command, cwd=ROOT, env=environment, stdout=output, stderr=output, check=False).returncode
    counts = re.findall(r"\d+ (?:passed|failed|errors?)", log.read_text(errors="replace").rpartition("\n=")[2] or "")
    return f"{', '.join(counts) or f'exit code {code}'} in {time.monotonic() - began:.0f} s", code


def version(binary: Path) -> str:
    """Return what a server says that it is."""
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    return re.sub(r"(\w+) server v=(\S+).*", r"\1 \2", said.strip())


def write(cells: Iterable[str]) -> None:
    """Print one line of the table at once."""
    sys.stdout.write(f"| {' | '.join(cells)} |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
