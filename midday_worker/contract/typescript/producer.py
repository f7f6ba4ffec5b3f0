"""The producer: a function for each job of a service that adds it, and one that makes a flow's node of it."""

from __future__ import annotations

from collections.abc import Mapping

from midday_worker.contract.document import Contract
from midday_worker.contract.folder import WRITTEN_BY_US, stem
from midday_worker.contract.typescript.declaration import comment
from midday_worker.contract.typescript.names import camel, schema_name, text

_HEAD = """\
import type {{ FlowJob, Job, JobsOptions }} from "bullmq";
{imports}
/** The queues of these jobs, by the jobs' names. */
export const queues = {{
{queues}}} as const;

/** What is used of BullMQ's Queue, of whichever version and types. */
export interface JobQueue {{
  name: string;
  add(name: string, data: unknown, options?: JobsOptions): Promise<unknown>;
}}

function check(queue: JobQueue, name: keyof typeof queues): void {{
  if (queue.name !== queues[name]) {{
    throw new Error(`Job ${{name}} belongs to queue ${{queues[name]}}, not to ${{queue.name}}.`);
  }}
}}
"""

_JOB = """\
{comment}export async function add{name}(
  queue: JobQueue,
  data: {name}Payload,
  options?: JobsOptions,
): Promise<Job<{name}Payload, {name}Result>> {{
  check(queue, {job});
  const opts = {options};
  const job = await queue.add({job}, {schema}.parse(data), opts);
  return job as Job<{name}Payload, {name}Result>;
}}

/** Returns a node of a flow: `flowProducer.add({node}(data, [...]))`. If it fails, its parent does. */
export function {node}(
  data: {name}Payload,
  children: FlowJob[] = [],
  options?: FlowJob["opts"],
): FlowJob {{
  const opts = {{ failParentOnFailure: true, ...{options} }};
  return {{ name: {job}, queueName: queues[{job}], data: {schema}.parse(data), opts, children }};
}}
"""


def producer_module(contracts: Mapping[str, Contract], names: Mapping[str, str]) -> str:
    """Return the module that adds the jobs that a service runs, by the names that their types begin with."""
    handled = [contract for _, contract in sorted(contracts.items()) if contract.handled]
    imports = "".join(_imported(names[each.job], stem(each.job)) for each in handled)
    # In brackets, or the key `__proto__` would be none.
    queues = "".join(f"  [{text(each.job)}]: {text(each.queue)},\n" for each in handled)
    parts = [WRITTEN_BY_US + "\n" + _HEAD.format(imports=imports, queues=queues)]
    for each in handled:
        name = names[each.job]
        parts.append(
            _JOB.format(
                name=name,
                job=text(each.job),
                schema=schema_name(f"{name}Payload"),
                node=f"{camel(name)}Node",
                options=_options(each.version),
                comment=comment({"description": _described(each)}),
            )
        )
    return "\n".join(parts)


def _options(version: int) -> str:
    """Return the options that are sent: with the payload's version, or its upcasters would run on the newest form."""
    return "options" if version == 1 else f"{{ ...options, midday: {{ version: {version} }} }}"


def _imported(name: str, module: str) -> str:
    parsed = schema_name(f"{name}Payload")
    return f'import {{ {parsed}, type {name}Payload, type {name}Result }} from "./{module}.js";\n'


def _described(contract: Contract) -> str:
    said = f"Adds a job {contract.job} to its queue, {contract.queue}; the data is checked first."
    options = [f"{name} {text(value)}" for name, value in sorted(contract.options.items())]
    return f"{said}\nWhat options leave out is as the job has it: {', '.join(options)}." if options else said
