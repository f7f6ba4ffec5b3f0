// Reads values by module and schema, `[[module, schema, [value, ...]], ...]`, and prints zod's verdict of each.
import { readFileSync } from "node:fs";

const judged = JSON.parse(readFileSync(0, "utf-8")).map(async ([module, schema, values]) => {
  const found = (await import(`./out/${module}.js`))[schema];
  return values.map((value) => found.safeParse(value).success);
});
console.log(JSON.stringify(await Promise.all(judged)));
