// The filters as they are shown and changed.

import { byId, element, show } from "./element.js";
import { STATES } from "./filters.js";
import { number, visible } from "./format.js";
import { stateMark } from "./rows.js";

/** The queues, the states, the search, and what is chosen. */
export class FilterBar {
  constructor({ onChange, onTyped }) {
    this.onChange = onChange;
    this.filters = null;
    byId("filters").addEventListener("submit", (event) => {
      event.preventDefault();
      onChange({ ...this.typed(), ...this.addedTag() });
    });
    byId("text").addEventListener("input", () => onTyped(this.typed()));
    byId("job").addEventListener("change", () => onChange(this.typed()));
  }

  typed() {
    return { text: byId("text").value, job: byId("job").value.trim() };
  }

  addedTag() {
    const field = byId("tag");
    const tag = field.value.trim();
    const isTag = tag.indexOf("=") > 0;
    field.setCustomValidity(tag && !isTag ? "A tag is a field of the payload and its value: teamId=5" : "");
    if (!field.reportValidity() || !tag) return {};
    field.value = "";
    return this.filters.tags.includes(tag) ? {} : { tags: [...this.filters.tags, tag] };
  }

  draw(filters, names) {
    this.filters = filters;
    for (const id of ["text", "job"]) {
      const field = byId(id);
      if (field !== document.activeElement || !field.value) field.value = filters[id];
    }
    this.drawQueues(filters, names);
    this.drawStates(filters, names);
    this.drawChosen(filters);
    const jobs = names.jobs.map((job) => element("option", { value: job }));
    replace(byId("jobs"), jobs, JSON.stringify(names.jobs));
  }

  drawQueues(filters, names) {
    const chosen = (queues) => () => this.onChange({ queues });
    const all = row("all", "All queues", sum(Object.values(names.queues)), filters.queues.length === 0, chosen([]));
    const queues = Object.entries(names.queues).map(([name, { counts, paused, away }]) => {
      const isChosen = filters.queues.includes(name);
      const others = filters.queues.filter((other) => other !== name);
      return row(name, visible(name), sum([{ counts }]), isChosen, chosen(isChosen ? others : [...others, name]), away ? "away" : paused && "paused");
    });
    replace(byId("queues"), [all, ...queues], JSON.stringify([names.queues, filters.queues]));
  }

  drawStates(filters, names) {
    const queues = Object.entries(names.queues).filter(([name]) => !filters.queues.length || filters.queues.includes(name));
    const count = (state) => queues.reduce((sum, [, { counts }]) => sum + (counts[state] ?? 0), 0);
    const shown = STATES.filter((state) => count(state) > 0 || !["paused", "waiting-children", "prioritized"].includes(state) || filters.states.includes(state));
    const pills = shown.map((state) => {
      const isChosen = filters.states.includes(state);
      const others = filters.states.filter((other) => other !== state);
      return element("button", {
        type: "button", class: "pill", "data-key": state, "aria-pressed": String(isChosen),
        onclick: () => this.onChange({ states: isChosen ? others : [...others, state] }),
      }, stateMark(state), element("span", { class: "count" }, number(count(state))));
    });
    replace(byId("states"), pills, JSON.stringify([shown.map(count), shown, filters.states]));
  }

  drawChosen(filters) {
    const chips = [
      ...filters.states.filter((state) => !STATES.includes(state))
        .map((state) => ["state", state, { states: filters.states.filter((other) => other !== state) }]),
      ...filters.tags.map((tag) => ["tag", tag, { tags: filters.tags.filter((other) => other !== tag) }]),
      filters.job && ["job", filters.job, { job: "" }],
      filters.text && ["text", filters.text, { text: "" }],
    ].filter(Boolean);
    const drawn = chips.map(([kind, text, change]) => element("button", {
      type: "button", class: "chip", "data-key": `${kind}-${text}`, "aria-label": `Remove the filter: ${kind} ${text}`,
      onclick: () => {
        if ("text" in change || "job" in change) byId(kind).value = "";
        this.onChange(change);
      },
    }, element("span", { class: "chip-kind" }, kind), " ", visible(text), element("span", { "aria-hidden": "true" }, "✕")));
    show(byId("chosen"), drawn.length > 0);
    replace(byId("chosen"), drawn, JSON.stringify(chips));
  }

  /** What is chosen, in words. */
  summary(filters) {
    const parts = [
      filters.queues.length ? `in ${filters.queues.join(" or ")}` : "in any queue",
      filters.job ? `of job ${filters.job}` : "",
      filters.tags.length ? `with ${filters.tags.join(" and ")}` : "",
      filters.text.trim() ? `that hold “${filters.text.trim()}”` : "",
    ];
    return visible(parts.filter(Boolean).join(", "));
  }
}

function row(key, label, count, isChosen, onclick, mark = false) {
  return element("li", {}, element("button", { type: "button", class: "queue", "data-key": key, "aria-pressed": String(isChosen), onclick },
    element("span", { class: "queue-name" }, label), mark && element("span", { class: "paused" }, mark),
    element("span", { class: "count" }, number(count))));
}

const sum = (queues) => queues.reduce((all, { counts }) => all + Object.values(counts).reduce((one, count) => one + count, 0), 0);

/** Draws children anew if they have changed, and lets the one that had the focus keep it. */
function replace(parent, children, key) {
  if (parent.dataset.key === key) return;
  const focused = parent.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  parent.dataset.key = key;
  parent.replaceChildren(...children);
  if (focused !== undefined) parent.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}
