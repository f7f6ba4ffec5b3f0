"""A redis-py client whose concurrent commands share a connection and its writes. It knows nothing of jobs.

`PipelinedRedis` is used as any `redis.asyncio.Redis`; a command that can't have reached the server ends with a
`NeverSentError`, and `is_of_replica` knows the errors of one that isn't the primary. A `Command` is what
`PipelinedRedis.post` gives; of one that fails with one of `UNDONE` nothing was done.
"""

from midday_worker.engine.transport.command import Command
from midday_worker.engine.transport.failed_command import UNDONE, NeverSentError, NeverSentTimeoutError, is_of_replica
from midday_worker.engine.transport.pipelining import PipelinedRedis

__all__ = ["UNDONE", "Command", "NeverSentError", "NeverSentTimeoutError", "PipelinedRedis", "is_of_replica"]
