"""Cron schedules fire at the same instants in Python and in Node: compared with bullmq's own strategy in a real Node.

Each fire is computed from the one before it, as workers do, in one Node process for a whole list of runs.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from midday_worker.demo.node import NodeRuntime
from midday_worker.engine.cron.pattern import repeat_strategy
from tests.integration.cron.cron_comparison import (
    CHANGES,
    DAY_MS,
    HOUR_MS,
    LORD_HOWE,
    NodeFires,
    Run,
    compare,
    fires_in_python,
    is_accepted,
    random_pattern,
    random_run,
    to_ms,
)

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

BEFORE_MS: Final = [2 * DAY_MS + 1_234_567, 2 * HOUR_MS + 1_234_567, 1_234_567, 123_456, 12_345]


@pytest.fixture
def node_fires(node: NodeRuntime, tmp_path: Path) -> NodeFires:
    return NodeFires(node, tmp_path)


def run_through(pattern: str, tz: str, change: str, count: int) -> Run:
    """Return a run that begins as long before a change as its fires still pass it."""
    runs = [Run(pattern, tz, to_ms(change) - before_ms, count) for before_ms in BEFORE_MS]
    return next((run for run in runs if (fires_in_python(run, count)[-1] or 0) > to_ms(change)), runs[-1])


@pytest.mark.parametrize(
    ("every", "count"),
    [(3, 6), pytest.param(1, 30, marks=pytest.mark.long), pytest.param(1, 200, marks=pytest.mark.long)],
)
async def test_fires_of_each_pattern_through_changes_of_the_clocks_are_the_same(
    every: int, count: int, node_fires: NodeFires
) -> None:
    """Each pattern through each change; in short through each third one: all patterns, all changes, not all pairs."""
    runs = [
        run_through(pattern, tz, change, count)
        for pattern in PATTERNS
        for tz, changes in CHANGES.items()
        for change in changes
    ][::every]

    comparison = await compare(runs, node_fires)

    assert comparison.differences == []
    assert comparison.fires > 0.95 * count * len(runs)
    # A fault of Node's; test_what_node_breaks_off_goes_on_in_python shows what becomes of it here.
    assert {run.tz for run in comparison.broken_off} == {LORD_HOWE}


@pytest.mark.parametrize("drawn", [300, pytest.param(2_000, marks=pytest.mark.long)])
async def test_fires_of_random_patterns_from_moments_near_a_change_are_the_same(
    drawn: int, node_fires: NodeFires
) -> None:
    draw = random.Random("cron")  # noqa: S311 - not a secret: the same patterns at each run
    runs = [run for run in (random_run(draw) for _ in range(drawn)) if is_accepted(run)]

    comparison = await compare(runs, node_fires)

    assert comparison.differences == []
    assert comparison.fires > 7.95 * drawn
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


@pytest.mark.long
@pytest.mark.parametrize("tz", CHANGES)
async def test_1000_fires_of_200_patterns_are_the_same(tz: str, node: NodeRuntime, tmp_path: Path) -> None:
    draw = random.Random("patterns")  # noqa: S311 - not a secret: the same patterns at each run
    start = to_ms(CHANGES[tz][0]) - 2 * DAY_MS - 1_234_567
    runs = [Run(pattern, tz, start, 1_000) for pattern in PATTERNS]
    while len(runs) < 200:
        run = Run(random_pattern(draw), tz, start, 1_000)
        runs += [run] if is_accepted(run) else []

    comparison = await compare(runs, NodeFires(node, tmp_path, timeout_s=1_800))

    assert comparison.differences == []
    assert comparison.fires == 200_000 or tz == LORD_HOWE
    assert {run.tz for run in comparison.broken_off} <= {LORD_HOWE}
