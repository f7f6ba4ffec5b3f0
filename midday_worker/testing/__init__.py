"""What jobs are tested with: real servers here and as pytest fixtures."""

from midday_worker.testing.servers import PostgresServer, RedisServer

__all__ = ["PostgresServer", "RedisServer"]
