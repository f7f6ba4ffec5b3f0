"""The workers of a queue, whatever their language, as Redis's client list shows them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from redis.asyncio import Redis

from midday_worker.engine.producer.backend import client_name
from midday_worker.engine.producer.queue import Queue
from midday_worker.engine.redis.error_translation import translated
from midday_worker.errors import RedisRefusedError

_NAMED: Final = ":w:"
"""What stands between the queue's part of a client's name and the worker's own name, as in Node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerClient:
    """A worker's connection to Redis; each worker of a queue has one.

    Attributes:
        id: Redis's own id of the connection.
        name: what the worker calls itself, if it has a name (Node's worker option `name`).
        address: its host and port as Redis sees them.
        age_s: how long it has been connected.
        idle_s: since when it has sent nothing; a worker that waits for jobs sends something every few seconds.
        library: with what it speaks to Redis: "redis-py" here, "ioredis" in Node; None before Redis 7.2.
    """

    id: str
    name: str | None
    address: str
    age_s: int
    idle_s: int
    library: str | None = None


async def list_workers(queue: Queue) -> list[WorkerClient] | None:
    """Return the queue's workers, Node's among them, the oldest first; as Node's `Queue.getWorkers`.

    None if Redis doesn't let us ask: some have no CLIENT LIST, and it is a right of its own.
    """
    found = await list_all_workers([queue])
    return None if found is None else found[queue.name]


async def list_all_workers(queues: Sequence[Queue]) -> dict[str, list[WorkerClient]] | None:
    """Return the workers of several queues, by the queue's name; Redis, or each node with some of them, is asked once.

    None if it doesn't let us ask.
    """
    if not queues:
        return {}
    of = f"queue {queues[0].name}" if len(queues) == 1 else f"{len(queues)} queues"
    # A worker waits for jobs at the node that holds them; on other nodes of a cluster Node's has connections, too.
    asked = list(dict.fromkeys(queue.backend.conn for queue in queues))
    try:
        with translated(f"list the workers of {of}"):
            lists = dict(zip(asked, await asyncio.gather(*(_list_clients(each) for each in asked)), strict=True))
    except RedisRefusedError:
        return None
    return {queue.name: _workers_of(queue, lists[queue.backend.conn]) for queue in queues}


async def _list_clients(client: Redis) -> list[Mapping[str, str]]:
    return cast("list[Mapping[str, str]]", await client.client_list())  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped


def _workers_of(queue: Queue, clients: Sequence[Mapping[str, str]]) -> list[WorkerClient]:
    # As Node and this engine name their clients, and as BullMQ's Python port does.
    names = (client_name(queue.prefix, queue.name), queue.qualifiedName)
    found = [_worker(client, name) for client in clients for name in names if _is_worker(client["name"], name)]
    return sorted(found, key=lambda worker: (-worker.age_s, worker.address))


def _is_worker(client: str, queue: str) -> bool:
    return client == queue or client.startswith(queue + _NAMED)


def _worker(client: Mapping[str, str], queue: str) -> WorkerClient:
    return WorkerClient(
        id=str(client["id"]),
        name=client["name"].removeprefix(queue).removeprefix(_NAMED) or None,
        address=client["addr"],
        age_s=int(client["age"]),
        idle_s=int(client["idle"]),
        library=client.get("lib-name") or None,
    )
