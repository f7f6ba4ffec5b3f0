// Node's own BullMQ as a producer: adds its share of the input to the queues that Python works.
// Arguments: path of the input, and n: every n-th line is Node's. The Redis URL, whose password arguments would show to
// everybody, is put before this as `url`.
import { readFileSync } from "node:fs";
import { Queue } from "bullmq";

const [path, step] = process.argv.slice(2);
const { hostname: host, port, pathname, password } = new URL(url);
const db = Number(pathname.slice(1) || 0);
const connection = { host, port: Number(port || 6379), password: password || undefined, db, maxRetriesPerRequest: 3 };

// What the type of a line means to the other side. Node knows no schema: what is in a line is Python's to judge.
const kinds = {
  "sign-up": { queue: "sign-ups", name: "sign-up", key: "userId" },
  order: { queue: "orders", name: "place-order", key: "orderId" },
};
const jobs = new Map(Object.values(kinds).map(({ queue }) => [queue, []]));
const refused = [];

readFileSync(path, "utf8").split("\n").forEach((text, index) => {
  const line = index + 1;
  if (line % Number(step) || !text.trim()) return;
  let record;
  try {
    record = JSON.parse(text);
  } catch (error) {
    refused.push({ line, why: error.message });
    return;
  }
  const kind = kinds[record?.type];
  if (!kind) {
    refused.push({ line, why: `no job for type ${JSON.stringify(record?.type)}` });
    return;
  }
  const { type, ...data } = record;
  const jobId = `${kind.name}-${data[kind.key] ?? `line-${line}`}`;
  jobs.get(kind.queue).push({ name: kind.name, data, opts: { jobId } });
});

const added = {};
for (const [name, bulk] of jobs) {
  const queue = new Queue(name, { connection });
  for (const job of await queue.addBulk(bulk)) added[job.name] = (added[job.name] ?? 0) + 1;
  await queue.close();
}
console.log(JSON.stringify({ added, refused }));
