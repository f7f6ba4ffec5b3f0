"""A redis-py client that sends concurrent commands in one write.

redis-py's own client takes a connection for each command, sends it, and waits for its reply. PipelinedRedis is a
`redis.asyncio.Redis` that differs in `execute_command` alone:

- **One connection for each event loop**, made on first use by redis-py, which does TLS, handshake, password, database
  and name; then a `Stream` takes its socket over. What is issued in one turn of the loop goes out in one write when
  the turn ends; of much, or of several scripts, a part goes out before, so that the server works meanwhile. Replies are
  matched with commands in order. No command has a task or a timer of its own.
- **A cancelled caller** leaves its command in the queue of replies, so that the next reply never becomes another's; a
  command that was not written yet is not written at all.
- **An error that the server sent** goes to its caller alone. One that says that a node of a cluster has done nothing
  (MOVED, ASK, TRYAGAIN, CLUSTERDOWN, LOADING) has the command sent again, as often as the pool's `retry` has it and
  once at least; what `post` sends is its caller's to send again.
- **A connection that breaks**, or sends no reply within `socket_timeout` while one is owed, gives every command in
  flight an error, once; nothing is sent again. Commands that were not written get a NeverSentError, so that a caller
  knows which are safe to repeat. The next command connects again.
- **A server that is demoted** and keeps its connections open says so in its errors: then the connection is given up.
  One whose node says MOVED, or CLUSTERDOWN as it may be cut off from the others, takes no further command, and is
  closed once it has answered those that it has.
- **Backpressure**: at most `max_in_flight_bytes` are sent before their replies come; further commands wait, in order.
- **Transactions** whose commands are known beforehand go out in one write on the shared connection
  (`run_transaction`); redis-py's `pipeline()` takes a connection of its own.
- **Scripts**: of the callers whose script the server doesn't know, one loads it and the others wait for that.
- **Connections of their own**, from the pool as in redis-py: commands that block or that change their connection
  (`needs_own_connection`), `pipeline()`, `pubsub()`, `monitor()` and `client()`. The pool belongs to one event loop.
- After `aclose` every use is an error. When a loop ends without it, its connection is closed with it.

Differs from redis-py in: no other `retry`, no health checks, no metrics of commands; a credential provider is asked
when connecting only.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar, cast

from redis.asyncio import Redis
from redis.client import NEVER_DECODE
from redis.exceptions import NoScriptError

from midday_worker.engine.transport.command import Command, needs_own_connection
from midday_worker.engine.transport.failed_command import UNDONE, NeverSentError
from midday_worker.engine.transport.loop_connection import CLOSED, LoopConnection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from redis.typing import EncodableT, ScriptTextT

    from midday_worker.engine.transport.stream import Words

T = TypeVar("T")

MAX_IN_FLIGHT_BYTES: Final = 8 * 1024 * 1024


class PipelinedRedis(Redis):
    """See the module. Made as a `Redis` is: by its arguments, `from_url` or `from_pool`."""

    max_in_flight_bytes: int = MAX_IN_FLIGHT_BYTES
    replicas: int = 0
    """How many replicas have to hold what is added; whoever adds sees to it, by `wait_for_replicas`."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        cast("Callable[..., None]", super().__init__)(*args, **kwargs)  # pyright: ignore[reportUnknownMemberType] - redis-py's signature, passed on as it is
        self._connections: dict[asyncio.AbstractEventLoop, LoopConnection] = {}
        self._closed = False

    @property
    def generation(self) -> int:
        """How many shared connections were made. When it grows, connections made elsewhere may lead to another server.

        May be read from any thread.
        """
        return sum(connection.made for connection in list(self._connections.values()))

    async def execute_command(self, *args: EncodableT, **options: object) -> object:
        """Send a command and return its reply as redis-py does."""
        if self.single_connection_client or needs_own_connection(args):
            self._check_open()
            execute = cast("Callable[..., Awaitable[object]]", super().execute_command)  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
            return await execute(*args, **options)
        try:
            return await self._execute(args, options)
        except UNDONE:
            return await self._again(partial(self._execute, args, options))

    async def _execute(self, args: tuple[EncodableT, ...], options: dict[str, object]) -> object:
        connection = self._connections.get(asyncio.get_running_loop()) or self._new_connection()
        stream = connection.stream
        if stream is None or not stream.is_open:
            stream = await connection.connected()
        command = stream.send(args, raw=NEVER_DECODE in options)
        # Of its connection, redis-py's parse_response wants one method, which a Command has.
        parse = cast("Callable[..., Awaitable[object]]", self.parse_response)  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
        return await parse(command, args[0], **options)

    async def _again(self, send: Callable[[], Awaitable[T]]) -> T:
        """Send once more what was not done, by the pool's way to try again."""
        retry = self.get_retry()
        return await (send() if retry is None else retry.call_with_retry(send, _left_open))

    async def script_load(self, script: ScriptTextT) -> str:
        """Load a script; those who ask while it is being loaded wait for that."""
        connection = self._connections.get(asyncio.get_running_loop()) or self._new_connection()
        return str(await connection.once(script, lambda: self.execute_command("SCRIPT LOAD", script)))

    async def run_script(
        self, sha: str, text: ScriptTextT, keys: Sequence[EncodableT], args: Sequence[EncodableT]
    ) -> object:
        """Run a script by its hash, loading it if the server doesn't know it; return its reply as the server sent it.

        What `register_script(text)(keys, args)` does, without redis-py's layers in between, which cost as much as
        sending the command and reading its reply.
        """
        return await self.call_script(text, ("EVALSHA", sha, len(keys), *keys, *args))

    async def call_script(self, text: ScriptTextT, command: Words | bytes) -> object:
        """Run the command that runs a script; see `run_script`.

        Args:
            text: the script's.
            command: EVALSHA's words, or packed already.
        """
        try:
            return await self._call(text, command)
        except UNDONE:
            return await self._again(partial(self._call, text, command))

    async def _call(self, text: ScriptTextT, command: Words | bytes) -> object:
        connection = self._connections.get(asyncio.get_running_loop()) or self._new_connection()
        stream = connection.stream
        if stream is None or not stream.is_open:
            stream = await connection.connected()
        try:
            return await stream.send_script(command).future
        except NoScriptError:
            await self.script_load(text)
            return await (await connection.connected()).send(command).future

    def post(self, command: bytes) -> Command | None:
        """Queue a script's packed call; None if there is no connection, which is made for those who wait for it."""
        connection = self._connections.get(asyncio.get_running_loop())
        stream = None if connection is None else connection.stream
        return stream.send_script(command, at_once=True) if stream is not None and stream.is_open else None

    async def run_transaction(self, commands: Sequence[Words | bytes]) -> list[object]:
        """Run commands between MULTI and EXEC, in one write on the shared connection; return EXEC's replies.

        Once begun they are sent whole, whether or not the caller is cancelled. A reply is as the server sent it; one
        that is an error stands in its place, as the other commands were carried out.

        Raises:
            ResponseError: a command was refused before EXEC, and with it all.
        """
        try:
            return await self._transact(commands)
        except UNDONE:
            return await self._again(partial(self._transact, commands))

    async def _transact(self, commands: Sequence[Words | bytes]) -> list[object]:
        connection = self._connections.get(asyncio.get_running_loop()) or self._new_connection()
        stream = connection.stream
        if stream is None or not stream.is_open or not connection.may_transact:
            stream = await connection.connected_for_transactions()
        return await stream.transact(commands)

    async def wait_for_replicas(self, timeout_ms: int) -> int:
        """Return how many replicas hold all that the shared connection had answered: `replicas`, or fewer in time.

        To be called as soon as the reply is there, or it may be another connection. What others send on it meanwhile
        waits.
        """
        connection = self._connections.get(asyncio.get_running_loop()) or self._new_connection()
        return await connection.wait_for_replicas(self.replicas, timeout_ms)

    def _new_connection(self) -> LoopConnection:
        self._check_open()
        for loop, connection in list(self._connections.items()):
            if loop.is_closed():
                connection.abandon()
                self._connections.pop(loop, None)
        connection = self._connections[asyncio.get_running_loop()] = LoopConnection(
            self.connection_pool, self.max_in_flight_bytes
        )
        return connection

    def _check_open(self) -> None:
        if self._closed:
            raise NeverSentError(CLOSED)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close every connection. Commands in flight get an error; later ones, too."""
        self._closed = True
        connections, self._connections = self._connections, {}
        here = asyncio.get_running_loop()
        for loop, connection in connections.items():
            if loop is here:
                await connection.aclose()
            elif loop.is_closed():
                connection.abandon()
            else:
                loop.call_soon_threadsafe(connection.close)
        if close_connection_pool or (close_connection_pool is None and self.auto_close_connection_pool):
            # For pipelines and subscriptions that are still about: redis-py's pool would connect again.
            self.connection_pool.get_connection = _refuse  # type: ignore[method-assign]
        await super().aclose(close_connection_pool)


async def _left_open(_error: Exception) -> None:
    """Do nothing for a command that was not done: what becomes of its connection is the stream's to say."""


async def _refuse(*_args: object, **_kwargs: object) -> NoReturn:
    raise NeverSentError(CLOSED)
