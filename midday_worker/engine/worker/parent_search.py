"""The parents of children whose own hash, and with it their parent's key, is gone."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Final, cast

from redis.exceptions import NoPermissionError

from midday_worker.engine.producer.add_commands import Parent
from midday_worker.engine.wire.child_kinds import ChildKinds
from midday_worker.engine.wire.options import extras_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis

    from midday_worker.engine.job.job import Job
    from midday_worker.engine.producer.backend import Backend

_STEP: Final = 10_000
"""How many keys Redis looks at in one command: a few milliseconds."""

_FLAGS: Final = frozenset({"fpof", "cpof", "idof", "rdof"})
"""What a child's failure does to its parent, as BullMQ stores it."""


class ParentSearch:
    """Finds the parents of children whose hash is gone, by whose pending children they are.

    It is a walk over Redis's keys, in steps that hold nobody up; jobs that ask while one goes on share the next.

    Args:
        backend: the children's queue. Parents may be on queues of any prefix.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._walking = asyncio.Lock()
        self._wanted: set[str] = set()
        self._found: dict[str, Parent] = {}

    async def stored_parent(self, job: Job) -> dict[str, object] | None:
        """Return what the job's hash held of its parent, from memory or else as it can be found; None if it has none.

        A parent whose child says nothing of its failure would wait for ever: then it fails.
        """
        stored: object = job.parent
        if isinstance(stored, dict):
            known = cast("dict[str, object]", stored)
            return known if known.keys() & _FLAGS else {**known, "fpof": True}
        if job.unreadable is None:  # it was read, and has none
            return None
        found = await self._find(self._backend.toKey(job.id))
        return None if found is None else found.stored

    async def _find(self, child: str) -> Parent | None:
        self._wanted.add(child)
        async with self._walking:
            if child in self._wanted:  # else it was by the walk before
                wanted = list(self._wanted)
                self._found |= await self._walk(wanted)
                self._wanted.difference_update(wanted)
            return self._found.pop(child, None)

    async def _walk(self, children: list[str]) -> dict[str, Parent]:
        client, found, cursor = self._backend.conn, dict[str, Parent](), 0
        while True:
            scanned = await client.scan(cursor, "*:*:dependencies", _STEP, "set")  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
            cursor, keys = cast("tuple[int, list[str]]", scanned)
            held = await asyncio.gather(*(_held(client, key, children) for key in keys))
            for key, answers in zip(keys, held, strict=True):
                for child, is_held in zip(children, answers, strict=True):
                    if is_held:
                        found[child] = await self._parent(key.removesuffix(":dependencies"), child)
            if not cursor:
                return found

    async def _parent(self, key: str, child: str) -> Parent:
        queue, _, job_id = key.rpartition(":")
        kind = ChildKinds(extras_of(_options(await self._backend.conn.hget(key, "opts")))).find(child)
        return Parent(job_id, queue, "fail" if kind is None else kind.policy)


async def _held(client: Redis, key: str, children: list[str]) -> Sequence[int]:
    try:
        return await client.smismember(key, children)  # pyright: ignore[reportUnknownMemberType, reportReturnType] - untyped in redis-py
    except NoPermissionError:  # another program's
        return [0] * len(children)


def _options(stored: object) -> dict[str, object]:
    try:
        options: object = json.loads(str(stored or "{}"))
    except (ValueError, RecursionError):  # the parent is broken too
        return {}
    return cast("dict[str, object]", options) if isinstance(options, dict) else {}
