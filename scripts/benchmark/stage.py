"""Where contenders are measured: a Redis of the benchmark's own, proxies before it, and their programs."""

# redis-py's **kwargs are untyped.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, Self, cast

from redis import Redis

from midday_worker.embedded import EmbeddedRedis
from scripts.benchmark.crew import Crew
from scripts.benchmark.ledger import NotExactlyOnceError
from scripts.benchmark.line import Line
from scripts.benchmark.programs import Producer
from scripts.benchmark.roster import Contender

QUEUE: Final = "bench"
KEEP: Final = 10_000
_SCRIPTS: Final = ("cmdstat_evalsha", "cmdstat_eval")
_SETTLE_S: Final = 15.0
_POLL_S: Final = 0.01
_GRACE_S: Final = 0.1
_ANSWER_S: Final = 60.0
"""How long Redis may take to answer: to forget a million jobs takes it seconds on a busy machine."""


class Stage:
    """Starts Redis within `with`, and whatever is needed when it is.

    Args:
        redis_server: the program, if not the one that `midday-worker dev` would start.
    """

    def __init__(self, redis_server: Path | None = None) -> None:
        self._binary = redis_server
        self._stack = ExitStack()
        self._producers: dict[tuple[str, int], Producer] = {}
        self._lines: dict[float, Line] = {}
        self._folders = itertools.count()

    def __enter__(self) -> Self:
        self._root = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="midday-bench-")))
        self.server = self._stack.enter_context(EmbeddedRedis(binary=self._binary))
        self.redis: Redis = self._stack.enter_context(
            Redis.from_url(self.server.url, decode_responses=True, socket_timeout=_ANSWER_S)
        )
        return self

    def __exit__(self, *_: object) -> None:
        for producer in self._producers.values():
            producer.stop()
        self._stack.close()

    def reset(self, contender: Contender) -> None:
        """Empty Redis, and forget what it has counted."""
        self.redis.flushall()
        self.forget_counts()
        if contender.fresh_producer:
            for key in [key for key in self._producers if key[0] == contender.name]:
                self._producers.pop(key).stop()

    def producer(self, contender: Contender, keep: int = KEEP) -> Producer:
        """Return the contender's producer, of whose completed jobs `keep` are kept; it is started on first use."""
        key = (contender.name if contender.own_producer else "ours", keep)
        if key not in self._producers or not self._producers[key].running:
            variables = {"BENCH_REDIS": self.server.url, "BENCH_QUEUE": QUEUE, "BENCH_KEEP": str(keep)}
            self._producers[key] = Producer(contender.producer, variables, self._folder())
        return self._producers[key]

    @contextmanager
    def crew(
        self, contender: Contender, concurrency: int, *, processes: int = 1, wait_ms: float = 0, url: str = ""
    ) -> Generator[Crew]:
        """Start the contender's workers, which wait for `go`; they end with the block."""
        folder = self._folder()
        variables = {
            "BENCH_REDIS": url or self.server.url,
            "REDIS_URL": url or self.server.url,
            "BENCH_QUEUE": QUEUE,
            "BENCH_CONCURRENCY": str(concurrency),
            "BENCH_WAIT_MS": str(wait_ms),
            "BENCH_FOLDER": str(folder),
        }
        output = folder / "worker.txt"
        programs = contender.workers(processes, concurrency)
        crew = Crew(folder, [program.start(variables, output) for program in programs])
        try:
            yield crew
        finally:
            crew.stop()

    def line(self, round_trip_ms: float) -> Line:
        """Return a proxy before Redis that makes a round trip so much longer; it is started on first use."""
        if round_trip_ms not in self._lines:
            self._lines[round_trip_ms] = self._stack.enter_context(Line(self.server.port, round_trip_ms))
        return self._lines[round_trip_ms]

    def settle(self, contender: Contender, completed: int) -> None:
        """Wait until the jobs that ran are done with; raise NotExactlyOnceError if Redis holds them as anything else.

        Of BullMQ's queues Redis tells how each job ended; the others get a moment, in which a job may run again.
        """
        if contender.bullmq:
            self.settle_at(completed)
        else:
            time.sleep(_GRACE_S)

    def settle_at(self, completed: int) -> None:
        """Wait until BullMQ's queue holds so many completed jobs, none active, none failed; see `settle`."""
        deadline = time.monotonic() + _SETTLE_S
        while (found := self._counts()) != {"active": 0, "failed": 0, "completed": completed}:
            if time.monotonic() > deadline:
                raise NotExactlyOnceError(f"Redis should hold {completed} completed jobs, and holds {found}")
            time.sleep(_POLL_S)

    def check_waiting(self, jobs: int) -> None:
        """Raise NotExactlyOnceError unless just so many jobs of BullMQ's wait."""
        found = self.redis.llen(self.key("wait"))
        if found != jobs:
            raise NotExactlyOnceError(f"{jobs} jobs were added, and {found} wait")

    def pause(self) -> None:
        """Let BullMQ's queue hold its jobs back, as its `pause` does."""
        self.redis.hset(self.key("meta"), "paused", "1")
        self.redis.delete(self.key("marker"))

    def resume(self) -> None:
        """Let the jobs go, as BullMQ's `resume` does."""
        with self.redis.pipeline(transaction=True) as pipe:
            pipe.hdel(self.key("meta"), "paused")
            pipe.zadd(self.key("marker"), {"0": 0})
            pipe.execute()

    def idle_workers(self) -> int:
        """Return how many workers wait for a job."""
        return int(str(self.info("clients")["blocked_clients"]))

    def redis_version(self) -> tuple[int, ...]:
        """Return the server's version."""
        return tuple(map(int, str(self.info("server")["redis_version"]).split(".")))

    def script_micros(self) -> float:
        """Return the time that Redis has spent in scripts since its figures were set to 0.

        What a script calls is counted twice, under its own name too: the scripts' time includes it.
        """
        stats = cast("dict[str, dict[str, float]]", self.info("commandstats"))
        return sum(stats[name]["usec"] for name in _SCRIPTS if name in stats)

    def forget_counts(self) -> None:
        """Set the server's figures to 0."""
        self.redis.config_resetstat()

    def info(self, section: str) -> dict[str, object]:
        """Return what Redis says of itself."""
        return self.redis.info(section)

    def key(self, name: str) -> str:
        """Return one of the keys of BullMQ's queue."""
        return f"bull:{QUEUE}:{name}"

    def _counts(self) -> dict[str, object]:
        return {
            "active": self.redis.llen(self.key("active")),
            "failed": self.redis.zcard(self.key("failed")),
            "completed": self.redis.zcard(self.key("completed")),
        }

    def _folder(self) -> Path:
        folder = self._root / str(next(self._folders))
        folder.mkdir()
        return folder
