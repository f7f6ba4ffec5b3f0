"""`Connections`: which Redis connection serves a queue, by the prefix of its keys."""

from __future__ import annotations

from dataclasses import replace

from midday_worker.engine.redis.connection import Connection, RedisConfig, connect


class Connections:
    """A program's connections for ordinary commands, and where its other ones go.

    Whoever needs a connection for a queue gets it here, by the queue's prefix. One serves all of them; on a cluster,
    all whose keys are in the same slot.

    Args:
        config: where Redis is; its prefix is that of the queues without one of their own.
    """

    def __init__(self, config: RedisConfig) -> None:
        self.config = config
        self._shared: dict[int | None, Connection] = {}

    def of(self, prefix: str | None = None) -> Connection:
        """Return the connection for the queues of a prefix, made on first use; None is the program's own prefix.

        Raises ConfigurationError on a cluster, for a prefix whose keys would be spread over it.
        """
        config = self.config_of(prefix)
        slot = config.slot
        if slot not in self._shared:
            self._shared[slot] = Connection(connect(config), config.command_timeout_ms)
        return self._shared[slot]

    def config_of(self, prefix: str | None = None) -> RedisConfig:
        """Return where connections of their own, to block or to listen, go for the queues of a prefix."""
        return self.config if prefix is None else replace(self.config, prefix=prefix)

    async def close(self) -> None:
        """Close them. Safe to call twice."""
        shared, self._shared = self._shared, {}
        for connection in shared.values():
            await connection.close()
