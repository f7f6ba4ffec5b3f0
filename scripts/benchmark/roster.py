"""Who is measured, how each is started, and about how fast it is, which only decides how many jobs a round has."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from midday_worker.demo.node import NodeRuntime
from scripts.benchmark.programs import Program

HERE: Final = "scripts.benchmark.contenders"
FAMILY: Final = ("ours", "metered", "switched", "batches", "engine", "raw", "node")
"""Those who share BullMQ's keys, in the order of the report."""

VARIANTS: Final = ("metered", "switched", "batches")
"""Those of them that are ours with something else on."""

COUNTING: Final = "metrics on, of off"
"""The case of W1 that tells what counting costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One contender."""

    name: str
    label: str
    worker: Program
    producer: Program
    alone: float
    """Jobs per second at concurrency 1, roughly."""
    together: float
    """The same at 50."""
    adds: float = 2_000
    """Jobs added one after another per second, roughly."""
    environment: str = ""
    """The environment of another library; "" is this one."""
    bullmq: bool = False
    own_producer: bool = True
    """Whether the producer is its own, so that adding is measured."""
    bulk: bool = True
    """Whether it has a bulk call."""
    concurrent: bool = True
    """Whether its calls can be awaited side by side."""
    fresh_producer: bool = False
    """Whether its producer has to start after Redis was emptied, as it makes something there."""
    oldest_redis: tuple[int, ...] = (6, 2)
    service: bool = False
    """Whether `worker` is `midday-worker run`, which takes the concurrency as an option."""
    variant_in: str = ""
    """Of a variant of ours: the one case of W1 in which it is measured, and nothing else."""
    one_at_a_time: bool = False
    """Whether a worker runs one job at a time, whatever it is asked."""

    def pace(self, concurrency: int) -> float:
        """Return about how many jobs per second it does."""
        if self.one_at_a_time or concurrency == 1:
            return self.alone
        return min(self.together, self.alone * concurrency)

    def workers(self, processes: int, concurrency: int) -> list[Program]:
        """Return what is started for so many worker processes."""
        if not self.service:
            return [self.worker] * processes
        alone = [*self.worker.command, "--concurrency", str(concurrency)]
        if processes == 1:
            return [replace(self.worker, command=alone)]
        return [replace(self.worker, command=[*alone, "--processes", str(processes)])]


def family(node: NodeRuntime) -> list[Contender]:
    """Return ours and its variants, our engine, the raw port, and Node's."""
    service = [sys.executable, "-m", "midday_worker", "run", "--import"]
    script = Path(__file__).with_name("contenders").joinpath("node.mjs").read_text()

    def in_node(role: str) -> Program:
        return Program(node.command("--input-type=module", "--eval", script, "--", role), folder=node.directory)

    ours = Contender(
        name="ours",
        label="midday_worker",
        worker=Program([*service, f"{HERE}.ours"], {"ENVIRONMENT": "production"}),
        producer=python_program("ours", "produce"),
        alone=2_000,
        together=10_000,
        bullmq=True,
        service=True,
    )
    other = replace(ours, service=False)
    http = ("--http", "127.0.0.1:0")
    return [
        ours,
        _variant(ours, "metered", "midday_worker, with metrics", "concurrency 50", "ours", *http),
        _variant(ours, "switched", "midday_worker, metrics on and off", COUNTING, "switched", *http),
        _variant(ours, "batches", "midday_worker, batches of 100", "concurrency 100", "batches"),
        replace(
            other, name="engine", label="its engine alone", worker=python_program("engine", "work"), own_producer=False
        ),
        replace(
            other,
            name="raw",
            label="bullmq for Python",
            worker=python_program("raw", "work"),
            producer=python_program("raw", "produce"),
            alone=1_400,
            together=1_400,
        ),
        replace(other, name="node", label="bullmq for Node", worker=in_node("work"), producer=in_node("produce")),
    ]


def _variant(ours: Contender, name: str, label: str, case: str, module: str, *options: str) -> Contender:
    worker = replace(ours.worker, command=[*ours.worker.command[:-1], f"{HERE}.{module}", *options])
    return replace(ours, name=name, label=label, worker=worker, own_producer=False, variant_in=case)


def python_program(module: str, role: str, python: str = sys.executable, **variables: str) -> Program:
    return Program([python, "-m", f"{HERE}.{module}", role], variables)


def choose(everyone: Sequence[Contender], names: Sequence[str]) -> list[Contender]:
    """Return the contenders of these names, all if there are none. Raises ValueError for an unknown name."""
    known = {contender.name: contender for contender in everyone}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"no contender is called {unknown[0]!r}; there are {', '.join(known)}")
    return [known[name] for name in names] if names else list(everyone)
