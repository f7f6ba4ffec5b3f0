"""`HandlerProcess`: one process that runs handlers, one after another."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final, TypeAlias, cast

from midday_worker.errors import JobProcessError
from midday_worker.processes.failure import RaisedError, error_of
from midday_worker.processes.log_line import write_log
from midday_worker.processes.message import Ask, HandlerCall, LogLine, Message, Reply, packed, unpacked

Serve: TypeAlias = Callable[[Ask], Awaitable[object]]
"""Does what a handler asks for, and returns what it is to be told."""

_PROGRAM: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from midday_worker.workers.job_process import main; main(int(sys.argv[2]))"
)
_LONGEST_LINE: Final = 2**30
_LAST_WORDS_S: Final = 0.5
"""How long what a process has written may take to arrive after its end."""

_END_S: Final = 2.0


class HandlerProcess:
    """One process. Made by `start`."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._watch = asyncio.create_task(self._end_with_process())
        self.calls = 0

    @classmethod
    async def start(cls, settings: Mapping[str, object] | None = None) -> HandlerProcess:
        """Start a process; it imports nothing of the user's before its first call.

        Args:
            settings: the worker's by field name. They travel by the socket: arguments and the environment show.
        """
        ours, childs = socket.socketpair()
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", _PROGRAM, json.dumps(sys.path), str(childs.fileno())),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(childs.fileno(),),
                # A Ctrl-C in the terminal is for the worker; and what the handler starts is killed with it.
                start_new_session=True,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            childs.close()
        ours.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=ours, limit=_LONGEST_LINE)
        child = cls(process, reader, writer)
        if settings is not None:
            child._send({"kind": "settings", "body": dict(settings)})
        return child

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it can take a call."""
        return self._process.returncode is None and not self._reader.at_eof()

    async def call(self, call: HandlerCall, serve: Serve) -> str | BaseException:
        """Run a handler; return its result as JSON text, or what it raised."""
        self.calls += 1
        self._send({"kind": "call", "body": call})
        while line := await self._line():
            message = unpacked(line)
            body = message.get("body")
            match message["kind"]:
                case "result":
                    return str(body)
                case "failure":
                    return error_of(cast("RaisedError", body))
                case "log":
                    write_log(cast("LogLine", body))
                case "place":
                    await serve({"act": "place", "value": body})
                case _:
                    await self._answer(message, serve)
        return await self._died(call)

    def cancel(self) -> None:
        """Show the handler that it is to stop."""
        self._send({"kind": "cancel"})

    def kill(self) -> None:
        """End the process at once, and what it has started."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def retire(self) -> None:
        """End it; kill it if it doesn't end."""
        self._writer.close()
        try:
            async with asyncio.timeout(_END_S):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()
        await asyncio.wait({self._watch})

    def _send(self, message: Message) -> None:
        if not self._writer.is_closing():
            self._writer.write(packed(message))

    async def _line(self) -> bytes:
        try:
            return await self._reader.readline()
        except OSError:  # it has gone while something was on its way
            return b""

    async def _answer(self, message: Message, serve: Serve) -> None:
        try:
            reply = Reply(problem=None, value=await serve(cast("Ask", message.get("body"))))
        except Exception as error:  # Redis is away, say: the handler's call raises
            reply = Reply(problem=f"{type(error).__name__}: {error}", value=None)
        self._send({"kind": "reply", "number": message.get("number", 0), "body": reply})

    async def _died(self, call: HandlerCall) -> JobProcessError:
        try:
            async with asyncio.timeout(_END_S):
                code = await self._process.wait()
        except TimeoutError:  # it has closed its connection, and lives
            self.kill()
            code = await self._process.wait()
        return JobProcessError(call["job"], code)

    async def _end_with_process(self) -> None:
        # What the handler has forked may hold the connection open after the end.
        await self._process.wait()
        await asyncio.sleep(_LAST_WORDS_S)
        self._writer.transport.abort()
