"""What is written of a failure, and when a failed job is tried again."""

from __future__ import annotations

import random
import traceback
from collections.abc import Mapping
from typing import Final, cast

from bullmq.backoffs import Backoffs
from bullmq.custom_errors import UnrecoverableError

from midday_worker.errors import DurationError, NonRetryableError, RetryAfter
from midday_worker.errors.handler_traceback import handler_traceback
from midday_worker.settings.durations import MAX_MS, to_milliseconds

LONGEST_REASON: Final = 10_000
LONGEST_STACK: Final = 50_000
_FALLBACK: Final[Mapping[str, object]] = {"type": "exponential", "delay": 2_000, "jitter": 0.5}


def reason_of(error: BaseException) -> str:
    """Return an error's message, safe to store: never empty, never raising, bounded, valid UTF-8."""
    try:
        text = str(error)
    except Exception as broken:  # a user's __str__ may do anything
        text = f"{type(error).__name__} (its message raised {type(broken).__name__})"
    if not text:
        text = type(error).__name__
    elif isinstance(error, KeyError):
        text = f"KeyError: {text}"  # a bare key says nothing
    return storable(text, LONGEST_REASON)


def stack_of(error: BaseException) -> str:
    """Return an error's traceback, from the handler's frame on, safe to store."""
    try:
        text = "".join(traceback.format_exception(type(error), error, handler_traceback(error)))
    except Exception:  # formatting calls a user's __str__
        text = f"{type(error).__name__}: the traceback can't be formatted"
    return storable(text, LONGEST_STACK)


def storable(text: str, longest: int) -> str:
    """Return a text as it can be stored and shown: valid UTF-8, bounded."""
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters in all)"


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
    # As Node's Backoffs: the last `jitter` of the delay is drawn by lot. Not for secrets.
    return min(MAX_MS, round(full * (1 - share) + random.random() * full * share))  # noqa: S311


def _within_bounds(delay: object) -> float | None:
    # Whatever JSON holds as a number, Infinity and NaN among them.
    if not isinstance(delay, int | float) or delay != delay:
        return None
    return min(MAX_MS, max(0, delay))
