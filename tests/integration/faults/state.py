"""Waiting for the state of a job."""

from __future__ import annotations

from tests.deadline import eventually
from tests.integration.faults.engine import Engine


async def until_state(engine: Engine, job_id: str, state: str, within_s: float = 5) -> None:
    """Wait until a job is in this state."""

    found = "unknown"

    async def is_in_it() -> bool:
        nonlocal found
        found = await engine.state(job_id)
        return found == state

    try:
        await eventually(is_in_it, f"the job is {state}", within_s)
    except AssertionError as error:
        raise AssertionError(f"the job is {found} and not {state} after {within_s:g} s") from error
