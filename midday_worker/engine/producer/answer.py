"""What a script that adds a job has answered: the job's id, and whether the job is new."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, cast

from loguru import logger
from redis.exceptions import RedisError

from midday_worker.errors import EnqueueError

_ERRORS: Final = {
    -5: "its parent job doesn't exist",
    -7: "its parent can't be replaced: the job already belongs to another one",
}
_MOST_PATHS: Final = 20
_WHOLE: Final = "the whole payload"


class ExistingId(str):
    """The id of a job that was there already: nothing was added."""

    __slots__ = ()


class PromisedId(str):
    """The id of a job that is added once a transaction has committed."""

    __slots__ = ()


def was_added(job_id: str) -> bool | None:
    """Return whether a job was made under this id that was answered; None if that isn't decided yet."""
    return None if isinstance(job_id, PromisedId) else not isinstance(job_id, ExistingId)


def checked_id(answer: object, name: str, job_id: str) -> str:
    """Return the id that Lua answered; an `ExistingId` if that is another job's.

    Of an idempotency key whose job has another payload, the difference is logged.

    Args:
        answer: see `checked_add` for that of a job that was there.
        name: the job's name.
        job_id: the id under which it was to be added.

    Raises:
        EnqueueError: it answered an error's code, which the port returns as an id.
        RedisError: it broke off with an error.
    """
    if isinstance(answer, RedisError):
        raise answer
    if isinstance(answer, int) and answer < 0:
        why = _ERRORS.get(answer, f"the engine answered {answer}")
        raise EnqueueError(f"Job {name!r} was not added: {why}.", job=name, job_id=job_id)
    if isinstance(answer, list):
        existing, *payloads = cast("list[str]", answer)
        if payloads:
            _tell_difference(name, existing, payloads)
        return ExistingId(existing)
    return job_id if answer == job_id else ExistingId(answer)


def _tell_difference(name: str, job_id: str, payloads: Sequence[str]) -> None:
    try:
        there, given = map(json.loads, payloads)
        paths = list(islice(_differing(there, given, ""), _MOST_PATHS))
    except (ValueError, RecursionError):  # no JSON, as of another program, or too deep
        paths = [_WHOLE]
    if paths:
        logger.warning(
            "Job {name!r} was not added again under its idempotency key: job {id} is there, with another payload. They "
            "differ in: {paths}",
            name=name,
            id=job_id,
            paths=", ".join(paths),
        )


def _differing(there: object, given: object, path: str) -> Iterator[str]:
    """Yield the paths at which two JSON values differ; no values, which may be secret."""
    if isinstance(there, dict) and isinstance(given, dict):
        left, right = cast("dict[str, object]", there), cast("dict[str, object]", given)
        for name in left | right:
            shown = name if name.isprintable() else repr(name)
            below = f"{path}.{shown}" if path else shown
            if name in left and name in right:
                yield from _differing(left[name], right[name], below)
            else:
                yield below
    elif isinstance(there, list) and isinstance(given, list):
        first, second = cast("list[object]", there), cast("list[object]", given)
        if len(first) != len(second):
            yield path or _WHOLE
            return
        for place, (one, other) in enumerate(zip(first, second, strict=True)):
            yield from _differing(one, other, f"{path}.{place}" if path else str(place))
    elif there != given or isinstance(there, bool) != isinstance(given, bool):
        yield path or _WHOLE
