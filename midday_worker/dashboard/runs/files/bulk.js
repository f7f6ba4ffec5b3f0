// Acts on all runs that match: counted first, then done in steps, with what was refused and why.

import { byId, element, show, write } from "./element.js";
import { post, read } from "./api.js";
import { number, plural } from "./format.js";
import { STATES, queryOf } from "./filters.js";
import { stateName } from "./rows.js";

const WORDS = {
  retry: { title: "Retry runs", verb: "Retry", done: "retried", kind: "primary", allowed: ["failed", "completed"],
    says: "Each goes back to its queue and runs again, but for cancelled ones: they are left alone unless the search is for “cancelled”." },
  promote: { title: "Promote runs", verb: "Promote", done: "promoted", kind: "primary", allowed: ["delayed"],
    says: "Each is due now, whatever its delay." },
  remove: { title: "Remove runs", verb: "Remove", done: "removed", kind: "danger", allowed: STATES.filter((state) => state !== "active"),
    says: "They are gone for good, with their logs, and with the children of flows. Parents that wait for one of them run without it." },
};

/**
 * The states whose runs an act is done to; none if one that is chosen doesn't exist.
 * What has completed is run again only if that was chosen.
 */
export function statesFor(act, filters) {
  const allowed = WORDS[act].allowed;
  if (!filters.states.every((state) => STATES.includes(state))) return [];
  if (filters.states.length) return filters.states.filter((state) => allowed.includes(state));
  return act === "retry" ? ["failed"] : allowed;
}

/** The dialog that counts, asks and acts. */
export class BulkDialog {
  constructor({ onChanged }) {
    this.dialog = byId("bulk");
    this.onChanged = onChanged;
    this.dialog.addEventListener("close", () => {
      this.isStopped = true;
      this.onChanged();
    });
  }

  get isOpen() {
    return this.dialog.open;
  }

  /** Opens the dialog, and counts. */
  async start(act, filters, summary) {
    this.words = WORDS[act];
    const states = statesFor(act, filters);
    this.body = { ...bodyOf(filters), state: states, act };
    this.query = queryOf({ ...filters, states });
    this.query.set("act", act);
    this.isStopped = false;
    this.build(summary, states);
    this.dialog.showModal();
    await this.guarded(() => this.count());
  }

  build(summary, states) {
    const { title, verb, kind, says } = this.words;
    this.say = element("p", { class: "bulk-say", role: "status", "aria-live": "polite" }, "Counting");
    this.bar = element("progress", { "aria-label": "How far it is" });
    this.more = element("ul", { class: "refused" });
    this.go = element("button", { type: "button", class: `button ${kind}`, id: "bulk-go", disabled: true, onclick: () => this.guarded(() => this.act()) }, verb);
    this.close = element("button", { type: "button", class: "button", id: "bulk-close", onclick: () => this.dialog.close() }, "Cancel");
    const what = states.length > 2 ? "All runs that aren’t running" : `All ${states.map(stateName).join(" and ")} runs`;
    this.dialog.replaceChildren(
      element("h2", { id: "bulk-title" }, title),
      element("p", { class: "bulk-what" }, `${what}, ${summary}. ${says}`),
      this.say, this.bar, this.more,
      element("div", { class: "bulk-actions" }, this.close, this.go),
    );
  }

  async guarded(work) {
    try {
      await work();
    } catch (error) {
      write(this.say, error.message);
      show(this.bar, false);
      write(this.close, "Close");
    }
  }

  async count() {
    let matched = 0, unsearched = 0, cursor = null;
    do {
      if (cursor) this.query.set("cursor", cursor);
      const found = await read("api/runs/count", this.query);
      this.query.set("until", found.until);
      this.body.until = found.until;
      matched += found.matched;
      unsearched += found.unsearched;
      cursor = found.cursor;
      this.bar.max = Math.max(1, found.total);
      this.bar.value = found.scanned;
      if (cursor) write(this.say, `${number(matched)} so far; looked at ${number(found.scanned)} of ${number(found.total)}`);
      if (this.isStopped) return;
    } while (cursor);
    this.matched = matched;
    show(this.bar, false);
    const unread = unsearched ? ` ${plural(unsearched, "run is", "runs are")} too large to be searched, and not among them.` : "";
    write(this.say, matched ? `${plural(matched, "run")} ${matched === 1 ? "matches" : "match"}.${unread}` : `No run matches.${unread}`);
    if (!matched) return write(this.close, "Close");
    write(this.go, `${this.words.verb} ${plural(matched, "run")}`);
    this.go.disabled = false;
    (this.words.kind === "danger" ? this.close : this.go).focus(); // what is gone is gone: not by a mere Enter
  }

  async act() {
    const refused = new Map();
    let done = 0, left = this.matched, cursor = null;
    this.go.remove();
    write(this.close, "Stop");
    show(this.bar, true);
    this.bar.max = this.matched;
    this.bar.value = 0;
    do {
      const step = await post("api/runs/act", { ...this.body, left, cursor });
      const counts = Object.entries(step.refused);
      const sum = counts.reduce((sum, [, count]) => sum + count, 0);
      for (const [why, count] of counts) refused.set(why, (refused.get(why) ?? 0) + count);
      done += step.done;
      left -= step.done + sum;
      cursor = step.cursor;
      this.bar.value = this.matched - left;
      this.tell(done, refused, left, cursor !== null && left > 0 && !this.isStopped);
    } while (cursor && left > 0 && !this.isStopped);
    show(this.bar, false);
    write(this.close, "Close");
    this.close.focus();
  }

  tell(done, refused, left, goesOn) {
    const of = `${number(done)} of ${plural(this.matched, "run")} ${this.words.done}`;
    write(this.say, goesOn ? of : `${of}.`);
    const lines = [...refused].map(([why, count]) => `${number(count)} left alone: ${why}`);
    if (!goesOn && left > 0 && !this.isStopped) lines.push(`${number(left)} had left the state that they were counted in`);
    this.more.replaceChildren(...lines.map((line) => element("li", {}, line)));
  }
}

function bodyOf(filters) {
  return {
    queue: filters.queues, job: filters.job ? [filters.job] : [], tag: filters.tags, text: filters.text,
  };
}
