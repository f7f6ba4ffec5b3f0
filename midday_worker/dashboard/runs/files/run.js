// One run: what is known of it, its log and its progress as they come.

import { byId, element, show, write } from "./element.js";
import { jobPath, put, read, tailPath } from "./api.js";
import { ago, duration, isoMoment, moment, percent, plural, pretty, visible } from "./format.js";
import { stateMark } from "./rows.js";

const NARROW = matchMedia("(max-width: 900px)");
const ENDED = ["completed", "failed", "missing"];
const MOST_LINES = 5_000;
const AGAIN_MS = 3_000;

/** The panel of one run. */
export class RunPanel {
  constructor({ onClose, onChanged, isReadOnly }) {
    this.panel = byId("run");
    this.onClose = onClose;
    this.onChanged = onChanged;
    this.isReadOnly = isReadOnly;
    this.open = null;
  }

  /** Shows a run; null for none. */
  async show(open) {
    if (open?.queue === this.open?.queue && open?.id === this.open?.id) return;
    this.leave();
    this.open = open;
    show(this.panel, open !== null);
    document.body.classList.toggle("has-run", open !== null);
    // On a narrow screen it covers everything else, which then can't be reached by the keyboard either.
    for (const part of document.querySelectorAll("main, .side")) part.inert = open !== null && NARROW.matches;
    if (open === null) return;
    this.build();
    this.panel.focus({ preventScroll: true });
    await this.refresh();
    this.follow();
  }

  leave() {
    this.stream?.close();
    this.stream = null;
    clearTimeout(this.again);
    clearInterval(this.watch);
  }

  build() {
    const close = element("button", { type: "button", class: "quiet icon", "aria-label": "Close", onclick: () => this.onClose() },
      element("span", { "aria-hidden": "true" }, "✕"));
    this.title = element("h2", { id: "run-title" }, visible(this.open.id));
    this.state = element("div", { class: "run-state" });
    this.acts = element("div", { class: "run-acts" });
    this.problem = element("p", { class: "problem", role: "alert", hidden: true });
    this.progress = element("div", { class: "run-progress", hidden: true });
    this.facts = element("dl", { class: "facts" });
    this.parts = element("div", { class: "parts" });
    this.tailState = element("span", { class: "tail-state", role: "status" });
    this.lines = element("ol", { class: "log", tabindex: "0", "aria-label": "Log" });
    this.noLines = element("p", { class: "none" }, "Nothing was logged yet.");
    const page = `queue/${encodeURIComponent(this.open.queue)}/${encodeURIComponent(this.open.id)}`;
    this.panel.replaceChildren(
      element("div", { class: "run-head" }, this.title, close),
      this.state, this.acts, this.problem, this.progress, this.facts, this.parts,
      element("section", { "aria-labelledby": "log-title" },
        element("h3", { id: "log-title" }, "Log ", this.tailState), this.noLines, this.lines),
      element("p", { class: "run-page" }, element("a", { href: page }, "Open in the queue’s page")),
    );
  }

  async refresh() {
    const open = this.open;
    try {
      const { job, status } = await read(jobPath(open.queue, open.id));
      if (open !== this.open) return;
      this.say("");
      this.draw(job, status);
    } catch (error) {
      // Whether Redis is away is said by the list, and beside the log.
      if (open === this.open && !error.isOutage) this.say(error.message);
    }
  }

  draw(job, status) {
    write(this.title, visible(job.name || "(no name)"));
    this.state.replaceChildren(stateMark(status), element("span", { class: "run-queue" }, visible(this.open.queue)),
      element("code", { class: "run-id" }, visible(String(job.id))));
    this.status = status;
    this.drawActs(status);
    this.drawProgress(job.progress);
    this.facts.replaceChildren(...factsOf(job, status));
    const parts = [["Failure", job.failedReason, true], ["Payload", job.data], ["Result", job.returnValue ?? undefined],
      ["Stack", job.stacktrace?.length ? job.stacktrace.join("\n\n") : undefined, true], ["Options", job.opts]];
    const shown = parts.filter(([, value]) => value !== undefined && value !== "");
    const key = JSON.stringify(shown);
    if (this.drawn === key && this.parts.childElementCount) return;
    this.drawn = key;
    this.parts.replaceChildren(...shown.map(([name, value, plain]) => part(name, value, plain)));
  }

  drawActs(status) {
    const acts = this.isReadOnly() ? [] : [
      ["failed", "completed"].includes(status) && ["Retry", "retry", "primary"],
      status === "delayed" && ["Promote", "promote", "primary"],
      status !== "active" && ["Remove", "clean", "danger-text"],
    ].filter(Boolean);
    const key = JSON.stringify(acts);
    if (this.acts.dataset.key === key) return;
    this.acts.dataset.key = key;
    this.acts.replaceChildren(...acts.map(([label, act, kind]) =>
      element("button", { type: "button", class: `button ${kind}`, onclick: (event) => this.act(act, event.target) }, label)));
  }

  async act(act, button) {
    if (act === "clean" && button.dataset.sure !== "yes") {
      button.dataset.sure = "yes";
      write(button, "Really remove");
      return;
    }
    button.disabled = true;
    try {
      await put(jobPath(this.open.queue, this.open.id, act));
      this.onChanged();
      if (act === "clean") this.onClose();
      else {
        await this.refresh();
        this.follow();
      }
    } catch (error) {
      this.say(error.message);
    }
    button.disabled = false;
  }

  drawProgress(value) {
    const far = percent(value);
    const plain = far === undefined && value !== 0 && value !== null && value !== undefined;
    show(this.progress, far !== undefined || plain);
    const content = far !== undefined
      ? [element("progress", { max: 100, value: far, "aria-label": "Progress" }), element("span", {}, `${Math.round(far)} %`)]
      : [element("pre", {}, visible(pretty(value)))];
    this.progress.replaceChildren(...content);
  }

  say(text) {
    show(this.problem, text !== "");
    write(this.problem, text);
  }

  /** Listens to the run until it has ended. */
  follow() {
    this.leave();
    const open = this.open;
    if (open === null) return;
    const stream = new EventSource(tailPath(open.queue, open.id));
    this.stream = stream;
    const on = (kind, act) => stream.addEventListener(kind, (event) => act(JSON.parse(event.data)));
    on("start", ({ state }) => {
      this.wasEnded = ENDED.includes(state);
      this.lines.replaceChildren();
      show(this.noLines, true);
      this.tell("live", "live");
    });
    on("log", ({ lines, earlier }) => this.addLines(lines, earlier));
    on("progress", ({ value }) => this.drawProgress(value));
    on("waiting", () => this.tell("waiting", "Redis doesn’t answer; waiting for it"));
    on("back", () => this.tell("live", "live"));
    on("end", ({ state }) => this.end(state));
    stream.addEventListener("error", () => {
      if (stream.readyState !== EventSource.CLOSED || stream !== this.stream) return;
      this.tell("waiting", "not followed; trying again");
      this.again = setTimeout(() => this.follow(), AGAIN_MS);
    });
    this.watch = setInterval(() => document.hidden || this.refresh(), AGAIN_MS);
  }

  tell(kind, text) {
    this.tailState.dataset.kind = kind;
    write(this.tailState, text);
  }

  end(state) {
    this.leave();
    this.tell("ended", ENDED.includes(state) ? "ended" : "not followed any more");
    if (state === "missing") this.say("This run is gone: it was removed, or trimmed when it ended.");
    else this.refresh();
    // What had ended before is in the list as it is.
    if (!this.wasEnded) this.onChanged();
  }

  addLines(lines, earlier) {
    const list = this.lines;
    const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 30;
    if (earlier) list.append(element("li", { class: "earlier" }, `${plural(earlier, "earlier line")} not shown`));
    list.append(...lines.map((line) => element("li", {}, visible(line))));
    while (list.childElementCount > MOST_LINES) list.firstElementChild.remove();
    show(this.noLines, list.childElementCount === 0);
    show(list, list.childElementCount > 0);
    if (isAtEnd) list.scrollTop = list.scrollHeight;
  }
}

function part(name, value, plain) {
  const text = plain ? String(value) : pretty(value);
  const open = name === "Failure" || name === "Payload" || name === "Result";
  return element("details", { open, class: `part part-${name.toLowerCase()}` }, element("summary", {}, name),
    element("pre", { tabindex: "0", "aria-label": name }, visible(text)));
}

function factsOf(job, status) {
  const at = (ms) => element("time", { datetime: isoMoment(ms), title: moment(ms) }, `${moment(ms)} (${ago(ms)})`);
  const took = job.finishedOn && job.processedOn ? duration(job.finishedOn - job.processedOn) : undefined;
  const facts = [
    ["Added", job.timestamp && at(job.timestamp)],
    ["Waits for", status === "delayed" && job.waitsFor && `a place of ${visible(job.waitsFor)}`],
    ["Due", status === "delayed" && !job.waitsFor && at(job.timestamp + job.delay)],
    ["Started", job.processedOn && at(job.processedOn)],
    ["Ended", job.finishedOn && at(job.finishedOn)],
    ["Took", took],
    ["Attempts", job.attempts ? `${job.attempts}${job.opts?.attempts ? ` of ${job.opts.attempts}` : ""}` : undefined],
    ["Worker", job.processedBy && visible(job.processedBy)],
    ["Priority", job.priority],
  ];
  return facts.filter(([, value]) => value).flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]);
}
