"""`Contract`: what is said of one job to those who add it or read its results; it is a file."""

from __future__ import annotations

import json
from typing import Final, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from midday_worker.contract.json_schema import Mode, schema_of
from midday_worker.contract.schema_document import not_expressed
from midday_worker.definition.definition import JobDefinition
from midday_worker.engine.wire.options import encode
from midday_worker.schema.schema import Schema

FORMAT: Final = 1
"""The number of the files' form. It grows when older versions would read a file wrongly."""

_SHOWN: Final = ("attempts", "backoff", "delay", "lifo", "priority", "removeOnComplete", "removeOnFail")
"""Those options of a job that whoever adds it may need to know, in BullMQ's words."""


class Accepted(BaseModel):
    """Changes that were accepted although they break something: why, and which."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str
    changes: tuple[str, ...]


class Contract(BaseModel):
    """The contract of one job.

    Attributes:
        format: the number of the file's form.
        service: the package that defines the job.
        job: its name.
        queue: its queue.
        version: its payload's.
        handled: whether the service runs it; one that it doesn't is run elsewhere, as by a worker in Node.
        options: what applies to a job of it that brings no options, in BullMQ's words.
        payload: JSON Schema of what is read, or, of a job that is run elsewhere, of what is written.
        result: JSON Schema of what is written, or of what is read; None if nothing is declared.
        not_expressed: what is checked too, and JSON Schema has no words for.
        history: breaking changes that were accepted, the first one first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    format: Literal[1] = FORMAT
    service: str
    job: str = Field(min_length=1)
    queue: str = Field(min_length=1)
    version: int = Field(default=1, ge=1)
    handled: bool = True
    options: dict[str, JsonValue] = {}
    payload: dict[str, JsonValue]
    result: dict[str, JsonValue] | None = None
    not_expressed: tuple[str, ...] = ()
    history: tuple[Accepted, ...] = ()

    def text(self) -> str:
        """Return the file's text, the same for equal contracts."""
        return json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def contract_of(definition: JobDefinition[object, object], service: str) -> Contract:
    """Return the contract of a job as the code has it."""
    handled = definition.has_handler
    payload = _schema(definition.schema, "validation" if handled else "serialization")
    returned = definition.result_schema
    result = None if returned is None else _schema(returned, "serialization" if handled else "validation")
    options = cast("dict[str, JsonValue]", encode(definition.options))
    missing = [f"payload: {each}" for each in not_expressed(payload)]
    missing += [f"result: {each}" for each in not_expressed(result or {})]
    return Contract(
        service=service,
        job=definition.id,
        queue=definition.queue,
        version=definition.version,
        handled=handled,
        options={name: options[name] for name in _SHOWN if name in options},
        payload=payload,
        result=result,
        not_expressed=tuple(missing),
    )


def _schema(of: Schema[object], mode: Mode) -> dict[str, JsonValue]:
    return schema_of(of.adapter, mode)
