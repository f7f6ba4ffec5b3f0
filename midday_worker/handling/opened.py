"""Dependencies while they are open: those of a worker, and those of one attempt."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from types import TracebackType
from typing import Final, Protocol, TypeAlias, TypeVar, cast

from midday_worker.databases import Database, DatabaseProvider, session_scope
from midday_worker.databases.blocking_session import blocking_session
from midday_worker.databases.scope import uninterrupted
from midday_worker.engine.job.threads import in_thread
from midday_worker.errors import ConfigurationError, DatabaseNotConfiguredError
from midday_worker.handling.context import JobContext
from midday_worker.handling.dependencies import Need, Provider, Scope, name_of

T = TypeVar("T")
Leave: TypeAlias = Callable[[type[BaseException] | None, BaseException | None, TracebackType | None], bool | None]


class RunPlain(Protocol):
    """Calls a plain function where it may block."""

    def __call__(self, function: Callable[[], object], /) -> Awaitable[object]:
        """Return what it returns."""
        ...


overridden: Final[dict[Provider, object]] = {}
"""What tests give in place of what a provider returns."""


class Opening:
    """Opens dependencies, each of one key once, and leaves their closing to a stack.

    Args:
        stack: closes them, the last one first.
        run_plain: where plain functions run.
        context: what those are given that ask for the context.
        held: what its worker has open; None without a worker.
    """

    def __init__(
        self,
        stack: AsyncExitStack,
        run_plain: RunPlain,
        context: object = None,
        held: Held | None = None,
    ) -> None:
        self._stack = stack
        self._run_plain = run_plain
        self._context = context
        self._databases: Mapping[str | None, Database] = {} if held is None else held.databases
        self.values: dict[tuple[Provider, Scope], object] = {} if held is None else dict(held.values)

    async def value(self, need: Need) -> object:
        """Return the value of a need, which is opened unless it is."""
        if need.provider in overridden:
            return overridden[need.provider]
        if need.scope != "call" and need.key in self.values:
            return self.values[need.key]
        given = {each.parameter: await self.value(each) for each in need.needs}
        value = await self._open(need, {**given, **dict.fromkeys(need.contexts, self._context)})
        if need.scope != "call":
            self.values[need.key] = value
        return value

    async def _open(self, need: Need, given: dict[str, object]) -> object:
        provider = need.provider
        if isinstance(provider, DatabaseProvider):
            return await self._session(provider, need.blocking)
        function = _called(provider)
        if inspect.isasyncgenfunction(function):
            opened = asynccontextmanager(cast("Callable[..., AsyncGenerator[object]]", provider))
            return await self._stack.enter_async_context(opened(**given))
        if inspect.isgeneratorfunction(function):
            entered = contextmanager(cast("Callable[..., Generator[object]]", provider))(**given)
            return await uninterrupted(self._enter(entered.__enter__, entered.__exit__))
        if inspect.iscoroutinefunction(function):
            return await cast("Awaitable[object]", provider(**given))
        return await self._run_plain(partial(provider, **given))

    async def _session(self, provider: DatabaseProvider, blocking: bool) -> object:
        if provider.name is None and not blocking:
            return cast("JobContext", self._context).db
        database = self._databases.get(provider.name)
        if database is None:
            raise DatabaseNotConfiguredError(in_test=True)
        if blocking:
            return await self._stack.enter_async_context(blocking_session(database, self._run_plain))
        return await self._stack.enter_async_context(session_scope(database))

    async def _enter(self, enter: Callable[[], object], leave: Leave) -> object:
        # To its end, also if the attempt is cancelled meanwhile: what is open has to be closed.
        value = await self._run_plain(enter)

        async def left(
            kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
        ) -> bool | None:
            return cast(
                "bool | None", await uninterrupted(_awaited(self._run_plain(partial(leave, kind, error, trace))))
            )

        self._stack.push_async_exit(left)
        return value


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


@asynccontextmanager
async def opened(
    needs: Sequence[Need], run_plain: RunPlain, context: object, held: Held | None
) -> AsyncGenerator[dict[str, object]]:
    """Open what an attempt's handler or hook needs; the block gets it by parameter.

    Args:
        needs: what that is.
        run_plain: where plain functions run.
        context: the handler's.
        held: what its worker has open; without a worker everything is opened here, and closed at the end.
    """
    async with AsyncExitStack() as stack:
        opening = Opening(stack, run_plain, context, held)
        yield {need.parameter: await opening.value(need) for need in needs}


class Held:
    """What is open from a worker's start to its end: dependencies of scope "worker", and databases.

    Args:
        make_database: makes that of a name. Raises ConfigurationError.
        run_plain: where plain functions run.
    """

    def __init__(self, make_database: Callable[[DatabaseProvider], Database], run_plain: RunPlain = in_thread) -> None:
        self._make_database = make_database
        self.databases: dict[str | None, Database] = {}
        self._stack = AsyncExitStack()
        self._opening = Opening(self._stack, run_plain)

    @property
    def values(self) -> Mapping[tuple[Provider, Scope], object]:
        """Them."""
        return self._opening.values

    async def open(self, needs: Iterable[Need]) -> None:
        """Open all of them that these need. Raises ConfigurationError; what was opened is closed then."""
        for need in (each for root in needs for each in root.tree()):
            if isinstance(need.provider, DatabaseProvider):
                self._open_database(need.provider, need.blocking)
            if need.scope != "worker":
                continue
            try:
                await self._opening.value(need)
            except Exception as error:
                await self.close()
                raise ConfigurationError(
                    f'The dependency {name_of(need.provider)} (scope="worker") can\'t be opened: '
                    f"{type(error).__name__}: {error}"
                ) from error

    def _open_database(self, provider: DatabaseProvider, blocking: bool) -> None:
        if provider.name is None and not blocking:  # `ctx.db`
            return
        if provider.name not in self.databases:
            self.databases[provider.name] = self._make_database(provider)
        if blocking:  # so that a driver that lacks is told now
            self.databases[provider.name].blocking_engine()

    async def close(self) -> None:
        """Close them, the last one first."""
        try:
            await self._stack.aclose()
        finally:
            for database in self.databases.values():
                await database.dispose()


def _called(provider: Provider) -> Callable[..., object]:
    """Return the function behind a partial, or an object that can be called."""
    while isinstance(provider, partial):
        provider = cast("partial[object]", provider).func
    if inspect.isroutine(provider) or inspect.isclass(provider):
        return provider
    return cast("Callable[..., object]", type(provider).__call__)
