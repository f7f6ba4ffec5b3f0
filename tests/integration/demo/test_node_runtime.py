"""Node's own BullMQ and we look at the same Redis."""

from __future__ import annotations

import json

from midday_worker.demo.node import NodeRuntime
from midday_worker.engine.redis.connection import RedisConfig, connect
from midday_worker.testing.servers import RedisServer

ADD = """
import { Queue } from "bullmq";
const [url, prefix] = process.argv.slice(2);
const queue = new Queue("greetings", { connection: { url }, prefix });
const job = await queue.add("greet", { name: "Åsa" }, { attempts: 2 });
console.log(JSON.stringify({ id: job.id }));
await queue.close();
"""


async def test_a_job_that_node_adds_is_in_our_redis(
    node: NodeRuntime, redis_server: RedisServer, redis_prefix: str
) -> None:
    added = await node.run(ADD, redis_server.url, redis_prefix)
    async with connect(RedisConfig(redis_server.url)) as redis:
        waiting = await redis.lrange(f"{redis_prefix}:greetings:wait", 0, -1)
        name, data, opts = await redis.hmget(f"{redis_prefix}:greetings:{waiting[0]!s}", ["name", "data", "opts"])
    assert added == {"id": waiting[0]}
    assert name == "greet"
    assert json.loads(data or "") == {"name": "Åsa"}
    assert json.loads(opts or "")["attempts"] == 2
