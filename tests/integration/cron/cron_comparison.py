"""Fires of cron patterns in Python and in Node, side by side."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias, cast

from midday_worker.demo.node import NodeRuntime
from midday_worker.engine.cron.pattern import CronPattern, repeat_strategy
from midday_worker.errors import ScheduleError

Strategy: TypeAlias = Callable[[int, Mapping[str, object]], int | None]

SCRIPT: Final = Path(__file__).with_name("cron_fires.mjs")
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
LORD_HOWE: Final = "Australia/Lord_Howe"
CHANGES: Mapping[str, Sequence[str]] = {
    "UTC": ["2026-03-29T01:00Z"],
    "Asia/Kathmandu": ["2026-03-29T01:00Z"],
    "Europe/Stockholm": ["2026-03-29T01:00Z", "2026-10-25T01:00Z"],
    "America/New_York": ["2026-03-08T07:00Z", "2026-11-01T06:00Z"],
    LORD_HOWE: ["2026-04-04T15:00Z", "2026-10-03T15:30Z"],
}
"""When the clocks change; for zones where they don't, when they do elsewhere."""

CHANGES_AT_MIDNIGHT: Mapping[str, Sequence[str]] = {
    "America/Havana": ["2024-03-10T05:00Z", "2024-11-03T05:00Z"],
    "America/Santiago": ["2024-04-07T03:00Z", "2024-09-08T04:00Z"],
    "Africa/Cairo": ["2024-04-25T22:00Z", "2024-10-31T21:00Z"],
    "America/Nuuk": ["2025-03-30T01:00Z", "2025-10-26T01:00Z"],
}
"""Past ones: on those, the time zone data of any host and any Node agree."""


@dataclass(frozen=True, slots=True)
class Run:
    """A pattern, and the instant from which its fires are listed."""

    pattern: str
    tz: str
    start: int
    count: int


Fires: TypeAlias = list[int | None]


class NodeFires:
    """Lists the fires of many runs as a Node worker computes them; see cron_fires.mjs."""

    def __init__(self, node: NodeRuntime, folder: Path, timeout_s: float = 600) -> None:
        self._node = node
        self._file = folder / "runs.json"
        self._timeout_s = timeout_s

    async def __call__(self, runs: Sequence[Run]) -> list[Fires | None]:
        self._file.write_text(json.dumps([asdict(run) for run in runs]))
        listed = await self._node.run(SCRIPT.read_text(), str(self._file), timeout_s=self._timeout_s)
        return cast("list[Fires | None]", listed)


def to_ms(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def fires_in_python(run: Run, count: int, strategy: Strategy = repeat_strategy) -> Fires:
    instant, found = run.start, list[int | None]()
    for _ in range(count):
        following = strategy(instant, {"pattern": run.pattern, "tz": run.tz})
        assert following is not None
        found.append(following)
        instant = following
    return found


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many fires were compared, the first difference of each run, and the runs that Node broke off."""

    fires: int
    differences: list[str]
    broken_off: list[Run]


async def compare(runs: Sequence[Run], node_fires: NodeFires, strategy: Strategy = repeat_strategy) -> Comparison:
    fires, differences, broken_off = 0, list[str](), list[Run]()
    for run, theirs in zip(runs, await node_fires(runs), strict=True):
        CronPattern.parse(run.pattern, run.tz)  # what is compared has to be what is accepted
        assert theirs is not None, f"Node refuses {run.pattern}"
        if theirs[-1] is None:
            broken_off.append(run)
            theirs = theirs[:-1]
        ours = fires_in_python(run, len(theirs), strategy)
        pairs = enumerate(zip(ours, theirs, strict=True))
        first = next((f"{run}, fire {i}: {mine} here, {its} in Node" for i, (mine, its) in pairs if mine != its), None)
        differences += [first] if first else []
        fires += len(theirs)
    return Comparison(fires, differences, broken_off)


def random_field(draw: random.Random, low: int, high: int) -> str:
    first, last = sorted((draw.randint(low, high), draw.randint(low, high)))
    several = ",".join(map(str, sorted(draw.sample(range(low, high + 1), 3))))
    return draw.choice(
        ["*", f"{first}", f"*/{last or 1}", f"{first}-{last}", f"{first}-{last}/2", f"{first}/7", several]
    )


def random_run(draw: random.Random) -> Run:
    """Make a run that starts up to three hours, to the millisecond, from a change of the clocks."""
    tz = draw.choice([*CHANGES, *CHANGES_AT_MIDNIGHT])
    change = draw.choice([*CHANGES.get(tz, ()), *CHANGES_AT_MIDNIGHT.get(tz, ())])
    pattern = random_pattern(draw)
    away = draw.choice([0, 1, 500, 1000, draw.randint(0, 3 * HOUR_MS), draw.randint(0, 3 * 60) * 60_000])
    return Run(pattern, tz, to_ms(change) + draw.choice([-1, 1]) * away, 8)


def random_pattern(draw: random.Random) -> str:
    seconds = draw.choice(["", "", "0 ", "*/15 ", f"{random_field(draw, 0, 59)} "])
    minutes = random_field(draw, 0, 59)
    hours = draw.choice([random_field(draw, 0, 23), "2", "0-3", "1,2", "23,0", "0-22", "22-23", "*"])
    days = draw.choice(["*", "*", "*", "?", "L", "1,L", random_field(draw, 1, 31)])
    months = draw.choice(["*", "*", "*", "3,4,10,11", "MAR", random_field(draw, 1, 12)])
    weekdays = draw.choice(["*", "*", "*", "SUN", "5L", "0L", "6#4", "0#5", "1,5L", "5-7/2", random_field(draw, 0, 6)])
    return f"{seconds}{minutes} {hours} {days} {months} {weekdays}"


def is_accepted(run: Run) -> bool:
    try:
        CronPattern.parse(run.pattern, run.tz)
    except ScheduleError:
        return False
    return True
