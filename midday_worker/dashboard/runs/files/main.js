// The page of all runs: ties the filters, the list, the panel of one run and the dialog together.

import { byId, element, show, write } from "./element.js";
import { read } from "./api.js";
import { BulkDialog, statesFor } from "./bulk.js";
import { addressOf, isFiltered, readFilters } from "./filters.js";
import { FilterBar } from "./filter_bar.js";
import { number, plural } from "./format.js";
import { RunList } from "./run_list.js";
import { RunPanel } from "./run.js";
import { drawRows } from "./rows.js";

const EVERY_MS = 5_000;
const TYPED_MS = 300;

let filters = readFilters();
let names = { queues: {}, jobs: [], readOnly: true };
let wantsLive = true;
let typing = 0;

const list = new RunList(draw);
const panel = new RunPanel({ onClose: () => go({ open: null }), onChanged: () => list.isOlder || list.load(filters), isReadOnly: () => names.readOnly });
const bulk = new BulkDialog({ onChanged: () => list.load(filters) });
const bar = new FilterBar({
  onChange: go,
  onTyped: (change) => {
    clearTimeout(typing);
    typing = setTimeout(() => go(change, { replace: true }), TYPED_MS);
  },
});

/** Chooses something else: the address changes, and the list with it. */
function go(change, { replace = false } = {}) {
  clearTimeout(typing);
  const before = addressOf({ ...filters, open: null });
  const left = filters.open;
  filters = { ...filters, ...change };
  history[replace ? "replaceState" : "pushState"](null, "", addressOf(filters));
  follow(before !== addressOf({ ...filters, open: null }));
  if (left && !filters.open) byId("rows").querySelector(`[data-key="${CSS.escape(JSON.stringify([left.queue, left.id]))}"] .run-link`)?.focus();
}

function follow(isOther) {
  bar.draw(filters, names);
  panel.show(filters.open);
  if (isOther) list.load(filters);
  else draw();
}

function draw() {
  drawRows(list.runs, filters, {
    open: (run) => go({ open: { queue: run.queue, id: run.id } }),
    addTag: (tag) => filters.tags.includes(tag) || go({ tags: [...filters.tags, tag] }),
  });
  drawActs();
  byId("live").setAttribute("aria-pressed", String(isLive()));
  write(byId("status"), statusText());
  drawEmpty();
  show(byId("foot"), list.runs.length > 0 && list.cursor !== null && !list.problem && !list.isStale);
  byId("runs").classList.toggle("is-stale", list.isStale);
  byId("list").setAttribute("aria-busy", String((list.isStale && !list.problem) || list.isBusy));
  write(byId("more"), list.isBusy ? "Looking" : list.isSeeking ? "Stop" : "Show more");
  show(byId("banner"), list.problem !== "");
  write(byId("banner"), list.problem);
}

function statusText() {
  if (!list.hasLoaded) return list.problem ? "" : "Loading";
  if (list.isStale && !list.problem) return "Looking";
  const shown = plural(list.runs.length, "run");
  const unread = list.unsearched ? ` ${plural(list.unsearched, "run")} too large to be searched.` : "";
  if (list.cursor === null && list.runs.length === 0) return `Looked at all ${number(list.total)}.${unread}`;
  if (list.cursor === null) return `${shown}, all of them.${unread}`;
  return `${shown}; looked at ${number(list.scanned)} of ${number(list.total)}.${unread}`;
}

function drawEmpty() {
  const empty = byId("empty");
  const isEmpty = list.hasLoaded && !list.isStale && list.runs.length === 0;
  show(empty, isEmpty);
  if (!isEmpty) return;
  const parts = list.cursor !== null
    ? [element("p", {}, `None of the ${number(list.scanned)} newest of ${number(list.total)} runs matches.`),
      element("button", { type: "button", class: "button primary", id: "seek", onclick: () => (list.isSeeking ? list.stop() : list.seek()) },
        list.isSeeking ? "Stop" : "Go on looking")]
    : isFiltered(filters)
      ? [element("p", {}, "No run matches."), element("button", { type: "button", class: "button", onclick: clear }, "Clear the filters")]
      : [element("p", {}, "There are no runs yet."), element("p", { class: "hint" }, "As soon as a job is triggered, it shows up here.")];
  const key = parts.map((part) => part.textContent).join("|");
  if (empty.dataset.key === key) return;
  const hadFocus = empty.contains(document.activeElement);
  empty.dataset.key = key;
  empty.replaceChildren(...parts);
  if (hadFocus) empty.querySelector("button")?.focus();
}

function clear() {
  go({ queues: [], states: [], job: "", tags: [], text: "" });
}

async function readNames() {
  try {
    names = { ...(await read("api/runs/names")), hasLoaded: true };
  } catch {
    return; // the list says what is wrong
  }
  bar.draw(filters, names);
  drawActs();
}

function drawActs() {
  show(byId("bulk-buttons"), !names.readOnly);
  show(byId("read-only"), names.hasLoaded === true && names.readOnly);
  // Nothing is done to runs that haven't been listed, nor by filters that are wrong.
  for (const button of byId("bulk-buttons").children) button.disabled = list.isStale || statesFor(button.dataset.act, filters).length === 0;
}

/** Whether the list is read again by itself: not while older runs are shown, which aren't. */
function isLive() {
  return wantsLive && !list.isOlder;
}

function refresh() {
  if (!isLive() || document.hidden || bulk.isOpen) return;
  readNames();
  if (list.isDue) list.load(filters);
}

function moveAlong(event) {
  const links = [...byId("rows").querySelectorAll(".run-link")];
  const at = links.indexOf(document.activeElement);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (at < 0 || step === undefined) return;
  event.preventDefault();
  links[at + step]?.focus();
}

// Not followed as a link: an address with nothing but "#list" is the main page's, by the document's base.
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("list").focus();
});
byId("rows").addEventListener("keydown", moveAlong);
byId("rows").addEventListener("click", (event) => {
  if (event.target.closest("a, button") || getSelection().toString()) return;
  event.target.closest("tr")?.querySelector(".run-link").click();
});
byId("more").addEventListener("click", () => (list.isSeeking ? list.stop() : list.more()));
byId("live").addEventListener("click", () => {
  wantsLive = !isLive();
  if (wantsLive) list.load(filters);
  else draw();
});
for (const button of byId("bulk-buttons").children) {
  button.addEventListener("click", () => bulk.start(button.dataset.act, filters, bar.summary(filters)));
}
addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input, textarea, select, dialog");
  if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    byId("text").focus();
    byId("text").select();
  } else if (event.key === "Escape" && filters.open && !bulk.isOpen) go({ open: null });
});
addEventListener("popstate", () => {
  filters = readFilters();
  follow(true);
});
setInterval(refresh, EVERY_MS);
setInterval(() => list.isOutage && !list.isAsking && list.load(filters), EVERY_MS / 2);

readNames();
follow(true);
