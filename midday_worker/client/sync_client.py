"""`SyncClient`: a client for programs without an event loop; `JobClient.sync()` makes one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from midday_worker.client.background_loop import BackgroundLoop, process_loop, refuse_running_loop
from midday_worker.errors import ClientClosedError

T = TypeVar("T")


class AsyncClient(Protocol):
    """What belongs to one event loop, and is entered and closed on it."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    async def close(self) -> None: ...


ClientT = TypeVar("ClientT", bound=AsyncClient)


class SyncClient(Generic[ClientT]):
    """A client whose calls block, for any thread that runs no event loop.

    Within `with JobClient.sync(...)` every `.sync` call of the process uses it. All threads share one connection; a
    process forked later makes its own.

    Args:
        make: makes the client that does the work.
    """

    def __init__(self, make: Callable[[], ClientT]) -> None:
        self._make = make
        self._made: dict[BackgroundLoop, ClientT] = {}
        self._closed = False

    def __enter__(self) -> Self:
        process_loop.add(self._enter)  # it makes no loop: perhaps nobody calls
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        refuse_running_loop()
        process_loop.remove(self._enter)
        self._closed = True
        loop = process_loop.existing()
        client = None if loop is None else self._made.get(loop)
        if loop is not None and client is not None:
            loop.run(lambda: client.__aexit__(kind, error, trace))

    def run(self, call: Callable[[ClientT], Awaitable[T]]) -> T:
        """Make an asynchronous call with the client, and wait for its outcome.

        Raises:
            RunningLoopError: this thread runs an event loop: await the call there.
            ClientClosedError: the client is closed.
        """
        loop = process_loop.get()

        async def made() -> T:
            return await call(self._client(loop))

        return loop.run(made)

    def close(self) -> None:
        """Close the connections. Safe to call twice."""
        refuse_running_loop()
        self._closed = True
        loop = process_loop.existing()
        client = None if loop is None else self._made.get(loop)
        if loop is not None and client is not None:
            loop.run(client.close)

    async def _enter(self, loop: BackgroundLoop) -> None:
        await self._client(loop).__aenter__()

    def _client(self, loop: BackgroundLoop) -> ClientT:
        # On the loop's thread only: no two threads make two.
        if self._closed:
            raise ClientClosedError
        client = self._made.get(loop)
        if client is None:  # one of the parent process stays where it is: closing it here would be to touch its socket
            client = self._made[loop] = self._make()
        return client
