"""The module by which Node's workers keep the limits per key of a queue."""

from __future__ import annotations

import json
from typing import Final

from midday_worker.engine.wire.place_acts import NODE_GIVE, NODE_TAKE, NODE_TEND

_MODULE: Final = """\
// Made by `midday-worker contract limits`; make it anew with each version of midday-worker.
const scripts = SCRIPTS;
const TEND_MS = 1_000;
const SWEEP_EVERY = 30;

/**
 * Returns a processor for a BullMQ Worker that keeps the queue's limits per key.
 *
 * @template J, R
 * @param {{ redis: import("ioredis").Redis | import("ioredis").Cluster, queue: string, prefix?: string }} where
 *   an ioredis connection of yours, and the queue
 * @param {(job: J, token?: string, signal?: AbortSignal) => Promise<R>} processor
 * @returns {(job: J, token?: string, signal?: AbortSignal) => Promise<R>}
 */
export function limited({ redis, queue, prefix = "bull" }, processor) {
  const base = `${prefix}:${queue}:`;
  for (const [name, lua] of Object.entries(scripts)) redis.defineCommand(name, { numberOfKeys: 1, lua });
  const run = (name, ...args) => redis[name](`${base}limits`, ...args, base, Date.now());

  // Where no worker of Python's is there, nobody else brings the next job of a rate, or what a crash has left.
  let looks = 0;
  const timer = setInterval(() => {
    run("middayTend", looks++ % SWEEP_EVERY === 0 ? "1" : "0").catch(() => {});
  }, TEND_MS);
  timer.unref();

  return async (job, token, signal) => {
    if ((await run("middayTake", job.id, token)) === 0) {
      const parked = new Error(`job ${job.id} waits for a place in a limit per key`);
      parked.name = "DelayedError"; // by which BullMQ leaves the job where it is
      throw parked;
    }
    try {
      return await processor(job, token, signal);
    } finally {
      await run("middayGive", job.id, token).catch(() => {}); // else it is free as the lock expires
    }
  };
}
"""


def limited_module() -> str:
    """Return its text, an ES module of JavaScript with types in comments."""
    scripts = {"middayTake": NODE_TAKE, "middayGive": NODE_GIVE, "middayTend": NODE_TEND}
    return _MODULE.replace("SCRIPTS", json.dumps(scripts, indent=2))
