"""One connection that many callers share: commands of one turn of the loop in one write, replies matched in order."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final, TypeAlias, cast

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ClusterDownError, ConnectionError, MovedError, ResponseError, TimeoutError
from redis.typing import EncodableT

from midday_worker.engine.transport.command import Command, Errors, packer
from midday_worker.engine.transport.failed_command import NeverSentError, is_of_replica

Words: TypeAlias = tuple[EncodableT, ...]

CLOSED_BY_SERVER: Final = "Connection closed by server."

DEMOTED: Final = "Connection given up, as its server doesn't hold the keys (any more)"
_YOUNG_S: Final = 1.0
"""A connection younger than this is kept even so: where the URL names a replica, each call would make another one."""

_EARLY_BYTES: Final = 16 * 1024
"""So much is written before the turn of the loop ends: Redis works on it while the rest is being made."""
_EARLY_SCRIPTS: Final = 4
"""As `_EARLY_BYTES`, for scripts: each takes Redis about as long as it takes to make the next one."""
_EARLY_PART: Final = 4
"""The more is in flight already, the more scripts are written together: a quarter of it."""


class Stream(asyncio.Protocol):
    """Takes over a connection that redis-py has connected. How bytes become replies is left to subclasses.

    Args:
        connection: connected, its handshake done; nothing else reads or writes it from here on.
        max_in_flight_bytes: how much is sent before replies come. What is beyond it waits here, in order.
        timeout_s: how long no reply may come while one is owed, before the connection is given up.
    """

    def __init__(self, connection: AbstractConnection, max_in_flight_bytes: int, timeout_s: float | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        self._pack = packer(connection)
        self._max_bytes = max_in_flight_bytes
        self._timeout_s = timeout_s
        self._bytes = 0
        self._waiting: deque[Command] = deque()  # no room for them yet
        self._queue: list[Command] = []  # to be written at the end of this turn, or when it is enough
        self._queued_bytes = 0
        self._in_flight: deque[Command] = deque()  # written, the reply is owed
        self._flushing = False
        self._timer: asyncio.TimerHandle | None = None
        self._last_sign_of_life = 0.0
        self._since = self._loop.time()
        self.is_open = True
        """Whether it takes commands."""
        self.is_over = False
        """Whether it reads no replies any more. One that is neither is being left: what was sent gets its replies."""
        self.gone: asyncio.Future[None] = self._loop.create_future()
        writer = cast("asyncio.StreamWriter", connection._writer)  # pyright: ignore[reportPrivateUsage] - what redis-py connected is taken over here
        self._transport = cast("asyncio.Transport", writer.transport)
        self._former = cast("asyncio.StreamReaderProtocol", self._transport.get_protocol())
        self._transport.set_protocol(self)
        # uvloop keeps what is written until the turn ends, if it is no more than this.
        self._transport.set_write_buffer_limits(high=0)

    def send(self, words: Words | bytes, *, raw: bool = False) -> Command:
        """Queue a command; it is written when this turn of the loop ends or much is queued, and there is room.

        Args:
            words: the command, or its bytes.
            raw: whether the reply is left undecoded.
        """
        return self._send(Command(self._loop.create_future(), self._packed(words), raw))

    def send_script(self, words: Words | bytes, *, at_once: bool = False) -> Command:
        """Queue a script's call; a few are enough to be written before the turn ends.

        Args:
            words: the command, or its bytes.
            at_once: write even a single one, if Redis has nothing to do. Another turn of the loop costs more than that
                where calls come one after another.
        """
        command = self._send(Command(self._loop.create_future(), self._packed(words)))
        queued = len(self._queue)
        in_flight = len(self._in_flight)
        if (at_once and not in_flight) or (queued >= _EARLY_SCRIPTS and queued * _EARLY_PART >= in_flight):
            self._write_queued()
        return command

    async def transact(self, commands: Sequence[Words | bytes]) -> list[object]:
        """Send commands between MULTI and EXEC, with nobody's command between them; return EXEC's replies.

        All are sent, or none if one of them can't be packed; and once begun whether or not the caller is cancelled.
        """
        packed = [self._packed(words) for words in commands]
        errors = Errors()
        nobody = cast("asyncio.Future[object]", errors)  # of their replies nothing is wanted but an error
        quiet = Command(nobody, b"")
        piece, size = [self._pack(("MULTI",))], 0
        for data in packed:
            piece.append(data)
            size += len(data)
            if size >= _EARLY_BYTES:
                self._send(Command(nobody, b"".join(piece), before=[quiet] * (len(piece) - 1)))
                piece, size = [], 0
        done: asyncio.Future[object] = self._loop.create_future()
        self._send(Command(done, b"".join((*piece, self._pack(("EXEC",)))), before=[quiet] * len(piece)))
        # Unlike `await done`, this doesn't cancel it with the caller. The last reply comes last.
        await asyncio.wait((done,))
        last_error = done.exception()  # looked at in any case, or asyncio complains
        if (error := errors.first or last_error) is not None:
            raise error
        replies = cast("list[object]", done.result())
        self._heed(next((reply for reply in replies if isinstance(reply, Exception)), None))
        return replies

    def _packed(self, words: Words | bytes) -> bytes:
        return words if type(words) is bytes else self._pack(cast("Words", words))

    def _send(self, command: Command) -> Command:
        if not self.is_open:
            command.future.set_exception(NeverSentError(CLOSED_BY_SERVER))
        elif self._waiting or (self._bytes and self._bytes + command.size > self._max_bytes):
            self._waiting.append(command)
        else:
            self._accept(command)
        return command

    def _accept(self, command: Command) -> None:
        self._bytes += command.size
        self._queue.append(command)
        self._queued_bytes += command.size
        if self._queued_bytes >= _EARLY_BYTES:
            self._write_queued()
        elif not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        if not self.is_over:
            self._write_queued()
            self.admit()

    def _write_queued(self) -> None:
        if self._transport.is_closing():
            self.fail(CLOSED_BY_SERVER)
            return
        chunks: list[bytes] = []
        idle = not self._in_flight
        for command in self._queue:
            if command.future.done():  # its caller was cancelled, and it needn't be sent
                self._bytes -= command.size
                continue
            chunks.append(command.data)
            command.data = b""
            self._in_flight.extend(command.before)
            self._in_flight.append(command)
        self._queue.clear()
        self._queued_bytes = 0
        if chunks:
            self._transport.write(chunks[0] if len(chunks) == 1 else b"".join(chunks))
            if idle:
                self._expect_signs_of_life()

    def admit(self) -> None:
        """Queue what waited for room, as far as there is room."""
        while self._waiting:
            command = self._waiting[0]
            if command.future.done():
                self._waiting.popleft()
            elif self._bytes and self._bytes + command.size > self._max_bytes:
                return
            else:
                self._accept(self._waiting.popleft())

    def match(self, reply: object) -> None:
        """Give a reply to the oldest command in flight; one whose caller was cancelled takes its reply all the same."""
        command = self._in_flight.popleft()
        self._bytes -= command.size
        future = command.future
        if future.done():
            return
        error = None if type(reply) is str else _error_in(reply)
        if error is None:
            future.set_result(reply)
        else:
            self._heed(error)  # before the caller goes on, who else would use this connection for what comes next
            future.set_exception(error)

    def _heed(self, error: Exception | None) -> None:
        # A new connection may lead to who holds the keys: another node, or behind a balancer, or a name, the primary.
        is_young = self._loop.time() - self._since <= _YOUNG_S
        # A node that is cut off from the others says that the cluster is down, whoever has replaced it.
        if isinstance(error, MovedError) or (isinstance(error, ClusterDownError) and not is_young):
            self.is_open = False  # of what is under way nothing is lost: each gets such an answer, or the one it wants
        elif error is not None and is_of_replica(error) and not is_young:
            self._loop.call_soon(self.fail, DEMOTED)  # replies that have come with this one are matched first

    def heard(self) -> None:
        """Note that something has come: that is a sign of life, and there may be room again."""
        self._last_sign_of_life = self._loop.time()
        self.admit()
        if not (self.is_open or self._in_flight or self._queue):
            self.fail(DEMOTED)

    def _expect_signs_of_life(self) -> None:
        self._last_sign_of_life = self._loop.time()
        if self._timer is None and self._timeout_s is not None:
            self._timer = self._loop.call_later(self._timeout_s, self._check_signs_of_life)

    def _check_signs_of_life(self) -> None:
        self._timer = None
        if not self._in_flight or self._timeout_s is None:
            return
        due = self._last_sign_of_life + self._timeout_s
        if due > self._loop.time():
            self._timer = self._loop.call_at(due, self._check_signs_of_life)
            return
        self.fail(f"Timeout reading from {self._host()}", TimeoutError)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what is in flight. Called by the event loop."""
        self._former.connection_lost(exc)
        self._end(exc)

    def _end(self, exc: Exception | None) -> None:
        self.fail(self._lost(exc))
        if not self.gone.done():
            self.gone.set_result(None)

    def fail(self, message: str, kind: type[Exception] = ConnectionError) -> None:
        """Give up the connection; every command gets an error of its own, once.

        What was written gets a `kind`, as its outcome is unknown; what wasn't, a NeverSentError.
        """
        if self.is_over:
            return
        self.is_open, self.is_over = False, True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        _fail(self._in_flight, lambda: kind(message))
        _fail((*self._queue, *self._waiting), lambda: NeverSentError(message))
        if self._in_flight:
            self._transport.abort()
        self._in_flight.clear()
        self._queue.clear()
        self._waiting.clear()
        self._connection._close()  # type: ignore[no-untyped-call]  # pyright: ignore[reportPrivateUsage] - closes without waiting

    async def aclose(self, message: str, wait_s: float = 1.0) -> None:
        """Fail what is in flight and wait until the connection is closed."""
        self.fail(message)
        await asyncio.wait((self.gone,), timeout=wait_s)
        self._transport.abort()

    def abandon(self) -> None:
        """Tell the server that nobody reads here any more, after the loop was closed: then nothing else works."""
        self.is_open, self.is_over = False, True
        self._connection._reader = self._connection._writer = None  # pyright: ignore[reportPrivateUsage] - or it warns that it is not closed
        sock = cast("socket.socket | None", self._transport.get_extra_info("socket"))
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _lost(self, exc: BaseException | None) -> str:
        return CLOSED_BY_SERVER if exc is None else f"Error while reading from {self._host()} : {exc.args}"

    def _host(self) -> str:
        return str(self._connection._host_error())  # pyright: ignore[reportPrivateUsage] - redis-py's name of the other side


def _fail(commands: Iterable[Command], error: Callable[[], Exception]) -> None:
    for command in commands:
        if not command.future.done():
            command.future.set_exception(error())


def _error_in(reply: object) -> Exception | None:
    if isinstance(reply, Exception):
        return reply
    if type(reply) is list and reply:  # as redis-py's parsers do
        first = cast("list[object]", reply)[0]
        return first if isinstance(first, ConnectionError) else None
    return None


def is_error_reply(error: BaseException) -> bool:
    """Return whether the server sent this error, as opposed to the connection having broken."""
    return isinstance(error, ResponseError) or getattr(error, "status_code", None) is not None
