"""One event loop's shared connection: made on first use, once for all who wait, and again after it broke."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final, TypeVar, cast

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError, TimeoutError

from midday_worker.engine.transport.failed_command import NeverSentError, NeverSentTimeoutError
from midday_worker.engine.transport.replies import take_over
from midday_worker.engine.transport.stream import CLOSED_BY_SERVER, Stream, is_error_reply

CLOSED: Final = "The client has been closed"
_LEAVE_S: Final = 1.0
"""How long a connection that is being left may take for the replies that it owes."""

Value = TypeVar("Value")


class LoopConnection:
    """Holds the stream of one event loop, and what is being done once for many callers.

    Args:
        pool: makes the connection; it is not one of the pool's.
        max_in_flight_bytes: see Stream.
    """

    def __init__(self, pool: ConnectionPool, max_in_flight_bytes: int) -> None:
        self.stream: Stream | None = None
        self.may_transact = False
        """Whether the stream's server is known to accept transactions."""
        self.made = 0
        """How many connections were made, one after the other."""
        self._pool = pool
        self._max_in_flight_bytes = max_in_flight_bytes
        self._connecting: asyncio.Task[Stream] | None = None
        self._loads: dict[object, asyncio.Task[object]] = {}
        self._waits: dict[Stream, asyncio.Task[object]] = {}
        self._guard: AsyncGenerator[None] | None = None
        self._closed = False

    async def connected(self) -> Stream:
        """Return an open stream. Raises redis-py's errors of connecting, each caller an instance of its own."""
        if self.stream is not None and self.stream.is_open:
            return self.stream
        if self._closed:
            raise NeverSentError(CLOSED)
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(_note)
        connecting = self._connecting
        await asyncio.wait((connecting,))  # unlike `await connecting`, this doesn't cancel it with its caller
        if connecting.cancelled():
            raise NeverSentError(CLOSED)
        error = connecting.exception()
        if error is not None:
            raise _unsent(error) from error
        return connecting.result()

    async def connected_for_transactions(self) -> Stream:
        """Return an open stream, on which a transaction has been tried. Raises ResponseError if it is refused.

        Where a user may not send MULTI, the commands of a transaction that is sent whole would run, one by one.
        """
        stream = await self.connected()
        if not self.may_transact:
            await self.once(stream, lambda: self._try_transaction(stream))
        return stream

    async def _try_transaction(self, stream: Stream) -> None:
        try:
            await stream.transact(())
        except (ConnectionError, TimeoutError) as error:
            if is_error_reply(error):
                raise
            raise _unsent(error) from error  # what was to come after it
        self.may_transact = stream is self.stream

    async def once(self, key: object, work: Callable[[], Awaitable[object]]) -> object:
        """Return what `work` returns; who asks while it is being done gets the same."""
        task = self._loads.get(key)
        if task is None:
            task = self._loads[key] = asyncio.ensure_future(_run(work))
            task.add_done_callback(_note)
            task.add_done_callback(lambda _: self._loads.pop(key, None))
        await asyncio.wait((task,))
        error = task.exception()
        if error is not None:
            raise copy.copy(error) from error
        return task.result()

    async def wait_for_replicas(self, replicas: int, timeout_ms: int) -> int:
        """Return how many replicas hold all that was answered before this call; see `PipelinedRedis`.

        Redis reads nothing else from the connection meanwhile. Who asks in the same turn of the loop shares one WAIT.
        """
        # The stream that has answered just now: to connect again takes more turns than to get here.
        stream = self.stream
        if stream is None or not stream.is_open:
            raise NeverSentError(CLOSED_BY_SERVER)
        task = self._waits.get(stream)
        if task is None:
            task = self._waits[stream] = asyncio.create_task(self._wait(stream, replicas, timeout_ms))
            task.add_done_callback(_note)
        await asyncio.wait((task,))
        error = task.exception()
        if error is not None:
            raise copy.copy(error) from error
        return int(str(task.result()))

    async def _wait(self, stream: Stream, replicas: int, timeout_ms: int) -> object:
        del self._waits[stream]  # it doesn't cover what is answered from here on
        return await stream.send(("WAIT", replicas, timeout_ms)).future

    async def _connect(self) -> Stream:
        if self.stream is not None and not self.stream.is_over:
            await asyncio.wait((self.stream.gone,), timeout=_LEAVE_S)  # what it still owes comes first
        connection = cast("AbstractConnection", self._pool.make_connection())  # type: ignore[no-untyped-call] # as all of redis-py's
        timeout_s = connection.socket_timeout
        try:
            async with asyncio.timeout(_limit_s(connection)):
                await connection.connect()  # type: ignore[no-untyped-call] # as above
            stream = take_over(connection, self._max_in_flight_bytes, timeout_s)
        except BaseException as error:
            await connection.disconnect(nowait=True)
            if isinstance(error, asyncio.TimeoutError):
                raise TimeoutError("Timeout connecting to server") from error
            raise
        finally:
            self._connecting = None
        self.stream, self.may_transact = stream, False
        self.made += 1
        if self.made > 1:
            await self._let_go_of_pool()
        await self._drop_guard()
        self._guard = _until_the_loop_ends(stream)
        await anext(self._guard)
        return stream

    async def _let_go_of_pool(self) -> None:
        """Have the pool's connections made again, too: they lead to where the one that broke has led."""
        for connection in self._pool._available_connections:  # pyright: ignore[reportPrivateUsage] - its disconnect() waits, and they may be taken meanwhile
            await connection.disconnect(nowait=True)
        await self._pool.update_active_connections_for_reconnect()  # type: ignore[no-untyped-call] # as above

    async def aclose(self) -> None:
        """Close the connection; what is in flight gets an error. To be called on its own loop."""
        self.close()
        if self.stream is not None:
            await self.stream.aclose(CLOSED)
        await self._drop_guard()

    def close(self) -> None:
        """Close without waiting."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
        if self.stream is not None:
            self.stream.fail(CLOSED)

    def abandon(self) -> None:
        """Drop the connection of a loop that was closed before it: nothing can run there any more."""
        if self.stream is not None:
            self.stream.abandon()

    async def _drop_guard(self) -> None:
        guard, self._guard = self._guard, None
        if guard is not None:
            await guard.aclose()


def _note(task: asyncio.Task[Value]) -> None:
    # When every caller was cancelled meanwhile, nobody else looks at the error, and asyncio complains.
    if not task.cancelled():
        task.exception()


async def _run(work: Callable[[], Awaitable[Value]]) -> Value:
    return await work()


async def _until_the_loop_ends(stream: Stream) -> AsyncGenerator[None]:
    # asyncio.run closes a loop's asynchronous generators after its last task and before the loop itself.
    try:
        yield
    finally:
        await stream.aclose(CLOSED)


def _limit_s(connection: AbstractConnection) -> float | None:
    one = connection.socket_connect_timeout
    return None if one is None else one * (1 + connection.retry.get_retries())


def _unsent(error: BaseException) -> BaseException:
    if isinstance(error, TimeoutError):
        return NeverSentTimeoutError(str(error))
    if type(error) is ConnectionError:
        return NeverSentError(str(error))
    return copy.copy(error)
