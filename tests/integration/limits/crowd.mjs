// A Node worker of the limited queue, to be killed: node crowd.mjs HOST PORT PREFIX LOCK_MS BEGIN; see crowd.py.
import { Worker } from "bullmq";
import { Redis } from "ioredis";
import { limited } from "./limited.mjs";

const [host, port, prefix, lock, begin] = process.argv.slice(2);
const where = { host, port: Number(port), maxRetriesPerRequest: null };
const redis = new Redis(where);
redis.defineCommand("begin", { numberOfKeys: 3, lua: begin });
const keys = [`${prefix}-running:`, `${prefix}-counts`, `${prefix}-starts`];
const processor = limited({ redis, queue: "exports", prefix }, async (job, token) => {
  await redis.begin(...keys, job.data.teamId, job.id, token, `${prefix}:exports:`);
  await new Promise((resolve) => setTimeout(resolve, 10));
  await redis.hdel(keys[0] + job.data.teamId, job.id);
  await redis.incr(`${prefix}-by-node`);
});
const worker = new Worker("exports", processor, {
  connection: where, prefix, concurrency: 10, lockDuration: Number(lock), stalledInterval: Number(lock) / 2,
  maxStalledCount: 1_000, removeOnComplete: { count: 0 },
});
worker.on("error", () => {});
await worker.waitUntilReady();
console.log("ready");
