"""`override`: a test's own value in place of what a provider gives."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from midday_worker.errors import DefinitionError
from midday_worker.handling.dependencies import Provider, name_of
from midday_worker.handling.opened import overridden


@contextmanager
def override(provider: Provider, value: object) -> Generator[None]:
    """Give `value` to whoever depends on `provider`, within the block: in `run_job`, `execute()` and in workers.

    The provider isn't called, nor what it depends on. It counts for the whole process, but not for handlers with
    executor="process" in theirs.

    Args:
        provider: what stands in `Depends(...)`.
        value: what the handlers are given.

    Raises:
        DefinitionError: `provider` can't be one.

    >>> import asyncio
    >>> from typing import Annotated
    >>> from midday_worker import Depends, JobContext, JobRegistry, job
    >>> from midday_worker.testing import run_job
    >>> async def rate() -> float:
    ...     raise ConnectionError("no bank here")
    >>> @job("convert", registry=JobRegistry())
    ... async def convert(data: int, ctx: JobContext, rate: Annotated[float, Depends(rate)]) -> float:
    ...     return data * rate
    >>> with override(rate, 1.5):
    ...     asyncio.run(run_job(convert, 2))
    3.0
    """
    if not callable(provider):
        raise DefinitionError(f"override({name_of(provider)}, ...): accepted is what stands in Depends(...).")
    before = overridden.get(provider, _NOTHING)
    overridden[provider] = value
    try:
        yield
    finally:
        if before is _NOTHING:
            del overridden[provider]
        else:
            overridden[provider] = before


_NOTHING = object()
