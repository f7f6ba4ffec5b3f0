// What is asked of the server.

/** A request that was refused, or that nobody answered. */
export class Refusal extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }

  /** Whether Redis or the server itself can't be reached just now. */
  get isOutage() {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }

  /** Whether what was asked for can't be, or isn't there. */
  get isWrongFilter() {
    return this.status === 400 || this.status === 404;
  }
}

const token = () => document.cookie.match(/(?:^|;\s*)XSRF-TOKEN=([^;]*)/)?.[1] ?? "";

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("The dashboard doesn't answer.");
  }
  const text = await answer.text();
  let body;
  try {
    body = text ? JSON.parse(text) : {};
  } catch {
    throw new Refusal("The dashboard gave no answer that can be read.", answer.status);
  }
  if (!answer.ok) throw new Refusal(reason(body, answer.status), answer.status);
  return body;
}

function reason(body, status) {
  if (typeof body.message === "string") return body.message;
  return `The dashboard refused it: ${body.error?.key ?? status}`;
}

export const read = (path, query, signal) => ask(query ? `${path}?${query}` : path, { signal });
export const post = (path, body) => change("POST", path, body);
export const put = (path) => change("PUT", path);

function change(method, path, body) {
  const headers = { "X-XSRF-TOKEN": token() };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  return ask(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
}

/** The address of a run below `api/`. */
export const jobPath = (queue, id, ...more) =>
  ["api/queues", ...[queue, id, ...more].map(encodeURIComponent)].join("/");
export const tailPath = (queue, id) => `api/runs/${encodeURIComponent(queue)}/${encodeURIComponent(id)}/tail`;
