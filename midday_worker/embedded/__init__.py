"""Finds a redis-server and runs it on a free loopback port, for `dev`, `demo` and tests."""

from midday_worker.embedded.access import make_private
from midday_worker.embedded.binary import find_redis_server
from midday_worker.embedded.process import ServerProcess, ServerStartError, free_port, on_free_port
from midday_worker.embedded.server import EmbeddedRedis

__all__ = [
    "EmbeddedRedis",
    "ServerProcess",
    "ServerStartError",
    "find_redis_server",
    "free_port",
    "make_private",
    "on_free_port",
]
