"""The modules of jobs: the types of a job's payload and result, and a zod schema for each; and the producer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, cast

from pydantic import JsonValue

from midday_worker.contract.document import Contract
from midday_worker.contract.folder import PRODUCER, WRITTEN_BY_US, stem
from midday_worker.contract.json_schema import Node
from midday_worker.contract.schema_document import SchemaDocument, text
from midday_worker.contract.typescript.declaration import Declaration
from midday_worker.contract.typescript.names import unique
from midday_worker.contract.typescript.producer import producer_module
from midday_worker.contract.typescript.reading import Reading, uses
from midday_worker.contract.typescript.zod_schema import ZodSchema
from midday_worker.settings.printable import one_line


class Module(NamedTuple):
    """A module's text, and what it doesn't express."""

    text: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Named:
    name: str
    node: Node
    reading: Reading


def job_module(contract: Contract, name: str) -> Module:
    """Return the module of a job whose types have names that begin with `name`."""
    missing: list[str] = []
    made: dict[str, _Named] = {}
    for side, schema in (("Payload", contract.payload), ("Result", contract.result)):
        for each in _in_order(f"{name}{side}", side, SchemaDocument(schema or {}), made, missing):
            made.setdefault(each.name, each)
    types = [Declaration(each.reading).declared(each.name, each.node) for each in made.values()]
    before: set[str] = set()
    schemas: list[str] = []
    for each in made.values():
        schemas.append(ZodSchema(each.reading, before.__contains__).declared(each.name, each.node))
        before.add(each.name)
    notes = [
        f"// Not expressed here: {one_line(each)}\n" for each in (*contract.not_expressed, *dict.fromkeys(missing))
    ]
    head = f'{WRITTEN_BY_US}\n{"".join(notes)}import {{ z }} from "zod";\n'
    return Module("\n".join([head, *types, *schemas]), tuple(dict.fromkeys(missing)))


def _in_order(
    root: str, side: str, document: SchemaDocument, taken: Mapping[str, _Named], missing: list[str]
) -> list[_Named]:
    """Return a schema's definitions, each after those that it refers to unless they refer to it too, and its root."""
    definitions = {key: document.resolve(part) for key, part in document.definitions.items()}
    names: dict[str, str] = {}
    reserved = {root, *(name for name in taken if not name.startswith(root))}
    for key, name in unique(definitions).items():
        known = taken.get(name)
        same = known is not None and _whole(known.node, known.reading.document) == _whole(definitions[key], document)
        while not same and name in reserved | set(names.values()):
            name += side
        names[key] = name
    reading = Reading(document, names, missing)
    ordered: dict[str, None] = {}

    def visit(key: str, within: tuple[str, ...]) -> None:
        if key in ordered or key in within:
            return
        uses(cast("JsonValue", definitions[key]), lambda other: visit(other, (*within, key)))
        ordered.setdefault(key)

    for key in sorted(definitions):
        visit(key, ())
    top = {key: part for key, part in document.root.items() if key != "$defs"}
    return [*(_Named(names[key], definitions[key], reading) for key in ordered), _Named(root, top, reading)]


def _whole(node: Node, document: SchemaDocument) -> str:
    """Return a definition with all that it refers to, as text."""
    found: dict[str, JsonValue] = {}

    def visit(key: str) -> None:
        if key not in found:
            found[key] = document.definitions[key]
            uses(found[key], visit)

    uses(cast("JsonValue", node), visit)
    return text({"node": cast("JsonValue", node), "with": found})


class Modules(NamedTuple):
    """All modules of a service by their files' names, and what of each job they don't express."""

    texts: dict[str, str]
    missing: dict[str, tuple[str, ...]]


def typescript_modules(contracts: Mapping[str, Contract]) -> Modules:
    """Return a module for each job, `<job>.ts`, and `producer.ts`, which adds them."""
    names = unique(sorted(contracts))
    made = {job: job_module(contracts[job], names[job]) for job in sorted(contracts)}
    modules = {f"{stem(job)}.ts": module.text for job, module in made.items()}
    modules[f"{PRODUCER}.ts"] = producer_module(contracts, names)
    return Modules(modules, {job: module.missing for job, module in made.items()})
