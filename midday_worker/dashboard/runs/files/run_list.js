// The runs that were read so far, and how far that is.

import { Refusal, read } from "./api.js";
import { queryOf } from "./filters.js";
import { keyOf } from "./rows.js";

const PAGE = 50;
const RESTS = 10; // times as long as an answer took, so that looking on costs the server a tenth of its time at most
const LONGEST_MS = 30_000;

function outage(error) {
  const what = error.status === 503 ? "Redis doesn’t answer" : "The dashboard doesn’t answer";
  return `${what}. What is shown is as it was; it is tried again every few seconds.`;
}

/** Reads runs page by page, and calls `onChange` whenever something has changed. */
export class RunList {
  constructor(onChange) {
    this.onChange = onChange;
    this.clear();
    this.problem = "";
    this.asked = null;
    this.restsUntil = 0;
    this.hasLoaded = this.isStale = this.isBusy = this.isOutage = false;
  }

  clear() {
    this.runs = [];
    this.cursor = null;
    this.scanned = this.total = this.unsearched = 0;
    this.isOlder = this.isSeeking = false;
  }

  /** Whether an answer is being waited for. */
  get isAsking() {
    return this.asked !== null;
  }

  /** Whether it may be read again by itself. */
  get isDue() {
    return !this.isAsking && performance.now() >= this.restsUntil;
  }

  /** Shows nothing: what is there is not what was asked for. */
  forget() {
    this.clear();
    this.hasLoaded = false;
    this.isStale = true;
  }

  /** Reads the newest runs that match. What is there stays until then. */
  async load(filters) {
    const query = queryOf(filters).toString();
    if (query !== this.query) {
      this.query = query;
      this.isStale = true;
      this.onChange();
    }
    this.isSeeking = false;
    await this.page(null, true);
  }

  /** Reads the next ones. */
  async more() {
    this.isOlder = true;
    await this.page(this.cursor, false);
    // Looking through a million runs takes many answers: go on until there is something to see.
    if (this.cursor !== null && this.fresh === 0) await this.seek();
  }

  /** Goes on until a page is full, there is no further run, or `stop`. */
  async seek() {
    const before = this.runs.length;
    this.isOlder = this.isSeeking = true;
    this.onChange();
    while (this.isSeeking && this.cursor !== null && !this.problem && this.runs.length - before < PAGE) {
      await this.page(this.cursor, false);
    }
    this.isSeeking = false;
    this.onChange();
  }

  stop() {
    this.isSeeking = false;
    this.onChange();
  }

  async page(cursor, isFirst) {
    this.asked?.abort();
    const asked = (this.asked = new AbortController());
    const late = setTimeout(() => asked.abort(new Refusal("The dashboard doesn't answer.")), LONGEST_MS);
    const query = new URLSearchParams(this.query);
    query.set("limit", PAGE);
    if (cursor) query.set("cursor", cursor);
    const started = performance.now();
    this.isBusy = !isFirst && !this.isSeeking;
    if (this.isBusy) this.onChange();
    try {
      const found = await read("api/runs", query, asked.signal);
      this.take(found, isFirst);
      const ended = performance.now();
      this.restsUntil = ended + RESTS * (ended - started);
      this.problem = "";
      this.isOutage = false;
    } catch (error) {
      if (error.name === "AbortError") return;
      this.isOutage = error.isOutage;
      this.problem = error.isOutage ? outage(error) : error.message;
      if (isFirst && error.isWrongFilter) this.forget();
      this.isSeeking = false;
    } finally {
      clearTimeout(late);
      if (this.asked === asked) this.asked = null;
    }
    this.isBusy = false;
    this.onChange();
  }

  take(found, isFirst) {
    if (isFirst) this.clear();
    this.isStale = false;
    const known = new Set(this.runs.map(keyOf));
    const fresh = found.runs.filter((run) => !known.has(keyOf(run)));
    this.fresh = fresh.length;
    this.runs = [...this.runs, ...fresh];
    this.cursor = found.cursor;
    this.scanned = found.scanned;
    this.total = found.total;
    this.unsearched += found.unsearched;
    this.hasLoaded = true;
  }
}
