"""`contract export`: TypeScript that compiles, and zod schemas that agree with pydantic."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import cast

from pydantic import JsonValue

from midday_worker.contract.check import contracts_of
from midday_worker.contract.folder import ContractFolder, stem
from midday_worker.contract.samples import samples
from midday_worker.contract.schema_document import SchemaDocument
from midday_worker.contract.typescript.module import typescript_modules
from midday_worker.contract.typescript.names import schema_name, unique
from midday_worker.demo.node import NodeRuntime
from midday_worker.schema.schema import InvalidValue, Schema
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


def test_typescript_compiles_and_its_schemas_agree_with_pydantic(tmp_path: Path, typescript: NodeRuntime) -> None:
    contracts = contracts_of(declared(), "shop")
    made = typescript_modules(contracts)
    folder = NodeFolder(tmp_path / "node", typescript)
    ContractFolder(folder.path).write([], made.texts)
    (folder.path / "use.ts").write_text(USE)
    (folder.path / "accepted.mjs").write_text((HERE / "accepted.mjs").read_text())
    assert folder.compile() == []
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
