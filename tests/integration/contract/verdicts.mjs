// Reads payloads by job, `{job: [payload, ...]}`, and prints zod's verdict of each.
import { readFileSync } from "node:fs";
import { jobs } from "./jobs.mjs";

const given = JSON.parse(readFileSync(0, "utf-8"));
const judged = Object.entries(given).map(([name, payloads]) => {
  return [name, payloads.map((payload) => jobs[name].payload.safeParse(payload).success)];
});
console.log(JSON.stringify(Object.fromEntries(judged)));
