// The table of runs.

import { byId, element, show } from "./element.js";
import { ago, brief, duration, isoMoment, moment, percent, visible } from "./format.js";
import { addressOf } from "./filters.js";

const MOST_TAGS = 4;
const NAMES = { "waiting-children": "waiting for children" };

export const stateName = (state) => NAMES[state] ?? state;
export const keyOf = (run) => JSON.stringify([run.queue, run.id]);

/** A state's name with its colour. */
export function stateMark(state) {
  return element("span", { class: `state state-${state}` }, element("span", { class: "dot", "aria-hidden": "true" }), stateName(state));
}

/** Shows runs; a row that was there before stays, so that whoever is on it isn't thrown off. */
export function drawRows(runs, filters, actions) {
  const body = byId("rows");
  const before = new Map([...body.rows].map((row) => [row.dataset.key, row]));
  const wanted = runs.map((run) => {
    const key = keyOf(run);
    const row = before.get(key) ?? element("tr", { "data-key": key });
    before.delete(key);
    fill(row, run, filters, actions);
    return row;
  });
  for (const gone of before.values()) gone.remove();
  wanted.forEach((row, index) => {
    if (body.rows[index] !== row) body.insertBefore(row, body.rows[index] ?? null);
  });
  show(byId("runs"), runs.length > 0);
}

function fill(row, run, filters, actions) {
  const isOpen = filters.open?.queue === run.queue && filters.open?.id === run.id;
  row.classList.toggle("is-open", isOpen);
  // Drawn again only if something has changed, times aside.
  const now = JSON.stringify([run, isOpen, filters.tags]);
  if (row.drawn !== now) {
    const hadFocus = row.contains(document.activeElement) ? [...row.querySelectorAll("a, button")].indexOf(document.activeElement) : -1;
    row.drawn = now;
    row.replaceChildren(stateCell(run), nameCell(run, filters, actions, isOpen), payloadCell(run, actions), whenCell(run), tookCell(run));
    if (hadFocus >= 0) row.querySelectorAll("a, button")[hadFocus]?.focus({ preventScroll: true });
  } else {
    row.querySelector("time").textContent = whenText(run);
  }
}

function stateCell(run) {
  const far = percent(run.progress);
  const bar = run.state === "active" && far !== undefined;
  return element("td", { class: "cell-state" }, stateMark(run.state),
    bar && element("progress", { max: 100, value: far, "aria-label": `Progress of ${run.name}` }));
}

function nameCell(run, filters, actions, isOpen) {
  const link = element("a", {
    class: "run-link",
    href: addressOf({ ...filters, open: { queue: run.queue, id: run.id } }),
    "aria-current": isOpen ? "true" : undefined,
    onclick: (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      actions.open(run);
    },
  }, visible(run.name || "(no name)"));
  const id = element("span", { class: "run-id", title: run.id }, visible(run.id));
  return element("td", { class: "cell-name" }, link,
    element("span", { class: "run-under" }, element("span", { class: "run-queue" }, visible(run.queue)), " ", id));
}

function payloadCell(run, actions) {
  const cell = element("td", { class: "cell-payload" });
  if (run.reason) cell.append(element("span", { class: "reason", title: run.reason.slice(0, 500) }, visible(brief(run.reason.split("\n")[0], 140))));
  const tags = tagsOf(run.data);
  if (tags === null) cell.append(element("code", { class: "payload" }, visible(brief(run.data, 90))));
  else cell.append(...tags.slice(0, MOST_TAGS).map(([name, value]) => tagButton(name, value, actions)));
  if (tags !== null && tags.length > MOST_TAGS) cell.append(element("span", { class: "more-tags" }, `+${tags.length - MOST_TAGS}`));
  return cell;
}

function tagButton(name, value, actions) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const label = `Show only runs with ${name}=${text}`;
  return element("button", { type: "button", class: "tag", title: label, onclick: () => actions.addTag(`${name}=${text}`) },
    element("span", { class: "tag-name" }, visible(brief(name, 24))), visible(brief(text, 32)));
}

/** The plain fields of a payload; null if it has none. */
function tagsOf(data) {
  if (data === null || typeof data !== "object" || Array.isArray(data)) return null;
  return Object.entries(data).filter(([name, value]) => !name.includes("=") && (value === null || typeof value !== "object"));
}

function whenText(run) {
  if (run.waitsFor) return `waits for a place: ${visible(brief(run.waitsFor, 40))}`;
  return run.due ? ago(run.due) : ago(run.at);
}

function whenCell(run) {
  const at = run.due ?? run.at;
  return element("td", { class: "cell-when" }, element("time", { datetime: isoMoment(at), title: moment(at) }, whenText(run)));
}

function tookCell(run) {
  const parts = [];
  if (run.started && run.finished && run.finished >= run.started) parts.push(duration(run.finished - run.started));
  if (run.attempts > 1) parts.push(element("span", { class: "attempts" }, `${run.attempts} attempts`));
  return element("td", { class: "cell-took number" }, ...parts);
}
