"""``python -m tests.structure``: the structure of the package in figures, as a column of a Markdown table.

It computes them from the tree in which it stands, and names nothing that is not public.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final

import bullmq

from midday_worker import JobClient, Settings
from midday_worker.testing import RedisServer
from tests.structure.costs import job_cost, trigger_cost
from tests.structure.jobs import PACKAGE, walk
from tests.structure.meters import CpuTime, Instructions, can_count_instructions
from tests.structure.port import functions_of, read_calls
from tests.structure.program import WORKER, program
from tests.structure.rooms import Rooms
from tests.structure.source_tree import SourceTree
from tests.structure.way import Way, median_changes, median_files, usual_files

WALKS: Final = 21
PORT: Final = Path(bullmq.__file__).parent

Line = tuple[str, str]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="scripts/structure", description=__doc__)
    parser.add_argument("--title", default="now", help="the column's (now)")
    parser.add_argument("--jobs", type=int, default=5_000, help="in a round of CPU time (5,000)")
    parser.add_argument("--rounds", type=int, default=9, help="of CPU time (9)")
    parser.add_argument(
        "--counted", type=int, default=2_000, help="jobs whose instructions are counted; 0 is none (2,000)"
    )
    parser.add_argument("--verbose", action="store_true", help="say also which rooms, files and functions they are")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = Report(Path(folder), verbose=given.verbose)
        sys.stdout.write(f"| | {given.title} |\n|---|---|\n")
        for what, figure in report.lines(given.jobs, given.rounds, given.counted):
            sys.stdout.write(f"| {what} | {figure} |\n")
            sys.stdout.flush()


class Report:
    """The table's lines, one kind after the other."""

    def __init__(self, folder: Path, *, verbose: bool) -> None:
        self._folder = folder
        self._verbose = verbose

    def lines(self, jobs: int, rounds: int, counted: int) -> Iterator[Line]:
        """Measure one after the other, so that none disturbs the next."""
        yield from self._source()
        yield from self._way()
        yield from self._port()
        yield from self._cpu(jobs, rounds)
        yield from self._instructions(counted)

    def _source(self) -> Iterator[Line]:
        tree = SourceTree.read(PACKAGE)
        chain = Rooms(PACKAGE.name).longest_chain()
        self._tell("floors", chain)
        yield "modules", f"{tree.modules:,}"
        yield "lines", f"{tree.lines:,}"
        yield "floors: the longest chain of imports among rooms", f"{len(chain)}"
        yield "modules under 40 lines", f"{tree.small}"
        yield "most modules in one folder", f"{tree.most_in_a_folder} (`{tree.fullest_folder}`)"

    def _way(self) -> Iterator[Line]:
        with RedisServer() as server, program(server.url, self._folder, *WORKER):
            ways = asyncio.run(_walks(server.url))
        self._tell("files on the way", usual_files(ways))
        yield "files on the way of a warm job", f"{median_files(ways)}"
        yield "changes of file on it", f"{median_changes(ways)}"

    def _port(self) -> Iterator[Line]:
        worker_calls, producer_calls = self._folder / "worker", self._folder / "producer"
        with (
            RedisServer() as server,
            program(server.url, self._folder, *_noting(worker_calls), *WORKER) as worker,
            program(server.url, self._folder, *_noting(producer_calls), "tests.structure.life") as producer,
        ):
            producer.wait()
            worker.terminate()
        ours, theirs = read_calls(worker_calls), read_calls(producer_calls)
        all_ = set(functions_of(PORT, without="postgres"))
        run = all_ & (ours | theirs)
        self._tell("functions of the port", [f"{each.file}:{each.name}" for each in sorted(run)])
        figure = f"{len(run)} of {len(all_)} (worker {len(all_ & ours)}, producer {len(all_ & theirs)})"
        yield "functions of the port that run", figure

    def _cpu(self, jobs: int, rounds: int) -> Iterator[Line]:
        both = [[cost(CpuTime(), jobs, self._folder) for cost in (trigger_cost, job_cost)] for _ in range(rounds)]
        triggers, runs = zip(*both, strict=True)
        yield "CPU of a trigger, µs: producer", _median_and_least([each.own for each in triggers])
        yield "CPU of a trigger, µs: Redis", _median_and_least([each.redis for each in triggers])
        yield "CPU of a job, µs: worker", _median_and_least([each.own for each in runs])
        yield "CPU of a job, µs: Redis", _median_and_least([each.redis for each in runs])

    def _instructions(self, counted: int) -> Iterator[Line]:
        trigger = job = "not counted"
        if counted and can_count_instructions():
            meter = Instructions(self._folder)
            trigger, job = (f"{cost(meter, counted, self._folder).own:,.0f}" for cost in (trigger_cost, job_cost))
        yield "instructions of a trigger: producer", trigger
        yield "instructions of a job: worker", job

    def _tell(self, what: str, which: list[str]) -> None:
        if self._verbose:
            sys.stderr.write(f"{what}: {' '.join(which)}\n")


def _noting(output: Path) -> tuple[str, ...]:
    return "tests.structure.calls", str(output), str(PORT)


def _median_and_least(values: list[float]) -> str:
    return f"{median(values):.1f} (least {min(values):.1f})"


async def _walks(url: str) -> list[Way]:
    async with JobClient(Settings(env_file=None, redis_url=url)) as client:
        return await (await walk.trigger(WALKS, client=client)).result("300s")


if __name__ == "__main__":
    main()
