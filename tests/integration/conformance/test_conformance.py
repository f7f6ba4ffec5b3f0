"""Every row of the table, whoever adds its jobs and whoever runs them, read by both languages.

Node alone is the measure: the rows are run there too, so that what the table says is what BullMQ does.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Final, cast

import pytest

from tests.integration.conformance.bridge import Bridge
from tests.integration.conformance.case import Case, Fields, Language
from tests.integration.conformance.option_cases import OPTION_CASES
from tests.integration.conformance.value_cases import VALUE_CASES

WAYS: Final[tuple[tuple[Language, Language], ...]] = (("python", "node"), ("node", "python"), ("node", "node"))
ROWS: Final = [
    pytest.param(adds, runs, case, id=f"{adds} to {runs}: {case.name}")
    for adds, runs in WAYS
    for case in (*OPTION_CASES, *VALUE_CASES)
    if runs in case.workers
]
SAME_IN_BOTH: Final = {"state", "name", "data", "delay", "priority", "attempts", "reason", "stacks"} | {
    "value",
    "progress",
    "deduplication",
    "logs",
}


@pytest.mark.parametrize(("adds", "runs", "case"), ROWS)
async def test_both_languages_agree(adds: Language, runs: Language, case: Case, bridge: Bridge) -> None:
    ids = {add.tag: await bridge.add(adds, add) for add in case.adds}
    await check_reads(bridge, ids, case.pending)
    await check_options(bridge, ids, case)
    if not case.runs and not case.ends:
        return
    async with bridge.working(runs):
        await bridge.settled()
        ids |= {add.tag: await bridge.add(adds, add) for add in case.then}
        await bridge.settled()
    assert {tag: ids[tag] for tag in case.duplicates} == {tag: ids[first] for tag, first in case.duplicates.items()}
    await check_reads(bridge, ids, case.ends)
    await check_runs(bridge, case, runs)


async def check_reads(bridge: Bridge, ids: Mapping[str, str], expected: Mapping[str, Fields]) -> None:
    """Both languages read the same of all jobs, and what the table says of those that it names."""
    ours = dict(zip(ids, await bridge.views("python", ids.values()), strict=True))
    theirs = dict(zip(ids, await bridge.views("node", ids.values()), strict=True))
    assert {tag: shared(view) for tag, view in ours.items()} == {tag: shared(view) for tag, view in theirs.items()}
    for tag, fields in expected.items():
        seen = {**ours[tag], "stacks": len(cast("list[str]", ours[tag].get("stacks", [])))}
        assert {key: seen.get(key) for key in fields} == fields, f"job {tag!r}"


async def check_options(bridge: Bridge, ids: Mapping[str, str], case: Case) -> None:
    """Both languages read the options in BullMQ's words."""
    for by in ("python", "node"):
        for add, view in zip(case.adds, await bridge.views(by, ids.values()), strict=True):
            if add.tag in case.duplicates or "opts" not in view:
                continue
            expected = add.theirs if add.stored is None else add.stored
            options = cast("dict[str, object]", view["opts"])
            assert {key: options.get(key) for key in expected} == expected, f"job {add.tag!r} read in {by}"


async def check_runs(bridge: Bridge, case: Case, by: Language) -> None:
    """The jobs ran in the table's order, in the language whose turn it was, not too close to one another."""
    runs = await bridge.runs()
    assert {run.by for run in runs} == {by}
    if case.runs:
        assert tuple(run.tag for run in runs) == case.runs
    gaps = [after.at - before.at for before, after in pairwise(runs)]
    for gap, (least, most) in zip(gaps, case.gaps_ms, strict=False):
        assert gap >= least
        assert most is None or gap <= most


def shared(view: Fields) -> Fields:
    return {key: view[key] for key in SAME_IN_BOTH if key in view}
