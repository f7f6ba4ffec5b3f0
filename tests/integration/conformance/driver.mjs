// Node's own BullMQ under the command of a test: one JSON object a line on standard input, one answer a line on standard
// output, in the order in which they are ready. {id, op, prefix, queue, ...} -> {id, value} or {id, error}.
import { createInterface } from "node:readline";
import { FlowProducer, Queue, QueueEvents, UnrecoverableError, Worker } from "bullmq";
import { Cluster, Redis } from "ioredis";

// redis://host:port, or redis+cluster://host:port,host:port
const [scheme, hosts] = process.argv.at(-1).split("://");
const [first, ...more] = hosts.split(",").map((each) => ({ host: each.split(":")[0], port: Number(each.split(":")[1]) }));
const options = { maxRetriesPerRequest: null };
const connect = () =>
  scheme.endsWith("+cluster") ? new Cluster([first, ...more], { redisOptions: options }) : new Redis({ ...first, ...options });
const redis = () => (scheme.endsWith("+cluster") ? connect() : { ...first, ...options });
const shared = connect();
const opened = new Map(); // prefix -> the queues, workers and listeners to close

function open(prefix, key, make) {
  const mine = opened.get(prefix) ?? new Map();
  opened.set(prefix, mine);
  if (!mine.has(key)) mine.set(key, make());
  return mine.get(key);
}

const queueOf = ({ prefix, queue }) =>
  open(prefix, `queue ${queue}`, () => new Queue(queue, { connection: shared, prefix }));
const jobOf = async (command) => {
  const job = await queueOf(command).getJob(command.job);
  if (!job) throw new Error(`no job ${command.job}`);
  return job;
};

// What any answer looks like as JSON: a job by its id and what it was given, a list by its items.
function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value?.job && "children" in value) return { id: value.job.id, children: plain(value.children ?? []) };
  if (value?.asJSON) return { id: value.id, name: value.name, data: value.data, opts: value.opts };
  return value ?? null;
}

async function view(queue, id) {
  const [job, state, { logs }] = await Promise.all([queue.getJob(id), queue.getJobState(id), queue.getJobLogs(id)]);
  if (!job) return { state };
  return {
    state,
    name: job.name,
    data: job.data,
    opts: job.opts,
    delay: job.delay,
    priority: job.priority,
    attempts: job.attemptsMade,
    reason: job.failedReason ?? null,
    stacks: job.stacktrace ?? [],
    value: job.returnvalue ?? null,
    progress: job.progress,
    deduplication: job.deduplicationId ?? null,
    logs,
  };
}

// The same few things that the Python side's actor can do; see actor.py.
const sorted = (object) => Object.values(object).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
const acts = {
  value: ({ value }) => value,
  fail: ({ message }) => { throw new Error(message); },
  final: ({ message }) => { throw new UnrecoverableError(message); },
  flaky: ({ message, until }, job) => {
    if (job.attemptsMade + 1 < until) throw new Error(message);
    return job.attemptsMade + 1;
  },
  progress: async ({ steps }, job) => { for (const step of steps) await job.updateProgress(step); },
  log: async ({ lines }, job) => { for (const line of lines) await job.log(line); },
  children: async (_, job) => ({
    values: sorted(await job.getChildrenValues()),
    ignored: sorted(await job.getIgnoredChildrenFailures()),
  }),
  hold: async (_, job, prefix) => {
    const gate = connect();
    await gate.blmove(`${prefix}:gate`, `${prefix}:gate`, "LEFT", "RIGHT", 0);
    gate.disconnect();
  },
};

async function act(job, prefix) {
  const { tag = null, do: deed = null, ms = 0 } = job.data ?? {};
  const run = { tag, job: job.id, attempt: job.attemptsMade + 1, by: "node", at: Date.now() };
  await shared.rpush(`${prefix}:ledger`, JSON.stringify(run));
  if (ms) await new Promise((resolve) => setTimeout(resolve, ms));
  const result = deed in acts ? await acts[deed](job.data, job, prefix) : job.data;
  await shared.rpush(`${prefix}:ended`, JSON.stringify({ ...run, at: Date.now() }));
  return result;
}

const ops = {
  queue: (command) => queueOf(command)[command.method](...command.args),
  job: async (command) => (await jobOf(command))[command.method](...command.args),
  view: (command) => Promise.all(command.jobs.map((id) => view(queueOf(command), id))),
  flow: ({ prefix, args }) =>
    open(prefix, "flow", () => new FlowProducer({ connection: shared, prefix })).add(...args),
  work: async ({ prefix, queue, options }) => {
    const worker = open(prefix, `worker ${queue}`, () =>
      new Worker(queue, (job) => act(job, prefix), { connection: redis(), prefix, ...options }));
    worker.on("error", () => {});
    await worker.waitUntilReady();
  },
  relay: async (command) => {
    const jobs = await Promise.all(command.jobs.map((id) => queueOf(command).getJob(id)));
    const added = await queueOf({ ...command, queue: command.to })
      .addBulk(jobs.map(({ name, data }) => ({ name, data })));
    return added.map(({ id }) => id);
  },
  listen: async ({ prefix, queue }) => {
    const events = open(prefix, `events ${queue}`, () =>
      new QueueEvents(queue, { connection: redis(), prefix, lastEventId: "0" }));
    await events.waitUntilReady();
  },
  hear: ({ prefix, queue, events: names }) => {
    const events = open(prefix, `events ${queue}`);
    const heard = [];
    for (const name of names) events.on(name, (event) => heard.push({ ...event, event: name }));
    open(prefix, `heard ${queue}`, () => heard);
  },
  heard: ({ prefix, queue }) => open(prefix, `heard ${queue}`),
  finished: async (command) => {
    const job = await jobOf(command);
    return { value: await job.waitUntilFinished(open(command.prefix, `events ${command.queue}`), 20_000) };
  },
  close: async ({ prefix }) => {
    const mine = [...(opened.get(prefix) ?? new Map())];
    opened.delete(prefix);
    await Promise.all(mine.map(([, each]) => each.close?.()));
  },
};

createInterface({ input: process.stdin }).on("line", async (line) => {
  const { id, op, ...command } = JSON.parse(line);
  let answer;
  try {
    answer = { id, value: plain(await ops[op](command)) };
  } catch (error) {
    answer = { id, error: error.message };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}).on("close", () => process.exit(0));
