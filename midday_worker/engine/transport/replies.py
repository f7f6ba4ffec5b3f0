"""How a shared connection's bytes become replies: with hiredis, or with redis-py's own parsers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

from redis._parsers import _AsyncHiredisParser  # pyright: ignore[reportPrivateUsage] - what redis-py's connections hold
from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError, InvalidResponse

from midday_worker.engine.transport.stream import Stream, is_error_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from hiredis import Reader

_OUT_OF_STEP: Final = "Redis sent a reply to no command"


def take_over(connection: AbstractConnection, max_in_flight_bytes: int, timeout_s: float | None) -> Stream:
    """Return a stream that has taken over a connected connection and parses with what that parsed with."""
    kind = HiredisStream if isinstance(connection._parser, _AsyncHiredisParser) else ParserStream  # pyright: ignore[reportPrivateUsage] - its kind is chosen by redis-py
    return kind(connection, max_in_flight_bytes, timeout_s)


class HiredisStream(Stream):
    """Parses in the event loop's callback, with the reader that redis-py made."""

    def __init__(self, connection: AbstractConnection, max_in_flight_bytes: int, timeout_s: float | None) -> None:
        super().__init__(connection, max_in_flight_bytes, timeout_s)
        self._parser = cast("_AsyncHiredisParser", connection._parser)  # pyright: ignore[reportPrivateUsage] - see take_over
        self._reader = cast("Reader", self._parser._reader)  # pyright: ignore[reportPrivateUsage] - holds what has been read already
        # None with an old hiredis.
        self._push_kind = cast("type[list[object]] | None", self._parser._hiredis_PushNotificationType)  # pyright: ignore[reportPrivateUsage] - see take_over
        self._pushes: set[asyncio.Task[object]] = set()

    def data_received(self, data: bytes) -> None:
        """Parse what has come. Called by the event loop."""
        self._reader.feed(data)
        gets, in_flight = self._reader.gets, self._in_flight
        while not self.is_over:
            reply: object
            try:
                reply = gets(not in_flight[0].raw) if in_flight else gets()
            except UnicodeDecodeError as error:  # the reply was read whole, so the next ones are in step
                reply = error
            except InvalidResponse as error:
                self.fail(f"Invalid reply from Redis: {error}")
                return
            if reply is NOT_ENOUGH_DATA:
                break
            if type(reply) is self._push_kind:
                self._push(reply)
            elif in_flight:
                self.match(reply)
            else:
                self.fail(_OUT_OF_STEP)
        self.heard()

    def eof_received(self) -> None:
        """Fail what is in flight: no reply can come any more. Called by the event loop."""
        self.fail(self._lost(None))

    def _push(self, push: object) -> None:
        # To redis-py's own handlers, which are coroutines.
        handle = cast("Callable[[object], Coroutine[object, object, object]]", self._parser.handle_push_response)  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
        task = asyncio.create_task(handle(push))
        self._pushes.add(task)
        task.add_done_callback(self._pushes.discard)


class ParserStream(Stream):
    """Parses in a task, with redis-py's own parser, which reads from the stream reader that it was given."""

    _task: asyncio.Task[None] | None = None
    _pushed = False

    def data_received(self, data: bytes) -> None:
        """Hand on what has come. Called by the event loop."""
        if not self._in_flight:
            self._pushed = self._pushed or data.startswith(b">")  # it is parsed before the next reply
            if not self._pushed:
                self.fail(_OUT_OF_STEP)
                return
        self._former.data_received(data)
        self.heard()
        if self._task is None and self._in_flight:
            self._pushed = False
            self._task = self._loop.create_task(self._parse())

    def eof_received(self) -> bool:
        """Hand on that nothing more comes. Called by the event loop."""
        self._former.eof_received()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake the task that reads, if one does, to the end of what has come. Called by the event loop."""
        self._former.connection_lost(exc)
        if self._task is None:
            self._end(exc)
        else:
            self._task.add_done_callback(lambda _: self._end(exc))

    async def _parse(self) -> None:
        try:
            while self._in_flight and not self.is_over:
                self.match(await self._read(disable_decoding=self._in_flight[0].raw))
                self.admit()
        except UnicodeDecodeError as error:  # the rest of the reply was not read
            self.match(error)
            self.fail(self._lost(error))
        except ConnectionError:
            self.fail(self._lost(None))
        except (OSError, EOFError, ValueError) as error:
            self.fail(self._lost(error))
        except InvalidResponse as error:
            self.fail(f"Invalid reply from Redis: {error}")
        finally:
            self._task = None
        self.heard()

    async def _read(self, *, disable_decoding: bool) -> object:
        try:
            return await cast("_AsyncHiredisParser", self._connection._parser).read_response(disable_decoding)  # pyright: ignore[reportPrivateUsage] - all its parsers have it
        except ConnectionError as error:
            if is_error_reply(error):
                return error
            raise
