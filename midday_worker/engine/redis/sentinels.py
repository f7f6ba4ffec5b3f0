"""`Sentinels`: where the primary is, by the newest of what they say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeAlias, cast
from urllib.parse import urlencode

from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from midday_worker.engine.transport import NeverSentError
from midday_worker.settings.redis_address import RedisAddress

if TYPE_CHECKING:
    from redis.asyncio import Redis

Place: TypeAlias = tuple[str, int]
State: TypeAlias = Mapping[str, object]
"""What a sentinel says of a server, by the names of `SENTINEL MASTERS`."""

ANSWER_S: Final = 2.0
"""How long a sentinel may take to answer."""

GRACE_S: Final = 0.1
"""How long the others are waited for after one has answered, until most have: one of them may know better."""


class SentinelError(ResponseError):
    """Sentinels are there and lead nowhere, and will not by themselves: a mistake, and no outage."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one sentinel said.

    Attributes:
        host: the sentinel, as host:port.
        services: what it watches, by name.
        place: where it says that the primary is; None if it doesn't watch the service.
        state: what it says of it.
        error: why it didn't say anything, if it didn't.
    """

    host: str
    services: Sequence[str] = ()
    place: Place | None = None
    state: State = field(default_factory=lambda: {})
    error: Exception | None = None

    @property
    def is_of_use(self) -> bool:
        """Whether a primary is where it says. In the midst of a failover it still tells of the old one's state."""
        is_old = self.place == (self.state.get("ip"), self.state.get("port"))
        return self.place is not None and not (is_old and (self.state["is_sdown"] or self.state["is_odown"]))

    @property
    def epoch(self) -> int:
        """Which failover it tells of: the latest counts."""
        return int(str(self.state.get("config-epoch", 0)))

    @property
    def is_mistake(self) -> bool:
        """Whether asking again wouldn't help."""
        is_refusal = isinstance(self.error, (AuthenticationError, ResponseError))
        return is_refusal or (self.error is None and self.place is None)

    def why_not(self, service: str) -> str:
        """Return why it doesn't lead to the service's primary, and what to do."""
        text = str(self.error)
        if self.error is None:
            watched = ", ".join(self.services) or "nothing"
            return f"{self.host} doesn't watch {service!r}, but {watched}: REDIS_URL ends with /service"
        if "unknown command" in text:
            return f"{self.host} is no Sentinel; a Redis alone is named by redis://{self.host}"
        if "WRONGPASS" in text or "invalid username-password" in text:
            return f"{self.host} refuses the user or the password: ?sentinel_username=...&sentinel_password=..."
        if isinstance(self.error, AuthenticationError) or "NOAUTH" in text or "already authenticated" in text:
            return f"{self.host} wants a password of its own: ?sentinel_password=..."
        return f"{self.host} does not answer ({text or type(self.error).__name__})"


@dataclass(frozen=True, slots=True)
class SentinelGroup:
    """What is known of a service. Servers are host:port, with what is wrong with each; "" where nothing is.

    Attributes:
        service: its name.
        primary: the primary; "" if there is none now.
        replicas: the primary's replicas.
        sentinels: those who know of each other.
        quorum: how many of them have to hold the primary to be down before one asks for a failover.
        lost: why hosts of the URL are of no use, if so.
    """

    service: str
    primary: str
    replicas: Mapping[str, str]
    sentinels: Mapping[str, str]
    quorum: int
    lost: Sequence[str]


class Sentinels:
    """Asks all sentinels at once. Belongs to an event loop, and is closed at the end of `async with`.

    Args:
        address: of which service, and who they are.
        tls: how connections to the servers are encrypted, by redis-py's names; those to the sentinels are, too.
    """

    def __init__(self, address: RedisAddress, tls: Mapping[str, object]) -> None:
        self._service = address.service
        self._hosts = [f"{host}:{port}" for host, port in address.hosts]
        options = {**_tls(address, tls), **_own(address), "decode_responses": True, "retry": Retry(NoBackoff(), 0)}
        options |= {"socket_timeout": ANSWER_S, "socket_connect_timeout": ANSWER_S}
        self._sentinel = Sentinel(address.hosts, sentinel_kwargs=options)  # type: ignore[no-untyped-call] # as all of redis-py's
        self._clients = cast("Sequence[Redis]", self._sentinel.sentinels)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._sentinel.aclose()

    async def find(self) -> Place:
        """Return the primary's host and port.

        Raises:
            NeverSentError: it isn't known now: too few sentinels answer, or they wait for another primary.
            SentinelError: it won't be known: it says what is wrong, and what to write instead.
        """
        answers = await self._ask_most()
        named = [each for each in answers if each.is_of_use]
        latest = max((each.epoch for each in named), default=0)
        places = {each.place for each in named if each.place is not None and each.epoch == latest}
        if len(places) == 1:
            return places.pop()
        raise _disagreement(named, self._service) if places else self._failure(answers)

    async def describe(self) -> SentinelGroup:
        """Return all that they know. Raises as `find`, but where only the primary is away."""
        answers = await asyncio.gather(*map(self._ask, self._hosts, self._clients))
        known = max((each for each in answers if each.place is not None), key=lambda each: each.epoch, default=None)
        if known is None or known.place is None:
            raise self._failure(answers)
        client = self._clients[answers.index(known)]
        both: list[dict[str, str]] = []
        for what in ("SLAVES", "SENTINELS"):
            ask = cast("Callable[..., Awaitable[list[State]]]", client.execute_command)  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
            both.append({_place(state): _trouble(state) for state in await ask(f"SENTINEL {what}", self._service)})
        replicas, others = both
        return SentinelGroup(
            self._service,
            f"{known.place[0]}:{known.place[1]}" if known.is_of_use else "",
            replicas,
            {known.host: "", **others},
            int(str(known.state.get("quorum", 0))),
            [each.why_not(self._service) for each in answers if each.place is None],
        )

    async def _ask_most(self) -> list[Answer]:
        """Ask all, and return what was answered when most name a primary, or soon after the first who does."""
        pending = {asyncio.create_task(self._ask(*each)) for each in zip(self._hosts, self._clients, strict=True)}
        answers: list[Answer] = []
        named = 0
        try:
            while pending and 2 * named <= len(self._hosts):
                timeout = GRACE_S if named else None
                done, pending = await asyncio.wait(pending, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    break
                answers += [task.result() for task in done]
                named = sum(each.is_of_use for each in answers)
        finally:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
        return answers

    async def _ask(self, host: str, client: Redis) -> Answer:
        try:
            async with asyncio.timeout(ANSWER_S), client.pipeline(transaction=False) as both:  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
                both.sentinel_masters()
                both.sentinel_get_master_addr_by_name(self._service)  # pyright: ignore[reportUnknownMemberType] - as above
                services, place = cast("tuple[dict[str, State], Place | None]", await both.execute())
        except (RedisError, OSError) as error:
            return Answer(host, error=error)
        found = None if place is None else (str(place[0]), int(place[1]))
        return Answer(host, sorted(services), found, services.get(self._service, {}))

    def _failure(self, answers: Sequence[Answer]) -> Exception:
        for each in answers:
            if each.place is not None:
                where = f"{each.place[0]}:{each.place[1]}"
                return NeverSentError(f"the sentinels hold the primary {where} to be down, and look for another")
        # Those that don't answer may be the ones that know it, unless they are too few.
        mistakes = sum(each.is_mistake for each in answers)
        why = "; ".join(each.why_not(self._service) for each in sorted(answers, key=lambda each: not each.is_mistake))
        kind = SentinelError if 2 * mistakes > len(self._hosts) else NeverSentError
        return kind(f"no sentinel leads to {self._service}: {why}")


def _place(state: State) -> str:
    return f"{state['ip']}:{state['port']}"


def _trouble(state: State) -> str:
    """Return what is wrong with a server, in its sentinel's words."""
    flags = sorted({*str(state["flags"]).split(",")} - {"slave", "sentinel"})
    return ", ".join([*flags, *(["link to the primary down"] if state.get("master-link-status") == "err" else [])])


def _disagreement(named: Sequence[Answer], service: str) -> SentinelError:
    said = "; ".join(f"{each.host} says {each.place[0]}:{each.place[1]}" for each in named if each.place is not None)
    return SentinelError(f"the sentinels disagree where {service} is: {said}. REDIS_URL must name those of one group")


def _tls(address: RedisAddress, tls: Mapping[str, object]) -> dict[str, object]:
    return {"ssl": True, **tls} if address.is_tls else {}


def _own(address: RedisAddress) -> dict[str, object]:
    """Return the sentinels' own parameters, as redis-py takes them."""
    return cast("dict[str, object]", parse_url(f"redis://?{urlencode(address.sentinel)}"))
