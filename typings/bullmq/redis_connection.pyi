from collections.abc import Awaitable, Iterable, Sequence
from typing import Final, Protocol

from bullmq.types import ConnectionOptions
from redis.asyncio import Redis
from redis.typing import EncodableT, ScriptTextT

SCRIPT_DEFINITIONS: Final[dict[str, str]]

class Script(Protocol):
    # A registered Lua script. It answers what the script returns.
    sha: str
    script: ScriptTextT
    def __call__(
        self,
        keys: Sequence[str] | None = None,
        args: Iterable[EncodableT] | None = None,
        client: Redis | None = None,
    ) -> Awaitable[object]: ...

def loadScript(name: str) -> str: ...

class RedisConnection:
    minimum_version: str
    recommended_minimum_version: str
    capabilities: dict[str, bool]
    version: str | None
    skipVersionCheck: bool
    conn: Redis  # or the RedisCluster that was passed in
    commands: dict[str, Script]
    client_name: str  # set by set_client_name
    def __init__(
        self,
        redisOpts: ConnectionOptions = ...,
        skipVersionCheck: bool = False,
        skipWaitingForReady: bool = False,
    ) -> None: ...
    def loadCommands(self) -> None: ...
    async def close(self) -> None: ...
    async def getRedisVersion(self) -> str | None: ...
    async def cluster_nodes(self) -> list[object]: ...
    async def set_client_name(self, name: str) -> None: ...
