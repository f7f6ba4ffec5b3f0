"""The commands that add jobs, compared with the port's: one that changes fails here."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import bullmq
import hiredis
import pytest
from redis.typing import EncodableT

from midday_worker.engine.producer.add_commands import Addition, Parent
from midday_worker.engine.redis.duplicate_check import CHECKED
from midday_worker.engine.wire.options import WireOptions, encode_on_failure, encode_request
from midday_worker.options import ResolvedOptions
from midday_worker.options.resolved import BackoffPolicy, DeduplicationPolicy, KeepPolicy
from midday_worker.request import FailurePolicy, JobRequest
from tests.unit.engine.port.both import NOW_S, Both
from tests.unit.engine.port.sent import Call, call_of, read_argument
from tests.unit.sample import Parcel, pack, ship

OPTIONS = [
    ResolvedOptions(),
    ResolvedOptions(job_id="chosen", attempts=7, lifo=True, stack_trace_limit=0),
    ResolvedOptions(delay=1500, priority=4),
    ResolvedOptions(priority=4, keep_logs=3, omit_trace_context=True),
    ResolvedOptions(deduplication=DeduplicationPolicy("once", ttl_ms=10, extend=True, replace=True)),
    ResolvedOptions(deduplication=DeduplicationPolicy("once"), delay=10, remove_on_complete=KeepPolicy(count=0)),
    ResolvedOptions(backoff=BackoffPolicy("fixed", 10, jitter=0.5, max_delay_ms=99), remove_on_fail=KeepPolicy()),
]
POLICIES: list[FailurePolicy] = ["fail", "ignore", "remove", "continue"]


@pytest.mark.parametrize("options", OPTIONS)
async def test_a_job_is_added_as_the_port_does(options: ResolvedOptions) -> None:
    both = Both()
    request = replace(pack.node(Parcel(order_id="o1")), options=options)
    # The second of a series is made by a template, the first isn't.
    additions = [both.queue.additions.make(request) for _ in range(2)]
    assert isinstance(additions[1].command, bytes) == (options.job_id is None)
    for addition in additions:
        ours = _call(addition, both)
        ports = await both.sent(_add(both, request, addition, {}))
        assert ours == ports


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("options", OPTIONS[:4])
async def test_a_child_is_added_as_the_port_does(options: ResolvedOptions, policy: FailurePolicy) -> None:
    both = Both()
    request = replace(pack.node(Parcel(order_id="o1")), options=options)
    addition = both.queue.additions.make(request, Parent("p1", "bull:harbour", policy))
    wire: WireOptions = {"parent": {"id": "p1", "queue": "bull:harbour"}, **encode_on_failure(policy)}
    assert _call(addition, both) == await both.sent(_add(both, request, addition, wire))


async def test_a_parent_is_added_as_the_port_does() -> None:
    both = Both()
    child = pack.node(Parcel(order_id="o1"))
    request = replace(ship.node(Parcel(order_id="o1")), children=(child,))
    addition = both.queue.additions.make(request)
    job = _port_job(both, request, addition, {})
    assert _call(addition, both) == await both.sent(both.scripts.addParentJob(job))


def _call(addition: Addition, both: Both) -> Call:
    command = addition.command
    if isinstance(command, tuple):
        call = call_of(command, both.connection)
        if not call.script.endswith(CHECKED):
            return call
        # BullMQ's script lies within, and gets all that the port gives it; what follows is ours.
        return replace(call, script=call.script.removesuffix(CHECKED), args=call.args[:-2])
    reader = hiredis.Reader()
    reader.feed(command)
    words = [_read(word) for word in cast("list[bytes]", reader.gets())]
    return call_of(words, both.connection)


def _read(word: bytes) -> EncodableT:
    try:
        return word.decode()
    except UnicodeDecodeError:  # MessagePack of a table always has a byte beyond ASCII
        return word


async def _add(both: Both, request: JobRequest, addition: Addition, more: WireOptions) -> object:
    both.client.answer = addition.id
    return await both.scripts.addJob(_port_job(both, request, addition, more))


def _port_job(both: Both, request: JobRequest, addition: Addition, more: WireOptions) -> bullmq.Job:
    options = {**encode_request(request), **more}
    job = bullmq.Job(both.queue, request.name, request.data, options, addition.id)
    # The port writes options that nobody has asked for, at their defaults.
    assert {name: job.opts[name] for name in job.opts.keys() - options.keys()} in ({}, {"delay": 0})
    job.opts = options
    job.timestamp = round(NOW_S * 1000)
    return job


def test_what_is_packed_is_read() -> None:
    assert read_argument(b"\x91\x01") == [1]
