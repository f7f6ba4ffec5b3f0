// The shapes of bull-board's answers, out of its own schemas, as JSON; and which of given answers don't have theirs.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const dist = "./node_modules/@bull-board/api/dist";
const { responseSchemas } = require(`${dist}/schemas/responses.js`);
const { domainSchemas } = require(`${dist}/schemas/domain.js`);
const { appRoutes } = require(`${dist}/routes.js`);
const v = require("valibot");

const schemas = { ...responseSchemas, ErrorResponseBody: domainSchemas.ErrorResponseBody };

function shape(schema, within = []) {
  switch (schema.type) {
    case "object":
    case "loose_object": {
      const entries = Object.entries(schema.entries).map(([name, entry]) => [name, shape(entry, within)]);
      return { object: Object.fromEntries(entries), loose: schema.type === "loose_object" };
    }
    case "array": return { array: shape(schema.item, within) };
    case "record": return { record: shape(schema.value, within), keys: schema.key.options ?? null };
    case "union": return { union: schema.options.map((option) => shape(option, within)) };
    case "optional": return { optional: shape(schema.wrapped, within) };
    case "nullable": return { union: [shape(schema.wrapped, within), "null"] };
    case "picklist": return { oneOf: schema.options };
    case "literal": return { oneOf: [schema.literal] };
    case "lazy": return "flowNode";
    default: return schema.type;
  }
}

const shapes = Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, shape(schema)]));
shapes.flowNode = shape(domainSchemas.FlowNode);

// Valibot drops what a schema doesn't know: what is left must be what was given.
const same = (a, b) => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
const sorted = (value) =>
  Array.isArray(value)
    ? value.map(sorted)
    : value && typeof value === "object"
      ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]))
      : value;

const problems = [];
const [file] = process.argv.slice(2);
for (const [name, asked, body] of file ? JSON.parse(readFileSync(file, "utf8")) : []) {
  const { success, issues, output } = v.safeParse(schemas[name], body);
  if (!success) problems.push(`${asked}: ${issues[0].message} at ${v.getDotPath(issues[0])}`);
  else if (name !== "ErrorResponseBody" && !same(output, body)) problems.push(`${asked}: has more than ${name}`);
}
const routes = appRoutes.api.map(({ method, route }) => `${method.toUpperCase()} ${route}`);
console.log(JSON.stringify({ shapes, problems, routes }));
