"""What every contender's program shares: its orders, the ledger of what ran, and the loop that adds jobs.

Only the standard library: other libraries' programs run it in environments of their own.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict

FLUSH_S: Final = 0.02
POLL_S: Final = 0.005
TEXT: Final = "hello"

TURN: Final = 250
"""Of a worker whose metrics are switched on and off: so many jobs are not counted, the next ones are, and so on.

Many times the concurrency, as what was started before a switch goes on as it was.
"""


class Order(TypedDict):
    """Adds `count` jobs, numbered from `first`."""

    mode: str
    count: int
    first: int
    pause_ms: float


class Answer(TypedDict):
    """How long an order took, and when each job was sent (for "paced"), or all results were there (for "awaited")."""

    seconds: float
    sent: list[int]


@dataclass(frozen=True, slots=True)
class Orders:
    """What the benchmark wants of a program, from the environment."""

    redis: str
    queue: str
    concurrency: int
    wait_s: float
    keep: int
    folder: Path

    @classmethod
    def read(cls) -> Orders:
        """Return what the environment says."""
        env = os.environ
        return cls(
            redis=env["BENCH_REDIS"],
            queue=env["BENCH_QUEUE"],
            concurrency=int(env.get("BENCH_CONCURRENCY", "1")),
            wait_s=float(env.get("BENCH_WAIT_MS", "0")) / 1000,
            keep=int(env.get("BENCH_KEEP", "10000")),
            folder=Path(env["BENCH_FOLDER"]),
        )

    @property
    def port(self) -> int:
        """Redis's port, on loopback."""
        return int(self.redis.rpartition(":")[2])

    def wait_for_go(self) -> None:
        """Wait, with everything imported, until the queue has been filled."""
        (self.folder / f"{os.getpid()}.ready").touch()
        while not (self.folder / "go").exists():
            time.sleep(POLL_S)

    def ledger(self, *, at_once: bool = False) -> Ledger:
        """Return this process's ledger."""
        return Ledger(self.folder / f"{os.getpid()}.ledger", at_once=at_once)


class Ledger:
    """Which jobs ran in this process, and when; a thread writes it to a file, so that a job costs no system call.

    Args:
        path: the file.
        at_once: write with each job, for processes that end after one.
    """

    def __init__(self, path: Path, *, at_once: bool = False) -> None:
        self._path = path
        self._lines: list[tuple[int, int, int]] = []
        self._at_once = at_once
        if not at_once:
            atexit.register(self._flush)
            threading.Thread(target=self._flush_for_ever, daemon=True).start()

    def add(self, number: int, started: int) -> None:
        """Note a job that has just ended; `started` is `time.monotonic_ns()`."""
        self._lines.append((number, started, time.monotonic_ns()))
        if self._at_once:
            self._flush()

    def _flush_for_ever(self) -> None:
        while True:
            time.sleep(FLUSH_S)
            if self._lines:
                self._flush()

    def _flush(self) -> None:
        lines, self._lines = self._lines, []
        with self._path.open("a") as file:
            file.write("".join(f"{number} {started} {ended}\n" for number, started, ended in lines))


Add = Callable[[int], Awaitable[object]]
AddAll = Callable[[Sequence[int]], Awaitable[object]]


async def produce(add: Add, add_all: AddAll | None = None, await_all: AddAll | None = None) -> None:
    """Carry out orders from standard input, one JSON line each, until it ends."""
    print(json.dumps({"ready": True}), flush=True)  # noqa: T201 - the answer is this program's output
    while line := await asyncio.to_thread(sys.stdin.readline):
        order: Order = json.loads(line)
        sent: list[int] = []
        started = time.monotonic()
        if order["mode"] == "awaited" and await_all is not None:
            await await_all(_numbers(order))
            sent.append(time.monotonic_ns())
        else:
            await _carry_out(order, add, add_all, sent)
        answer: Answer = {"seconds": time.monotonic() - started, "sent": sent}
        print(json.dumps(answer), flush=True)  # noqa: T201 - the answer is this program's output


async def _carry_out(order: Order, add: Add, add_all: AddAll | None, sent: list[int]) -> None:
    numbers = _numbers(order)
    mode = order["mode"]
    if mode == "fill":
        mode = "bulk" if add_all else "concurrent"
    if mode == "bulk":
        if add_all is None:
            raise ValueError("this library has no bulk call")
        await add_all(numbers)
    elif mode == "concurrent":
        await asyncio.gather(*map(add, numbers))
    else:
        for number in numbers:
            if mode == "paced":
                await asyncio.sleep(order["pause_ms"] / 1000)
                sent.append(time.monotonic_ns())
            await add(number)


def _numbers(order: Order) -> range:
    return range(order["first"], order["first"] + order["count"])


def produce_blocking(add: Callable[[int], object], add_all: Callable[[Sequence[int]], object] | None = None) -> None:
    """As `produce`, for libraries without asyncio; "concurrent" is one after another there."""

    async def add_one(number: int) -> None:
        add(number)

    async def add_many(numbers: Sequence[int]) -> None:
        if add_all is not None:
            add_all(numbers)

    asyncio.run(produce(add_one, None if add_all is None else add_many))


def role() -> str:
    """Return what the program shall do: "work" or "produce"."""
    return sys.argv[1]
