"""`typescript_files`: all that is made of a service's contracts for TypeScript."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from midday_worker.contract.document import Contract
from midday_worker.contract.folder import PRODUCER, stem
from midday_worker.contract.typescript.module import job_module
from midday_worker.contract.typescript.names import unique
from midday_worker.contract.typescript.producer import producer_module


class TypeScriptFiles(NamedTuple):
    """The modules by their files' names, and what of each job they don't express."""

    modules: dict[str, str]
    missing: dict[str, tuple[str, ...]]


def typescript_files(contracts: Mapping[str, Contract]) -> TypeScriptFiles:
    """Return a module for each job, `<job>.ts`, and `producer.ts`, which adds them."""
    names = unique(sorted(contracts))
    made = {job: job_module(contracts[job], names[job]) for job in sorted(contracts)}
    modules = {f"{stem(job)}.ts": module.text for job, module in made.items()}
    modules[f"{PRODUCER}.ts"] = producer_module(contracts, names)
    return TypeScriptFiles(modules, {job: module.missing for job, module in made.items()})
