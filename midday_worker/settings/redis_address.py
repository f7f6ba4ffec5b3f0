"""`RedisAddress`: a URL of Redis in its parts."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from urllib.parse import parse_qsl, unquote, urlencode

from midday_worker.settings.urls import ENCODE, are_numbers, is_host, split_url

Topology: TypeAlias = Literal["single", "sentinel", "cluster"]

_SCHEME: Final = re.compile(r"(rediss?)(?:\+(sentinel|cluster))?")
_PORTS: Final[dict[Topology, int]] = {"single": 6379, "sentinel": 26379, "cluster": 6379}
_OF_SENTINELS: Final = "sentinel_"
_FORMS: Final = (
    "accepted: redis://[user:password@]host[:port][/db], the same with rediss:// for TLS, "
    "unix://[user:password@]/path/to/redis.sock[?db=0], "
    "redis+sentinel://[user:password@]host[:port],host[:port]/service[/db], "
    "or redis+cluster://[user:password@]host[:port],host[:port]"
)


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """A URL of Redis in its parts.

    Attributes:
        topology: "single" for one server.
        server: the URL of a server that holds jobs, for redis-py; but for its host and port, where these are found.
        hosts: whom to ask where such a server is: the sentinels, or nodes of the cluster. None for one server.
        service: the name by which the sentinels know the primary.
        sentinel: the sentinels' own parameters, such as `password`.
    """

    topology: Topology
    server: str
    hosts: tuple[tuple[str, int], ...] = ()
    service: str = ""
    sentinel: tuple[tuple[str, str], ...] = ()

    @property
    def is_tls(self) -> bool:
        """Whether connections to its servers, and to the sentinels, are encrypted."""
        return self.server.startswith("rediss:")

    @classmethod
    def parse(cls, url: str) -> RedisAddress:
        """Take a URL apart. Raises ValueError with the accepted forms, and without the URL."""
        parts = split_url(url, _FORMS)
        query = parse_qsl(parts.query, keep_blank_values=True)
        databases = [value for key, value in query if key == "db"]
        if parts.scheme == "unix" and sys.platform == "win32":
            raise ValueError("unix:// is not for Windows; accepted there: redis:// and rediss://")
        if parts.scheme == "unix":
            _check(len(parts.path) > 1 and are_numbers(databases))
            return cls("single", url)
        scheme = _SCHEME.fullmatch(parts.scheme)
        userinfo, at, netloc = parts.netloc.rpartition("@")
        hosts = netloc.split(",")
        _check(scheme is not None and all(map(is_host, hosts)))
        kind, tail = _topology(url), [part for part in parts.path.split("/") if part]
        service = unquote(tail.pop(0)) if kind == "sentinel" and tail else ""
        _check(are_numbers(databases + tail) and len(tail) <= 1)
        if kind == "single":
            _check(len(hosts) == 1, "Several hosts are those of sentinels or of a cluster")
            return cls("single", url)
        _check(bool(service) or kind != "sentinel", "After the sentinels' hosts stands the service's name")
        _check(kind == "sentinel" or {*databases, *tail} <= {"0"}, "A cluster has no database but 0")
        common = urlencode([(key, value) for key, value in query if not key.startswith(_OF_SENTINELS)])
        server = f"{parts.scheme.partition('+')[0]}://{userinfo}{at}{hosts[0]}/{''.join(tail)}?{common}".rstrip("?/")
        own = [(key.removeprefix(_OF_SENTINELS), value) for key, value in query if key.startswith(_OF_SENTINELS)]
        return cls(kind, server, tuple(_host(each, _PORTS[kind]) for each in hosts), service, tuple(own))


def check_redis_url(url: str) -> None:
    """Raise ValueError, with the accepted forms and without the URL, unless this is a Redis URL."""
    RedisAddress.parse(url)


def _topology(url: str) -> Topology:
    scheme = url.partition(":")[0].lower()
    return "sentinel" if scheme.endswith("+sentinel") else "cluster" if scheme.endswith("+cluster") else "single"


def _host(text: str, port: int) -> tuple[str, int]:
    name, colon, given = text.rpartition(":")
    if not colon or text.endswith("]"):
        name, given = text, ""
    return name.strip("[]"), int(given or port)


def _check(fits: bool, why: str = "") -> None:
    if not fits:
        raise ValueError(f"{why + '; ' if why else ''}{_FORMS} {ENCODE}")
