"""Which queues a Redis holds: by the one key that every queue has, and by the names of connected workers."""

from __future__ import annotations

import asyncio
import re
from base64 import b64decode
from binascii import Error as NoBase64
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final, cast

from redis.asyncio import Redis

from midday_worker.engine.inspection.worker_clients import list_all_workers
from midday_worker.engine.producer.queue import Queue
from midday_worker.engine.redis.connection import Connection, is_of_cluster
from midday_worker.engine.redis.deadlines import Deadlines
from midday_worker.engine.redis.error_translation import bounded, translated
from midday_worker.engine.redis.nodes import all_nodes, named
from midday_worker.errors import RedisRefusedError, RedisUnavailableError

_STEP: Final = 10_000
"""How many keys Redis looks at in one command: a few milliseconds."""

_GLOB: Final = re.compile(r"([*?\[\]\\^-])")
_MARK: Final = "opts.maxLenEvents"
"""What BullMQ writes into the key of each queue; a key of another program has no such field."""


async def list_queues(connection: Connection, prefix: str) -> list[str]:
    """Return the names of the queues that hold jobs or settings, or that a worker is connected to, sorted.

    Redis walks over all its keys for it, in steps that hold nobody up: with millions of them it takes seconds. Where it
    doesn't tell us its clients, as some have no CLIENT LIST, the queues that hold nothing are left out.
    """
    keys = await _places(connection.conn, connection.deadlines, keys_pattern(prefix, "meta"))
    found = {name for at, name in keys if at == prefix}
    clients: list[Mapping[str, str]] = []
    with suppress(RedisRefusedError):
        async with bounded(connection.deadlines, "list Redis's clients"):
            clients = cast("list[Mapping[str, str]]", await connection.conn.client_list())  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
    return sorted(found | worked_queues(prefix, (client.get("name", "") for client in clients)))


async def list_prefixes(connection: Connection) -> tuple[dict[str, list[str]], list[str]]:
    """Return the queues that Redis holds under each prefix, both sorted, and what is said of nodes that are away.

    Raises RedisUnavailableError if none of a cluster's nodes answers, or the one server doesn't.
    """
    found: list[tuple[str, str]] = []
    errors: list[RedisUnavailableError] = []
    with translated("ask for the nodes of the cluster"):
        async with all_nodes(connection.conn) as nodes:
            for node in nodes:
                try:
                    found += await _queues_at(node, connection.deadlines)
                except RedisUnavailableError as error:
                    errors.append(await named(error, node))
    if len(errors) == len(nodes):
        raise errors[0]
    prefixes: dict[str, list[str]] = defaultdict(list)
    for prefix, name in sorted(found):
        prefixes[prefix].append(name)
    return dict(prefixes), [error.problem for error in errors]


async def _queues_at(node: Redis, deadlines: Deadlines) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for prefix, name in await _places(node, deadlines, "*:meta"):
        async with bounded(deadlines, "look for queues"):
            if await _is_queue(node, f"{prefix}:{name}:meta"):
                found.append((prefix, name))
    return found


def keys_pattern(prefix: str, end: str) -> str:
    """Return Redis's pattern for the keys of a prefix with this end."""
    return _GLOB.sub(r"\\\1", prefix) + f":*:{end}"


async def queue_exists(queue: Queue) -> bool:
    """Return whether Redis holds anything of this queue, without a walk over its keys."""
    async with queue.bounded(f"look for queue {queue.name}"):
        return bool(await queue.ask("EXISTS", queue.keys["meta"]))


async def reachable(queues: Sequence[Queue]) -> tuple[list[Queue], dict[Queue, RedisUnavailableError]]:
    """Return the queues whose node of a cluster answers, and of each other why it can't be reached.

    One server isn't asked: what is asked of it next says as much.
    """
    nodes = {queue.backend.conn: queue for queue in queues}
    if not any(map(is_of_cluster, nodes)):
        return list(queues), {}
    said = dict(zip(nodes, await asyncio.gather(*map(_refusal, nodes.values())), strict=True))
    away = {queue: error for queue in queues if (error := said[queue.backend.conn]) is not None}
    return [queue for queue in queues if queue not in away], away


async def _refusal(queue: Queue) -> RedisUnavailableError | None:
    try:
        await queue_exists(queue)
    except RedisUnavailableError as error:
        return await named(error, queue.backend.conn)
    return None


async def held_queues(queues: Sequence[Queue]) -> list[Queue]:
    """Return those that hold jobs or settings, or that a worker is connected to, without a walk over Redis's keys."""
    there, workers = await asyncio.gather(asyncio.gather(*map(queue_exists, queues)), list_all_workers(queues))
    worked = workers or {}
    return [queue for queue, exists in zip(queues, there, strict=True) if exists or worked.get(queue.name)]


def worked_queues(prefix: str, client_names: Iterable[str]) -> set[str]:
    """Return the queues whose workers' connections have these names, as Node and this engine name them.

    >>> worked_queues("bull", ["bull:ZW1haWxz", "bull:ZW1haWxz:w:mailer", "bull:not base64", "redis-cli", "other:eA=="])
    {'emails'}
    """
    found: set[str] = set()
    for name in client_names:
        if name.startswith(f"{prefix}:"):
            encoded = name.removeprefix(f"{prefix}:").partition(":")[0]
            try:
                found.add(b64decode(encoded, validate=True).decode())
            except (NoBase64, UnicodeDecodeError):
                continue
    return found - {""}


async def _places(client: Redis, deadlines: Deadlines, pattern: str) -> set[tuple[str, str]]:
    """Return prefix and name of the queues whose keys match."""
    found: set[tuple[str, str]] = set()
    cursor = 0
    while True:
        async with bounded(deadlines, "look for queues"):
            scanned = await client.scan(cursor, match=pattern, count=_STEP)  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
        cursor, keys = cast("tuple[int, list[str]]", scanned)
        for key in keys:
            prefix, _, name = key.removesuffix(":meta").rpartition(":")
            if prefix and name:
                found.add((prefix, name))
        if not cursor:
            return found


async def _is_queue(client: Redis, key: str) -> bool:
    if await client.type(key) != "hash":
        return False
    return bool(await client.hexists(key, _MARK))
