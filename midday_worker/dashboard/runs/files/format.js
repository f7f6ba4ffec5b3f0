// How numbers, times and values are written.

const NUMBER = new Intl.NumberFormat("en");
const CLOCK = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const UNITS = [[86_400_000, "d"], [3_600_000, "h"], [60_000, "min"], [1_000, "s"]];

export const number = (value) => NUMBER.format(value);
export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;
export const moment = (ms) => (validDate(ms) ? CLOCK.format(new Date(ms)) : "unknown");
export const isoMoment = (ms) => (validDate(ms) ? new Date(ms).toISOString() : "");

function validDate(ms) {
  return Number.isFinite(ms) && Math.abs(ms) <= 8.64e15;
}

/** 3 min ago, in 2 h. */
export function ago(ms, now = Date.now()) {
  const apart = now - ms;
  if (!validDate(ms)) return "unknown";
  if (Math.abs(apart) < 1_000) return "now";
  const [size, unit] = UNITS.find(([size]) => Math.abs(apart) >= size);
  const text = `${number(Math.floor(Math.abs(apart) / size))} ${unit}`;
  return apart > 0 ? `${text} ago` : `in ${text}`;
}

/** 12 ms, 1.4 s, 3 min 20 s. */
export function duration(ms) {
  if (ms < 1_000) return `${number(Math.max(0, ms))} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.floor((ms % 60_000) / 1_000)} s`;
  return `${number(Math.floor(minutes / 60))} h ${minutes % 60} min`;
}

/** A value as JSON in lines. */
export function pretty(value) {
  return value === undefined ? "" : JSON.stringify(value, null, 2);
}

/** A value in a few characters. */
export function brief(value, longest = 48) {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "";
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}

/** How far a run is, in percent, if its progress says so. */
export function percent(progress) {
  return typeof progress === "number" && progress > 0 ? Math.min(100, progress) : undefined;
}

/** Invisible characters that change how others are read are shown by their number. */
export function visible(text) {
  const odd = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
  return text.replace(odd, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
