// BullMQ for Node, with the options and the retention that this library's jobs have.
import fs from "node:fs";
import path from "node:path";
import readline from "node:readline";
import { Queue, Worker } from "bullmq";

const env = process.env;
const queueName = env.BENCH_QUEUE;
const connection = { host: "127.0.0.1", port: Number(env.BENCH_REDIS.split(":").at(-1)), maxRetriesPerRequest: null };
const keep = Number(env.BENCH_KEEP ?? 10000);
const options = {
  attempts: 3,
  backoff: { type: "exponential", delay: 2000, jitter: 0.5 },
  removeOnComplete: { count: keep, age: 86400 },
  removeOnFail: { count: 10000, age: 604800 },
};
const job = (n) => ({ name: "item", data: { n, text: "hello" }, opts: options });
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");

async function carryOut(queue, order, sent) {
  const numbers = Array.from({ length: order.count }, (_, index) => order.first + index);
  const add = (n) => queue.add("item", { n, text: "hello" }, options);
  if (order.mode === "bulk" || order.mode === "fill") await queue.addBulk(numbers.map(job));
  else if (order.mode === "concurrent") await Promise.all(numbers.map(add));
  else
    for (const n of numbers) {
      if (order.mode === "paced") {
        await pause(order.pause_ms);
        sent.push(Number(process.hrtime.bigint()));
      }
      await add(n);
    }
}

async function produce() {
  const queue = new Queue(queueName, { connection });
  await queue.waitUntilReady();
  say({ ready: true });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const sent = [];
    const started = performance.now();
    await carryOut(queue, JSON.parse(line), sent);
    say({ seconds: (performance.now() - started) / 1000, sent });
  }
  await queue.close();
}

async function work() {
  const wait = Number(env.BENCH_WAIT_MS ?? 0);
  const ledger = path.join(env.BENCH_FOLDER, `${process.pid}.ledger`);
  let lines = [];
  const flush = () => {
    if (lines.length === 0) return;
    const text = lines.map((line) => line.join(" ") + "\n").join("");
    lines = [];
    fs.appendFileSync(ledger, text);
  };
  setInterval(flush, 20);
  fs.writeFileSync(path.join(env.BENCH_FOLDER, `${process.pid}.ready`), "");
  const cell = new Int32Array(new SharedArrayBuffer(4));
  while (!fs.existsSync(path.join(env.BENCH_FOLDER, "go"))) Atomics.wait(cell, 0, 0, 5);
  const worker = new Worker(
    queueName,
    async (job) => {
      const started = process.hrtime.bigint();
      if (wait) await pause(wait);
      lines.push([job.data.n, started, process.hrtime.bigint()]);
    },
    { connection, concurrency: Number(env.BENCH_CONCURRENCY), metrics: { maxDataPoints: 20160 } },
  );
  process.on("SIGTERM", async () => {
    await worker.close();
    flush();
    process.exit(0);
  });
}

await (process.argv.at(-1) === "produce" ? produce() : work());
