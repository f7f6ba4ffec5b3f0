"""`check`: the code against its contracts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeAlias

from pydantic import JsonValue

from midday_worker.contract.change import Change
from midday_worker.contract.comparison import compare
from midday_worker.contract.document import Accepted, Contract, contract_of
from midday_worker.definition.definition import JobDefinition
from midday_worker.schema.schema import InvalidValue, Schema

Definitions: TypeAlias = Iterable[JobDefinition[object, object]]


def contracts_of(definitions: Definitions, service: str) -> dict[str, Contract]:
    """Return the contracts of jobs as the code has them, by job."""
    return {definition.id: contract_of(definition, service) for definition in definitions}


def check(definitions: Definitions, known: Mapping[str, Contract], service: str) -> list[Change]:
    """Return what is other in the code than in the contracts, by job, what breaks something first."""
    found: list[Change] = []
    here = {definition.id: definition for definition in definitions}
    for job in sorted(known.keys() | here.keys()):
        if job not in here:
            found.append(_gone(known[job]))
        elif job not in known:
            found.append(Change(job, "job", "", "new job", False, "nobody knows it yet"))
        else:
            found += _changes(here[job], known[job], service)
    return found


def accepted(
    now: Mapping[str, Contract], known: Mapping[str, Contract], found: list[Change], reason: str
) -> list[Contract]:
    """Return the contracts as they are to be written: with their history, and in it what is broken and why."""
    written: list[Contract] = []
    for job, contract in now.items():
        history = known[job].history if job in known else ()
        broken = tuple(f"{each.side} {each.path}: {each.rule}" for each in found if each.job == job and each.breaking)
        if broken:
            history = (*history, Accepted(reason=reason, changes=broken))
        written.append(contract.model_copy(update={"history": history}))
    return written


def _changes(definition: JobDefinition[object, object], known: Contract, service: str) -> list[Change]:
    now = contract_of(definition, known.service if known.service != service else service)
    read = definition.schema if definition.has_handler else definition.result_schema
    return compare(known, now, _refusal(read), upcast=known.version in definition.runner.versions)


def _refusal(schema: Schema[object] | None) -> Callable[[JsonValue], Collection[str] | None]:
    def refuses(value: JsonValue) -> Collection[str] | None:
        if schema is None:
            return None
        try:
            schema.validate_wire(value)
        except InvalidValue as error:
            return [problem.path for problem in error.problems]
        return None

    return refuses


def _gone(known: Contract) -> Change:
    who = "is added still, or waits, fails as unknown" if known.handled else "is triggered still can't be"
    return Change(
        known.job,
        "job",
        "",
        "job gone",
        True,
        f"the code has no job of this name: what {who}",
        "Keep it until nobody adds it and none is left; then accept the change. Does --import name its package?",
    )
