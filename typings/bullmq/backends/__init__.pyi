from collections.abc import Mapping

from bullmq.backends.redis_backend import RedisBackend as RedisBackend
from bullmq.backends.redis_backend import create_redis_backend as create_redis_backend

# With opts["backend"] == "postgres" it is a PostgresBackend, which these stubs leave out.
def create_backend(
    name: str,
    opts: Mapping[str, object] = ...,
    blocking: bool = False,
    with_blocking_connection: bool = False,
) -> RedisBackend: ...
