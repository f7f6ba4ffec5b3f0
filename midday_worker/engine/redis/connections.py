"""`Connections`: which Redis connection serves a queue, by the prefix of its keys."""

from __future__ import annotations

from dataclasses import replace

from midday_worker.engine.redis.connection import Connection, RedisConfig, connect


class Connections:
    """A program's connections for ordinary commands, and where its other ones go.

    Whoever needs a connection for a queue gets it here, by the queue's prefix. One serves all of them.

    Args:
        config: where Redis is; its prefix is that of the queues without one of their own.
    """

    def __init__(self, config: RedisConfig) -> None:
        self.config = config
        self._shared: Connection | None = None

    def of(self, prefix: str | None = None) -> Connection:
        """Return the connection for the queues of a prefix, made on first use; None is the program's own prefix."""
        if self._shared is None:
            self._shared = Connection(connect(self.config), self.config.command_timeout_ms)
        return self._shared

    def config_of(self, prefix: str | None = None) -> RedisConfig:
        """Return where connections of their own, to block or to listen, go for the queues of a prefix."""
        return self.config if prefix is None else replace(self.config, prefix=prefix)

    async def close(self) -> None:
        """Close them. Safe to call twice."""
        shared, self._shared = self._shared, None
        if shared is not None:
            await shared.close()
