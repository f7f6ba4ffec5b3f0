"""`read_jobs`: the jobs of a Node program, as its script has written them: name, queue, and zod's JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from midday_worker.contract.schema_document import malformed
from midday_worker.errors import ContractError


class NodeJob(BaseModel):
    """A job that Node runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    queue: str = Field(min_length=1)
    payload: dict[str, JsonValue]
    result: dict[str, JsonValue] | None = None


def read_jobs(file: Path) -> dict[str, NodeJob]:
    """Return the jobs of a file, `{"send": {"queue": "mail", "payload": {...}, "result": {...}}}`, by name.

    Raises:
        ContractError: it isn't there, or is of another form, or a schema in it is none.
    """
    try:
        found = TypeAdapter(dict[str, NodeJob]).validate_python(json.loads(file.read_text()))
    except OSError as error:
        raise ContractError(f"Can't read {file}: {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise ContractError(
            f"{file}: {place}: {first['msg']}; accepted: "
            '{"job": {"queue": "its queue", "payload": {JSON Schema}, "result": {JSON Schema}}}.'
        ) from error
    except ValueError as error:
        raise ContractError(f"{file} is no JSON: {error}") from error
    if not found:
        raise ContractError(f"{file} has no jobs.")
    for name, job in sorted(found.items()):
        for side, schema in (("payload", job.payload), ("result", job.result)):
            if wrong := malformed(cast("object", schema or {})):
                raise ContractError(f"{file}: the {side} of job {name!r} is no JSON Schema: {wrong[0]}.")
    return dict(sorted(found.items()))
