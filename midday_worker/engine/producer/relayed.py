"""Adding what was stored, each row of it in a transaction with the others and for itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from redis.exceptions import RedisError

from midday_worker.engine.producer.add_commands import Addition
from midday_worker.engine.producer.answer import checked_id
from midday_worker.engine.producer.queue import BULK, Queue
from midday_worker.engine.producer.stored_addition import load_additions
from midday_worker.engine.redis.error_translation import Writing, is_passing
from midday_worker.engine.wire.failure import reason_of
from midday_worker.errors import EnqueueError

QueueAt: TypeAlias = Callable[[str | None, str], Queue]


@dataclass(slots=True)
class PlacedAddition:
    place: int
    addition: Addition


async def add_stored(texts: Sequence[str], queue_at: QueueAt) -> dict[int, str]:
    """Carry out stored additions, unless that has been done; return why some were refused, by their places.

    Args:
        texts: each a list of additions as JSON: a job, or the jobs of a flow.
        queue_at: returns the queue of a prefix and a name.

    Raises:
        EngineError: Redis can't be reached, or can't write just now: calling again is safe.
    """
    errors: dict[int, str] = {}
    placed: dict[int, tuple[Queue, list[PlacedAddition]]] = {}
    for place, text in enumerate(texts):
        try:
            for stored in load_additions(text):
                queue = queue_at(stored.prefix, stored.queue)
                # One connection leads to each slot of a cluster.
                placed.setdefault(id(queue.redisConnection), (queue, []))[1].append(
                    PlacedAddition(place, stored.addition(queue))
                )
        except Exception as error:  # whatever is stored there, the others have to be added
            errors[place] = reason_of(error)
    for queue, of_connection in placed.values():
        for together in _chunks([one for one in of_connection if one.place not in errors]):
            await _add(queue, together, errors)
    return errors


def _chunks(placed: Sequence[PlacedAddition]) -> Iterator[Sequence[PlacedAddition]]:
    """Split what is added, after about 1,000 jobs: Redis does nothing else meanwhile. No row is split."""
    start = 0
    for end in range(1, len(placed) + 1):
        if end == len(placed) or (end - start >= BULK and placed[end].place != placed[end - 1].place):
            yield placed[start:end]
            start = end


async def _add(queue: Queue, placed: Sequence[PlacedAddition], errors: dict[int, str]) -> None:
    additions = [one.addition for one in placed]
    ids = [addition.id for addition in additions]
    async with queue.bounded(f"add {len(ids)} jobs of the outbox", Writing(ids=ids)):
        answers = await queue.own_backend.add(additions)
        for one, answer in zip(placed, answers, strict=True):
            if isinstance(answer, RedisError) and is_passing(answer):
                raise answer
            try:
                checked_id(answer, one.addition.name, one.addition.id)
            except (RedisError, EnqueueError) as error:
                errors.setdefault(one.place, reason_of(error))
        await queue.replicated(ids)
