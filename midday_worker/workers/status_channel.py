"""The channel between a supervisor and one of its processes, on which it asks and that answers.

A pair of connected sockets without a name: nobody else can reach them, and they end with the processes.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

Streams: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]

ANSWER_S: Final = 3.0
"""How long an answer may take: a loop that doesn't turn for so long is stuck."""

_LONGEST: Final = 16 * 1024 * 1024


class SilentProcessError(Exception):
    """A process runs, but gave no answer in time."""


class StatusChannel:
    """The supervisor's end.

    Attributes:
        ended: whether it is closed, or the process has ended.
        answered: whether it has ever answered: one that is starting hasn't.
    """

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._asking = asyncio.Lock()
        self._opening: asyncio.Task[Streams] | None = None
        self._owed = 0
        self.ended = False
        self.answered = False

    @property
    def fd(self) -> int:
        """The other end's descriptor, to be inherited by the process; `release` it once that has started."""
        return self._theirs.fileno()

    def release(self) -> None:
        """Close this process's copy of the other end."""
        self._theirs.close()

    async def ask(self, question: str, answer_s: float = ANSWER_S) -> bytes | None:
        """Return the answer to a question; None if the process has ended.

        Raises:
            SilentProcessError: it gave none in time.
        """
        try:
            async with asyncio.timeout(answer_s), self._asking:
                return await self._ask(question)
        except TimeoutError:
            raise SilentProcessError from None
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            return None

    async def _ask(self, question: str) -> bytes | None:
        if self.ended:
            return None
        if self._opening is None:
            self._opening = asyncio.create_task(asyncio.open_unix_connection(sock=self._ours, limit=_LONGEST))
        # Shielded: asyncio closes the socket if whoever waits for its streams gives up.
        reader, writer = await asyncio.shield(self._opening)
        writer.write(f"{question}\n".encode())
        self._owed += 1
        while True:  # the answers to questions that were given up come first
            answer = await reader.readuntil(b"\n")
            self._owed -= 1
            self.answered = True
            if not self._owed:
                return answer

    def close(self) -> None:
        """Ask no more."""
        self.ended = True
        if self._opening is None:
            self._ours.close()
        elif self._opening.done():
            self._close_streams(self._opening)
        else:
            self._opening.add_done_callback(self._close_streams)

    def _close_streams(self, opened: asyncio.Task[Streams]) -> None:
        if opened.cancelled() or opened.exception() is not None:
            self._ours.close()
        else:
            opened.result()[1].close()  # and the socket with it


async def answer(fd: int, reply: Callable[[str], Awaitable[bytes]]) -> None:
    """Answer a supervisor's questions, one at a time, until it is gone.

    Args:
        fd: the end that was inherited.
        reply: returns the answer to a question, without a line break in it.
    """
    os.set_inheritable(fd, False)
    reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=fd))
    try:
        while question := await reader.readline():
            writer.write(await reply(question.decode().strip()) + b"\n")
            await writer.drain()
    except OSError:
        return
    finally:
        writer.close()
