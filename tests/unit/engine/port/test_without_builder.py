"""Scripts that the port ships and doesn't call: what their first lines ask for is what they get here."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest
from bullmq.redis_connection import loadScript

from midday_worker.admin.throughput import read_throughput
from midday_worker.engine.acts.acts import Acts
from tests.unit.engine.port.both import NOW_S, Both

Sending: TypeAlias = Callable[[Both], Awaitable[object]]

JOB = "bull:warehouse:j1"
NOW = str(round(NOW_S * 1000))
DELAY = [
    *("KEYS[1] delayed key", "KEYS[2] meta key", "KEYS[3] marker key", "KEYS[4] events stream"),
    *("ARGV[1] delay", "ARGV[2] timestamp", "ARGV[3] the id of the job", "ARGV[4] job key"),
]
CALLS: list[tuple[str, object, Sending, list[str], list[str], list[str]]] = [
    (
        "moveJobFromActiveToWait-9.lua",
        0,
        lambda both: both.moves.hand_back(both.job()),
        [
            *(
                "KEYS[1] active key",
                "KEYS[2] wait key",
                "KEYS[3] stalled key",
                "KEYS[4] paused key",
                "KEYS[5] meta key",
            ),
            *("KEYS[6] limiter key", "KEYS[7] prioritized key", "KEYS[8] marker key", "KEYS[9] event key"),
            *("ARGV[1] job id", "ARGV[2] lock token", "ARGV[3] job id key"),
        ],
        ["active", "wait", "stalled", "paused", "meta", "limiter", "prioritized", "marker", "events"],
        ["j1", "t:1", JOB],
    ),
    (
        "changeDelay-4.lua",
        0,
        lambda both: both.job().changeDelay(1500),
        DELAY,
        ["delayed", "meta", "marker", "events"],
        ["1500", NOW, "j1", JOB],
    ),
    (
        "changeDelay-4.lua",
        ["delayed", 1],
        lambda both: Acts(both.queue).reschedule("j1", 1500),
        DELAY,
        ["delayed", "meta", "marker", "events"],
        ["1500", NOW, "j1", JOB],
    ),
    (
        "getDependencyCounts-4.lua",
        [1, 2, 3, 4],
        lambda both: both.job().getDependenciesCount(),
        [
            *("KEYS[1] processed key", "KEYS[2] unprocessed key", "KEYS[3] ignored key", "KEYS[4] failed key"),
            "ARGV[1...] types",
        ],
        ["j1:processed", "j1:dependencies", "j1:failed", "j1:unsuccessful"],
        ["processed", "unprocessed", "ignored", "failed"],
    ),
    (
        "removeUnprocessedChildren-2.lua",
        None,
        lambda both: both.job().removeUnprocessedChildren(),
        ["KEYS[1] jobKey", "KEYS[2] meta key", "ARGV[1] prefix", "ARGV[2] jobId"],
        ["j1", "meta"],
        ["bull:warehouse:", "j1"],
    ),
    (
        "getMetrics-2.lua",
        [[None, None, None], [], 0],
        lambda both: read_throughput(both.queue, "completed", 10),
        ["KEYS[1] 'metrics' key", "KEYS[2] 'metrics data' key", "ARGV[1] start index", "ARGV[2] end index"],
        ["metrics:completed", "metrics:completed:data"],
        ["0", "9"],
    ),
]


@pytest.mark.parametrize(("file", "answer", "sending", "asked", "keys", "args"), CALLS)
async def test_a_script_gets_what_it_asks_for(
    file: str, answer: object, sending: Sending, asked: list[str], keys: list[str], args: list[str]
) -> None:
    both = Both(answer=answer)
    call = await both.sent(sending(both))
    assert _inputs(file) == asked
    assert list(call.keys) == [f"bull:warehouse:{key}" for key in keys]
    assert list(call.args[: len(args)]) == args


# Where what is sent can't be caught here: its first lines, and what we read in them.
@pytest.mark.parametrize(
    ("file", "asked"),
    [
        ("removeChildDependency-1.lua", ["KEYS[1] 'key' prefix,", "ARGV[1] job key", "ARGV[2] parent key"]),
        (
            "extendLock-2.lua",
            [
                *("KEYS[1] 'lock',", "KEYS[2] 'stalled'"),
                *("ARGV[1] token", "ARGV[2] lock duration in milliseconds", "ARGV[3] jobid"),
            ],
        ),
    ],
)
def test_a_script_asks_for_what_it_gets(file: str, asked: list[str]) -> None:
    assert _inputs(file) == asked


def _inputs(file: str) -> list[str]:
    """Return what the first comment of a script says of its keys and arguments."""
    first = loadScript(file).partition("]]\nlocal")[0]
    return [" ".join(line) for line in re.findall(r"((?:KEYS|ARGV)\[[\d.]+\])\s+(.+)", first)]
