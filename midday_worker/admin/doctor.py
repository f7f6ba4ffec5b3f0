"""The doctor: everything that is to be looked at when jobs don't run as they should."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from midday_worker.admin.finding import Finding
from midday_worker.admin.limit_checks import check_limits
from midday_worker.admin.name_checks import judge_names, judge_prefixes
from midday_worker.admin.queue_checks import check_parents, check_queue, unfinished_names
from midday_worker.admin.sentinel_checks import check_sentinels
from midday_worker.admin.server_checks import check_server
from midday_worker.engine.inspection.queue_names import held_queues, list_prefixes, list_queues, reachable
from midday_worker.engine.inspection.worker_clients import list_all_workers
from midday_worker.engine.producer.queue import Queue
from midday_worker.engine.redis.connection import Connection
from midday_worker.queues import QueueDefinition


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """How things should be.

    Attributes:
        prefix: the prefix of our keys.
        own: the queues with a prefix of their own.
        largest: how large a payload may be, in bytes.
        handled: the jobs that are defined here with a handler, by queue; empty if none are known.
        declared: those that are declared here, to be run elsewhere, by queue.
    """

    prefix: str
    own: Sequence[QueueDefinition] = ()
    largest: int
    handled: Mapping[str, Collection[str]]
    declared: Mapping[str, Collection[str]]


async def examine(
    connection: Connection, expected: Expected, queue_of: Callable[[QueueDefinition], Queue]
) -> list[Finding]:
    """Return what was found, the server first, then each queue.

    Args:
        connection: to Redis.
        expected: how things should be.
        queue_of: returns a queue by its name and prefix.

    Raises:
        RedisUnavailableError, ConfigurationError.
    """
    findings = [*await check_server(connection), *await check_sentinels(connection)]
    defined = {*expected.handled, *expected.declared}
    prefixes, away = await list_prefixes(connection)
    own = {queue.name: queue.prefix or expected.prefix for queue in expected.own}
    findings += [_out_of_reach(text) for text in away]
    if not away:
        findings.append(judge_prefixes(expected.prefix, prefixes, defined, own))
    if not defined:
        text = "not looked for: no job is defined here"
        fix = "name the packages that define yours: --import my_service.jobs, or WORKER_IMPORTS"
        findings.append(Finding(check="handlers", grade="note", text=text, fix=fix))
    queues = await _queues(connection, expected, queue_of)
    workers = await list_all_workers(queues)
    if workers is None:
        text, fix = "not looked for: Redis refuses CLIENT LIST", "give this Redis user the right +client|list"
        findings.append(Finding(check="workers", grade="note", text=text, fix=fix))
    worked = None if workers is None else {name for name, found in workers.items() if found}
    looked_at = {expected.prefix, *own.values()}
    for queue in queues:
        of_queue = None if workers is None else workers[queue.name]
        findings += await check_queue(queue, of_queue, expected.largest)
        findings += await check_limits(queue, of_queue)
        if worked is not None and (parents := await check_parents(queue, worked, looked_at)) is not None:
            findings.append(parents)
        if defined:
            findings += judge_names(queue.name, await unfinished_names(queue), expected.handled, expected.declared)
    return findings


def _out_of_reach(text: str) -> Finding:
    fix = "start it, or let a replica take over"
    return Finding(check="cluster", grade="fail", text=f"{text} Its queues were not looked at.", fix=fix)


async def _queues(
    connection: Connection, expected: Expected, queue_of: Callable[[QueueDefinition], Queue]
) -> list[Queue]:
    """Return the queues that hold something or are worked, but for those at a node of a cluster that is away."""
    home = queue_of(QueueDefinition("default", prefix=expected.prefix))
    own = {queue.name: queue_of(queue) for queue in expected.own}
    there, _ = await reachable([home, *own.values()])
    names = await list_queues(connection, expected.prefix) if home in there else []
    found = [queue_of(QueueDefinition(name, prefix=expected.prefix)) for name in names if name not in own]
    return [*found, *await held_queues([queue for queue in own.values() if queue in there])]
