"""Plain functions in threads: one for each call, and none that the process's end waits for.

`asyncio.to_thread` shares a few threads: jobs would wait for one whatever their queue's concurrency, and one that
hangs would keep the process from ending after its drain.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a thread of its own and return its result. Cancelled, it goes on, and nobody hears of it."""
    context = contextvars.copy_context()
    outcome: Future[T] = Future()
    outcome.set_running_or_notify_cancel()  # from here on, the caller's cancellation leaves it alone

    def work() -> None:
        try:
            outcome.set_result(context.run(function, *args, **kwargs))
        except StopIteration as error:  # asyncio's futures refuse it, and the caller would wait for ever
            outcome.set_exception(_as_runtime_error(error))
        except BaseException as error:  # SystemExit too: the caller decides what it means
            outcome.set_exception(error)

    threading.Thread(target=work, name=f"midday-worker {_name(function)}", daemon=True).start()
    return await asyncio.wrap_future(outcome)


def _as_runtime_error(error: StopIteration) -> RuntimeError:
    refused = RuntimeError("the function raised StopIteration")
    refused.__cause__ = error
    return refused


def _name(function: Callable[..., object]) -> str:
    return str(getattr(function, "__name__", type(function).__name__))
