"""`contract export`: TypeScript that compiles, and zod schemas that agree with pydantic."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import cast

import pytest
from pydantic import JsonValue
from redis.asyncio import Redis

from midday_worker.contract.check import contracts_of
from midday_worker.contract.folder import ContractFolder, stem
from midday_worker.contract.samples import samples
from midday_worker.contract.schema_document import SchemaDocument
from midday_worker.contract.typescript.module import typescript_modules
from midday_worker.contract.typescript.names import schema_name, unique
from midday_worker.demo.node import NodeRuntime
from midday_worker.engine.wire.options import version_of
from midday_worker.schema.schema import InvalidValue, Schema
from midday_worker.testing import RedisServer
from tests.integration.contract.hostile_payloads import payloads
from tests.integration.contract.varied_jobs import declared
from tests.node_folder import NodeFolder

HERE = Path(__file__).parent

USE = """
import { FlowProducer, Queue } from "bullmq";
import { addClosed, addDelete, addNone, addTree, treeNode, unionsNode } from "./producer.js";
import type { AbsencesPayload, AbsencesResult } from "./absences.js";

const queue = new Queue("all", { connection: {} });
export const added = addTree(queue, { value: 1, children: [{ value: 2 }] }, { delay: 5, priority: 1 });
export const none = addNone(queue, null);
export const deleted = addDelete(queue, { class: 1, "x-id": "a" });
export const flow = new FlowProducer({ connection: {} }).add(
  treeNode({ value: 1 }, [unionsNode({ plain: [], tagged: { kind: "cat" }, literal: true, colour: "red", level: 2 })]),
);
export const value = added.then((job): number | undefined => job.returnvalue.children[0]?.value);
export const absent: AbsencesPayload = { nullable: null };
export const always = (result: AbsencesResult): number => result.optional;

// @ts-expect-error - a value of another type
addTree(queue, { value: "1" });
// @ts-expect-error - one within another
addTree(queue, { value: 1, children: [{}] });
// @ts-expect-error - a property that there isn't
addClosed(queue, { number: 1, other: 2 });
// @ts-expect-error - a member of a union without its tag
unionsNode({ plain: 1, tagged: { lives: 3 }, literal: "a", colour: "red", level: 1 });
// @ts-expect-error - no value of the enum
unionsNode({ plain: 1, tagged: { kind: "cat" }, literal: "a", colour: "green", level: 1 });
// @ts-expect-error - optional is not nullable
export const wrong: AbsencesPayload = { nullable: 1, optional: null };
// @ts-expect-error - nullable is not optional
export const missing: AbsencesPayload = {};
"""


ADD = """
import { FlowProducer, Queue } from "bullmq";
import { addProto, addTree, deleteNode, treeNode } from "./out/producer.js";

const [url, prefix] = process.argv.slice(2);
const options = { connection: { url }, prefix };
const queue = new Queue("all", options);
const flows = new FlowProducer(options);
const other = new Queue("other", options);
const wrong = [addTree(queue, { value: "1" }), addTree(other, { value: 1 })];
const refused = (await Promise.allSettled(wrong)).map((each) => String(each.reason).slice(0, 40));
const job = await addTree(queue, { value: 1, children: [{ value: 2 }], stripped: 3 }, { delay: 60_000 });
const plain = await addProto(queue, { value: 1 });
const { children } = await flows.add(treeNode({ value: 3 }, [deleteNode({ class: 1, "x-id": "a" })]));
await Promise.all([queue.close(), other.close(), flows.close()]);
console.log(JSON.stringify([job.id, plain.id, children[0].job.id, ...refused]));
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory, typescript: NodeRuntime) -> NodeFolder:
    """What is exported of all varied jobs, and compiled, once."""
    contracts = contracts_of(declared(), "shop")
    for job in ("tree", "delete"):
        contracts[job] = contracts[job].model_copy(update={"version": 2})
    contracts["__proto__"] = contracts["tree"].model_copy(update={"job": "__proto__", "version": 1})
    made = typescript_modules(contracts)
    folder = NodeFolder(tmp_path_factory.mktemp("exported") / "node", typescript)
    ContractFolder(folder.path).write([], made.texts)
    (folder.path / "use.ts").write_text(USE)
    (folder.path / "add.mjs").write_text(ADD)
    (folder.path / "accepted.mjs").write_text((HERE / "accepted.mjs").read_text())
    assert folder.compile() == []
    return folder


async def test_the_producer_adds_what_python_reads(
    compiled: NodeFolder, redis_server: RedisServer, redis_prefix: str, redis: Redis
) -> None:
    added = await asyncio.to_thread(compiled.run, "add.mjs", "", redis_server.url, redis_prefix)
    tree, plain, child, invalid, elsewhere = cast("list[str]", added)
    stored = cast("dict[str, str]", await redis.hgetall(f"{redis_prefix}:all:{tree}"))
    data = cast("JsonValue", json.loads(stored["data"]))
    assert (stored["name"], data) == ("tree", {"value": 1, "children": [{"value": 2}]})
    assert accepted({each.id: each for each in declared()}["tree"].schema, data)
    below = cast("dict[str, str]", await redis.hgetall(f"{redis_prefix}:all:{child}"))
    assert below["name"] == "delete"
    assert json.loads(below["opts"])["fpof"] is True
    known = [json.loads(stored["opts"]), json.loads(below["opts"])]
    assert [version_of(options) for options in known] == [2, 2]
    assert known[0]["delay"] == 60_000
    assert "midday" not in str(await redis.hget(f"{redis_prefix}:all:{plain}", "opts"))
    assert '"expected": "number"' in invalid
    assert elsewhere.startswith("Error: Job tree belongs to queue all")


def test_schemas_of_zod_agree_with_pydantic(compiled: NodeFolder) -> None:
    folder, contracts = compiled, contracts_of(declared(), "shop")
    rng = random.Random(3)  # noqa: S311 - a test
    names = unique(sorted(contracts))
    asked: list[tuple[str, str, list[JsonValue]]] = []
    expected: list[list[bool | None]] = []
    for definition in declared():
        contract, module = contracts[definition.id], stem(definition.id)
        given = payloads(contract.payload, 200, rng)
        valid = list(samples(SchemaDocument(contract.payload), 100))
        written = [one for value in valid for one in written_form(definition.schema, value)]
        asked.append((module, schema_name(f"{names[definition.id]}Payload"), given))
        expected.append([False if not accepted(definition.schema, value) else None for value in given])
        asked.append((module, schema_name(f"{names[definition.id]}Payload"), written))
        expected.append([True] * len(written))
        asked.append((module, schema_name(f"{names[definition.id]}Result"), written))
        expected.append([True] * len(written))
    judged = cast("list[list[bool]]", folder.run("accepted.mjs", json.dumps(asked)))
    wrong = [
        (module, schema, value, verdict)
        for (module, schema, values), verdicts, wanted in zip(asked, judged, expected, strict=True)
        for value, verdict, want in zip(values, verdicts, wanted, strict=True)
        if want is not None and verdict is not want
    ]
    assert not wrong, "\n".join(map(str, wrong[:20]))


def accepted(schema: Schema[object], value: JsonValue) -> bool:
    try:
        schema.validate_wire(value)
    except InvalidValue:
        return False
    return True


def written_form(schema: Schema[object], value: JsonValue) -> list[JsonValue]:
    """Return what a worker writes of a valid value; nothing for one that is refused by what isn't in the schema."""
    return [schema.dump(schema.validate_wire(value))] if accepted(schema, value) else []
