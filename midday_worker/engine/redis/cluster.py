"""Which node of a Redis Cluster holds a slot, and so all keys of the queues of a prefix."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, cast

import redis
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import AuthenticationError, ConnectionError, TimeoutError
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from midday_worker.engine.redis.condition import is_about_certificate
from midday_worker.engine.redis.sentinels import Place
from midday_worker.engine.transport import NeverSentError
from midday_worker.errors import ConfigurationError
from midday_worker.settings.redis_address import RedisAddress

ANSWER_S: Final = 1.0
"""How long one of those who are asked may take, before the next one is."""

_TAGGED: Final = re.compile(r"[^{]*\{[^}]+\}")


@dataclass(frozen=True, slots=True)
class SlotRange:
    """Some of a cluster's 16,384 slots, from `first` to `last`, and the nodes that hold them."""

    first: int
    last: int
    primary: Place
    replicas: tuple[Place, ...] = ()


def has_hash_tag(prefix: str) -> bool:
    """Return whether a prefix has a part in braces, which alone decides about the slot of its keys.

    >>> has_hash_tag("{bull}"), has_hash_tag("bull"), has_hash_tag("{}{bull}")
    (True, False, False)
    """
    return _TAGGED.match(prefix) is not None


def slot_of(prefix: str) -> int:
    """Return the slot of all keys of a prefix. Raises ConfigurationError for one whose keys have many.

    >>> slot_of("{bull}")
    9263
    """
    if not has_hash_tag(prefix):
        raise ConfigurationError(
            f"Redis is a cluster, where the keys of a queue must be on one node: the prefix {prefix!r} needs a hash "
            f"tag, such as {{{prefix.strip('{}') or 'bull'}}} (REDIS_PREFIX, or the queue's own prefix). One "
            "in a queue's name is not enough, as a prefix has keys of its own."
        )
    return key_slot(prefix.encode())


class ClusterDiscovery:
    """Asks the nodes of a cluster where a slot is, one after another until one knows it.

    Those that it has been told of are asked, too: the ones that the URL names may be gone. Each time by a connection
    of its own, so that it serves any event loop, thread and forked process.

    Args:
        address: as REDIS_URL has it.
        slot: the one that is looked for.
        shown: how connections are encrypted, and who asks where the address doesn't say it, by redis-py's names.
    """

    def __init__(self, address: RedisAddress, slot: int, shown: Mapping[str, object] = MappingProxyType({})) -> None:
        self._address = address
        self._slot = slot
        self._shown = shown
        self._nodes = list(address.hosts)

    async def find(self, tls: Mapping[str, object]) -> Place:
        """Return host and port of the slot's primary. Raises NeverSentError if no node knows it, and as `slots`."""
        thread = ThreadPoolExecutor(1)  # not the loop's few, which may all be taken by the user's own calls
        try:
            slots = await asyncio.get_running_loop().run_in_executor(thread, self.slots)
        finally:
            thread.shutdown(wait=False)
        found = next((each for each in slots if each.first <= self._slot <= each.last), None)
        if found is None:
            raise NeverSentError(f"no node of the cluster serves slot {self._slot}")
        return found.primary

    def slots(self) -> list[SlotRange]:
        """Return what a node says of which nodes hold which slots.

        Raises:
            NeverSentError: none answers; it says why of each.
            ResponseError: it is no cluster's node.
            AuthenticationError: it wants another password.
        """
        said: list[str] = []
        last: Exception | None = None
        for node in self._nodes:
            try:
                slots = read_slots(self._ask(node, "CLUSTER SLOTS"), node[0])
            except (ConnectionError, TimeoutError, OSError) as error:
                if isinstance(error, AuthenticationError) or is_about_certificate(error):
                    raise
                said.append(f"{node[0]}:{node[1]} ({error})")
                last = error
                continue
            # Another one first the next time, as this one may be cut off from the rest and not know it.
            known = [place for each in slots for place in (each.primary, *each.replicas)]
            self._nodes = list(dict.fromkeys([*self._nodes[1:], self._nodes[0], *known]))
            return slots
        raise NeverSentError(f"no node of the cluster answers: {', '.join(said)}") from last

    def silent_hosts(self) -> list[str]:
        """Return those of the URL's hosts that don't answer, each with its reason."""
        silent: list[str] = []
        for host, port in self._address.hosts:
            try:
                self._ask((host, port), "PING")
            except (ConnectionError, TimeoutError, OSError) as error:
                silent.append(f"{host}:{port} ({error})")
        return silent

    def keep_watch(self, connection: object) -> None:
        """Do nothing: a node tells by itself that it doesn't hold a slot any more."""

    def client_at(self, node: Place) -> redis.Redis:
        """Return a client of one node, to be closed."""
        return _client(self._address, node, self._shown)

    def _ask(self, node: Place, command: str) -> object:
        with self.client_at(node) as client:
            return cast("Callable[[str], object]", client.execute_command)(command)  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py


def read_slots(reply: object, asked: str) -> list[SlotRange]:
    """Return what CLUSTER SLOTS has answered. A node without a host of its own is at the one that was asked.

    >>> read_slots([[0, 100, ["", 7000, "id"], ["10.0.0.2", 7001, "id"]]], "10.0.0.1")
    [SlotRange(first=0, last=100, primary=('10.0.0.1', 7000), replicas=(('10.0.0.2', 7001),))]
    """

    def place(node: Sequence[object]) -> Place:
        host, port = cast("tuple[str | None, int]", tuple(node[:2]))
        return (asked if host in (None, "", "?") else str(host), port)

    found: list[SlotRange] = []
    for first, last, *nodes in cast("list[tuple[object, ...]]", reply):
        primary, *replicas = map(place, cast("list[Sequence[object]]", nodes))
        found.append(SlotRange(cast("int", first), cast("int", last), primary, tuple(replicas)))
    return found


def _client(address: RedisAddress, node: Place, shown: Mapping[str, object]) -> redis.Redis:
    from_url = cast("Callable[..., redis.Redis]", redis.Redis.from_url)  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
    client = from_url(address.server, maint_notifications_config=MaintNotificationsConfig(enabled=False))
    options = client.connection_pool.connection_kwargs
    if "credential_provider" in shown:
        options.pop("username", None)  # which the provider knows
    options.update(
        shown,
        host=node[0],
        port=node[1],
        decode_responses=True,
        socket_timeout=ANSWER_S,
        socket_connect_timeout=ANSWER_S,
        retry=Retry(NoBackoff(), 0),
    )
    return client
