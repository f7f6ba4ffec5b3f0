"""A server that speaks Redis's protocol and answers what a test tells it to, for what a real one does rarely."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeAlias

Words: TypeAlias = list[bytes]
Answer: TypeAlias = Callable[[Words], bytes | None]

OK = b"+OK\r\n"
_UNKNOWN = b"-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n"
_HELLO = b"%1\r\n$5\r\nproto\r\n:3\r\n"


class ScriptedRedis:
    """Listens on a loopback port within `async with`. Answers the handshake by itself.

    Args:
        answer: a command's words to the bytes of its reply, or None to leave it without one.
        handshake: whether the handshake is answered.
        port: where it listens; 0 for one that is free.
    """

    def __init__(self, answer: Answer, *, handshake: bool = True, port: int = 0) -> None:
        self._answer = answer
        self._handshake = handshake
        self._port = port
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.writers: list[asyncio.StreamWriter] = []
        self.received: list[Words] = []
        self.reads: list[int] = []
        """How many commands came with each read."""
        self.connections = 0
        self.close_at_once = False
        """Whether a connection is closed when its handshake is done."""

    @property
    def url(self) -> str:
        """Where clients connect to."""
        assert self._listener is not None
        port: int = self._listener.sockets[0].getsockname()[1]
        return f"redis://127.0.0.1:{port}"

    def send(self, data: bytes) -> None:
        """Send bytes on the newest connection."""
        self.writers[-1].write(data)

    def hang_up(self) -> None:
        """Close every connection."""
        for writer in self.writers:
            writer.close()

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._listener is not None
        self._listener.close()
        self.hang_up()
        await asyncio.gather(*self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.writers.append(writer)
        self.connections += 1
        rest = b""
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                commands, rest = _parse(rest + data)
                self._take(commands, writer)
                if self.close_at_once and commands[-1][:3] == [b"CLIENT", b"SETINFO", b"LIB-VER"]:
                    break
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    def _take(self, commands: list[Words], writer: asyncio.StreamWriter) -> None:
        ordinary = 0
        for words in commands:
            reply: bytes | None
            if words[0].upper() in {b"HELLO", b"CLIENT", b"AUTH", b"SELECT"}:
                reply = (_HELLO if words[0] == b"HELLO" else OK) if self._handshake else None
            else:
                ordinary += 1
                self.received.append(words)
                reply = self._answer(words)
            if reply is not None:
                writer.write(reply)
        if ordinary:
            self.reads.append(ordinary)


class AncientRedis(ScriptedRedis):
    """A Redis from before 6.0, which doesn't know redis-py's first word."""

    def _take(self, commands: list[Words], writer: asyncio.StreamWriter) -> None:
        for words in commands:
            writer.write(_UNKNOWN if words[0] == b"HELLO" else OK)


def bulk(value: bytes) -> bytes:
    """Return the reply that carries a string."""
    return b"$%d\r\n%s\r\n" % (len(value), value)


def _parse(data: bytes) -> tuple[list[Words], bytes]:
    commands: list[Words] = []
    while (parsed := _parse_one(data)) is not None:
        words, data = parsed
        commands.append(words)
    return commands, data


def _parse_one(data: bytes) -> tuple[Words, bytes] | None:
    head, found, rest = data.partition(b"\r\n")
    if not found:
        return None
    words: Words = []
    for _ in range(int(head[1:])):
        head, found, rest = rest.partition(b"\r\n")
        if not found or len(rest) < int(head[1:]) + 2:
            return None
        size = int(head[1:])
        words.append(rest[:size])
        rest = rest[size + 2 :]
    return words, rest
