// The Node producer: adds the workload with BullMQ, and notes each add that Redis has acknowledged.
// Arguments: Redis's URL, the prefix, the queue, the workload's file, the ledger's file, seconds.
import { appendFileSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Queue } from "bullmq";
import { Cluster } from "ioredis";

const [url, prefix, name, workload, ledger, seconds] = process.argv.slice(2);
const [scheme, hosts] = url.split("://"); // redis://host:port, or redis+cluster://host:port,host:port
const nodes = hosts.split(",").map((each) => ({ host: each.split(":")[0], port: Number(each.split(":")[1]) }));
const options = { maxRetriesPerRequest: 1, retryStrategy: () => 100 };
const connection = scheme.endsWith("+cluster")
  ? new Cluster(nodes, { redisOptions: { maxRetriesPerRequest: 1 }, clusterRetryStrategy: () => 100 })
  : { ...nodes[0], ...options };
const queue = new Queue(name, { connection, prefix });
queue.on("error", () => {}); // the adds tell

const AT_ONCE = 8;
const now = () => Number(process.hrtime.bigint()) / 1e9;
const tasks = readFileSync(workload, "utf8").trim().split("\n").map((line) => JSON.parse(line));

async function add(task) {
  const data = { ms: task.milliseconds, failures: task.failures, team: task.team }; // of version 1
  const options = {
    jobId: task.job_id,
    delay: task.delay_ms,
    ...(task.priority ? { priority: task.priority } : {}),
    attempts: 5,
    backoff: 50,
    removeOnComplete: false,
  };
  for (;;) {
    try {
      await queue.add("work", data, options);
      break;
    } catch {
      await sleep(100); // again under the same id: that makes it one job
    }
  }
  appendFileSync(ledger, JSON.stringify({ kind: "added", time: now(), job: task.job_id }) + "\n");
}

const started = now();
const adding = new Set();
for (const [number, task] of tasks.entries()) {
  await sleep(Math.max(0, started + (seconds * number) / tasks.length - now()) * 1000);
  while (adding.size >= AT_ONCE) await Promise.race(adding);
  const one = add(task).finally(() => adding.delete(one));
  adding.add(one);
}
await Promise.all(adding);
await queue.close();
if (scheme.endsWith("+cluster")) connection.disconnect();
console.log(tasks.length);
