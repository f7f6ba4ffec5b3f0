// What is chosen, as the address says it: it can be kept, sent to others and gone back to.

export const STATES = ["active", "waiting", "prioritized", "delayed", "waiting-children", "paused", "failed", "completed"];

/** Reads the address. What it holds is kept even if it is wrong: without it, the filters would let more through. */
export function readFilters() {
  const query = new URLSearchParams(location.search);
  return {
    queues: query.getAll("queue"),
    states: query.getAll("state"),
    job: query.get("job") ?? "",
    tags: query.getAll("tag"),
    text: query.get("text") ?? "",
    open: parseOpen(query.get("open")),
  };
}

/** What the server is asked with. */
export function queryOf(filters) {
  const query = new URLSearchParams();
  for (const queue of filters.queues) query.append("queue", queue);
  for (const state of filters.states) query.append("state", state);
  if (filters.job) query.append("job", filters.job);
  for (const tag of filters.tags) query.append("tag", tag);
  if (filters.text.trim()) query.append("text", filters.text);
  return query;
}

/** The page's own address with these filters. */
export function addressOf(filters) {
  const query = queryOf(filters);
  if (filters.open) query.set("open", `${encodeURIComponent(filters.open.queue)}/${filters.open.id}`);
  const text = query.toString();
  return text ? `runs?${text}` : "runs";
}

function parseOpen(text) {
  const slash = text?.indexOf("/") ?? -1;
  if (slash < 1 || slash === text.length - 1) return null;
  try {
    return { queue: decodeURIComponent(text.slice(0, slash)), id: text.slice(slash + 1) };
  } catch {
    return null;
  }
}

/** Whether anything is chosen at all. */
export function isFiltered(filters) {
  return queryOf(filters).size > 0;
}
