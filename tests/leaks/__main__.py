"""``python -m tests.leaks``: many jobs through one worker, and what that does to its memory."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

from midday_worker.testing import RedisServer
from tests.leaks.memory import measure

BAR: Final = 0.02


def main() -> int:
    """Measure, print, and return 1 if memory grew beyond the bar."""
    parser = argparse.ArgumentParser(prog="scripts/leaks", description=__doc__)
    parser.add_argument("--jobs", type=int, default=200_000, help="how many (200,000)")
    given = parser.parse_args()
    with RedisServer() as server, tempfile.TemporaryDirectory() as folder:
        memory = asyncio.run(measure(server, given.jobs, Path(folder)))
    first, second = (f"{each / 2**20:.1f} MiB" for each in (memory.first, memory.second))
    sys.stdout.write(f"{given.jobs} jobs: {first} after the first half, {second} after the second, ")
    sys.stdout.write(f"{memory.growth:+.1%} (at most {BAR:+.0%})\n")
    return 1 if memory.growth > BAR else 0


if __name__ == "__main__":
    sys.exit(main())
