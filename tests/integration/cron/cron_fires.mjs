// Takes the name of a file with [{pattern, tz, start, count}]; writes each one's fires in ms since 1970 as Node workers
// compute them, each from the one before. A list ends with null where bullmq finds no next fire, or a past one; where
// bullmq refuses the pattern there is null instead of the list.
import { readFileSync } from "node:fs";
import { defaultRepeatStrategy } from "bullmq";

function fires({ pattern, tz, start, count }) {
  const found = [];
  let instant = start;
  try {
    while (found.length < count) {
      const next = defaultRepeatStrategy(instant, { pattern, tz });
      if (!(next > instant)) return [...found, null];
      found.push(next);
      instant = next;
    }
  } catch {
    return null;
  }
  return found;
}

const runs = JSON.parse(readFileSync(process.argv[2], "utf8"));
process.stdout.write(JSON.stringify(runs.map(fires)));
