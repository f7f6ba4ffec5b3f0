"""Whether a failed job is tried again, by its error, and how long it waits until then."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Final, cast

from bullmq.backoffs import Backoffs
from bullmq.custom_errors import UnrecoverableError

from midday_worker.errors import DurationError, NonRetryableError, RetryAfter
from midday_worker.settings.durations import MAX_MS, to_milliseconds

_FALLBACK: Final[Mapping[str, object]] = {"type": "exponential", "delay": 2_000, "jitter": 0.5}


def is_final(error: BaseException) -> bool:
    """Return whether the error forbids further attempts."""
    return isinstance(error, NonRetryableError | UnrecoverableError)


def retry_delay_ms(error: BaseException, backoff: object, attempts_made: int, longest_ms: int | None = None) -> int:
    """Return how long to wait before the next attempt, in milliseconds.

    Args:
        error: what the attempt raised; a `RetryAfter` names its own delay.
        backoff: the job's `backoff` as stored; one that nobody knows counts as the library's default.
        attempts_made: attempts so far, this one counted.
        longest_ms: where the backoff stops growing, before its jitter; a `RetryAfter` may be longer.
    """
    if isinstance(error, RetryAfter):
        try:
            return to_milliseconds(error.delay, "RetryAfter's delay")
        except DurationError:
            return _computed(_FALLBACK, attempts_made)
    if not backoff:
        return 0
    if isinstance(backoff, Mapping):
        return _computed(cast("Mapping[str, object]", backoff), attempts_made, longest_ms)
    delay = _within_bounds(backoff)
    return _computed(_FALLBACK, attempts_made) if delay is None else round(delay)


def _computed(backoff: Mapping[str, object], attempts_made: int, longest_ms: int | None = None) -> int:
    kind, delay, jitter = backoff.get("type"), _within_bounds(backoff.get("delay", 0)), backoff.get("jitter", 0)
    strategy = Backoffs.builtin_strategies.get(kind) if isinstance(kind, str) else None
    if delay is None or strategy is None:
        return _computed(_FALLBACK, attempts_made, longest_ms)
    # 2**52 ms is beyond every delay; a larger exponent would only overflow.
    full: float = strategy(round(delay))(min(attempts_made, 53), kind, None, None)
    if longest_ms is not None:
        full = min(full, longest_ms)
    share = jitter if isinstance(jitter, int | float) and 0 <= jitter <= 1 else 0
    # As Node's Backoffs: the last `jitter` of the delay is drawn by lot.
    return min(MAX_MS, round(full * (1 - share) + random.random() * full * share))  # noqa: S311 - jitter, not a secret


def _within_bounds(delay: object) -> float | None:
    # Whatever JSON holds as a number, Infinity and NaN among them.
    if not isinstance(delay, int | float) or delay != delay:
        return None
    return min(MAX_MS, max(0, delay))
