"""`HookChain`: the hooks that hear of one job, in their order: the registry's, its queue's, its own."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeAlias, cast

from loguru import logger

from midday_worker.engine.job.interruption import forget_cancellations
from midday_worker.engine.job.job import Job
from midday_worker.handling.dependencies import is_asynchronous, needs_of_hook
from midday_worker.handling.hooks import Hook, Hooks, JobEvent, Moment
from midday_worker.handling.opened import Held, opened

AnyHooks: TypeAlias = Hooks[object, object]
AnyEvent: TypeAlias = JobEvent[object, object]

HOOK_S: Final = 30.0
"""How long a hook may take: its job waits for it, and would wait for ever."""


class HookChain:
    """Tells the hooks of one attempt what happens to it.

    Args:
        levels: the registry's, the queue's and the job's hooks.
        job: the job.
        parse: the definition's; gives the payload of stored data, or raises.
        parse_result: the definition's; gives the result of a stored one, or raises.
        held: what hooks depend on and the worker holds for them.
    """

    def __init__(
        self,
        levels: tuple[AnyHooks, ...],
        job: Job,
        parse: Callable[[object], object],
        parse_result: Callable[[str], object],
        held: Held | None = None,
    ) -> None:
        self._levels = levels
        self._job = job
        self._held = held
        self._parse_result = parse_result
        self._attempt = job.attemptsMade + 1
        try:
            self._payload: object | None = parse(job.data)
            self._valid = True
        except Exception:  # the attempt is about to fail by it, with all that there is to be said
            self._payload, self._valid = None, False

    async def start(self) -> None:
        """Call the hooks of a start; what one of them raises is raised. Of an invalid payload they don't hear."""
        if self._valid:
            event = self._event()
            for hook in self._hooks("on_start"):
                await self._call(hook, event)

    async def succeeded(self, result: str) -> None:
        """Call the hooks of a success, with the result, a JSON text."""
        try:
            value: object | None = self._parse_result(result)
        except Exception as error:  # a type of one way: what is written isn't read back
            logger.warning("the hooks of this job can't be given its result: {error}", error=error)
            value = None
        await self._tell(self._event(result=value), "on_success", "on_end")

    async def failed(self, error: BaseException) -> None:
        """Call the hooks of a failure."""
        will_retry = self._job.delay_before_next(error) is not None
        moments: tuple[Moment, ...] = ("on_failure",) if will_retry else ("on_failure", "on_exhausted", "on_end")
        await self._tell(self._event(error=error, will_retry=will_retry), *moments)

    def _event(
        self, *, result: object | None = None, error: BaseException | None = None, will_retry: bool = False
    ) -> AnyEvent:
        return JobEvent(self._job, self._payload, self._attempt, result, error, will_retry)

    def _hooks(self, moment: Moment) -> list[Hook[object, object]]:
        return [hook for level in self._levels for hook in level.at(moment)]

    async def _tell(self, event: AnyEvent, *moments: Moment) -> None:
        """Call hooks that can't change how the attempt has ended: not by an error, nor by being cancelled."""
        for moment in moments:
            for hook in self._hooks(moment):
                if not await self._survives(hook, event, moment):
                    return

    async def _survives(self, hook: Hook[object, object], event: AnyEvent, moment: Moment) -> bool:
        """Call a hook; return whether there is time for others: not when the worker stops."""
        attempt = self._job.attempt
        try:
            await self._call(hook, event)
        except BaseException as error:  # whatever it is, SystemExit and CancelledError too
            logger.opt(exception=error).error("hook {hook} ({moment}) failed", hook=_name(hook), moment=moment)
        stopped, attempt.cut_short = attempt.cut_short, False  # the attempt has ended, and that has to be written
        return not stopped

    async def _call(self, hook: Hook[object, object], event: AnyEvent) -> None:
        try:
            async with asyncio.timeout(HOOK_S):
                needs = needs_of_hook(hook)
                if not needs:
                    await self._called(hook, event)
                    return
                async with opened(needs, self._job.attempt.resources.run_plain, None, self._held) as dependencies:
                    await self._called(partial(hook, **dependencies), event)
        finally:
            await forget_cancellations()  # or the next hook's groups, or the handler's, would be misled

    async def _called(self, hook: Callable[..., object], event: AnyEvent) -> None:
        if is_asynchronous(hook):
            await cast("Awaitable[None]", hook(event))
            return
        answer = await self._job.attempt.resources.run_plain(partial(hook, event))
        if inspect.isawaitable(answer):
            await answer


def _name(hook: Callable[..., object]) -> str:
    return str(getattr(hook, "__qualname__", hook))
