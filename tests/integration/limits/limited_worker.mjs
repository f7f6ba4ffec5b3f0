// A Node worker of a limited queue, with the module that the test has written: node limited_worker.mjs HOST PORT PREFIX QUEUE.
// It counts who runs in Redis, as the test's other workers do.
import { Worker } from "bullmq";
import { Redis } from "ioredis";
import { limited } from "./limited.mjs";

const [host, port, prefix, queue, concurrency] = process.argv.slice(2);
const where = { host, port: Number(port), maxRetriesPerRequest: null };
const redis = new Redis(where);
const process_ = limited({ redis, queue, prefix }, async (job) => {
  await redis.eval(
    `local n = redis.call("HINCRBY", KEYS[1], ARGV[1], 1)
     if n > tonumber(redis.call("HGET", KEYS[2], ARGV[1]) or 0) then redis.call("HSET", KEYS[2], ARGV[1], n) end`,
    2, `${prefix}-running`, `${prefix}-most`, String(job.data.teamId));
  await new Promise((resolve) => setTimeout(resolve, 20));
  await redis.hincrby(`${prefix}-running`, String(job.data.teamId), -1);
  await redis.hincrby(`${prefix}-by-node`, String(job.data.teamId), 1);
  return [job.attemptsMade, job.attemptsStarted];
});
const worker = new Worker(queue, process_, { connection: where, prefix, concurrency: Number(concurrency) });
await worker.waitUntilReady();
console.log("ready");
process.stdin.resume().on("end", async () => {
  await worker.close();
  redis.disconnect();
  process.exit(0);
});
