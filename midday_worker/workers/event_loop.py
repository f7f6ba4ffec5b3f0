"""The event loop of a worker process: nothing that a handler raises ends it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Final, TypeVar

from loguru import logger

from midday_worker.engine.job.interruption import AGAIN_S
from midday_worker.workers.exit_deadline import ExitDeadline

T = TypeVar("T")

END_S: Final = 0.5
"""How long tasks that handlers have left behind may take to end, at the end of the process."""


def run_to_end(
    work: Coroutine[None, None, bool],
    new_loop: Callable[[], asyncio.AbstractEventLoop] | None,
    deadline: ExitDeadline | None = None,
) -> bool:
    """Run the work of a process on an event loop of its own, and cancel what is left at its end.

    Args:
        work: the work; it returns whether it has ended well.
        new_loop: makes the event loop; asyncio's own if None.
        deadline: ends the process if the loop can't be closed, as a task goes on although it was cancelled.

    Returns:
        What the work has returned.
    """
    loop = (new_loop or asyncio.new_event_loop)()
    try:
        well = _run(loop, work)
        left = _run(loop, _end_tasks())
        if left and deadline is not None:
            deadline.clean = False
            logger.error("given up, although they still run: {names}", names=", ".join(sorted(left)))
        # Not asyncio.Runner: it runs the loop to the end too, and lets what comes out of a late callback out of itself.
        _run(loop, loop.shutdown_asyncgens())
        _run(loop, loop.shutdown_default_executor())
        return well and not left
    finally:
        loop.close()


def _run(loop: asyncio.AbstractEventLoop, work: Coroutine[None, None, T]) -> T:
    main = loop.create_task(work)
    main.add_done_callback(lambda _main: loop.stop())
    while not main.done():  # a handler may have stopped the loop, too
        try:
            loop.run_forever()
        except (SystemExit, KeyboardInterrupt) as error:
            # Of a task it is kept, for whoever awaits it; and then it leaves the loop, which is none the worse for it.
            if signal.getsignal(signal.SIGINT) is signal.default_int_handler and isinstance(error, KeyboardInterrupt):
                raise  # Ctrl-C, before the worker listens for it
            if not main.done():
                logger.opt(exception=error).error(
                    "{kind} came out of a task or callback; the worker goes on", kind=repr(error)
                )
    return main.result()


async def _end_tasks() -> set[str]:
    """Cancel all other tasks until they end; return the names of those that don't."""
    loop, me = asyncio.get_running_loop(), asyncio.current_task()
    until = loop.time() + END_S
    while (others := asyncio.all_tasks() - {me}) and loop.time() < until:
        for task in others:
            task.cancel()
        await asyncio.wait(others, timeout=AGAIN_S)
    return {task.get_name() for task in others}
