"""The run: rounds, in each of which every case is measured for every contender, in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from scripts.benchmark.case import Case
from scripts.benchmark.figures import Results
from scripts.benchmark.ledger import NotExactlyOnceError
from scripts.benchmark.programs import ProgramError
from scripts.benchmark.roster import Contender
from scripts.benchmark.stage import Stage


@dataclass(slots=True)
class Run:
    """What a run has found."""

    results: Results = field(default_factory=Results)
    errors: list[str] = field(default_factory=list[str])
    """Measurements that don't count: a job was lost or ran twice, or a program failed."""
    left_out: list[str] = field(default_factory=list[str])
    """Contenders that this Redis is too old for."""
    seconds: float = 0.0


def measure(
    stage: Stage, cases: Sequence[Case], contenders: Sequence[Contender], rounds: int, say: Callable[[str], None]
) -> Run:
    """Measure everything, so many times.

    Each round begins with another contender: what a round's beginning costs is shared.
    """
    run, started = Run(), time.monotonic()
    version = stage.redis_version()
    for contender in contenders:
        if contender.oldest_redis > version:
            run.left_out.append(f"{contender.label} needs Redis {'.'.join(map(str, contender.oldest_redis))}.")
            say(run.left_out[-1])
    contenders = [contender for contender in contenders if contender.oldest_redis <= version]
    for number in range(rounds):
        first = number % len(contenders)
        order = [*contenders[first:], *contenders[:first]]
        for case in cases:
            for contender in order:
                if case.suits(contender):
                    _measure_once(run, stage, case, contender, f"round {number + 1}/{rounds}", say)
    run.seconds = time.monotonic() - started
    return run


def _measure_once(
    run: Run, stage: Stage, case: Case, contender: Contender, where: str, say: Callable[[str], None]
) -> None:
    started = time.monotonic()
    where = f"{where} {'+'.join(case.items)} {case.name}".rstrip() + f", {contender.name}"
    try:
        figures = case.measure(stage, contender)
    except (NotExactlyOnceError, ProgramError) as error:
        run.errors.append(f"{where}: {error}")
        say(run.errors[-1])
        return
    run.results.add(contender.name, figures)
    values = ", ".join(f"{figure.value:,.1f} {figure.unit}" for figure in figures)
    say(f"{where}: {values} ({time.monotonic() - started:.1f} s)")
