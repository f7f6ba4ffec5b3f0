"""`MemberProcess`: one of the worker processes of a service, as a child of its supervisor."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from typing import Final

from midday_worker.processes.worker_child import WorkerChild
from midday_worker.workers.member import END_OF_BANNER, FORCE_SIGNAL
from midday_worker.workers.status_channel import StatusChannel

_LONGEST_BANNER: Final = 16 * 1024 * 1024


class MemberProcess:
    """One run of a member, which ends with this process. Start it on the main thread.

    Args:
        arguments: those of ``midday-worker run``.
        index: its number, from 1.
        line: where it is to answer questions, if it is.
    """

    def __init__(self, arguments: Sequence[str], index: int, line: StatusChannel | None = None) -> None:
        self._reading, self._writing = os.pipe()
        self._line = line
        place = ["--process-index", str(index), "--ready-fd", str(self._writing)]
        keep_open = [self._writing]
        if line is not None:
            place += ["--status-fd", str(line.fd)]
            keep_open.append(line.fd)
        self._child = WorkerChild([*arguments, *place], {}, keep_open=keep_open)

    async def start(self) -> None:
        """Start it. Raises OSError."""
        try:
            await self._child.start()
        except OSError:
            os.close(self._reading)
            raise
        finally:
            os.close(self._writing)
            if self._line is not None:
                self._line.release()

    @property
    def pid(self) -> int:
        """Its id, once started."""
        return self._child.pid

    @property
    def returncode(self) -> int | None:
        """Its exit code, negative for a signal; None before its end."""
        return self._child.returncode

    async def ready(self) -> str | None:
        """Return its banner once it takes jobs, None if it never will."""
        reader = asyncio.StreamReader(limit=_LONGEST_BANNER)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(self._reading, "rb", buffering=0)
        )
        try:
            return (await reader.readuntil(END_OF_BANNER)).removesuffix(END_OF_BANNER).decode()
        except asyncio.IncompleteReadError:
            return None
        finally:
            transport.close()

    async def wait(self) -> int:
        """Wait for its end and return its exit code."""
        return await self._child.wait()

    def drain(self) -> None:
        """Ask it to let running jobs finish and end."""
        self._child.ask_to_stop()

    def force(self) -> None:
        """Ask it to hand running jobs back and end."""
        self._child.send(FORCE_SIGNAL)

    def kill(self) -> None:
        """End it at once."""
        self._child.send(signal.SIGKILL)
