"""Cron schedules fire at the same instants in Python and in Node: compared with bullmq's own strategy in a real Node.

Each fire is computed from the one before it, as workers do, in one Node process for a whole list of runs.
"""

from __future__ import annotations

import json
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias, cast

import pytest

from midday_worker.demo.node import NodeRuntime
from midday_worker.engine.cron import CronPattern, repeat_strategy
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

PATTERNS: Final = [
    pattern
    for line in (
        "* * * * * | */5 * * * * | */7 * * * * | */15 * * * * | 0 * * * * | 15 * * * * | 30 * * * *",
        "0,30 * * * * | 0 */2 * * * | 0 */5 * * * | 0 1-5 * * * | 0 0-23 * * * | */30 0-22 * * * | 0 0 * * *",
        "30 0 * * * | 0 1 * * * | 30 1 * * * | 45 1 * * * | 0 2 * * * | 15 2 * * * | 30 2 * * *",
        "*/10 2 * * * | 0 3 * * * | 30 3 * * * | */20 1,2 * * * | */20 1-3 * * * | 5-10/2 2-3 * * *",
        "5/20 2 * * * | 0 9 * * * | 59 23 * * * | 0 23,0 * * * | 0 9 * * 1-5 | 0 9 * * MON-FRI | 0 2 * * 0",
        "0 2 * * 7 | 0 2 * * 6-7 | 30 2 * * 3/2 | 0 2 * * SUN#1 | 0 2 * * 0#4 | 0 2 * * 0L | 0 12 * * 5L",
        "0 12 * * 1,FRIL | 0 0 1 * * | 0 0 L * * | 0 2 L * * | 0 2 15,L * ? | 0 0 13 * 5 | 0 0 */2 * *",
        "0 0 */2 * 1 | 30 2 * 3 * | 30 2 * OCT,11 SUN | 0 0 29 2 * | 0 0 ? * 1 | @hourly | @daily | @weekly",
        "*/10 * * * * * | 0 0 * * * * | 0 30 2 * * * | 30 59 1 * * * | */20 30 1-2 * * * | 15,45 */10 * * * *",
        "* * 2 * * * | 59 59 * * * * | 0 0 31 2 MON",
    )
    for pattern in line.split(" | ")
]

REFUSED_BY_BOTH: Final = [
    "61 * * * *",
    "0,0 * * * *",
    "0 0 * * 0,7",
    "0 0 15W * *",
    "0 0 LW * *",
    "0 0 L-3 * *",
    "0 0 * * L",
    "0 0 30 2 *",
    "0 0 * * 1#6",
    "0 0 * * 1#1,3#2",
    "0 9 * * FRI-MON",
    "* * * * * * *",
    "@midnight",
    "@reboot",
]
REFUSED_HERE_ALONE: Final = [
    "H * * * *",
    "H(0-9)/3 * * * *",
    "* * *",
    "1-5-7 * * * *",
    "0 0 5L * *",
    "0 0 31 4,6 *",
    "0 0 * MON *",
    "0 0 * * JAN",
    "0 0 * * 1L#2",
    "0 0 * * 0L,7L",
]


@dataclass(frozen=True, slots=True)
class Run:
    """A pattern, and the instant from which its fires are listed."""

    pattern: str
    tz: str
    start: int
    count: int


Fires: TypeAlias = list[int | None]
NodeFires: TypeAlias = Callable[[Sequence[Run]], Awaitable[list[Fires | None]]]


@pytest.fixture
def node_fires(node: NodeRuntime, tmp_path: Path) -> NodeFires:
    """Lists the fires of many runs as a Node worker computes them; see cron_fires.mjs."""

    async def list_fires(runs: Sequence[Run]) -> list[Fires | None]:
        file = tmp_path / "runs.json"
        file.write_text(json.dumps([asdict(run) for run in runs]))
        listed = await node.run(SCRIPT.read_text(), str(file), timeout_s=180)
        return cast("list[Fires | None]", listed)

    return list_fires


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
    seconds = draw.choice(["", "", "0 ", "*/15 ", f"{random_field(draw, 0, 59)} "])
    minutes = random_field(draw, 0, 59)
    hours = draw.choice([random_field(draw, 0, 23), "2", "0-3", "1,2", "23,0", "0-22", "22-23", "*"])
    days = draw.choice(["*", "*", "*", "?", "L", "1,L", random_field(draw, 1, 31)])
    months = draw.choice(["*", "*", "*", "3,4,10,11", "MAR", random_field(draw, 1, 12)])
    weekdays = draw.choice(["*", "*", "*", "SUN", "5L", "0L", "6#4", "0#5", "1,5L", "5-7/2", random_field(draw, 0, 6)])
    away = draw.choice([0, 1, 500, 1000, draw.randint(0, 3 * HOUR_MS), draw.randint(0, 3 * 60) * 60_000])
    pattern = f"{seconds}{minutes} {hours} {days} {months} {weekdays}"
    return Run(pattern, tz, to_ms(change) + draw.choice([-1, 1]) * away, 8)


async def test_200_fires_of_each_pattern_through_changes_of_the_clocks_are_the_same(node_fires: NodeFires) -> None:
    runs = [
        Run(pattern, tz, to_ms(change) - 2 * DAY_MS - 1_234_567, 200)
        for pattern in PATTERNS
        for tz, changes in CHANGES.items()
        for change in changes
    ]

    comparison = await compare(runs, node_fires)

    assert comparison.differences == []
    assert comparison.fires > 97_000
    # A fault of Node's; test_what_node_breaks_off_goes_on_in_python shows what becomes of it here.
    assert {run.tz for run in comparison.broken_off} == {LORD_HOWE}


async def test_fires_of_random_patterns_from_moments_near_a_change_are_the_same(node_fires: NodeFires) -> None:
    draw = random.Random("cron")  # noqa: S311 - not a secret: the same patterns at each run
    runs = [run for run in (random_run(draw) for _ in range(2_000)) if is_accepted(run)]

    comparison = await compare(runs, node_fires)

    assert comparison.differences == []
    assert comparison.fires > 15_900
    assert {run.tz for run in comparison.broken_off} <= {LORD_HOWE}


async def test_what_node_breaks_off_goes_on_in_python(node_fires: NodeFires) -> None:
    before, after = to_ms("2026-04-04T09:00+11:00"), to_ms("2026-04-05T09:00+10:30")
    run = Run("0 9 * * *", LORD_HOWE, before - DAY_MS, 5)

    assert await node_fires([run]) == [[before, None]]
    assert fires_in_python(run, 2) == [before, after]


async def test_the_comparison_notices_one_fire_that_is_an_hour_off_at_a_change(node_fires: NodeFires) -> None:
    change = to_ms("2026-03-29T01:00Z")

    def an_hour_off(millis: int, opts: Mapping[str, object]) -> int | None:
        following = repeat_strategy(millis, opts)
        assert following is not None
        return following + HOUR_MS if millis < change <= following else following

    through, behind = (Run("0 9 * * *", "Europe/Stockholm", change + days * DAY_MS, 10) for days in (-3, 3))
    comparison = await compare([through, behind], node_fires, an_hour_off)

    assert [difference.split(":")[0] for difference in comparison.differences] == [f"{through}, fire 3"]


@pytest.mark.parametrize("refused_by", [REFUSED_BY_BOTH, REFUSED_HERE_ALONE], ids=["both", "Python alone"])
async def test_what_either_side_refuses_or_reads_otherwise_is_refused(
    refused_by: Sequence[str], node_fires: NodeFires
) -> None:
    listed = await node_fires([Run(pattern, "UTC", 0, 1) for pattern in refused_by])

    assert [fires is None for fires in listed] == [refused_by is REFUSED_BY_BOTH] * len(refused_by)
    assert [pattern for pattern in refused_by if is_accepted(Run(pattern, "UTC", 0, 1))] == []


def is_accepted(run: Run) -> bool:
    try:
        CronPattern.parse(run.pattern, run.tz)
    except ScheduleError:
        return False
    return True
