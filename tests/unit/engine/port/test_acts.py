"""The scripts behind acts on one job, compared with the port's: one that changes fails here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias, cast

import pytest

from midday_worker.engine.acts.acts import Acts
from midday_worker.engine.wire.options import encode_keep
from midday_worker.options import ResolvedOptions
from tests.unit.engine.port.both import Both
from tests.unit.engine.port.sent import Call, same_options

Act: TypeAlias = Callable[[Both], Awaitable[object]]

ACTS: list[tuple[str, str, int, Act, Act]] = [
    ("promote", "delayed", 0, lambda both: Acts(both.queue).promote("j1"), lambda both: both.scripts.promote("j1")),
    *(
        (
            "change priority",
            "waiting",
            0,
            lambda both, lifo=lifo: Acts(both.queue).change_priority("j1", 7, lifo=lifo),
            lambda both, lifo=lifo: both.scripts.changePriority("j1", 7, lifo),
        )
        for lifo in (True, False)
    ),
    (
        "update data",
        "waiting",
        1,
        lambda both: Acts(both.queue).update_data("j1", '{"a":1}'),
        lambda both: both.scripts.updateData("j1", {"a": 1}),
    ),
    *(
        (
            "remove",
            "waiting",
            1,
            lambda both, children=children: Acts(both.queue).remove("j1", children=children),
            lambda both, children=children: both.scripts.remove("j1", children),
        )
        for children in (True, False)
    ),
    *(
        (
            f"retry {state}",
            state,
            1,
            lambda both, state=state, reset=reset: (
                Acts(both.queue).retry("j1", reset_attempts=reset)
                if state == "failed"
                else Acts(both.queue).retry_from("j1", state, cancelled=True)
            ),
            lambda both, state=state, reset=reset: both.scripts.reprocessJob(
                both.job(), state, {"resetAttemptsMade": reset, "resetAttemptsStarted": reset}
            ),
        )
        for state, reset in (("failed", False), ("failed", True), ("completed", False))
    ),
]


@pytest.mark.parametrize(("name", "state", "more", "ours", "ports"), ACTS)
async def test_an_act_calls_its_script_as_the_port_does(
    name: str, state: str, more: int, ours: Act, ports: Act
) -> None:
    both = Both(answer=[state, 1])
    acted = await both.sent(ours(both))
    assert _without_ours(acted, more) == await _ports(both, ports)


async def test_a_cancel_fails_its_job_as_the_port_does() -> None:
    children: list[str] = []
    both = Both(answer=["waiting", ["cancelled", children]])
    acted = await both.sent(Acts(both.queue).cancel("j1", "no"))
    keep = encode_keep(ResolvedOptions().remove_on_fail)
    job = both.job()
    job.attempts = 2**31
    both.client.answer = None
    ports = await both.sent(both.scripts.moveToFailed(job, "cancelled: no", keep, "0", fetchNext=False))
    # Its fields come after what the port's call has, then what is ours.
    assert acted.keys == ports.keys
    assert [arg for place, arg in enumerate(acted.args[:8]) if place != 7] == list(ports.args[:7])
    options = {**cast("dict[str, object]", acted.args[7]), "lockDuration": 30_000}  # of a next job, which isn't fetched
    assert same_options(options, ports.args[7], "moveToFinished-14.lua")


def _without_ours(call: Call, more: int) -> tuple[tuple[str, ...], tuple[object, ...]]:
    """Return keys and arguments without the three of `Guarded`, and those that the act has beyond the port's."""
    return call.keys, call.args[: -3 - more]


async def _ports(both: Both, call: Act) -> tuple[tuple[str, ...], tuple[object, ...]]:
    both.client.answer = None
    ports = await both.sent(call(both))
    return ports.keys, ports.args
