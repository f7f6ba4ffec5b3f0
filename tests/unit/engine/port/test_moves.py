"""The moves of a worker's jobs, compared with the port's: one that changes fails here."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from midday_worker.engine.wire.fetched import Fetched
from midday_worker.engine.worker.config import WorkerConfig
from tests.unit.engine.port.both import LIMITED, NOW_S, PLAIN, Both, assert_same

CONFIGS = pytest.mark.parametrize("config", [PLAIN, LIMITED], ids=["plain", "limited"])
FIELDS = pytest.mark.parametrize("fields", [{}, {"failedReason": "no", "stacktrace": "[]"}], ids=["none", "fields"])
FETCH_NEXT = pytest.mark.parametrize("fetch_next", [False, True])
KEEPS = pytest.mark.parametrize("keep", [True, False, 0, 7, {"count": 3}, {"age": 60, "count": 3}], ids=str)


@CONFIGS
async def test_a_fetch_is_the_ports(config: WorkerConfig) -> None:
    both = Both(config)
    ours = await both.sent(both.moves.fetch("t:1"))
    ports = await both.sent(both.scripts.moveToActive("t:1", both.queue.opts))
    assert_same(ours, ports, "moveToActive-11.lua", 2)


@CONFIGS
@FETCH_NEXT
@KEEPS
async def test_a_completion_is_the_ports(config: WorkerConfig, fetch_next: bool, keep: object) -> None:
    both = Both(config)
    job = both.job(removeOnComplete=keep, attempts=3)
    ours = await both.sent(both.moves.complete(job, '{"a":1}', fetch_next=fetch_next))
    ports = await both.sent(both.scripts.moveToCompleted(job, {"a": 1}, keep, "t:1", fetch_next))
    assert_same(ours, ports, "moveToFinished-14.lua", 7)


@CONFIGS
@FETCH_NEXT
@KEEPS
@FIELDS
async def test_a_failure_is_the_ports(
    config: WorkerConfig, fetch_next: bool, keep: object, fields: Mapping[str, str]
) -> None:
    both = Both(config)
    job = both.job(removeOnFail=keep, failParentOnFailure=True)
    ours = await both.sent(both.moves.fail(job, "no", fields, fetch_next=fetch_next))
    keys, args = both.scripts.moveToFailedArgs(job, "no", keep, "t:1", fetch_next, fields)
    ports = await both.sent(both.scripts.moveToFinished("j1", keys, args))
    assert_same(ours, ports, "moveToFinished-14.lua", 7)


@CONFIGS
@FETCH_NEXT
@FIELDS
@pytest.mark.parametrize("use_attempt", [True, False])
async def test_a_delay_is_the_ports(
    config: WorkerConfig, fetch_next: bool, fields: Mapping[str, str], use_attempt: bool
) -> None:
    both = Both(config)
    delay = both.moves.delay(both.job(), 1500, fields, fetch_next=fetch_next, use_attempt=use_attempt)
    options = {
        "skipAttempt": not use_attempt,
        "fieldsToUpdate": fields,
        "fetchNext": fetch_next,
        "workerOpts": both.queue.opts,
    }
    ours = await both.sent(delay)
    ports = await both.sent(both.scripts.moveToDelayed("j1", round(NOW_S * 1000), 1500, "t:1", options))
    if fetch_next:
        assert_same(ours, ports, "moveToDelayed-11.lua", 8)
    else:
        assert ours == ports


@FIELDS
@pytest.mark.parametrize("lifo", [True, False])
async def test_a_retry_at_once_is_the_ports(fields: Mapping[str, str], lifo: bool) -> None:
    both = Both()
    ours = await both.sent(both.moves.retry(both.job(lifo=lifo), fields))
    ports = await both.sent(both.scripts.retryJob("j1", lifo, "t:1", {"fieldsToUpdate": fields}))
    assert (ours.script, ours.keys) == (ports.script, ports.keys)
    assert ours.args[: len(ports.args)] == ports.args
    assert set(ours.args[len(ports.args) :]) <= {""}


async def test_a_lock_is_lengthened_as_the_port_does() -> None:
    both = Both(answer=1)
    ours = await both.sent(both.moves.still_holds(Fetched("j1", {"processedOn": "1"}), "t:1"))
    assert ours == await both.sent(both.scripts.extendLock("j1", "t:1", 30_000))
