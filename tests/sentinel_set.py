"""`SentinelSet`: a primary, its replicas and the sentinels that watch them, on loopback."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar, cast

from redis import Redis
from redis.exceptions import ConnectionError, ResponseError, TimeoutError

from midday_worker.embedded.process import free_port
from midday_worker.testing import RedisServer

T = TypeVar("T")

SERVICE: Final = "mymaster"
DOWN_AFTER_MS: Final = 1_500
"""For how long a primary is silent before the first sentinel holds it to be down, and fails over if most agree.

It takes a sentinel up to a second to greet a new primary: with less, it holds that to be down at once. The others hold
out longer: if they all began together, none would get most votes, and they would wait for seconds.
"""

_READY_S: Final = 30.0
_LOOK_EVERY_S: Final = 0.02
# How often a sentinel asks how its servers are (10 s), tells others what it knows (2 s; of four times that it waits to
# correct a server), and how long it does nothing after it has stood still (30 s). Redis 6.2 can't be told. Were they
# shorter, or others shortened, sentinels would find no replica in time, or undo each other's work.
_SOON: Final = ("info-period", "500", "publish-period", "700", "tilt-period", "500")


class DataServer(RedisServer):
    """A Redis that may begin as a replica.

    Args:
        of: whose; it begins as a primary if it is None.
        appendonly: whether what it has acknowledged is on disk.
    """

    def __init__(self, of: DataServer | None = None, *, appendonly: bool = False) -> None:
        super().__init__(appendonly=appendonly)
        self._of = of

    def _arguments(self, directory: Path, port: int) -> list[str]:
        options = ["--repl-diskless-sync-delay", "0", "--appendfsync", "always"]
        of = [] if self._of is None else ["--replicaof", f"{self._of.host} {self._of.port}"]
        return [*super()._arguments(directory, port), *options, *of]


class SentinelServer(RedisServer):
    """A sentinel.

    Args:
        identity: by which the others know it.
        configuration: what it is told of the service.
    """

    def __init__(self, identity: str, configuration: list[str], port: int) -> None:
        super().__init__(port=port)
        self._lines = [f"sentinel myid {identity}", *configuration]

    def _arguments(self, directory: Path, port: int) -> list[str]:
        file = directory / "sentinel.conf"
        if not file.exists():  # it writes what it learns into it
            file.write_text("\n".join([f"port {port}", f"bind {self.host}", f"dir {directory}", *self._lines, ""]))
        return [str(file), "--sentinel"]


class SentinelSet:
    """Starts them within `with`; ready when each sentinel knows all the others, and each replica holds the data.

    Args:
        replicas: how many.
        sentinels: how many; the majority of them decides.
        appendonly: whether what a server has acknowledged is on disk.
        down_after_ms: how long a server may be silent before the first sentinel takes it for down.
    """

    def __init__(
        self, *, replicas: int = 2, sentinels: int = 3, appendonly: bool = False, down_after_ms: int = DOWN_AFTER_MS
    ) -> None:
        first = DataServer(appendonly=appendonly)
        self.servers = [first, *(DataServer(first, appendonly=appendonly) for _ in range(replicas))]
        self.sentinels: list[SentinelServer] = []
        self._count = sentinels
        self._down_after_ms = down_after_ms
        self._stack = ExitStack()

    @property
    def url(self) -> str:
        """For REDIS_URL."""
        return f"redis+sentinel://{','.join(f'{each.host}:{each.port}' for each in self.sentinels)}/{SERVICE}"

    @property
    def primary(self) -> DataServer:
        """The server that most sentinels name."""
        named = [self._named_by(each) for each in self.sentinels]
        return next(each for each in self.servers if 2 * named.count(each.port) > len(named))

    def start(self) -> None:
        """Start them all."""
        for server in self.servers:
            self._stack.enter_context(server)
        known = {secrets.token_hex(20): free_port() for _ in range(self._count)}
        common = [
            f"sentinel monitor {SERVICE} {self.servers[0].host} {self.servers[0].port} 1",
            f"sentinel failover-timeout {SERVICE} 3000",
            *(f"sentinel known-replica {SERVICE} {each.host} {each.port}" for each in self.servers[1:]),
        ]
        for number, (identity, port) in enumerate(known.items()):
            patience = f"sentinel down-after-milliseconds {SERVICE} {self._down_after_ms + 500 * number}"
            others = [f"sentinel known-sentinel {SERVICE} 127.0.0.1 {known[i]} {i}" for i in known if i != identity]
            self.sentinels.append(
                self._stack.enter_context(SentinelServer(identity, [*common, patience, *others], port))
            )
        for sentinel in self.sentinels:
            self._hasten(sentinel)
        _until(self._is_ready, "the sentinels know all, and the replicas are in step")

    def stop(self) -> None:
        """Stop them all."""
        self._stack.close()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def switch(self) -> DataServer:
        """Have the sentinels make a replica the primary though the old one is well; return the new one."""
        _until(self._is_ready, "all are well before a failover")
        before = self.primary
        _until(lambda: _done(lambda: self.ask(self.sentinels[0], "SENTINEL", "FAILOVER", SERVICE)), "a failover begins")
        return self.wait_for_other_than(before)

    def forsake(self, old: DataServer) -> DataServer:
        """Have the sentinels name a replica as primary, and leave the old one as it is: as if cut off from it."""
        new = next(each for each in self.servers if each is not old)
        for sentinel in self.sentinels:
            self.ask(sentinel, "SENTINEL", "REMOVE", SERVICE)
        self.ask(new, "REPLICAOF", "NO", "ONE")
        for other in self.servers:
            if other not in (new, old):
                self.ask(other, "REPLICAOF", new.host, str(new.port))
        for number, sentinel in enumerate(self.sentinels):
            self.ask(sentinel, "SENTINEL", "MONITOR", SERVICE, new.host, str(new.port), "1")
            self.ask(
                sentinel, "SENTINEL", "SET", SERVICE, "down-after-milliseconds", str(self._down_after_ms + 500 * number)
            )
            self.ask(sentinel, "SENTINEL", "SET", SERVICE, "failover-timeout", "3000")
        return new

    def take_back(self, old: DataServer) -> None:
        """Start a former primary again, as a replica, if it is one no more."""
        new = self.primary
        old.restart()
        if new is not old:
            self.ask(old, "REPLICAOF", new.host, str(new.port))

    def wait_until_copied(self) -> None:
        """Wait until each replica holds what the primary holds."""
        server = self.primary
        with Redis(host=server.host, port=server.port) as client:
            client.set("copied", 1)
            wait = cast("Callable[[int, int], int]", client.wait)  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
            assert wait(len(self.servers) - 1, 10_000) == len(self.servers) - 1

    def wait_for_other_than(self, before: DataServer) -> DataServer:
        """Wait until most sentinels name another primary, and return it."""

        def named() -> list[DataServer]:
            counts = [self._named_by(each) for each in self.sentinels if each.process.running]
            others = [each for each in self.servers if each is not before]
            return [each for each in others if 2 * counts.count(each.port) > len(self.sentinels)]

        return _until(named, "a failover")[0]

    def wait_until_ready(self) -> None:
        """Wait until all servers are replicas of one, and every sentinel knows so."""
        _until(self._is_ready, "all are well again", 60)

    def ask(self, server: RedisServer, *words: str) -> object:
        """Send a command to one of them, and return its answer."""
        with Redis(host=server.host, port=server.port, socket_timeout=1, decode_responses=True, protocol=2) as client:
            send = cast("Callable[..., object]", client.execute_command)  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
            return send(*words)

    def _named_by(self, sentinel: SentinelServer) -> int:
        found = _done(lambda: self.ask(sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE))
        return int(cast("list[str]", found)[1]) if found else 0

    def _hasten(self, sentinel: SentinelServer) -> None:
        _done(lambda: self.ask(sentinel, "SENTINEL", "DEBUG", *_SOON))

    def _is_ready(self) -> bool:
        return all(self._is_content(each) for each in self.sentinels) and self._is_replicated()

    def _is_content(self, sentinel: SentinelServer) -> bool:
        """Whether a sentinel sees all as they should be."""
        state = _pairs(_done(lambda: self.ask(sentinel, "SENTINEL", "MASTER", SERVICE)))
        replicas, others = (
            [
                _pairs(each)
                for each in cast("list[object]", _done(partial(self.ask, sentinel, "SENTINEL", what, SERVICE)) or [])
            ]
            for what in ("REPLICAS", "SENTINELS")
        )
        return (
            state.get("flags") == "master"
            and len(others) == self._count - 1
            # Valkey's keep "master_down", what another said of a primary that is none any more.
            and all(set(each["flags"].split(",")) <= {"sentinel", "master_down"} for each in others)
            and len(replicas) == len(self.servers) - 1
            and all(each["flags"] == "slave" and each["master-link-status"] == "ok" for each in replicas)
        )

    def _is_replicated(self) -> bool:
        text = _done(lambda: self.ask(self.primary, "INFO", "replication"))
        return str(text).count("'state': 'online'") == len(self.servers) - 1


def _done(step: Callable[[], object]) -> object:
    """Return what a server answered; None if it didn't, or refused."""
    try:
        return step()
    except (ConnectionError, TimeoutError, ResponseError):
        return None


def _pairs(answer: object) -> dict[str, str]:
    words = cast("list[str]", answer or [])
    return dict(zip(words[::2], words[1::2], strict=True))


def _until(check: Callable[[], T], what: str, within_s: float = _READY_S) -> T:
    deadline = time.monotonic() + within_s
    while not (answer := check()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s:g} s: {what}")
        time.sleep(_LOOK_EVERY_S)
    return answer
